"""Ends an experiment where that cuts nothing in two: in a measurement or a wait, or before the next; never in a promotion."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")


class Stopped(Exception):
    """The experiment is to end now."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(slots=True)
class Brake:
    """One experiment's. Its work is one task at a time; anybody may pull."""

    _reason: str | None = None
    _waiting: "asyncio.Task[Any] | None" = None

    def pull(self, reason: str) -> None:
        """Cut short what may be cut short; everything else goes on until it comes to something that may. Never waits."""
        self._reason = self._reason or reason
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    async def over(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do `work`, which may be cut short without loss. Raises Stopped."""
        self._check()
        task = self._waiting = asyncio.current_task()
        try:
            return await work()
        except asyncio.CancelledError:
            # The whole daemon may be stopping at the same time: that is not ours to swallow.
            if self._reason is not None and task is not None and task.uncancel() == 0:
                self._check()
            raise
        finally:
            self._waiting = None

    def _check(self) -> None:
        if self._reason is not None:
            raise Stopped(self._reason)

    @asynccontextmanager
    async def turn(self, places: asyncio.Semaphore) -> AsyncIterator[None]:
        """One of a limited number of places, for as long as the block runs. Raises Stopped while waiting for it."""
        await self.over(places.acquire)
        try:
            yield
        finally:
            places.release()
