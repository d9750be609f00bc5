"""Time and chance: the one module that may read them. Everything else is handed a Clock and a Chance."""

import random
import secrets
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, TypeVar

_T = TypeVar("_T")

# The operating system's generator behind the standard library's arithmetic: nothing here can be seeded or foreseen.
_SYSTEM: Final = random.SystemRandom()
_SEED_BITS: Final = 63


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The present moment, aware, UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Let others run for `seconds`; a negative number is none."""
        import asyncio  # 40 ms of start that a command need not wait for

        await asyncio.sleep(max(0.0, seconds))


class SystemChance:
    """The operating system's randomness."""

    def token_bytes(self, count: int) -> bytes:
        """`count` bytes, fit for keys."""
        return secrets.token_bytes(count)

    def uniform(self, low: float, high: float) -> float:
        """A number between `low` and `high`."""
        return _SYSTEM.uniform(low, high)

    def choice(self, population: Sequence[_T]) -> _T:
        """One of `population`, which is not empty."""
        return _SYSTEM.choice(population)

    def sample(self, population: Sequence[_T], count: int) -> list[_T]:
        """`count` distinct places of `population`, or all of them in random order where it has fewer."""
        return _SYSTEM.sample(population, min(count, len(population)))

    def coin(self) -> bool:
        """Heads."""
        return bool(secrets.randbits(1))

    def seed(self) -> int:
        """A seed for somebody's reproducible generator: 0 ≤ seed < 2**63, which SQLite and JSON readers can hold."""
        return secrets.randbits(_SEED_BITS)


class SeededChance:
    """The same draws in every run, for simulations. Nothing for keys: whoever knows the seed knows them all."""

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)  # noqa: S311 - being foreseen is its purpose

    def token_bytes(self, count: int) -> bytes:
        """`count` bytes."""
        return self._random.randbytes(count)

    def uniform(self, low: float, high: float) -> float:
        """A number between `low` and `high`."""
        return self._random.uniform(low, high)

    def sample(self, population: Sequence[_T], count: int) -> list[_T]:
        """`count` distinct places of `population`, or all of them in random order where it has fewer."""
        return self._random.sample(population, min(count, len(population)))

    def coin(self) -> bool:
        """Heads."""
        return self._random.random() < 0.5

    def seed(self) -> int:
        """A seed for another generator, as SystemChance gives it."""
        return self._random.getrandbits(_SEED_BITS)
