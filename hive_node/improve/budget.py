"""When an experiment ends by itself."""

from dataclasses import replace

from guardrails.budget import Budget, cap_in_micro_dollars, exhausted
from hive_node.domain import Experiment


def stop_reason(experiment: Experiment) -> str | None:
    """Why the experiment ends before another idea, or None."""
    if reason := exhausted(budget_of(experiment), experiment.spent):
        return reason.value
    target, best = experiment.spec.budget.target, experiment.best
    if target is not None and best is not None:
        is_reached = best <= target if experiment.spec.metric.direction == "lower" else best >= target
        if is_reached:
            return "target"
    patience = experiment.spec.budget.patience
    return "no-progress" if patience is not None and experiment.idle >= patience else None


def budget_of(experiment: Experiment) -> Budget:
    """The caps that the spec sets. Without `dollars` no money is spent at all."""
    caps = experiment.spec.budget
    holdout = experiment.spec.holdout
    return Budget(
        iterations=caps.iterations,
        wall_s=caps.wall_s,
        micro_dollars=cap_in_micro_dollars(caps.dollars or 0),
        tokens=caps.tokens,
        holdout_looks=holdout.looks if holdout else 0,
    )


def money_of(experiment: Experiment) -> Budget:
    """The same caps for a question beside the loop: of time and ideas nothing is spent by it, however much there was."""
    caps, spent = budget_of(experiment), experiment.spent
    return replace(
        caps,
        iterations=max(caps.iterations, spent.iterations),
        wall_s=max(caps.wall_s, spent.wall_s),
        holdout_looks=max(caps.holdout_looks, spent.holdout_looks),
    )
