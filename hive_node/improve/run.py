"""Run: measure the candidate beside the champion, pair by pair, until the evidence speaks one way or the other."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from guardrails.baseline import Guard, GuardSamples, PinnedPair, guard_needs_more
from guardrails.constitution import Change, FileChange, Surface
from guardrails.evidence import (
    Calibration,
    Continue,
    Direction,
    Evidence,
    EvidencePolicy,
    Pair,
    Promote,
    alpha_for,
    calibrate,
    compare,
    decide,
    is_deterministic,
)
from guardrails.verdict import Rejected
from hive_node.config.project import ProjectSpec
from hive_node.domain import Arm, Baseline, Experiment, Files, Idea, Sample, State, Trial
from hive_node.improve.workshop import Proposed, Tried, Workshop
from hive_node.ports import Fault

# Two equal runs show a deterministic metric; a noisy one is seen five times before anything is compared with it.
_CALIBRATION_RUNS = (2, 5)
MAX_PAIRS = 40
MAX_GUARD_PAIRS = 7
# A candidate of a deterministic metric repeats its value before it is believed: a lucky seed does not.
_DETERMINISTIC_PAIRS = 2


async def run(proposed: Proposed, workshop: Workshop) -> Tried:
    """The trial of an idea, or why it is not tried at all."""
    experiment, idea = proposed.experiment, proposed.idea
    if experiment.state is not State.PROPOSED:
        record = await workshop.ledger.idea(experiment.id, idea.number)
        if record.trial is None:
            raise Fault(
                "experiment.no-trial", f"idea {idea.number} of {experiment.id} is {experiment.state} without a trial"
            )
        return Tried(experiment, idea, record.trial)
    if refusal := await _refuse(experiment, idea, workshop):
        return Tried(experiment, idea, refusal)
    session = _Session(workshop, experiment, idea)
    trial = await session.run()
    return Tried(await _write(session.experiment, trial, workshop), idea, trial)


async def measure_baseline(experiment: Experiment, workshop: Workshop) -> Experiment:
    """Measure the unchanged champion against itself, and pin it. Raises Fault where it gives no measurement."""
    values: list[float] = []
    metrics: dict[str, float] = {}
    fewest, most = _CALIBRATION_RUNS
    while len(values) < fewest or (not is_deterministic(values) and len(values) < most):
        sample, experiment = await _measure("baseline", 0, experiment, workshop)
        if sample.failure:
            raise Fault(sample.failure.rule, f"the unchanged project cannot be measured: {_words(sample.failure)}")
        values.append(sample.metrics[experiment.spec.metric.name])
        metrics = metrics or dict(sample.metrics)
    calibration: Calibration = calibrate(values)
    baseline = Baseline(calibration, metrics, workshop.subject.environment)
    after = replace(experiment, state=State.BASELINED, baseline=baseline, best=baseline.value)
    return await workshop.ledger.move(experiment.state, after)


def change_of(idea: Idea, champion: Files) -> Change:
    """What the constitution is asked about: the idea's words, and each file before and after."""
    changes = tuple(FileChange(path, champion.get(path), text) for path, text in sorted(idea.files.items()))
    return Change(idea.words, changes)


def surface_of(spec: ProjectSpec) -> Surface:
    """What a candidate may touch."""
    return Surface(spec.surface.editable, spec.surface.protected, spec.metric_names)


def policy_of(experiment: Experiment, alpha: float) -> EvidencePolicy:
    """How sure this candidate's comparison must be."""
    return EvidencePolicy(
        alpha=alpha,
        min_effect=experiment.spec.metric.min_effect,
        max_pairs=MAX_PAIRS,
        deterministic=experiment.baseline is not None and experiment.baseline.calibration.deterministic,
        deterministic_pairs=_DETERMINISTIC_PAIRS,
    )


async def _refuse(experiment: Experiment, idea: Idea, workshop: Workshop) -> Rejected | None:
    champion = await workshop.subject.files("champion")
    verdict = workshop.constitution.judge(change_of(idea, champion), surface_of(experiment.spec))
    if isinstance(verdict, Rejected):
        return verdict
    if await workshop.ledger.was_tried(experiment, idea):
        return Rejected("ledger.repeated", "This very change was tried before; the ledger has its outcome.")
    return None


async def _write(experiment: Experiment, trial: Trial, workshop: Workshop) -> Experiment:
    is_noisy = trial.evidence is not None and not trial.evidence.deterministic
    after = replace(
        experiment,
        state=State.TRIED,
        comparisons=experiment.comparisons + is_noisy,
        spent=replace(experiment.spent, trials=experiment.spent.trials + 1),
    )
    return await workshop.ledger.move(experiment.state, after, trial=trial)


