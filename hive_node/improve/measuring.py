"""The measurements of one idea: candidate beside champion, pair by pair, then beside the pinned baseline, then the holdout."""

import asyncio
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from guardrails.baseline import Guard, GuardSamples, PinnedPair, guard_needs_more
from guardrails.evidence import (
    Continue,
    Direction,
    Evidence,
    EvidencePolicy,
    Pair,
    Promote,
    alpha_for,
    compare,
    decide,
)
from guardrails.seeds import may_draw
from guardrails.verdict import Rejected
from hive_node.config.project import ProjectSpec
from hive_node.domain import Arm, Experiment, Idea, Sample, Trial
from hive_node.improve.workshop import Workshop

MAX_PAIRS: Final = 40
MAX_GUARD_PAIRS: Final = 7
HOLDOUT_FAILED: Final = "trial.holdout"
# A candidate of a deterministic metric repeats its value before it is believed: a lucky seed does not.
_DETERMINISTIC_PAIRS: Final = 2
_CHAMPION_FAILED: Final = "trial.champion-failed"


@dataclass(slots=True)
class Session:
    """The measurements of one idea. experiment: what it has spent with them, as its row says too.

    values: the candidate's primary metric, of every run but the held-out ones.
    """

    workshop: Workshop
    experiment: Experiment
    idea: Idea
    pairs: list[Pair] = field(default_factory=list)
    guards: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    values: list[float] = field(default_factory=list)
    failure: Rejected | None = None
    _is_counted: bool = False

    async def run(self) -> Trial:
        """Measure until the evidence speaks one way or the other. Raises Stopped, Fault."""
        self.workshop.subject.put(self.idea.files)
        alpha = alpha_for(self.experiment.comparisons + 1)
        policy = policy_of(self.experiment, alpha)
        evidence = await self._compare(policy)
        holdout = None
        if evidence is not None and isinstance(decide(evidence, policy), Promote):
            await self.guard()
            if evidence.deterministic and await self._may_draw():
                await self._repeat(math.ceil(math.log2(1.0 / alpha)))
            holdout = await self._look_at_holdout() if self.failure is None else None
        return Trial(
            idea=self.idea.number,
            evidence=evidence,
            alpha=alpha,
            guards={name: tuple(pairs) for name, pairs in self.guards.items()},
            failure=self.failure,
            champion_value=_middle([pair.champion for pair in self.pairs]),
            candidate_value=_middle([pair.candidate for pair in self.pairs]),
            holdout=holdout,
        )

    async def _compare(self, policy: EvidencePolicy) -> Evidence | None:
        evidence: Evidence | None = None
        name, direction = self.experiment.spec.metric.name, Direction(self.experiment.spec.metric.direction)
        scale = self.experiment.baseline.value if self.experiment.baseline else 0.0
        while evidence is None or isinstance(decide(evidence, policy), Continue):
            values = await self.pair("champion")
            if values is None:
                return None
            champion, candidate = values
            self.pairs.append(Pair(champion[name], candidate[name]))
            evidence = compare(self.pairs, direction, scale, policy, champion_value=self.experiment.best)
            self._count(evidence)
            if self.experiment.champion == self.experiment.base:
                self._keep_guards(champion, candidate)
        return evidence

    def _count(self, evidence: Evidence) -> None:
        # From its first pair: a comparison that a restart cut short and began again has had two chances, and counts twice.
        if not evidence.deterministic and not self._is_counted:
            self._is_counted = True
            self.experiment = replace(self.experiment, comparisons=self.experiment.comparisons + 1)

    async def guard(self) -> None:
        """Measure beside the pinned baseline until each guard metric is clear."""
        while self.failure is None and any(guard_needs_more(one, MAX_GUARD_PAIRS) for one in self._guard_samples()):
            if values := await self.pair("baseline"):
                self._keep_guards(*values)

    @property
    def is_candidates_fault(self) -> bool:
        """Whether what failed was the candidate's run, and not the one beside it."""
        return self.failure is not None and self.failure.rule != _CHAMPION_FAILED

    def _guard_samples(self) -> list[GuardSamples]:
        return guard_samples(self.experiment.spec, self.guards)

    def _keep_guards(self, pinned: Mapping[str, float], candidate: Mapping[str, float]) -> None:
        for guard in self.experiment.spec.guard:
            self.guards.setdefault(guard.metric, []).append((pinned[guard.metric], candidate[guard.metric]))

    async def _may_draw(self) -> bool:
        champion = await self.workshop.subject.files("champion")
        return await asyncio.to_thread(may_draw, champion, self.idea.files)

    async def _repeat(self, times: int) -> None:
        """Two equal runs are enough for code that cannot but repeat itself. What can draw its result is believed after so many.

        By its alpha: the chance that one which is lucky in every other run was lucky in all of them is at most that.
        """
        while self.failure is None and len(self.values) < times:
            await self._measure("candidate", is_holdout=False)
        if self.failure is None and len(set(self.values)) > 1:
            self.experiment = replace(self.experiment, comparisons=self.experiment.comparisons + 1)
            self.failure = Rejected(
                "trial.not-repeated",
                "The metric repeats itself for the champion, and does not for this candidate: a lucky run is no gain.",
                {"lowest": min(self.values), "highest": max(self.values), "runs": len(self.values)},
            )

    async def _look_at_holdout(self) -> tuple[float, float] | None:
        holdout = self.experiment.spec.holdout
        if holdout is None:
            return None
        if self.experiment.spent.holdout_looks >= holdout.looks:
            self.failure = Rejected("baseline.holdout-spent", f"All {holdout.looks} looks at the holdout are spent.")
            return None
        values = await self.pair("champion", is_holdout=True)
        name = self.experiment.spec.metric.name
        return (values[0][name], values[1][name]) if values else None

    async def pair(
        self, other: Arm, *, is_holdout: bool = False
    ) -> tuple[Mapping[str, float], Mapping[str, float]] | None:
        """One run of each, in an order drawn for this pair: the evidence's proof rests on that draw."""
        arms: list[Arm] = [other, "candidate"] if self.workshop.chance.coin() else ["candidate", other]
        values: dict[Arm, Mapping[str, float]] = {}
        for arm in arms:
            measured = await self._measure(arm, is_holdout=is_holdout)
            if measured is None:
                return None
            values[arm] = measured
        return values[other], values["candidate"]

    async def _measure(self, arm: Arm, *, is_holdout: bool) -> Mapping[str, float] | None:
        sample, self.experiment = await measure(
            arm, self.idea.number, self.experiment, self.workshop, is_holdout=is_holdout
        )
        if failure := sample.failure:
            failure = failure if arm == "candidate" else _flaky(failure)
            self.failure = _held_out(failure) if is_holdout else failure
            return None
        if arm == "candidate" and not is_holdout:
            self.values.append(sample.metrics[self.experiment.spec.metric.name])
        return sample.metrics


