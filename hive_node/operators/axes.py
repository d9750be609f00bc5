"""Constants as axes of the unit cube: what a search moves in, whatever the constants are."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from hive_node.config.project import TuneHint
from hive_node.operators.constants import Value
from hive_node.operators.space import Space

Point: TypeAlias = tuple[float, ...]
"""A place in the unit cube, one coordinate an axis."""

# Digits of a number that a search makes up: nobody means the seventeenth.
_DIGITS: Final = 10
# Two different choices are as far apart as the ends of a number's range.
_APART: Final = math.sqrt(0.5)


@dataclass(frozen=True, slots=True)
class Axis:
    """One constant. choices: all its values, or none where it is a number from low to high.

    step: between two values, None where there is a value between any two; low + a whole number of steps is high.
    is_float: it is one now, and stays one where its range is written in whole numbers. count: how many values there are.
    """

    key: str
    choices: tuple[Value, ...]
    low: float | int
    high: float | int
    step: float | int | None
    is_log: bool
    is_whole: bool
    is_float: bool
    count: float

    def value(self, at: float) -> Value:
        """The value at that coordinate."""
        if self.choices:
            return self.choices[self._chosen(at)]
        if self.is_log:
            exact = math.exp(_between(math.log(self.low), math.log(self.high), at))
        else:
            exact = _between(self.low, self.high, at)
        if self.step is not None:
            exact = self.low + round((exact - self.low) / self.step) * self.step
        rounded: float | int = round(exact) if self.is_whole else float(f"{exact:.{_DIGITS}g}")
        value = min(max(rounded, self.low), self.high)
        return float(value) if self.is_float else value

    def coordinate(self, value: Value) -> float | None:
        """Where `value` lies, at an end if it is beyond it; None where it is none of the choices or no number."""
        if self.choices:
            return (self.choices.index(value) + 0.5) / len(self.choices) if value in self.choices else None
        if isinstance(value, str | bool):
            return None
        low, high = self.low, self.high
        if self.is_log:
            low, high, value = math.log(low), math.log(high), math.log(max(value, low))
        return min(max((value - low) / (high - low), 0.0), 1.0) if high > low else 0.0

    def coordinates(self) -> list[float]:
        """Where each of the values lies, if there are not too many."""
        if self.choices:
            return [(at + 0.5) / len(self.choices) for at in range(len(self.choices))]
        values = [self.low + at * (self.step or 1) for at in range(int(self.count))]
        return [at for value in values if (at := self.coordinate(value)) is not None]

    def moved(self, at: float, by: float, other: float) -> float:
        """The coordinate `by` further on, another value if there is one. other: any coordinate, for what has no order."""
        if self.choices:
            return other
        there = min(max(at + by, 0.0), 1.0)
        if math.isinf(self.count) or self.value(there) != self.value(at):
            return there
        # Between two whole numbers there is nothing: the next one it is.
        return min(max(at + math.copysign(1.0 / max(self.count - 1, 1), by), 0.0), 1.0)

    def columns(self, at: float) -> list[float]:
        """The coordinate as a model sees it: choices have no order."""
        if not self.choices:
            return [at]
        chosen = self._chosen(at)
        return [_APART if choice == chosen else 0.0 for choice in range(len(self.choices))]

    def _chosen(self, at: float) -> int:
        return min(int(at * len(self.choices)), len(self.choices) - 1)


def axis_of(key: str, hint: TuneHint, *, is_float: bool) -> Axis:
    """The axis that a line of [tune] describes, for a constant that is a float now or is not."""
    if hint.low is None or hint.high is None:
        choices = tuple(float(one) if is_float and not isinstance(one, str) else one for one in hint.choices)
        return Axis(key, choices, 0, 0, None, False, False, is_float, len(choices))
    steps = int((hint.high - hint.low) / hint.step + 1e-9) if hint.step is not None else 0
    high = hint.low + steps * hint.step if hint.step is not None else hint.high
    is_whole = all(isinstance(one, int) for one in (hint.low, hint.high, hint.step or 1))
    step = 1 if is_whole and hint.step is None and not hint.log else hint.step
    count = (
        hint.high - hint.low + 1 if is_whole and hint.step is None else steps + 1 if hint.step is not None else math.inf
    )
    return Axis(key, (), hint.low, high, step, hint.log, is_whole, is_float, count)


def axes_of(space: Space) -> tuple[Axis, ...]:
    """The axes of a space, in one order for ever."""
    found = [axis_of(place.key, hint, is_float=isinstance(value, float)) for place, (value, hint) in space.items()]
    return tuple(sorted(found, key=lambda axis: axis.key))


def point_of(axes: Sequence[Axis], values: Mapping[str, Value]) -> Point | None:
    """Where those values lie; None where one is missing, or is on no axis."""
    found = [axis.coordinate(values[axis.key]) if axis.key in values else None for axis in axes]
    return tuple(at for at in found if at is not None) if None not in found else None


def values_at(axes: Sequence[Axis], point: Point) -> dict[str, Value]:
    """The values there."""
    return {axis.key: axis.value(at) for axis, at in zip(axes, point, strict=True)}


def _between(low: float, high: float, at: float) -> float:
    return low + (high - low) * at
