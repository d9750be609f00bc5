"""What an experiment has to tell: recipes, replications, summaries."""

import logging
from collections.abc import Callable, Sequence
from typing import Final, Literal

from pydantic import ValidationError

from guardrails.evidence import Evidence
from guardrails.verdict import Rejected
from hive_node.domain import Experiment, Files, IdeaRecord, Promotion, State
from hive_node.improve.report import gain
from hive_node.improve.workshop import Judged
from hive_node.ports import News
from protocol.deltas import (
    Body,
    Costs,
    Measured,
    Metric,
    Moments,
    Outcomes,
    Recipe,
    Replication,
    Summary,
    first_fault,
)
from protocol.ids import sha256_hex
from protocol.limits import LIST_ITEMS

logger = logging.getLogger(__name__)

_MICRO: Final = 1_000_000
_NOT_BETTER: Final = frozenset({"baseline.not-better", "baseline.too-small", "baseline.worse"})


def recipe_news(experiment: Experiment, promotion: Promotion, champion: Files, environment: str) -> News | None:
    """A promotion, so that another node can try it; None where its edits are too many or too large for one recipe."""
    idea = promotion.idea
    return _news(
        f"recipe:{experiment.id}:{idea.number}",
        experiment,
        lambda: Recipe(
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
            environment=environment,
        ),
    )


def replication_news(judged: Judged, environment: str) -> News | None:
    """What our own measurement says of a peer's recipe; None where this very change was tried before, and nothing is measured.

    A recipe that was no better than our champion is refuted only if our champion was the state that it claims to improve.
    """
    experiment, trial = judged.experiment, judged.trial
    evidence = trial.evidence if trial else None
    if judged.verdict.rejected is not None and judged.verdict.rejected.rule == "ledger.repeated":
        return None
    return _news(
        f"replication:{experiment.id}:{judged.idea.number}",
        experiment,
        lambda: Replication(
            recipe=judged.idea.recipe or "",
            task=experiment.task,
            outcome="confirmed" if judged.verdict.rejected is None else _outcome(judged),
            evidence=_measured(evidence) if evidence else None,
            environment=environment,
        ),
    )


def summary_news(experiment: Experiment, ledger: Sequence[IdeaRecord], environment: str) -> News | None:
    """An ended experiment in numbers; None where not even its baseline was measured."""
    baseline, best = experiment.baseline, experiment.best
    if baseline is None or best is None:
        return None
    calibration, spent = baseline.calibration, experiment.spent
    return _news(
        summary_purpose(experiment),
        experiment,
        lambda: Summary(
            task=experiment.task,
            project=experiment.spec.project.name,
            metric=_metric(experiment),
            experiment=experiment.id,
            baseline=Moments(n=calibration.n, mean=calibration.mean, sd=calibration.sd),
            champion=Moments(n=1, mean=best, sd=0.0),
            gain=gain(experiment) or 0.0,
            operators=_outcomes(ledger),
            costs=Costs(
                trials=spent.trials,
                wall_s=round(spent.wall_s, 3),
                cpu_s=round(spent.cpu_s, 3),
                tokens=spent.tokens,
                dollars=spent.micro_dollars / _MICRO,
            ),
            environment=environment,
        ),
    )


def summary_purpose(experiment: Experiment) -> str:
    """What a summary says, once for ever: the experiment, and how much of it was taken back by then."""
    return f"summary:{experiment.id}" + (f":{experiment.reverted}" if experiment.reverted else "")


def _news(purpose: str, experiment: Experiment, make: Callable[[], Body]) -> News | None:
    try:
        return News(purpose, make(), experiment.spec.share_level)
    except ValidationError as error:
        # Numbers beyond what a delta may say (a metric of 1e18), edits beyond one recipe: a result here all the same.
        logger.info("not told", extra={"purpose": purpose, "reason": first_fault(error)})
        return None


def _outcome(judged: Judged) -> Literal["refuted", "inapplicable"]:
    rejected = judged.verdict.rejected
    was_measured = isinstance(rejected, Rejected) and rejected.rule.startswith("baseline.")
    return "refuted" if was_measured and judged.idea.is_like_for_like else "inapplicable"


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


def _outcomes(ledger: Sequence[IdeaRecord]) -> dict[str, Outcomes]:
    counts: dict[str, dict[str, int]] = {}
    for record in ledger:
        of_operator = counts.setdefault(record.idea.operator, {"proposed": 0})
        of_operator["proposed"] += 1
        if column := _column(record):
            of_operator[column] = of_operator.get(column, 0) + 1
    return {operator: Outcomes(**of_operator) for operator, of_operator in counts.items()}


def _column(record: IdeaRecord) -> str | None:
    """What became of an idea, as a summary counts it; None while it is open, as the last one of a stopped experiment may be."""
    rejected = record.verdict.rejected if record.verdict else None
    if record.outcome is State.PROMOTED:
        return "promoted"
    if record.outcome is None or rejected is None:
        return None
    if record.trial is None:
        return "refused"
    if record.trial.failure is not None:
        return "crashed"
    return "not_better" if rejected.rule in _NOT_BETTER else "rejected"
