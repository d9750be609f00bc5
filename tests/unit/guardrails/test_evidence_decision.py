"""When a challenger is promoted, when it is let go, and when one more pair is asked for."""

import math

import pytest

from guardrails.evidence import (
    Continue,
    Decision,
    Direction,
    Evidence,
    EvidencePolicy,
    Pair,
    Promote,
    Stop,
    StopFor,
    alpha_for,
    compare,
    decide,
)
from guardrails.evidence.betting import LARGEST_E_VALUE

POLICY = EvidencePolicy(alpha=alpha_for(1), min_effect=0.01)
EXACT = EvidencePolicy(alpha=alpha_for(1), min_effect=0.01, deterministic=True)


def seen(candidates: list[float], champion: float = 100.0, policy: EvidencePolicy = POLICY) -> Evidence:
    return compare([Pair(champion, value) for value in candidates], Direction.LOWER, 100.0, policy)


def first_decision(candidates: list[float], policy: EvidencePolicy = POLICY) -> tuple[int, Decision]:
    """The pair at which the comparison ended, and how."""
    for count in range(1, len(candidates) + 1):
        decision = decide(seen(candidates[:count], policy=policy), policy)
        if not isinstance(decision, Continue):
            return count, decision
    return len(candidates), Continue()


# --- noisy metrics ---


@pytest.mark.parametrize("pairs", range(1, 8))
def test_seven_perfect_pairs_are_not_enough_however_large_the_gain(pairs: int) -> None:
    # lessons.md: a gain from one run was kept. Seven coins fall the same way once in 128 times.
    assert decide(seen([1e-9] * pairs), POLICY) == Continue()


def test_eight_perfect_pairs_promote_a_first_candidate() -> None:
    count, decision = first_decision([50.0 + 0.1 * wobble for wobble in range(12)])
    assert (count, type(decision)) == (8, Promote)


def test_later_candidate_must_show_more() -> None:
    policy = EvidencePolicy(alpha=alpha_for(50), min_effect=0.01)
    assert first_decision([50.0] * 30, policy)[0] == 16


def test_gain_below_the_smallest_worth_keeping_is_never_promoted() -> None:
    count, decision = first_decision([99.5 - 0.01 * (index % 3) for index in range(40)])
    assert isinstance(decision, Stop)
    assert count < 10


def test_tiny_gain_is_not_kept_although_every_pair_shows_it() -> None:
    # lessons.md: a 1e-12 gain from one run: kept
    assert isinstance(first_decision([100.0 - 1e-10] * 40)[1], Stop)


def test_ties_count_against_the_challenger() -> None:
    evidence = seen([100.0, 100.0, 100.0])
    assert evidence.e_value is not None
    assert evidence.e_value < 1.0


def test_placebo_is_let_go_soon_and_not_tested_for_weeks() -> None:
    # lessons.md: a challenger that renders to the same bytes as the champion was "tested" for weeks.
    assert first_decision([100.0] * 40) == (3, Stop(StopFor.FUTILITY))


def test_placebo_is_let_go_even_where_any_gain_is_welcome() -> None:
    policy = EvidencePolicy(alpha=alpha_for(1), min_effect=0.0)
    count, decision = first_decision([100.0] * 40, policy)
    assert decision == Stop(StopFor.FUTILITY)
    assert 4 < count < 20  # one tie is no proof that a counting metric never moves


def test_worse_challenger_stops_for_harm_where_giving_up_early_is_off() -> None:
    patient = EvidencePolicy(alpha=alpha_for(1), min_effect=0.01, futility=math.inf)
    count, decision = first_decision([150.0 + index % 4 for index in range(40)], patient)
    assert (count, decision) == (6, Stop(StopFor.HARM))


def test_undecided_comparison_ends_at_its_last_pair() -> None:
    patient = EvidencePolicy(alpha=0.05, min_effect=0.0, max_pairs=10, futility=math.inf)
    alternating = [90.0, 110.0, 91.0, 109.0, 92.0, 108.0, 90.0, 90.0, 90.0, 110.0]
    assert decide(seen(alternating, policy=patient), patient) == Stop(StopFor.MAX_PAIRS)


def test_impossible_is_given_up_even_by_the_patient() -> None:
    patient = EvidencePolicy(alpha=0.05, min_effect=0.0, max_pairs=10, futility=math.inf)
    # after two lost pairs of three, seven wins would end at an e-value of 4; 20 are needed
    assert first_decision([110.0, 90.0, 110.0, 90.0, 110.0, 90.0, 110.0, 90.0, 110.0], patient) == (
        3,
        Stop(StopFor.FUTILITY),
    )


def test_evidence_without_a_typical_gain_does_not_promote() -> None:
    policy = EvidencePolicy(alpha=0.05, min_effect=0.10)
    sure_of_less = Evidence(
        pairs=9, gain=0.09, noise=0.01, lower=0.08, e_value=1e6, harm_e_value=0.1, reachable=1e9, deterministic=False
    )
    assert decide(sure_of_less, policy) == Continue()


def test_promotion_comes_with_a_lower_bound_above_the_smallest_effect() -> None:
    candidates = [80.0, 85.0, 78.0, 81.0, 88.0, 79.0, 83.0, 82.0, 80.0, 84.0, 81.0, 79.0]
    _, decision = first_decision(candidates)
    assert isinstance(decision, Promote)
    assert decision.evidence.lower is not None
    assert 0.01 <= decision.evidence.lower <= decision.evidence.gain


