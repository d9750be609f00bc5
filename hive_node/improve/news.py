"""What an experiment has to tell: recipes, replications, summaries."""

from collections.abc import Mapping, Sequence
from typing import Literal

from guardrails.evidence import Evidence
from guardrails.verdict import Rejected
from hive_node.domain import Experiment, Files, IdeaRecord, Promotion, State
from hive_node.improve.workshop import Judged, Workshop
from hive_node.ports import News
from protocol.deltas import Costs, Measured, Metric, Moments, Outcomes, Recipe, Replication, Summary
from protocol.ids import sha256_hex
from protocol.limits import LIST_ITEMS

_MICRO = 1_000_000


async def recipe_news(experiment: Experiment, promotion: Promotion, champion: Files, workshop: Workshop) -> News:
    """A promotion, so that another node can try it."""
    idea = promotion.idea
    body = Recipe(
        task=experiment.task,
        project=experiment.spec.project.name,
        metric=_metric(experiment),
        files={path: sha256_hex(champion.get(path, "").encode("utf-8")) for path in sorted(idea.files)},
        edits=idea.edits,
        idea=idea.words,
        operator=idea.operator,
        evidence=_measured(promotion.evidence),
        guards=dict(promotion.guards),
        parents=tuple(promotion.parents)[-LIST_ITEMS:],
        environment=workshop.subject.environment,
    )
    return News(f"recipe:{experiment.id}:{idea.number}", body, experiment.spec.share_level)


def replication_news(judged: Judged, environment: str) -> News:
    """What our own measurement says of a peer's recipe.

    A recipe that was no better than our champion is refuted only if our champion was the state that it claims to improve.
    """
    experiment, trial = judged.experiment, judged.trial
    evidence = trial.evidence if trial else None
    outcome: Literal["confirmed", "refuted", "inapplicable"] = (
        "confirmed" if judged.verdict.rejected is None else _outcome(judged)
    )
    body = Replication(
        recipe=judged.idea.recipe or "",
        task=experiment.task,
        outcome=outcome,
        evidence=_measured(evidence) if evidence else None,
        environment=environment,
    )
    return News(f"replication:{experiment.id}:{judged.idea.number}", body, experiment.spec.share_level)


def summary_news(experiment: Experiment, ledger: Sequence[IdeaRecord], environment: str) -> News | None:
    """An ended experiment in numbers; None where not even its baseline was measured."""
    baseline = experiment.baseline
    if baseline is None or experiment.best is None:
        return None
    calibration = baseline.calibration
    gain = _gain(experiment, baseline.value, experiment.best)
    body = Summary(
        task=experiment.task,
        project=experiment.spec.project.name,
        metric=_metric(experiment),
        experiment=experiment.id,
        baseline=Moments(n=calibration.n, mean=calibration.mean, sd=calibration.sd),
        champion=Moments(n=1, mean=experiment.best, sd=0.0),
        gain=gain,
        operators=_outcomes(ledger),
        costs=Costs(
            trials=experiment.spent.trials,
            wall_s=round(experiment.spent.wall_s, 3),
            cpu_s=round(experiment.spent.cpu_s, 3),
            tokens=experiment.spent.tokens,
            dollars=experiment.spent.micro_dollars / _MICRO,
        ),
        environment=environment,
    )
    return News(f"summary:{experiment.id}", body, experiment.spec.share_level)


def _outcome(judged: Judged) -> Literal["refuted", "inapplicable"]:
    rejected = judged.verdict.rejected
    was_measured = isinstance(rejected, Rejected) and rejected.rule.startswith("baseline.")
    is_same_state = judged.experiment.champion == judged.experiment.base
    return "refuted" if was_measured and is_same_state else "inapplicable"


def _metric(experiment: Experiment) -> Metric:
    metric = experiment.spec.metric
    return Metric(name=metric.name, direction=metric.direction)


def _measured(evidence: Evidence) -> Measured:
    return Measured(
        pairs=evidence.pairs,
        gain=evidence.gain,
        lower=evidence.lower if evidence.lower is not None else min(evidence.gain, 0.0),
        e_value=min(evidence.e_value, 1e15) if evidence.e_value is not None else None,
        noise=evidence.noise,
    )


def _gain(experiment: Experiment, before: float, after: float) -> float:
    difference = before - after if experiment.spec.metric.direction == "lower" else after - before
    return difference / (abs(before) or 1.0)


def _outcomes(ledger: Sequence[IdeaRecord]) -> dict[str, Outcomes]:
    counts: dict[str, dict[str, int]] = {}
    for record in ledger:
        of_operator = counts.setdefault(record.idea.operator, {"proposed": 0})
        of_operator["proposed"] += 1
        name = _column(record)
        of_operator[name] = of_operator.get(name, 0) + 1
    return {operator: Outcomes(**of_operator) for operator, of_operator in counts.items()}


def _column(record: IdeaRecord) -> str:
    rejected = record.verdict.rejected if record.verdict else None
    if record.outcome is State.PROMOTED:
        return "promoted"
    if rejected is None or record.trial is None:
        return "refused"
    if record.trial.failure is not None:
        return "crashed"
    return "not_better" if rejected.rule in _NOT_BETTER else "rejected"


_NOT_BETTER: Mapping[str, None] = dict.fromkeys(("baseline.not-better", "baseline.too-small", "baseline.worse"))
