"""Time and chance that a test holds in its hand."""

import asyncio
from datetime import datetime, timedelta

from tests.fakes.hive import NOW


class HeldClock:
    """Stands still until `advance`."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        waking = asyncio.get_running_loop().create_future()
        self._sleepers.append((self.seconds + seconds, waking))
        await waking

    async def advance(self, seconds: float) -> None:
        """Let so much time pass, in steps small enough that whoever wakes sleeps again in time; then let things settle."""
        end = self.seconds + seconds
        while self.seconds < end:
            self.seconds = min(end, self.seconds + 1.0)
            due = [one for one in self._sleepers if one[0] <= self.seconds]
            self._sleepers = [one for one in self._sleepers if one[0] > self.seconds]
            for _, waking in due:
                if not waking.done():
                    waking.set_result(None)
            await settled()


async def settled() -> None:
    """Let every task run until it waits for something."""
    for _ in range(50):
        await asyncio.sleep(0)
