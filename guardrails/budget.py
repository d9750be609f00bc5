"""What an experiment may spend, and what it has spent. Pure sums; the caller measures.

Caps are hard: a cost that may not fit is not begun.
Money is counted in whole micro-dollars: a million calls at 0.1 dollars add up to exactly 100 000.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, InvalidOperation
from enum import StrEnum

_MICRO = 1_000_000
_MOST_DOLLARS = 10**12


class StopReason(StrEnum):
    """Which cap ended an experiment. The order is the one they are reported in, should several be reached at once."""

    ITERATIONS = "iterations"
    WALL = "wall"
    DOLLARS = "dollars"
    TOKENS = "tokens"
    TRIALS = "trials"
    CPU = "cpu"
    HOLDOUT = "holdout"


@dataclass(frozen=True, slots=True)
class Budget:
    """Caps of one experiment. None: not capped by this. What costs money, and the holdout, are always capped.

    iterations, trials, tokens, holdout_looks: counts. wall_s, cpu_s: seconds. micro_dollars: see
    `cap_in_micro_dollars`. A cap of 0 on dollars, tokens or holdout_looks forbids spending any, and does not end an
    experiment that needs none.
    Raises ValueError for a cap that is negative or not a finite number.
    """

    iterations: int
    wall_s: float
    micro_dollars: int
    tokens: int | None = None
    trials: int | None = None
    cpu_s: float | None = None
    holdout_looks: int = 0

    def __post_init__(self) -> None:
        _check_amounts(self)


@dataclass(frozen=True, slots=True)
class Spent:
    """What was used up, or what a next step may cost at most. Units as in `Budget`, ValueError likewise."""

    iterations: int = 0
    wall_s: float = 0.0
    micro_dollars: int = 0
    tokens: int = 0
    trials: int = 0
    cpu_s: float = 0.0
    holdout_looks: int = 0

    def __post_init__(self) -> None:
        _check_amounts(self)

    def plus(self, more: "Spent") -> "Spent":
        """Both together."""
        return Spent(
            iterations=self.iterations + more.iterations,
            wall_s=self.wall_s + more.wall_s,
            micro_dollars=self.micro_dollars + more.micro_dollars,
            tokens=self.tokens + more.tokens,
            trials=self.trials + more.trials,
            cpu_s=self.cpu_s + more.cpu_s,
            holdout_looks=self.holdout_looks + more.holdout_looks,
        )


def exhausted(budget: Budget, spent: Spent) -> StopReason | None:
    """The first cap that is reached; None while there is something left of each."""
    for reason, field in _FIELDS.items():
        cap, used = getattr(budget, field), getattr(spent, field)
        if cap is not None and used >= cap and (cap > 0 or reason not in _OPTIONAL):
            return reason
    return None


def can_afford(budget: Budget, spent: Spent, cost: Spent) -> bool:
    """Would each cap still hold after this cost? Ask with the most that a step may cost, before it begins."""
    after = spent.plus(cost)
    caps = ((getattr(budget, field), getattr(after, field)) for field in _FIELDS.values())
    return all(cap is None or used <= cap for cap, used in caps)


def cap_in_micro_dollars(dollars: Decimal | int | float | str) -> int:
    """A cap as a person wrote it (`2.0`), rounded down.

    Raises ValueError for what is negative, not a finite number, or more than a trillion dollars.
    """
    return int((_decimal(dollars) * _MICRO).to_integral_value(ROUND_FLOOR))


def cost_in_micro_dollars(dollars: Decimal | int | float | str) -> int:
    """A cost, rounded up: what is spent is never counted as less. Raises ValueError as `cap_in_micro_dollars` does."""
    return int((_decimal(dollars) * _MICRO).to_integral_value(ROUND_CEILING))


_FIELDS: Mapping[StopReason, str] = {
    StopReason.ITERATIONS: "iterations",
    StopReason.WALL: "wall_s",
    StopReason.DOLLARS: "micro_dollars",
    StopReason.TOKENS: "tokens",
    StopReason.TRIALS: "trials",
    StopReason.CPU: "cpu_s",
    StopReason.HOLDOUT: "holdout_looks",
}

# An experiment can do without these: the numeric tuner costs nothing, and a spec need not have a holdout.
_OPTIONAL = frozenset({StopReason.DOLLARS, StopReason.TOKENS, StopReason.HOLDOUT})


def _decimal(dollars: Decimal | int | float | str) -> Decimal:
    try:
        amount = Decimal(
            str(dollars)
        )  # the shortest text of a float is what its writer meant: 0.1, not 0.1000000000000000055
    except InvalidOperation as error:
        raise ValueError("an amount of dollars must be a number") from error
    if not (amount.is_finite() and 0 <= amount <= _MOST_DOLLARS):
        raise ValueError(f"an amount of dollars lies between 0 and {_MOST_DOLLARS}, got {amount}")
    return amount


def _check_amounts(amounts: Budget | Spent) -> None:
    for field in fields(amounts):
        value = getattr(amounts, field.name)
        if value is None and field.default is None:
            continue
        if not _is_amount(value, whole=not field.name.endswith("_s")):
            raise ValueError(f"{field.name} is a finite amount of at least 0, got {value!r}")


def _is_amount(value: object, *, whole: bool) -> bool:
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
        return False
    return 0 <= value < math.inf
