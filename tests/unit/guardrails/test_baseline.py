"""The baseline-delta gate, by the ways in which a worse candidate tries to pass it."""

import math

import pytest

from guardrails.baseline import Guard, GuardSamples, HoldoutResult, PinnedPair, guard_needs_more, judge
from guardrails.evidence import Direction, Evidence, EvidencePolicy, Pair, Promote, compare
from guardrails.verdict import Rejected

POLICY = EvidencePolicy(alpha=0.05, min_effect=0.01, deterministic=True)
SECONDS = Guard("seconds", Direction.LOWER, tolerance=0.05)
SCORE = Guard("score", Direction.HIGHER, tolerance=0.05)


def exact(candidate: float) -> Evidence:
    return compare([Pair(1000.0, candidate)], Direction.LOWER, 1000.0, POLICY, champion_value=1000.0)


def samples(guard: Guard, *pairs: tuple[float, float]) -> GuardSamples:
    return GuardSamples(guard, tuple(PinnedPair(pinned, candidate) for pinned, candidate in pairs))


def rule_of(verdict: Promote | Rejected) -> str:
    return verdict.rule if isinstance(verdict, Rejected) else "promoted"


BETTER = exact(900.0)


def test_better_and_nothing_worse_is_promoted() -> None:
    guards = [samples(SECONDS, (10.0, 10.2)), samples(SCORE, (0.9, 0.89))]
    assert judge(BETTER, POLICY, guards, (), None) == Promote(BETTER)


# --- what was not measured ---


def test_no_baseline_no_promotion() -> None:
    assert rule_of(judge(None, POLICY, (), (), None)) == "baseline.no-baseline"


def test_metric_the_runs_did_not_give_fails_whatever_the_gain() -> None:
    verdict = judge(BETTER, POLICY, [samples(SECONDS, (10.0, 10.0))], ("score", "bytes"), None)
    assert isinstance(verdict, Rejected)
    assert (verdict.rule, verdict.details["metrics"]) == ("baseline.missing-metric", "bytes, score")


def test_guard_without_pairs_is_a_missing_metric() -> None:
    assert rule_of(judge(BETTER, POLICY, [samples(SECONDS)], (), None)) == "baseline.missing-metric"


