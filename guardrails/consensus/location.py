"""One figure out of many owners' claims, that a few liars cannot move (docs/protocol.md §9). Plain arithmetic.

Sources: trimmed means under Byzantine minorities, Yin et al. 2018 (arXiv:1803.01498); averages of e-values are e-values
under any dependence, Vovk & Wang 2021 (doi:10.1214/20-AOS2020).
"""

import math
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from protocol.limits import NUMBER_MAX
from protocol.wire import JsonValue

# Under 8 owners trimming either keeps one or two claims, which is the median, or withstands a single liar.
TRIMMED_FROM: Final = 8


@dataclass(frozen=True, slots=True)
class Figure:
    """What the owners' claims come to.

    n: owners whose claims were usable, before any trimming. f: how many of those n may lie, together and at will, without
    moving `value` out of the range of the others' claims. left_out: owners whose claim has no part in `value`, because it
    was trimmed or is no number; sorted. A median uses every claim's rank, so it trims nobody.
    """

    value: float
    n: int
    f: int
    rule: Literal["median", "trimmed-mean"]
    left_out: tuple[str, ...] = ()

    def tree(self) -> dict[str, JsonValue]:
        """As JSON."""
        return {"value": self.value, "n": self.n, "f": self.f, "rule": self.rule, "left_out": list(self.left_out)}


@dataclass(frozen=True, slots=True)
class Unknown:
    """Too few owners for a figure that withstands what it must: n of the `needed` had a usable claim."""

    n: int
    needed: int
    left_out: tuple[str, ...] = ()

    def tree(self) -> dict[str, JsonValue]:
        """As JSON; `value` is null, where a figure has its number."""
        return {"value": None, "n": self.n, "needed": self.needed, "left_out": list(self.left_out)}


def assumed_liars(owners: int) -> int:
    """f for a hive of so many owners, unless its charter says more: 1, and 0 below 3 owners, where no majority is left.

    Not a share of the hive: most tasks are known to two or three of its people, and f = 6 in a hive of 20 would keep
    every figure from them. A figure withstands what its own n allows in any case; f is the least that is asked of it.
    """
    return 0 if owners < 3 else 1


def robust_location(claims: Mapping[str, float], least_f: int = 0) -> Figure | Unknown:
    """Where the owners' claims lie, one claim an owner.

    Fewer than 8 owners: the median, which withstands f = (n − 1) // 2. From 8: the mean of what is left after the f
    smallest and the f largest are dropped, f = max(least_f, (n − 1) // 3); a third keeps the mean's precision, and the
    most that n ≥ 2f + 1 allows would be the median again.

    least_f: how many liars the figure must withstand. With fewer than 2·least_f + 1 usable claims, or none, the answer is
    Unknown: refused, never weakened. A claim that is not finite, or beyond the protocol's range, is left out.
    """
    usable = sorted((value + 0.0, owner) for owner, value in claims.items() if _is_number(value))
    broken = [owner for owner, value in claims.items() if not _is_number(value)]
    n, needed = len(usable), 2 * least_f + 1
    if n < needed:
        return Unknown(n, needed, tuple(sorted(broken)))
    if n < TRIMMED_FROM:
        middle = statistics.median(value for value, _ in usable)
        return Figure(middle, n, (n - 1) // 2, "median", tuple(sorted(broken)))
    f = max(least_f, (n - 1) // 3)
    trimmed = [owner for _, owner in usable[:f] + usable[n - f :]]
    mean = _mean([value for value, _ in usable[f : n - f]])
    return Figure(mean, n, f, "trimmed-mean", tuple(sorted(broken + trimmed)))


def conservative_bound(bounds: Iterable[float], f: int) -> float:
    """A lower bound that owners' lower bounds support, to order by; at least one, one an owner.

    From 2f + 1 owners on the (f + 1)-th smallest: no f liars push it below every honest bound or above one of them all.
    With fewer nothing withstands f liars, and the smallest is the one that promises least.
    """
    ordered = sorted(bounds)
    return ordered[f] if len(ordered) >= 2 * f + 1 else ordered[0]


def merge_e_values(by_owner: Mapping[str, float], f: int) -> float | None:
    """One e-value from one an owner: the f largest are dropped, the rest averaged. None where nothing is left.

    While at most f owners lie the result is at most the average of the honest ones', hence an e-value. What is no e-value
    (negative, not finite, out of range) counts as 0: leaving it out could raise the average.
    """
    ordered = sorted(value + 0.0 if value >= 0 and _is_number(value) else 0.0 for value in by_owner.values())
    kept = ordered[: max(0, len(ordered) - f)]
    return _mean(kept) if kept else None


def _is_number(value: float) -> bool:
    return abs(value) <= NUMBER_MAX  # false for NaN and the infinities too


def _mean(ordered: list[float]) -> float:
    # fsum: the same sum in any order. Division may round an ulp past the ends, and no honest claim lies there.
    return min(max(math.fsum(ordered) / len(ordered), ordered[0]), ordered[-1])
