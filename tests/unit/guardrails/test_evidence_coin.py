"""The bet on each session's coin: equal arms are hardly ever told apart, better ones are promoted in time, worse ones are gone soon."""

import math
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.sessions import KINDS, better, equal, worse
from guardrails.evidence.coin import ArmsEnd, ArmSums, CoinPolicy, Outcome, Wager, has_fallen, weigh

RUNS = 1000
POLICY = CoinPolicy()


@pytest.mark.parametrize("kind", KINDS)
def test_of_a_thousand_pairs_of_equal_arms_at_most_five_in_a_hundred_are_told_apart(kind: str) -> None:
    played = equal(KINDS[kind], runs=RUNS)
    assert played.share(ArmsEnd.PROMOTED) <= 0.05
    assert sum(played.shares.values()) == pytest.approx(1.0), "each ends, long before 400 sessions"


def test_a_clearly_better_challenger_is_promoted_within_two_hundred_sessions() -> None:
    assert better(KINDS["graded"], runs=RUNS).share(ArmsEnd.PROMOTED) >= 0.95


def test_scores_that_only_pass_or_fail_take_all_two_hundred_sessions_and_are_still_told_apart() -> None:
    # No test can do much better: with a single look, at the 200th session, the best one sees 0.82 of them.
    assert better(KINDS["pass or fail"], runs=RUNS).share(ArmsEnd.PROMOTED) >= 0.80


@pytest.mark.parametrize("kind", KINDS)
def test_a_worse_challenger_is_gone_after_forty_sessions_of_its_own(kind: str) -> None:
    played = worse(KINDS[kind], runs=RUNS)
    assert played.own <= 40
    assert played.share(ArmsEnd.PROMOTED) == 0.0
    assert played.share(ArmsEnd.HARM) > 0.9


def test_a_disaster_is_over_within_a_dozen_of_its_sessions() -> None:
    wager, is_challenger = Wager(POLICY), False
    while wager.end() is None:
        is_challenger = not is_challenger
        wager.add(Outcome(is_challenger, 0.0 if is_challenger else 0.9))
    assert wager.end() is ArmsEnd.HARM
    assert wager.challenger.n <= 12


def test_a_machine_that_gets_slower_by_the_day_favours_nobody() -> None:
    """Scores fall throughout: who is compared with his own past loses, who is compared with his coin does not."""
    promoted = 0
    for seed in range(400):
        chance, wager = random.Random(f"drift {seed}"), Wager(POLICY)
        for number in range(200):
            wager.add(Outcome(chance.random() < 0.5, max(0.0, min(1.0, 0.95 - number / 250 + chance.gauss(0, 0.1)))))
            if wager.end() is not None:
                break
        promoted += wager.end() is ArmsEnd.PROMOTED
    assert promoted / 400 <= 0.05


def test_one_fair_bet_neither_wins_nor_loses_on_average() -> None:
    """Whatever was seen, the wealth after either fall of the next coin has the present one as its mean: a martingale."""
    chance = random.Random("fair")
    seen: list[Outcome] = []
    for _ in range(150):
        score = chance.random()
        before = weigh(seen, POLICY)
        up, down = (weigh([*seen, Outcome(side, score)], POLICY).wealth for side in (True, False))
        assert (up + down) / 2 == pytest.approx(before.wealth)
        seen.append(Outcome(chance.random() < 0.6, score))


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1)), max_size=300))
def test_wealth_is_never_negative_and_never_more_than_promotes(sessions: list[tuple[bool, float]]) -> None:
    wager = weigh([Outcome(*one) for one in sessions], POLICY)
    assert 0.0 <= wager.wealth <= POLICY.threshold * (1 + 1e-6)
    assert wager.sessions == len(sessions)
    assert math.isfinite(wager.wealth)


def test_what_was_won_stays_won() -> None:
    wager = Wager(POLICY)
    chance = random.Random("won")
    while wager.end() is not ArmsEnd.PROMOTED:
        side = chance.random() < 0.5
        wager.add(Outcome(side, 0.9 if side else 0.1))
    before = wager.wealth
    for _ in range(50):
        wager.add(Outcome(is_challenger=True, score=0.0))
    assert wager.wealth == before
    assert wager.end() is ArmsEnd.PROMOTED


