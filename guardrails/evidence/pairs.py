"""Pairs of measurements, and the gains they show. Every finite number goes in, no NaN comes out."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

# A relative gain beyond this says no more than its sign does. The bound keeps each later product and difference finite.
LARGEST_GAIN = 1e100

_MAD_TO_SD = 1.4826  # the median absolute deviation of a normal distribution is sd / 1.4826


class Direction(StrEnum):
    """Which way a metric gets better."""

    LOWER = "lower"
    HIGHER = "higher"


@dataclass(frozen=True, slots=True)
class Pair:
    """One measurement of the champion and one of the challenger, taken next to each other. Units are the metric's own.

    Which of the two ran first must have been drawn at random for this very pair: the proof in `betting` rests on that.
    Raises ValueError for what is not a finite number; the caller calls such a run *unknown*, and never 0.
    """

    champion: float
    candidate: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "champion", finite(self.champion, "champion"))
        object.__setattr__(self, "candidate", finite(self.candidate, "candidate"))


def finite(value: object, name: str) -> float:
    """The value as a finite float, with -0.0 as 0.0.

    Raises ValueError for NaN, infinities, booleans, text and integers beyond 1.8e308.
    """
    number = _as_float(value)
    if not math.isfinite(number):
        raise ValueError(f"{name} must be a finite number")  # not quoted: it may be a stranger's text
    return number + 0.0


def relative_gain(before: float, after: float, direction: Direction, scale: float) -> float:
    """By how much `after` is better than `before`, as a share of `scale`; positive is better.

    scale: size of the pinned baseline. 0 means that there is none to be relative to: the gain is then absolute, in the
    metric's units.
    """
    difference = before - after if direction is Direction.LOWER else after - before
    gain = difference / (abs(scale) or 1.0)  # may be infinite, never NaN: both are finite, and the divisor is not 0
    return max(-LARGEST_GAIN, min(LARGEST_GAIN, gain))


def median(values: Sequence[float]) -> float:
    """The middle value. Halves before it adds, so that two values of 1e308 have a middle. Raises ValueError on none."""
    if not values:
        raise ValueError("no values, no median")
    ordered = sorted(values)
    below, above = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    return below if below == above else below / 2 + above / 2


def robust_sd(values: Sequence[float]) -> float:
    """Median absolute deviation, scaled to equal the standard deviation of normal noise. 0 for a single value."""
    middle = median(values)
    return _MAD_TO_SD * median([abs(value - middle) for value in values])


def _as_float(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.inf
