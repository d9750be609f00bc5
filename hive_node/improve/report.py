"""The report of an experiment, as JSON; `rendering` makes Markdown and a page of it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from guardrails.baseline import HOLDOUT_RULE
from guardrails.evidence import Direction
from guardrails.evidence.pairs import relative_gain
from guardrails.verdict import Rejected
from hive_node.domain import Arm, Experiment, IdeaRecord, Promotion, Sample, State, Watch
from hive_node.improve.measuring import HOLDOUT_FAILED
from hive_node.improve.message import one_line

_OF_HOLDOUT: Final = frozenset({HOLDOUT_RULE, HOLDOUT_FAILED})


@dataclass(frozen=True, slots=True)
class Material:
    """What a report is made from, by idea. runs: of the baseline (0) and of each promotion. costs: how many runs, and their seconds."""

    experiment: Experiment
    ideas: Sequence[IdeaRecord]
    promotions: Sequence[Promotion]
    runs: Mapping[int, Sequence[tuple[Arm, Sample]]]
    costs: Mapping[int, tuple[int, float]]
    watches: Sequence[Watch] = ()


def report(material: Material) -> dict[str, Any]:
    """The report as JSON: the experiment, the metric's path with its noise, every idea with its verdict, operators, costs, receipts."""
    experiment = material.experiment
    return {
        **overview(experiment),
        "task": experiment.task,
        "base": experiment.base,
        "champion": experiment.champion,
        **course_head(experiment, material.promotions),
        "ideas": [idea_row(record, experiment) for record in material.ideas],
        "operators": _operators(material),
        "hive": _from_hive(material),
        "watches": [_watch(watch) for watch in material.watches],
        "receipts": [
            _receipt(idea, arm, sample)
            for idea, runs in material.runs.items()
            for arm, sample in shown_runs(runs, experiment)
        ],
    }


def course_head(experiment: Experiment, promotions: Sequence[Promotion]) -> dict[str, Any]:
    """What a picture of the metric stands on: where it began, how noisy one run is, and the champion's path."""
    baseline = experiment.baseline
    return {
        "baseline": baseline.value if baseline else None,
        "noise": baseline.calibration.noise if baseline else None,
        "path": _path(experiment, promotions),
    }


def overview(experiment: Experiment) -> dict[str, Any]:
    """An experiment in a line, as lists and `experiment show` have it."""
    return {
        "id": experiment.id,
        "project": experiment.project,
        "state": experiment.state.value,
        "operator": experiment.operator,
        "metric": experiment.spec.metric.name,
        "direction": experiment.spec.metric.direction,
        "baseline": experiment.baseline.value if experiment.baseline else None,
        "best": experiment.best,
        "gain": gain(experiment),
        "iteration": experiment.iteration,
        "promotions": experiment.promotions,
        "reverted": experiment.reverted,
        "trials": experiment.spent.trials,
        "rejected": {"constitution": experiment.rejected_constitution, "baseline": experiment.rejected_baseline},
        "last_rejection": experiment.last_rejection,
        "branch": experiment.branch,
        "stop_reason": experiment.stop_reason,
        "created_at": experiment.created_at.isoformat(),
        "costs": _costs(experiment),
        "budget": experiment.spec.budget.model_dump(mode="json"),
        "protections": dict(experiment.baseline.protections) if experiment.baseline else {},
    }


def _costs(experiment: Experiment) -> dict[str, Any]:
    spent = experiment.spent
    return {
        "trials": spent.trials,
        "wall_s": round(spent.wall_s, 3),
        "cpu_s": round(spent.cpu_s, 3),
        "tokens": spent.tokens,
        "dollars": spent.micro_dollars / 1_000_000,
        "holdout_looks": spent.holdout_looks,
    }


def gain(experiment: Experiment) -> float | None:
    """By how much the champion is better than the pinned baseline, relative; positive is better.

    Of a metric that varies only pairs tell: its value at the beginning and its value now were measured on different machines, in effect.
    """
    if experiment.baseline is None or experiment.best is None:
        return None
    if not experiment.baseline.calibration.deterministic:
        return experiment.gained
    before, after = experiment.baseline.value, experiment.best
    return relative_gain(before, after, Direction(experiment.spec.metric.direction), before)


def idea_row(record: IdeaRecord, experiment: Experiment) -> dict[str, Any]:
    """One idea: what it was, what was measured, what became of it and why; the holdout's numbers once no idea can follow."""
    record = record if experiment.is_over else without_holdout(record)
    rejected: Rejected | None = record.verdict.rejected if record.verdict else None
    trial = record.trial
    return {
        "number": record.idea.number,
        "operator": record.idea.operator,
        "idea": one_line(record.idea.words),
        "outcome": record.outcome.value if record.outcome else "open",
        "rule": rejected.rule if rejected else None,
        "reason": rejected.reason if rejected else None,
        "details": dict(rejected.details) if rejected else {},
        "value": trial.candidate_value if trial else None,
        "evidence": trial.evidence.fields() if trial and trial.evidence else None,
        "holdout": trial.holdout if trial else None,
        "recipe": record.idea.recipe,
        "at": record.at,
    }


