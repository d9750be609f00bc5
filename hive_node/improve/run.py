"""Run: measure the baseline of an experiment, or an idea that the constitution and the ledger let through."""

import asyncio
from dataclasses import replace
from typing import Final

from guardrails.constitution import Change, FileChange, Surface
from guardrails.evidence import calibrate, is_deterministic
from guardrails.seeds import judge_seeds
from guardrails.verdict import Rejected
from hive_node.config.project import ProjectSpec
from hive_node.domain import Baseline, Experiment, Files, Idea, State, Trial
from hive_node.improve.measuring import Session, in_words, measure
from hive_node.improve.workshop import Proposed, Tried, Workshop
from hive_node.operators.normal_form import surface_digest
from hive_node.ports import Fault

# Two equal runs show a deterministic metric; a noisy one is seen five times before anything is compared with it.
_CALIBRATION_RUNS: Final = (2, 5)


async def run(proposed: Proposed, workshop: Workshop) -> Tried:
    """The trial of an idea, or why it is not tried at all. Raises Stopped, Fault."""
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
    session = Session(workshop, experiment, idea)
    trial = await session.run()
    return Tried(await _write(session.experiment, trial, workshop), idea, trial)


async def measure_baseline(experiment: Experiment, workshop: Workshop) -> Experiment:
    """Lay the branch down, measure the unchanged champion against itself, and pin it.

    Raises Fault where it gives no measurement, or where the branch is somebody else's; Stopped.
    """
    await _lay_branch(experiment, workshop)
    values: list[float] = []
    metrics: dict[str, float] = {}
    protections: dict[str, object] = {}
    fewest, most = _CALIBRATION_RUNS
    while len(values) < fewest or (not is_deterministic(values) and len(values) < most):
        sample, experiment = await measure("baseline", 0, experiment, workshop)
        if sample.failure:
            raise Fault(sample.failure.rule, f"the unchanged project cannot be measured: {in_words(sample.failure)}")
        values.append(sample.metrics[experiment.spec.metric.name])
        metrics = metrics or dict(sample.metrics)
        protections = {name: sample.receipt.get(name) for name in ("sandbox", "limits")}
    baseline = Baseline(calibrate(values), metrics, workshop.subject.environment, protections)
    after = replace(experiment, state=State.BASELINED, baseline=baseline, best=baseline.value)
    return await workshop.ledger.move(experiment.state, after)


def change_of(idea: Idea, champion: Files) -> Change:
    """What the constitution is asked about: the idea's words, and each file before and after."""
    changes = tuple(FileChange(path, champion.get(path), text) for path, text in sorted(idea.files.items()))
    return Change(idea.words, changes)


def surface_of(spec: ProjectSpec) -> Surface:
    """What a candidate may touch."""
    return Surface(spec.surface.editable, (*spec.surface.protected, *spec.held_out), spec.metric_names)


async def _lay_branch(experiment: Experiment, workshop: Workshop) -> None:
    repository = workshop.subject.repository
    found = await repository.branch(experiment.branch)
    if found is None:
        await repository.move_branch(experiment.branch, experiment.base, None)
    elif found != experiment.base:
        raise Fault("repository.branch-taken", f"branch {experiment.branch} is somebody else's; it is left as it is")


async def _refuse(experiment: Experiment, idea: Idea, workshop: Workshop) -> Rejected | None:
    champion = await workshop.subject.files("champion")
    verdict = workshop.constitution.judge(change_of(idea, champion), surface_of(experiment.spec))
    if isinstance(verdict, Rejected):
        return verdict
    if await asyncio.to_thread(_is_placebo, experiment, idea, champion):
        return Rejected(
            "ledger.placebo",
            "The change alters comments or layout alone: no run can tell it from the champion. Where the metric reads the "
            "sources themselves, hive.toml says so: `verbatim = true` under [surface].",
        )
    if new_seed := judge_seeds(champion, idea.files):
        return new_seed
    if await workshop.ledger.was_tried(experiment, idea):
        return Rejected("ledger.repeated", "This very change was tried before; the ledger has its outcome.")
    return None


def _is_placebo(experiment: Experiment, idea: Idea, champion: Files) -> bool:
    return idea.variant == surface_digest(champion, is_verbatim=experiment.spec.surface.verbatim)


async def _write(experiment: Experiment, trial: Trial, workshop: Workshop) -> Experiment:
    spent = replace(experiment.spent, trials=experiment.spent.trials + 1)
    after = replace(experiment, state=State.TRIED, spent=spent)
    return await workshop.ledger.move(experiment.state, after, trial=trial)
