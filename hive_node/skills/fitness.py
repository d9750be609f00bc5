"""How good a version of a skill is: weighted objectives, each from 0 to 1. What was not measured is missing, never zero."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

WEIGHTS: Final[Mapping[str, float]] = {"performance": 0.3, "accuracy": 0.4, "cost": 0.2, "satisfaction": 0.1}
# What is called slow and costly; a call that takes exactly so much scores one half.
SLOW_S: Final = 5.0
COSTLY_TOKENS: Final = 5_000
# A tenth of a second of a call: what a busy machine makes of two equal versions.
NOISE: Final = 0.02


@dataclass(frozen=True, slots=True)
class Measures:
    """What is known of a version. seconds, tokens: of its calls. accuracy: shares of right answers. signals: values told later, by objective.

    Every list may be empty. accuracy and signals lie between 0 and 1.
    """

    seconds: Sequence[float] = ()
    tokens: Sequence[int] = ()
    accuracy: Sequence[float] = ()
    signals: Mapping[str, Sequence[float]] | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """value: the weighted mean of what is there; None where nothing is. missing: objectives that nobody measured."""

    value: float | None
    objectives: Mapping[str, float]
    missing: tuple[str, ...]


class Fitness(Protocol):
    """How versions are compared. One of your own is a class with no arguments, in the entry-point group `hive_node.fitness`."""

    def score(self, measures: Measures) -> Score:
        """Each objective from 0 to 1, more is better."""
        ...


class Weighted:
    """The shipped one, by `WEIGHTS`."""

    def score(self, measures: Measures) -> Score:
        """As Fitness.score."""
        return weigh(objectives_of(measures), WEIGHTS)


def objectives_of(measures: Measures) -> dict[str, float]:
    """Every objective that anything is known of: the mean of what was measured and what was told of it later."""
    told = {name: list(values) for name, values in (measures.signals or {}).items()}
    own: Mapping[str, list[float]] = {
        "performance": [1 / (1 + seconds / SLOW_S) for seconds in measures.seconds],
        "accuracy": list(measures.accuracy),
        "cost": [1 / (1 + tokens / COSTLY_TOKENS) for tokens in measures.tokens],
    }
    every = {name: [*own.get(name, ()), *told.get(name, ())] for name in {*own, *told}}
    return {name: math.fsum(values) / len(values) for name, values in every.items() if values}


def weigh(objectives: Mapping[str, float], weights: Mapping[str, float]) -> Score:
    """The weighted mean over the objectives that are there. Raises ValueError for one that is not between 0 and 1."""
    if wrong := [name for name, value in objectives.items() if not 0 <= value <= 1]:
        raise ValueError(f"an objective lies between 0 and 1: {', '.join(wrong)}")
    there = {name: weight for name, weight in weights.items() if name in objectives}
    missing = tuple(name for name in weights if name not in objectives)
    total = math.fsum(there.values())
    value = math.fsum(weight * objectives[name] for name, weight in there.items()) / total if total else None
    return Score(value, dict(objectives), missing)


def is_better(new: Score, old: Score) -> bool:
    """Better as a whole by more than noise, and worse in no objective that both have by more than that. Unknown is no better."""
    if new.value is None or old.value is None or new.value <= old.value + NOISE:
        return False
    common = new.objectives.keys() & old.objectives.keys()
    return all(new.objectives[name] >= old.objectives[name] - NOISE for name in common)
