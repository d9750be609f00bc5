"""The baseline-delta gate: is the challenger better by evidence, and nothing else worse? Pure.

The primary metric is compared with the current champion, pair by pair. Every guard metric is compared with the
**pinned** baseline, never with the last champion: fourteen steps of -4.9 % each pass a step-by-step check of 5 %, and
halve the score. What was not measured does not pass.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from guardrails.evidence import (
    Decision,
    Direction,
    Evidence,
    EvidencePolicy,
    Pair,
    Promote,
    Stop,
    StopFor,
    betting,
    decide,
)
from guardrails.evidence.pairs import finite, median, relative_gain
from guardrails.verdict import Detail, Rejected

HOLDOUT_RULE = "baseline.holdout"

_GUARD_ALPHA = 0.1  # how sure a guard must look, either way, before it is measured no more: five pairs that agree


@dataclass(frozen=True, slots=True)
class Guard:
    """A metric that may not get worse than the pinned baseline by more than the tolerance.

    tolerance: share of the pinned baseline, >= 0. Where the baseline is 0 there is no share: the tolerance is then
    read in the metric's own units, so that with 0.10 a count of failures may not go from 0 to 1. Raises ValueError if
    it is negative or not finite.
    """

    metric: str
    direction: Direction
    tolerance: float

    def __post_init__(self) -> None:
        if finite(self.tolerance, "tolerance") < 0.0:
            raise ValueError(f"a tolerance is at least 0, got {self.tolerance}")


@dataclass(frozen=True, slots=True)
class PinnedPair:
    """One run of the pinned baseline and one of the challenger, taken next to each other, in the guard's own units.

    A type of its own, so that a pair measured against the current champion cannot be handed in. Raises ValueError if
    not finite.
    """

    pinned: float
    candidate: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "pinned", finite(self.pinned, "pinned"))
        object.__setattr__(self, "candidate", finite(self.candidate, "candidate"))


@dataclass(frozen=True, slots=True)
class GuardSamples:
    """All pairs measured for one guard, in their order. No pairs means that the metric is missing."""

    guard: Guard
    pairs: Sequence[PinnedPair]

    def changes(self) -> list[float]:
        """By how much each pair got worse, relative to the size of the pinned baseline; negative is better."""
        scale = median([pair.pinned for pair in self.pairs])
        return [-relative_gain(pair.pinned, pair.candidate, self.guard.direction, scale) for pair in self.pairs]

    def change(self) -> float:
        """Median change: one stalled run neither fails a guard nor saves it. Raises ValueError without pairs."""
        return median(self.changes())

    def excess(self) -> float:
        """How far the change lies beyond the tolerance; up to 0 is allowed."""
        return self.change() - self.guard.tolerance


@dataclass(frozen=True, slots=True)
class HoldoutResult:
    """What the held-out cases said: pairs of champion and challenger on cases that no operator ever sees.

    pairs: empty when a holdout is asked for and gave no number; that fails. scale: as in `compare`.
    min_gain: smallest median gain that passes, >= 0: a tolerance here would let losses add up from promotion to
    promotion.
    """

    direction: Direction
    scale: float
    pairs: Sequence[Pair]
    min_gain: float = 0.0

    def __post_init__(self) -> None:
        finite(self.scale, "scale")
        if finite(self.min_gain, "min_gain") < 0.0:
            raise ValueError(f"min_gain is at least 0, got {self.min_gain}")

    def gain(self) -> float | None:
        """Median gain; None if nothing was measured."""
        gains = [relative_gain(pair.champion, pair.candidate, self.direction, self.scale) for pair in self.pairs]
        return median(gains) if gains else None


def judge(
    evidence: Evidence | None,
    policy: EvidencePolicy,
    guards: Sequence[GuardSamples],
    missing: Sequence[str],
    holdout: HoldoutResult | None,
) -> Promote | Rejected:
    """Promote only what is better by evidence and worse in nothing.

    The first *no* is the answer; the order of the guards has no say.
    evidence: None if there is no pinned baseline, or nothing was compared with it.
    missing: names of metrics that the spec asks for and the runs did not give. holdout: None only if the spec has none.
    """
    if evidence is None:
        return Rejected("baseline.no-baseline", "There is no pinned baseline to compare with; measure one first.")
    if absent := sorted({*missing, *(samples.guard.metric for samples in guards if not samples.pairs)}):
        return Rejected(
            "baseline.missing-metric",
            "Not every metric was measured; unknown is never good enough.",
            {"metrics": ", ".join(absent)},
        )
    decision = decide(evidence, policy)
    if not isinstance(decision, Promote):
        return _not_promoted(decision, evidence, policy)
    if regressed := _worst_regression(guards):
        return _regression(regressed)
    if holdout is not None and (refused := _refused_by(holdout)):
        return refused
    return decision


def still_holds(evidence: Evidence, policy: EvidencePolicy, guards: Sequence[GuardSamples]) -> Rejected | None:
    """After a promotion, measured again beside what it replaced: why it must go, or None.

    It goes if it is worse by evidence, or a guard fell below the pinned baseline. A gain that does not show again is no harm.
    """
    decision = decide(evidence, policy)
    if decision == Stop(StopFor.HARM):
        return _not_promoted(decision, evidence, policy)
    if regressed := _worst_regression(guards):
        return _regression(regressed)
    return None


def guard_needs_more(samples: GuardSamples, max_pairs: int) -> bool:
    """Is it still open on which side of its tolerance this guard's change lies?

    Equal pairs (at least two) leave nothing open. Otherwise the pairs are bet on both ways, as for the primary metric.
    At max_pairs nothing more is asked for, and the median decides.
    """
    if not samples.pairs or len(samples.pairs) >= max_pairs:
        return len(samples.pairs) < max_pairs
    if len(samples.pairs) > 1 and len(set(samples.pairs)) == 1:
        return False
    beyond = [change - samples.guard.tolerance for change in samples.changes()]
    return max(_evidence_above_zero(beyond), _evidence_above_zero([-value for value in beyond])) < 1.0 / _GUARD_ALPHA


def _evidence_above_zero(values: Sequence[float]) -> float:
    return betting.e_value(betting.payoffs(values, betting.scales(values), margin=0.0))


def _not_promoted(decision: Decision, evidence: Evidence, policy: EvidencePolicy) -> Rejected:
    details: dict[str, Detail] = {**evidence.fields(), "min_effect": policy.min_effect, "threshold": policy.threshold}
    if evidence.gain < 0.0 and decision == Stop(StopFor.HARM):
        return Rejected("baseline.worse", "The primary metric got worse than the champion's.", details)
    if 0.0 < evidence.gain < policy.min_effect:
        return Rejected(
            "baseline.too-small", "The gain is smaller than the smallest one worth keeping (min_effect).", details
        )
    return Rejected("baseline.not-better", "The pairs do not show that the primary metric got better.", details)


def _worst_regression(guards: Sequence[GuardSamples]) -> GuardSamples | None:
    worst = max(guards, key=lambda samples: (samples.excess(), samples.guard.metric), default=None)
    return worst if worst is not None and worst.excess() > 0.0 else None


def _regression(samples: GuardSamples) -> Rejected:
    return Rejected(
        "baseline.regression",
        f"{samples.guard.metric} got worse than the pinned baseline by more than its tolerance.",
        {
            "metric": samples.guard.metric,
            "change": samples.change(),
            "tolerance": samples.guard.tolerance,
            "pairs": len(samples.pairs),
        },
    )


def _refused_by(holdout: HoldoutResult) -> Rejected | None:
    gain = holdout.gain()
    details: dict[str, Detail] = {"gain": gain, "min_gain": holdout.min_gain, "pairs": len(holdout.pairs)}
    if gain is None:
        return Rejected(HOLDOUT_RULE, "The held-out cases gave no number; unknown is never good enough.", details)
    if gain < holdout.min_gain:
        return Rejected(HOLDOUT_RULE, "The gain does not hold on the held-out cases.", details)
    return None
