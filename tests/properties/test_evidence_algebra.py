"""What must hold of the evidence whatever is measured. Finite floats in, finite numbers out; nothing is raised."""

import math

from hypothesis import assume, given
from hypothesis import strategies as st

from guardrails.baseline import Guard, GuardSamples, PinnedPair, guard_needs_more, judge
from guardrails.evidence import (
    Direction,
    Evidence,
    EvidencePolicy,
    Pair,
    Promote,
    alpha_for,
    calibrate,
    compare,
    decide,
)
from guardrails.evidence.betting import lower_bound, scales

anything = st.floats(allow_nan=False, allow_infinity=False)
counts = st.integers(-1000, 1000).map(float)
directions = st.sampled_from(Direction)
shares = st.integers(1, 500).map(alpha_for)


def pairs_of(values: st.SearchStrategy[float], most: int = 25) -> st.SearchStrategy[list[Pair]]:
    return st.lists(st.builds(Pair, values, values), min_size=1, max_size=most)


@st.composite
def policies(draw: st.DrawFn) -> EvidencePolicy:
    return EvidencePolicy(
        alpha=draw(shares),
        min_effect=draw(st.sampled_from([0.0, 0.001, 0.1, 1e-300, 1e300])),
        max_pairs=draw(st.integers(1, 30)),
        futility=draw(st.sampled_from([0.0, 2.0, math.inf])),
        deterministic=draw(st.booleans()),
    )


def swapped(pairs: list[Pair]) -> list[Pair]:
    return [Pair(pair.candidate, pair.champion) for pair in pairs]


def other(direction: Direction) -> Direction:
    return Direction.HIGHER if direction is Direction.LOWER else Direction.LOWER


@given(pairs_of(anything), directions, anything, policies(), st.none() | anything)
def test_any_finite_measurements_end_in_finite_evidence_and_a_decision(
    pairs: list[Pair], direction: Direction, scale: float, policy: EvidencePolicy, known: float | None
) -> None:
    evidence = compare(pairs, direction, scale, policy, champion_value=known)
    numbers = [value for value in (*evidence.fields().values(), evidence.reachable) if value is not None]
    assert all(math.isfinite(number) for number in numbers)
    assert (evidence.e_value is None) == evidence.deterministic
    decide(evidence, policy)


@given(pairs_of(anything, most=8), anything, st.floats(0.0, 1e308), directions, policies())
def test_any_finite_guard_ends_in_a_verdict(
    pairs: list[Pair], scale: float, tolerance: float, direction: Direction, policy: EvidencePolicy
) -> None:
    evidence = compare(pairs, direction, scale, policy)
    guard = GuardSamples(
        Guard("m", direction, tolerance), [PinnedPair(pair.champion, pair.candidate) for pair in pairs]
    )
    assert math.isfinite(guard.change())
    guard_needs_more(guard, max_pairs=20)
    judge(evidence, policy, [guard], (), None)


@given(st.lists(anything, min_size=2, max_size=10))
def test_any_finite_calibration_is_finite(samples: list[float]) -> None:
    calibration = calibrate(samples)
    assert all(math.isfinite(value) for value in (calibration.mean, calibration.sd, calibration.noise))
    assert calibration.noise >= 0.0
    assert calibration.deterministic == (len(set(samples)) == 1)


@given(pairs_of(anything), directions, anything, policies())
def test_direction_is_a_mirror(pairs: list[Pair], direction: Direction, scale: float, policy: EvidencePolicy) -> None:
    negated = [Pair(-pair.champion, -pair.candidate) for pair in pairs]
    assert compare(negated, other(direction), -scale, policy) == compare(pairs, direction, scale, policy)


@given(pairs_of(anything), directions, anything, policies())
def test_evidence_of_harm_is_the_evidence_of_gain_with_the_names_swapped(
    pairs: list[Pair], direction: Direction, scale: float, policy: EvidencePolicy
) -> None:
    forward, backward = compare(pairs, direction, scale, policy), compare(swapped(pairs), direction, scale, policy)
    assume(not forward.deterministic and not backward.deterministic)
    assert (backward.e_value, backward.harm_e_value) == (forward.harm_e_value, forward.e_value)
    assert (backward.gain, backward.noise) == (-forward.gain, forward.noise)