def test_no_bound_is_claimed_before_there_is_evidence_for_one() -> None:
    assert seen([50.0] * 5).lower is None
    assert seen([50.0] * 6).lower == pytest.approx(0.5)


def test_bound_is_found_below_zero_too() -> None:
    lower = seen([120.0, 118.0, 121.0, 119.0, 122.0, 117.0, 120.5, 119.5, 121.5]).lower
    assert lower is not None
    assert -0.5 < lower < -0.2


def test_endless_winning_streak_stays_a_number() -> None:
    evidence = seen([50.0] * 1500)
    assert evidence.e_value == LARGEST_E_VALUE


def test_nothing_measured_is_refused() -> None:
    with pytest.raises(ValueError, match="no pairs"):
        compare([], Direction.LOWER, 100.0, POLICY)


@pytest.mark.parametrize("scale", [math.nan, math.inf])
def test_unknown_baseline_is_refused(scale: float) -> None:
    with pytest.raises(ValueError, match="scale"):
        compare([Pair(1.0, 1.0)], Direction.LOWER, scale, POLICY)


# --- deterministic metrics ---


def test_one_pair_suffices_where_nothing_varies() -> None:
    evidence = compare([Pair(1000.0, 980.0)], Direction.LOWER, 1000.0, EXACT, champion_value=1000.0)
    assert decide(evidence, EXACT) == Promote(evidence)
    assert (evidence.deterministic, evidence.gain, evidence.lower, evidence.e_value) == (True, 0.02, 0.02, None)


def test_champion_that_contradicts_its_calibration_is_noisy_after_all() -> None:
    evidence = compare([Pair(1001.0, 900.0)], Direction.LOWER, 1000.0, EXACT, champion_value=1000.0)
    assert not evidence.deterministic
    assert decide(evidence, EXACT) == Continue()


def test_single_pair_without_an_earlier_value_proves_no_determinism() -> None:
    assert not compare([Pair(1000.0, 900.0)], Direction.LOWER, 1000.0, EXACT).deterministic
    assert compare([Pair(1000.0, 900.0)] * 2, Direction.LOWER, 1000.0, EXACT).deterministic


def test_challenger_that_contradicts_itself_is_noisy() -> None:
    pairs = [Pair(1000.0, 900.0), Pair(1000.0, 990.0)]
    assert not compare(pairs, Direction.LOWER, 1000.0, EXACT, champion_value=1000.0).deterministic


def test_equal_values_alone_do_not_make_a_metric_deterministic() -> None:
    assert not compare([Pair(1000.0, 900.0)] * 2, Direction.LOWER, 1000.0, POLICY, champion_value=1000.0).deterministic


@pytest.mark.parametrize(
    ("candidate", "reason"),
    [(1000.0, StopFor.NOT_BETTER), (991.0, StopFor.NOT_BETTER), (1005.0, StopFor.NOT_BETTER), (1010.0, StopFor.HARM)],
)
def test_exact_value_that_is_not_better_enough_stops_at_once(candidate: float, reason: StopFor) -> None:
    evidence = compare([Pair(1000.0, candidate)], Direction.LOWER, 1000.0, EXACT, champion_value=1000.0)
    assert decide(evidence, EXACT) == Stop(reason)


def test_exact_tie_is_no_gain_even_where_any_gain_is_welcome() -> None:
    policy = EvidencePolicy(alpha=0.05, min_effect=0.0, deterministic=True)
    evidence = compare([Pair(5.0, 5.0)], Direction.HIGHER, 5.0, policy, champion_value=5.0)
    assert decide(evidence, policy) == Stop(StopFor.NOT_BETTER)


def test_wary_policy_sees_an_exact_win_twice_before_it_believes() -> None:
    wary = EvidencePolicy(alpha=0.05, min_effect=0.01, deterministic=True, deterministic_pairs=2)
    once = compare([Pair(1000.0, 900.0)], Direction.LOWER, 1000.0, wary, champion_value=1000.0)
    twice = compare([Pair(1000.0, 900.0)] * 2, Direction.LOWER, 1000.0, wary, champion_value=1000.0)
    assert decide(once, wary) == Continue()
    assert decide(twice, wary) == Promote(twice)


# --- policies and reports ---


@pytest.mark.parametrize(
    "wrong",
    [
        {"alpha": 0.0},
        {"alpha": 1.0},
        {"alpha": math.nan},
        {"harm_alpha": 1.5},
        {"min_effect": -0.1},
        {"min_effect": math.nan},
        {"min_effect": math.inf},
        {"futility": -1.0},
        {"futility": math.nan},
        {"max_pairs": 0},
        {"deterministic_pairs": 0},
    ],
    ids=repr,
)
def test_policy_that_would_promote_anything_cannot_be_written(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError):
        EvidencePolicy(**({"alpha": 0.05, "min_effect": 0.01} | wrong))  # type: ignore[arg-type]


def test_smallest_alpha_promotes_nothing_and_does_not_fail() -> None:
    policy = EvidencePolicy(alpha=5e-324, min_effect=0.0)
    assert decide(seen([50.0], policy=policy), policy) == Stop(StopFor.FUTILITY)


def test_report_fields_are_plain_numbers() -> None:
    fields = seen([90.0, 91.0, 89.0]).fields()
    assert fields["pairs"] == 3
    assert fields["gain"] == pytest.approx(0.1)
    assert fields["lower"] is None
