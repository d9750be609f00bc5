"""Time that passes only while everybody waits for it."""

import asyncio
import selectors
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

# When every simulated story begins.
EPOCH: Final = datetime(2026, 1, 1, 12, tzinfo=UTC)


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop that jumps from one alarm to the next."""

    def __init__(self) -> None:
        super().__init__(_Jumping())
        self._selector: Any

    def time(self) -> float:
        """Seconds since the story began."""
        return float(self._selector.now)


class _Jumping(selectors.DefaultSelector):
    now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise RuntimeError("everybody waits for somebody else: nothing will ever happen again")
        self.now += max(0.0, timeout)
        return super().select(0)


@dataclass(slots=True)
class SimClock:
    """The loop's time, and how far this node's clock is off."""

    skew: timedelta = timedelta()

    def now(self) -> datetime:
        """The present moment, as this node's clock has it."""
        return EPOCH + self.skew + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        """Seconds since the story began."""
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        """Let others run; a negative number is none."""
        await asyncio.sleep(max(0.0, seconds))