def test_undecided_sessions_come_to_their_end() -> None:
    policy = CoinPolicy(max_sessions=6, give_up=0.0)
    wager = weigh([Outcome(number % 2 == 0, 0.5) for number in range(6)], policy)
    assert wager.end() is ArmsEnd.EXPIRED


def test_the_lot_counts_at_the_last_session_alone() -> None:
    last = Wager(CoinPolicy(alpha=0.05, max_sessions=20), 5.0, ArmSums(10, 6.0, 4.0), ArmSums(10, 8.0, 7.0))
    early = replace(last, policy=CoinPolicy(alpha=0.05, max_sessions=21))
    for lot, end in (
        (0.0, ArmsEnd.PROMOTED),
        (0.25, ArmsEnd.PROMOTED),
        (0.26, ArmsEnd.EXPIRED),
        (1.0, ArmsEnd.EXPIRED),
    ):
        assert replace(last, lot=lot).end() is end
        assert replace(early, lot=lot).end() is None


def test_no_lot_promotes_what_the_coins_or_the_scores_do_not_speak_for() -> None:
    policy = CoinPolicy(max_sessions=2)
    same, better = ArmSums(1, 0.5, 0.25), ArmSums(1, 0.6, 0.36)
    assert Wager(policy, 1.0, same, better, lot=0.0).end() is ArmsEnd.EXPIRED
    assert Wager(policy, 5.0, better, same, lot=0.0).end() is ArmsEnd.EXPIRED
    assert Wager(policy, 5.0, same, same, lot=0.0).end() is ArmsEnd.EXPIRED
    assert Wager(policy, 5.0, same, better, lot=0.0).end() is ArmsEnd.PROMOTED


def test_contests_of_a_few_sessions_keep_the_bound_with_their_lots() -> None:
    policy, chance, runs = CoinPolicy(max_sessions=20), random.Random("few"), 4000
    promoted = 0
    for _ in range(runs):
        wager = Wager(policy, lot=chance.random())
        while wager.end() is None:
            wager.add(Outcome(chance.random() < 0.5, float(chance.random() < 0.7)))
        promoted += wager.end() is ArmsEnd.PROMOTED
    assert promoted / runs <= policy.alpha + 2 * (policy.alpha / runs) ** 0.5


def test_the_sums_are_those_of_the_scores() -> None:
    wager = weigh([Outcome(True, 0.5), Outcome(True, 1.0), Outcome(False, 0.25)], POLICY)
    assert wager.challenger == ArmSums(2, 1.5, 1.25)
    assert wager.gain == 0.5
    assert Wager(POLICY).gain is None
    assert Wager(POLICY).champion.mean is None


def test_futility_and_harm_are_told_apart_by_the_means() -> None:
    spent = Wager(POLICY, wealth=0.001, champion=ArmSums(1, 0.5, 0.25), challenger=ArmSums(1, 0.6, 0.36))
    assert spent.end() is ArmsEnd.FUTILITY
    assert Wager(POLICY, wealth=0.001).end() is ArmsEnd.FUTILITY
    assert replace(spent, challenger=ArmSums(1, 0.4, 0.16)).end() is ArmsEnd.HARM


@pytest.mark.parametrize(
    "wrong", [{"alpha": 0.0}, {"alpha": 1.0}, {"max_sessions": 1}, {"give_up": -0.1}, {"give_up": 0.05}]
)
def test_a_policy_outside_its_ranges_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError):
        CoinPolicy(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -0.1, 1.1])
def test_a_score_that_is_none_is_refused(wrong: float) -> None:
    with pytest.raises(ValueError):
        Outcome(is_challenger=True, score=wrong)
    with pytest.raises(ValueError):
        has_fallen([0.5], wrong)


def test_a_champion_that_fell_is_seen_and_one_that_holds_is_left_alone() -> None:
    chance = random.Random("watch")
    draw = KINDS["graded"]
    held = [has_fallen([draw(chance, 0.7) for _ in range(20)], 0.7) for _ in range(500)]
    fell = [has_fallen([draw(chance, 0.4) for _ in range(20)], 0.7) for _ in range(500)]
    assert sum(held) / 500 <= 0.05
    assert sum(fell) / 500 >= 0.9
    assert not has_fallen([], 0.7)