@pytest.mark.parametrize("value", [math.nan, math.inf, 10**400])
def test_unknown_guard_value_never_becomes_a_sample(value: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        PinnedPair(pinned=1.0, candidate=value)
    with pytest.raises(ValueError, match="finite"):
        PinnedPair(pinned=value, candidate=1.0)


@pytest.mark.parametrize("tolerance", [-0.01, math.nan, math.inf])
def test_tolerance_is_a_number_of_at_least_zero(tolerance: float) -> None:
    with pytest.raises(ValueError, match="tolerance"):
        Guard("seconds", Direction.LOWER, tolerance)


# --- the primary metric ---


@pytest.mark.parametrize(
    ("candidate", "rule"),
    [
        (1100.0, "baseline.worse"),
        (1001.0, "baseline.not-better"),
        (1000.0, "baseline.not-better"),
        (995.0, "baseline.too-small"),
        (990.0, "promoted"),
    ],
)
def test_exact_metric_passes_from_its_smallest_effect(candidate: float, rule: str) -> None:
    assert rule_of(judge(exact(candidate), POLICY, (), (), None)) == rule


def test_large_gain_from_one_noisy_pair_is_not_better() -> None:
    noisy = EvidencePolicy(alpha=0.05, min_effect=0.01)
    evidence = compare([Pair(1000.0, 1.0)], Direction.LOWER, 1000.0, noisy)
    verdict = judge(evidence, noisy, (), (), None)
    assert isinstance(verdict, Rejected)
    assert verdict.rule == "baseline.not-better"
    assert verdict.details["threshold"] == 20.0


def test_noisy_loss_is_called_worse_once_it_is_sure() -> None:
    noisy = EvidencePolicy(alpha=0.05, min_effect=0.01)
    pairs = [Pair(1000.0, 1200.0 + step) for step in range(7)]
    assert (
        rule_of(judge(compare(pairs[:2], Direction.LOWER, 1000.0, noisy), noisy, (), (), None)) == "baseline.not-better"
    )
    assert rule_of(judge(compare(pairs, Direction.LOWER, 1000.0, noisy), noisy, (), (), None)) == "baseline.worse"


def test_judging_twice_gives_the_same_verdict() -> None:
    assert judge(BETTER, POLICY, (), (), None) == judge(BETTER, POLICY, (), (), None)


# --- guards, against the pinned baseline ---


def test_fourteen_steps_of_almost_five_percent_fail_at_the_second() -> None:
    pinned, seconds, score = 10.0, 10.0, 0.8
    passed = []
    for _ in range(14):
        seconds, score = seconds * 1.049, score * 0.951
        passed.append(
            (
                rule_of(judge(BETTER, POLICY, [samples(SECONDS, (pinned, seconds))], (), None)),
                rule_of(judge(BETTER, POLICY, [samples(SCORE, (0.8, score))], (), None)),
            )
        )
    assert passed[0] == ("promoted", "promoted")
    assert set(passed[1:]) == {("baseline.regression", "baseline.regression")}


def test_one_stalled_run_of_five_neither_fails_a_guard_nor_saves_it() -> None:
    stalled_candidate = samples(SECONDS, (10.0, 99.0), (10.0, 10.1), (10.0, 10.2), (10.0, 10.0), (10.0, 10.1))
    stalled_baseline = samples(SECONDS, (99.0, 11.1), (10.0, 11.0), (10.0, 11.0), (10.0, 11.2), (10.0, 11.0))
    assert rule_of(judge(BETTER, POLICY, [stalled_candidate], (), None)) == "promoted"
    assert rule_of(judge(BETTER, POLICY, [stalled_baseline], (), None)) == "baseline.regression"


def test_zero_baseline_reads_the_tolerance_in_the_metrics_own_units() -> None:
    failures = Guard("failures", Direction.LOWER, tolerance=0.10)
    assert rule_of(judge(BETTER, POLICY, [samples(failures, (0.0, 0.0))], (), None)) == "promoted"
    assert rule_of(judge(BETTER, POLICY, [samples(failures, (0.0, 1.0))], (), None)) == "baseline.regression"


def test_negative_baseline_is_relative_to_its_size() -> None:
    loglik = Guard("loglik", Direction.HIGHER, tolerance=0.05)
    assert rule_of(judge(BETTER, POLICY, [samples(loglik, (-100.0, -104.0))], (), None)) == "promoted"
    assert rule_of(judge(BETTER, POLICY, [samples(loglik, (-100.0, -106.0))], (), None)) == "baseline.regression"


def test_guard_that_got_better_by_any_amount_passes() -> None:
    assert rule_of(judge(BETTER, POLICY, [samples(SECONDS, (10.0, 0.001))], (), None)) == "promoted"


def test_worst_guard_is_named_in_whatever_order_they_come() -> None:
    bad, worse = samples(SECONDS, (10.0, 11.0)), samples(SCORE, (0.9, 0.1))
    for guards in ([bad, worse], [worse, bad]):
        verdict = judge(BETTER, POLICY, guards, (), None)
        assert isinstance(verdict, Rejected)
        assert verdict.details["metric"] == "score"
        assert verdict.details["tolerance"] == 0.05


def test_primary_metric_is_judged_before_the_guards() -> None:
    assert rule_of(judge(exact(1000.0), POLICY, [samples(SECONDS, (10.0, 99.0))], (), None)) == "baseline.not-better"


# --- how long to measure a guard ---


def test_guard_that_was_never_measured_needs_a_pair() -> None:
    assert guard_needs_more(samples(SECONDS), max_pairs=5)
    assert not guard_needs_more(samples(SECONDS), max_pairs=0)


def test_equal_pairs_leave_nothing_open() -> None:
    assert guard_needs_more(samples(SECONDS, (10.0, 10.4)), max_pairs=20)
    assert not guard_needs_more(samples(SECONDS, (10.0, 10.4), (10.0, 10.4)), max_pairs=20)


@pytest.mark.parametrize("candidate", [9.0, 12.0])
def test_clear_guard_is_measured_five_times(candidate: float) -> None:
    pairs = [(10.0 + 0.01 * step, candidate) for step in range(8)]
    needs = [guard_needs_more(samples(SECONDS, *pairs[:count]), max_pairs=20) for count in range(1, 9)]
    assert needs == [True] * 4 + [False] * 4


def test_guard_on_the_edge_is_measured_to_the_end() -> None:
    pairs = [(10.0, 10.5 + (0.3 if step % 2 else -0.3)) for step in range(20)]
    assert all(guard_needs_more(samples(SECONDS, *pairs[:count]), max_pairs=20) for count in range(1, 20))
    assert not guard_needs_more(samples(SECONDS, *pairs), max_pairs=20)


# --- the holdout ---


def holdout(*pairs: tuple[float, float], min_gain: float = 0.0) -> HoldoutResult:
    return HoldoutResult(Direction.LOWER, 100.0, tuple(Pair(*pair) for pair in pairs), min_gain)


def test_gain_that_holds_on_hidden_cases_is_promoted() -> None:
    assert judge(BETTER, POLICY, (), (), holdout((100.0, 95.0))) == Promote(BETTER)


def test_gain_that_does_not_hold_on_hidden_cases_is_overfit() -> None:
    assert rule_of(judge(BETTER, POLICY, (), (), holdout((100.0, 101.0)))) == "baseline.holdout"
    assert rule_of(judge(BETTER, POLICY, (), (), holdout((100.0, 99.5), min_gain=0.01))) == "baseline.holdout"


def test_holdout_without_a_number_fails() -> None:
    assert rule_of(judge(BETTER, POLICY, (), (), holdout())) == "baseline.holdout"


@pytest.mark.parametrize(("scale", "min_gain"), [(math.nan, 0.0), (100.0, -0.1), (100.0, math.inf)])
def test_holdout_that_would_let_losses_add_up_cannot_be_written(scale: float, min_gain: float) -> None:
    with pytest.raises(ValueError):
        HoldoutResult(Direction.LOWER, scale, (), min_gain)