async def measure(
    arm: Arm, idea: int, experiment: Experiment, workshop: Workshop, *, is_holdout: bool = False
) -> tuple[Sample, Experiment]:
    """One run, on the books with what it cost before anything else is begun. Raises Stopped, Fault."""
    subject = workshop.subject
    sample = await workshop.brake.over(lambda: subject.measure_holdout(arm) if is_holdout else subject.measure(arm))
    spent = experiment.spent
    spent = replace(
        spent,
        wall_s=spent.wall_s + sample.wall_s,
        cpu_s=spent.cpu_s + sample.cpu_s,
        holdout_looks=spent.holdout_looks + (is_holdout and arm == "candidate"),
    )
    experiment = replace(experiment, spent=spent)
    await workshop.ledger.keep_sample(experiment, idea, arm, sample)
    return sample, experiment


def policy_of(experiment: Experiment, alpha: float) -> EvidencePolicy:
    """How sure this candidate's comparison must be."""
    return EvidencePolicy(
        alpha=alpha,
        min_effect=experiment.spec.metric.min_effect,
        max_pairs=MAX_PAIRS,
        deterministic=experiment.baseline is not None and experiment.baseline.calibration.deterministic,
        deterministic_pairs=_DETERMINISTIC_PAIRS,
    )


def guard_samples(spec: ProjectSpec, values: Mapping[str, Sequence[tuple[float, float]]]) -> list[GuardSamples]:
    """Each guard of the spec with its (pinned baseline, candidate) values."""
    return [
        GuardSamples(
            Guard(guard.metric, Direction(guard.direction), guard.tolerance),
            [PinnedPair(pinned, candidate) for pinned, candidate in values.get(guard.metric, ())],
        )
        for guard in spec.guard
    ]


def in_words(failure: Rejected) -> str:
    """Why a run gave no measurement, with the last thing it said."""
    said = failure.details.get("said")
    return f"{failure.reason} It said: {said}" if said else failure.reason


def _flaky(failure: Rejected) -> Rejected:
    return Rejected(_CHAMPION_FAILED, f"The champion itself failed beside it: {in_words(failure)}", failure.details)


def _held_out(failure: Rejected) -> Rejected:
    """How a run ends, and what it says then, could carry the held-out cases to who makes the next idea: that is details."""
    return Rejected(
        HOLDOUT_FAILED, "The held-out run gave no measurement.", {"rule": failure.rule, "why": in_words(failure)}
    )


def _middle(values: list[float]) -> float | None:
    ordered = sorted(values)
    return ordered[len(ordered) // 2] if ordered else None