def without_holdout(record: IdeaRecord) -> IdeaRecord:
    """The record as whoever makes the next idea may see it: that the holdout said no, and not by how much."""
    trial, verdict = record.trial, record.verdict
    if trial is not None:
        trial = replace(trial, holdout=None, failure=_without_details(trial.failure))
    if verdict is not None:
        verdict = replace(verdict, rejected=_without_details(verdict.rejected))
    return replace(record, trial=trial, verdict=verdict)


def _without_details(rejected: Rejected | None) -> Rejected | None:
    return replace(rejected, details={}) if rejected is not None and rejected.rule in _OF_HOLDOUT else rejected


def shown_runs(runs: Sequence[tuple[Arm, Sample]], experiment: Experiment) -> list[tuple[Arm, Sample]]:
    """The runs that may be looked at: those of the holdout once no idea can follow."""
    holdout = experiment.spec.holdout
    if experiment.is_over or holdout is None:
        return list(runs)
    return [(arm, sample) for arm, sample in runs if [step.argv for step in sample.steps] != [holdout.run]]


def sample_row(arm: Arm, sample: Sample) -> dict[str, Any]:
    """One run: what was run, on what, in which sandbox, and what it measured."""
    return {
        "arm": arm,
        **sample.receipt,
        "steps": [asdict(step) | {"argv": list(step.argv)} for step in sample.steps],
        "metrics": dict(sample.metrics),
        "wall_s": sample.wall_s,
        "cpu_s": sample.cpu_s,
        "failure": sample.failure.rule if sample.failure else None,
    }


def _from_hive(material: Material) -> dict[str, Any]:
    """What others' recipes brought.

    tried: ideas that were one. promoted, gain: of what stands, how many promotions were one, and the sum of what they gained,
    as a share of the pinned baseline. trials_to_best: trials up to the last promotion that stands, whosever idea it was.
    """
    standing = [one for one in material.promotions if not one.is_reverted]
    adopted = [one for one in standing if one.idea.recipe]
    last = standing[-1].idea.number if standing else 0
    return {
        "tried": sum(record.idea.recipe is not None and record.trial is not None for record in material.ideas),
        "promoted": len(adopted),
        "gain": sum(one.evidence.gain for one in adopted),
        "trials_to_best": sum(record.trial is not None and record.idea.number <= last for record in material.ideas),
    }


def _path(experiment: Experiment, promotions: Sequence[Promotion]) -> list[dict[str, Any]]:
    if experiment.baseline is None:
        return []
    steps: list[dict[str, Any]] = [{"idea": 0, "value": experiment.baseline.value, "commit": experiment.base}]
    return steps + [
        {
            "idea": one.idea.number,
            "value": one.after,
            "commit": one.commit,
            "operator": one.idea.operator,
            "is_reverted": one.is_reverted,
        }
        for one in promotions
    ]


def _operators(material: Material) -> dict[str, dict[str, Any]]:
    """Each operator beside the others: what it proposed, what that came to, and what it cost.

    Tokens and dollars are the experiment's: of the operators one spends them.
    """
    table: dict[str, dict[str, Any]] = {}
    for record in material.ideas:
        row = table.setdefault(record.idea.operator, dict(_NOTHING))
        runs, seconds = material.costs.get(record.idea.number, (0, 0.0))
        row["proposed"] += 1
        row["trials"] += record.trial is not None
        row["runs"] += runs
        row["wall_s"] = round(row["wall_s"] + seconds, 3)
        if record.outcome in {State.PROMOTED, State.REJECTED}:
            row[record.outcome.value] += 1
        if record.outcome is State.PROMOTED and record.trial and record.trial.evidence:
            row["best_gain"] = max(row["best_gain"] or 0.0, record.trial.evidence.gain)
    spent = material.experiment.spent
    if _MODEL in table:
        table[_MODEL] |= {"tokens": spent.tokens, "dollars": spent.micro_dollars / 1_000_000}
    return table


def _watch(watch: Watch) -> dict[str, Any]:
    return {
        "idea": watch.idea,
        "state": watch.state.value,
        "looks": watch.looks,
        "due_at": watch.due_at.isoformat(),
        "reason": f"{watch.reason.rule}: {watch.reason.reason}" if watch.reason else None,
        "cause": watch.cause,
        "is_called": watch.is_called,
    }


def _receipt(idea: int, arm: Arm, sample: Sample) -> dict[str, Any]:
    return {"idea": idea, **sample_row(arm, sample)}


_MODEL: Final = "llm"
_NOTHING: Final[Mapping[str, Any]] = {
    "proposed": 0, "promoted": 0, "rejected": 0, "best_gain": None, "trials": 0, "runs": 0, "wall_s": 0.0, "tokens": 0,
    "dollars": 0.0,
}  # fmt: skip
