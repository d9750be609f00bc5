"""What a row of the table is: one part of the product and its figures, each beside its budget and what bounds it here."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Sense = Literal["at most", "at least"]


@dataclass(frozen=True, slots=True)
class Figure:
    """One number. budget None: told, held to nothing. limit: in the same unit, measured in the same run."""

    what: str
    measured: float
    unit: str
    budget: float | None = None
    sense: Sense = "at most"
    limit: float | None = None
    limit_is: str = ""

    @property
    def ratio(self) -> float | None:
        """How many times the limit the figure is."""
        return self.measured / self.limit if self.limit else None

    @property
    def is_held(self) -> bool | None:
        """Whether the budget is held; None where there is none. What could not be measured is not held."""
        if self.budget is None:
            return None
        return self.measured <= self.budget if self.sense == "at most" else self.measured >= self.budget


@dataclass(frozen=True, slots=True)
class Row:
    """What one module of this package measured. notes: how, and what else was seen."""

    name: str
    figures: tuple[Figure, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured."""

    is_quick: bool

    def choose(self, full: int, quick: int) -> int:
        """A count or a number of seconds."""
        return quick if self.is_quick else full


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of all values do not exceed; NaN of nothing."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else math.nan