@given(pairs_of(counts), directions, st.integers(1, 1000), st.integers(-20, 20), policies())
def test_units_do_not_matter(
    pairs: list[Pair], direction: Direction, scale: int, power: int, policy: EvidencePolicy
) -> None:
    unit = 2.0**power  # a power of two, so that the rescaling is exact
    rescaled = [Pair(pair.champion * unit, pair.candidate * unit) for pair in pairs]
    assert compare(rescaled, direction, scale * unit, policy) == compare(pairs, direction, float(scale), policy)


@given(pairs_of(counts), directions, st.integers(-1000, 1000), policies())
def test_level_of_both_does_not_matter(
    pairs: list[Pair], direction: Direction, shift: int, policy: EvidencePolicy
) -> None:
    shifted = [Pair(pair.champion + shift, pair.candidate + shift) for pair in pairs]
    assert compare(shifted, direction, 8.0, policy) == compare(pairs, direction, 8.0, policy)


@given(pairs_of(anything), directions, anything, policies())
def test_asking_again_or_in_between_changes_nothing(
    pairs: list[Pair], direction: Direction, scale: float, policy: EvidencePolicy
) -> None:
    first = compare(pairs, direction, scale, policy)
    for count in range(len(pairs), 0, -1):
        decide(compare(pairs[:count], direction, scale, policy), policy)
    again = compare(tuple(pairs), direction, scale, policy)
    assert again == first
    assert decide(again, policy) == decide(first, policy)


@given(pairs_of(counts), st.floats(0.0, 1e6))
def test_last_pair_that_is_better_never_weakens_the_evidence(pairs: list[Pair], improvement: float) -> None:
    policy = EvidencePolicy(alpha=0.05, min_effect=0.01)
    improved = [*pairs[:-1], Pair(pairs[-1].champion, pairs[-1].candidate - improvement)]
    before, after = (compare(them, Direction.LOWER, 100.0, policy).e_value for them in (pairs, improved))
    assert before is not None
    assert after is not None
    assert after >= before


@given(pairs_of(anything), directions, anything, policies(), policies())
def test_stricter_share_never_promotes_more(
    pairs: list[Pair], direction: Direction, scale: float, policy: EvidencePolicy, twin: EvidencePolicy
) -> None:
    strict = EvidencePolicy(alpha=min(policy.alpha, twin.alpha), min_effect=policy.min_effect)
    lenient = EvidencePolicy(alpha=max(policy.alpha, twin.alpha), min_effect=policy.min_effect)
    if isinstance(decide(compare(pairs, direction, scale, strict), strict), Promote):
        assert isinstance(decide(compare(pairs, direction, scale, lenient), lenient), Promote)


@given(pairs_of(counts, most=30), st.sampled_from([0.0, 0.01, 0.5]))
def test_refuted_margins_and_the_lower_bound_agree(pairs: list[Pair], min_effect: float) -> None:
    policy = EvidencePolicy(alpha=0.05, min_effect=min_effect)
    evidence = compare(pairs, Direction.LOWER, 100.0, policy)
    assert evidence.e_value is not None
    if evidence.e_value >= policy.threshold:
        assert evidence.lower is not None
        assert evidence.lower >= min_effect - 1e-6 * (1.0 + abs(min_effect) + evidence.noise)


@given(st.lists(anything.map(lambda value: max(-1e100, min(1e100, value))), min_size=1, max_size=20))
def test_lower_bound_never_exceeds_the_best_pair(gains: list[float]) -> None:
    bound = lower_bound(gains, scales(gains))
    assert bound is None or bound <= max(gains)


@given(pairs_of(counts), directions, policies())
def test_early_stop_is_never_a_promotion_in_disguise(
    pairs: list[Pair], direction: Direction, policy: EvidencePolicy
) -> None:
    evidence: Evidence = compare(pairs, direction, 100.0, policy)
    if isinstance(decide(evidence, policy), Promote):
        assert evidence.gain >= policy.min_effect
        assert evidence.gain > 0.0
        assert evidence.deterministic or (evidence.e_value or 0.0) >= policy.threshold
