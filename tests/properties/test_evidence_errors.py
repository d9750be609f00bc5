"""How often noise is taken for a gain, and how soon a gain is seen. Fixed seeds; in full: benchmarks/evidence.py."""

import random
import statistics

import pytest

from benchmarks.evidence import KINDS, SIGMA, better_candidate, measure_pair, no_op_experiment
from guardrails.evidence import Direction, EvidencePolicy, Pair, Promote, compare, decide
from guardrails.evidence.betting import e_value, payoffs, scales
from guardrails.evidence.pairs import relative_gain

ALPHA = 0.05
LOOKS = 40


def peak_evidence(kind: str, seed: int) -> float:
    """The largest e-value that 40 pairs of a no-op show at any look, with nobody stopping early."""
    chance = random.Random(f"{kind}/peak/{seed}")
    noise = KINDS[kind](chance)
    pairs = [measure_pair(noise, chance, gain=0.0) for _ in range(LOOKS)]
    gains = [relative_gain(pair.champion, pair.candidate, Direction.LOWER, 1.0) for pair in pairs]
    wins = payoffs(gains, scales(gains), margin=0.0)
    return max(e_value(wins[:looks]) for looks in range(1, LOOKS + 1))


@pytest.mark.parametrize("kind", KINDS)
def test_forty_looks_at_a_no_op_find_a_gain_no_more_often_than_alpha(kind: str) -> None:
    runs = 250
    crossed = sum(peak_evidence(kind, seed) >= 1 / ALPHA for seed in range(runs))
    assert crossed / runs <= ALPHA + 3 * (ALPHA * (1 - ALPHA) / runs) ** 0.5


def test_fifty_no_op_candidates_promote_almost_nothing_under_any_noise() -> None:
    experiments = 3
    false_promotions = sum(no_op_experiment(kind, seed)[0] for kind in KINDS for seed in range(experiments))
    expected_at_most = 0.05 * experiments * len(KINDS)
    assert false_promotions <= expected_at_most + 3 * expected_at_most**0.5


@pytest.mark.parametrize("kind", ["normal", "random-walk", "linear-drift"])
def test_gain_of_two_standard_deviations_is_promoted_within_a_dozen_pairs(kind: str) -> None:
    runs = 100
    seen = [pairs for seed in range(runs) if (pairs := better_candidate(kind, seed)) is not None]
    assert len(seen) >= 0.85 * runs
    assert statistics.median(seen) <= 12


@pytest.mark.parametrize("kind", ["student-2", "bursts", "cold-start"])
def test_wild_noise_delays_a_real_gain_and_does_not_hide_it(kind: str) -> None:
    runs = 40
    assert sum(better_candidate(kind, seed) is not None for seed in range(runs)) >= 0.75 * runs


def test_worse_candidates_are_never_promoted_and_are_let_go_soon() -> None:
    assert [better_candidate("normal", seed, sigmas=-1.0) for seed in range(100)] == [None] * 100


def test_true_gain_below_the_smallest_worth_keeping_counts_as_no_gain() -> None:
    policy = EvidencePolicy(alpha=ALPHA, min_effect=SIGMA)
    promoted = 0
    for seed in range(150):
        chance = random.Random(f"small/{seed}")
        noise = KINDS["normal"](chance)
        pairs: list[Pair] = []
        for _ in range(20):
            pairs.append(measure_pair(noise, chance, gain=SIGMA))  # exactly the margin: the hardest no
            if isinstance(decide(compare(pairs, Direction.LOWER, 1.0, policy), policy), Promote):
                promoted += 1
                break
    assert promoted / 150 <= ALPHA + 3 * (ALPHA * (1 - ALPHA) / 150) ** 0.5


def test_lower_bound_covers_the_true_gain_at_every_look() -> None:
    missed = 0
    for seed in range(150):
        chance = random.Random(f"cover/{seed}")
        noise = KINDS["student-2"](chance)
        pairs = [measure_pair(noise, chance, gain=0.2) for _ in range(16)]
        bounds = [
            compare(pairs[:count], Direction.LOWER, 1.0, EvidencePolicy(ALPHA, 0.0)).lower for count in range(1, 17)
        ]
        missed += any(bound is not None and bound > 0.2 for bound in bounds)
    assert missed / 150 <= ALPHA + 3 * (ALPHA * (1 - ALPHA) / 150) ** 0.5