async def _measure(
    arm: Arm, idea: int, experiment: Experiment, workshop: Workshop, *, is_holdout: bool = False
) -> tuple[Sample, Experiment]:
    sample = await (workshop.subject.measure_holdout(arm) if is_holdout else workshop.subject.measure(arm))
    spent = experiment.spent
    spent = replace(
        spent,
        wall_s=spent.wall_s + sample.wall_s,
        cpu_s=spent.cpu_s + sample.cpu_s,
        holdout_looks=spent.holdout_looks + (is_holdout and arm == "candidate"),
    )
    experiment = replace(experiment, spent=spent)
    # Shielded: a run that took place is on the books, even if the experiment is stopped at this very moment.
    await asyncio.shield(workshop.ledger.keep_sample(experiment, idea, arm, sample))
    return sample, experiment


@dataclass(slots=True)
class _Session:
    """The measurements of one idea."""

    workshop: Workshop
    experiment: Experiment
    idea: Idea
    pairs: list[Pair] = field(default_factory=list)
    guards: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    failure: Rejected | None = None

    async def run(self) -> Trial:
        self.workshop.subject.put(self.idea.files)
        alpha = alpha_for(self.experiment.comparisons + 1)
        policy = policy_of(self.experiment, alpha)
        evidence = await self._compare(policy)
        holdout = None
        if evidence is not None and isinstance(decide(evidence, policy), Promote):
            await self._guard()
            holdout = await self._look_at_holdout() if self.failure is None else None
        return self._trial(evidence, alpha, holdout)

    async def _compare(self, policy: EvidencePolicy) -> Evidence | None:
        evidence: Evidence | None = None
        while evidence is None or isinstance(decide(evidence, policy), Continue):
            values = await self._pair("champion")
            if values is None:
                return None
            champion, candidate = values
            name = self.experiment.spec.metric.name
            self.pairs.append(Pair(champion[name], candidate[name]))
            evidence = compare(
                self.pairs, self._direction(), self._scale(), policy, champion_value=self.experiment.best
            )
            if self.experiment.champion == self.experiment.base:
                self._keep_guards(champion, candidate)
        return evidence

    async def _guard(self) -> None:
        while self.failure is None and any(guard_needs_more(one, MAX_GUARD_PAIRS) for one in self._guard_samples()):
            if values := await self._pair("baseline"):
                self._keep_guards(*values)

    def _guard_samples(self) -> list[GuardSamples]:
        return guard_samples(self.experiment.spec, self.guards)

    def _keep_guards(self, pinned: Mapping[str, float], candidate: Mapping[str, float]) -> None:
        for guard in self.experiment.spec.guard:
            self.guards.setdefault(guard.metric, []).append((pinned[guard.metric], candidate[guard.metric]))

    async def _look_at_holdout(self) -> tuple[float, float] | None:
        holdout = self.experiment.spec.holdout
        if holdout is None:
            return None
        if self.experiment.spent.holdout_looks >= holdout.looks:
            self.failure = Rejected("baseline.holdout-spent", f"All {holdout.looks} looks at the holdout are spent.")
            return None
        values = await self._pair("champion", is_holdout=True)
        name = self.experiment.spec.metric.name
        return (values[0][name], values[1][name]) if values else None

    async def _pair(
        self, other: Arm, *, is_holdout: bool = False
    ) -> tuple[Mapping[str, float], Mapping[str, float]] | None:
        """One run of each, in an order drawn for this pair: the evidence's proof rests on that draw."""
        arms: list[Arm] = [other, "candidate"] if self.workshop.chance.coin() else ["candidate", other]
        samples: dict[Arm, Sample] = {}
        for arm in arms:
            samples[arm], self.experiment = await _measure(
                arm, self.idea.number, self.experiment, self.workshop, is_holdout=is_holdout
            )
            if failure := samples[arm].failure:
                self.failure = failure if arm == "candidate" else _flaky(failure)
                return None
        return samples[other].metrics, samples["candidate"].metrics

    def _direction(self) -> Direction:
        return Direction(self.experiment.spec.metric.direction)

    def _scale(self) -> float:
        return self.experiment.baseline.value if self.experiment.baseline else 0.0

    def _trial(self, evidence: Evidence | None, alpha: float, holdout: tuple[float, float] | None) -> Trial:
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


def guard_samples(
    spec: ProjectSpec, values: Mapping[str, "list[tuple[float, float]] | tuple[tuple[float, float], ...]"]
) -> list[GuardSamples]:
    """Each guard of the spec with its (pinned baseline, candidate) values."""
    return [
        GuardSamples(
            Guard(guard.metric, Direction(guard.direction), guard.tolerance),
            [PinnedPair(pinned, candidate) for pinned, candidate in values.get(guard.metric, ())],
        )
        for guard in spec.guard
    ]


def _flaky(failure: Rejected) -> Rejected:
    return Rejected(
        "trial.champion-failed", f"The champion itself failed beside it: {_words(failure)}", failure.details
    )


def _words(failure: Rejected) -> str:
    said = failure.details.get("said")
    return f"{failure.reason} It said: {said}" if said else failure.reason


def _middle(values: list[float]) -> float | None:
    ordered = sorted(values)
    return ordered[len(ordered) // 2] if ordered else None
