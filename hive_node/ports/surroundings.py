"""Time and chance, as they come in from outside."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol, TypeAlias, TypeVar

T = TypeVar("T")

CallerOf: TypeAlias = Callable[[tuple[str, int], tuple[str, int]], int | None]
"""(client, server), both host and port -> the user id of the program that connected; None where that cannot be told."""


class Clock(Protocol):
    """Time, read once at the edge and handed inwards."""

    def now(self) -> datetime:
        """The present moment, aware, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back."""
        ...

    async def sleep(self, seconds: float) -> None: ...


class Machine(Protocol):
    """The machine that trials share with its owner."""

    def why_wait(self) -> str | None:
        """Why no run should begin now, in words; None where one may."""
        ...


class Chance(Protocol):
    """Randomness."""

    def token_bytes(self, count: int) -> bytes: ...

    def uniform(self, low: float, high: float) -> float: ...

    def coin(self) -> bool: ...

    def sample(self, population: Sequence[T], count: int) -> list[T]: ...

    def seed(self) -> int: ...
