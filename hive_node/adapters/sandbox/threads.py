"""Blocking runs in threads, awaited: a run that is cancelled is over before the cancellation arrives."""

import asyncio
import contextlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from hive_node.ports.sandbox import RunOutcome

_MOST_AT_ONCE: Final = 8  # each run has a thread that waits; more than this would measure one another


class Threads:
    """Those of one sandbox."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(_MOST_AT_ONCE, thread_name_prefix="sandbox")

    async def run(self, act: Callable[[int], RunOutcome]) -> RunOutcome:
        """`act` is given a descriptor; once it is readable, it is to kill its tree and come back."""
        stop = os.eventfd(0)
        job = self._pool.submit(act, stop)
        done = asyncio.wrap_future(job)
        try:
            return await asyncio.shield(done)
        except asyncio.CancelledError:
            os.eventfd_write(stop, 1)
            if not job.cancel():
                await _until_over(done)
            raise
        finally:
            os.close(stop)


async def _until_over(done: "asyncio.Future[RunOutcome]") -> None:
    """Wait, though one be asked to stop waiting: what runs must be gone before anything else happens."""
    while not done.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait([done])
    if not done.cancelled():
        done.exception()
