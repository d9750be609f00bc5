"""Optuna's tree-structured Parzen estimator over points of the unit cube. Optuna is imported with this module alone."""

from collections.abc import Iterator, Sequence
from typing import Final

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState

from hive_node.operators.axes import Axis, Point

_DRAWS: Final = 10


def suggest(axes: Sequence[Axis], known: Sequence[tuple[Point, float | None]], seed: int) -> Iterator[Point]:
    """Points drawn one after another. known: each point with its loss, smaller is better, or None where it failed."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    distributions = {axis.key: _distribution(axis) for axis in axes}
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=1))
    for point, loss in known:
        state = TrialState.PRUNED if loss is None else TrialState.COMPLETE  # pruned is worse than anything complete
        params = dict(zip(distributions, map(_to_optuna, axes, point), strict=True))
        study.add_trial(optuna.create_trial(state=state, value=loss, params=params, distributions=distributions))
    for _ in range(_DRAWS):
        drawn = study.ask(distributions).params
        yield tuple(_from_optuna(axis, drawn[axis.key]) for axis in axes)


def _distribution(axis: Axis) -> BaseDistribution:
    if axis.choices:
        return CategoricalDistribution(tuple(range(len(axis.choices))))
    # As many equal steps as there are values; a logarithmic axis is evenly spread in its coordinate already.
    if axis.count <= 2**31 and not axis.is_log:
        return IntDistribution(0, int(axis.count) - 1)
    return FloatDistribution(0.0, 1.0)


def _to_optuna(axis: Axis, at: float) -> float | int:
    match _distribution(axis):
        case CategoricalDistribution(choices=choices):
            return min(int(at * len(choices)), len(choices) - 1)
        case IntDistribution(high=high):
            return round(at * high)
        case _:
            return at


def _from_optuna(axis: Axis, drawn: float) -> float:
    match _distribution(axis):
        case CategoricalDistribution(choices=choices):
            return (drawn + 0.5) / len(choices)
        case IntDistribution(high=high):
            return drawn / high if high else 0.0
        case _:
            return float(drawn)
