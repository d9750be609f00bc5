"""The durable queue: each handler has its own place in it, its own pace, and its own failures. No handler waits for another."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol

from hive_node.ports import Clock, StoreError
from hive_node.ports.skills import Deliveries, Delivery, EventLog, Stored
from hive_node.skills.event import Kind, Report

logger = logging.getLogger(__name__)

# What is read at a time. A handler that is far behind is not the reason for a large process.
_BATCH: Final = 100
# After so many failures it is a fault of the handler, and waits for a person: `hive-node event retry`.
BACK_OFF_S: Final = (1.0, 5.0, 30.0, 300.0, 3600.0)
# A handler that gives the time back to the API works a quarter of it at most, and looks at what came in a tenth of a second at once.
_REST: Final = 3.0
_LEAST_REST_S: Final = 0.1
# What comes in so short a time is looked at together: a look costs the API more than an event does.
_GATHER_S: Final = 0.02
_STORE_PAUSE_S: Final = 2.0
_ERROR_CHARS: Final = 500


class Consumer(Protocol):
    """What events are delivered to."""

    @property
    def name(self) -> str: ...

    @property
    def kinds(self) -> frozenset[Kind]: ...

    async def take(self, delivery: Delivery) -> bool:
        """Handle it. True: what came of it, and that it is done, are written in one transaction. False: nothing came of it.

        Whatever is raised is a failed delivery.
        """
        ...


@dataclass(slots=True)
class Pump:
    """Carries events to one consumer, in order; what failed comes again later, and holds nothing up. rests: it shares the event loop."""

    consumer: Consumer
    deliveries: Deliveries
    clock: Clock
    rests: bool = False
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    _has_failed: bool = True

    async def serve(self) -> None:
        """Until cancelled. A store that does not answer is asked again; every other fault belongs to one delivery."""
        while True:
            try:
                self.wake.clear()  # before looking: what is stored meanwhile is not slept through
                if not await self._round():
                    await self._wait()
            except StoreError as error:
                logger.warning("queue waits for the store", extra={"handler": self.consumer.name, "code": error.code})
                await self.clock.sleep(_STORE_PAUSE_S)

    async def _round(self) -> bool:
        """One batch. Returns whether there may be more."""
        name = self.consumer.name
        batch = await self.deliveries.due(name, self.consumer.kinds, self.clock.now(), _BATCH)
        began, quiet = self.clock.monotonic(), 0
        for delivery in batch.again:
            await self._take(delivery)
        for delivery in batch.fresh:
            quiet += not await self._take(delivery)
            await asyncio.sleep(0)  # an engine need not wait for anything: whoever else waits comes in between
        if batch.end is not None:
            await self.deliveries.pass_over(name, batch.end, handled=quiet)
        if self.rests and batch.fresh:
            await self.clock.sleep(max(_LEAST_REST_S, _REST * (self.clock.monotonic() - began)))
        return bool(batch.again) or batch.end is not None

    async def _take(self, delivery: Delivery) -> bool:
        """Whether something was written of it."""
        name = self.consumer.name
        try:
            is_written = await self.consumer.take(delivery)
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001  the boundary: whatever a handler raises is its delivery's failure
            await self._fail(delivery, error)
            return True
        if delivery.attempts and not is_written:
            await self.deliveries.done(name, delivery)
        return is_written

    async def _fail(self, delivery: Delivery, error: Exception) -> None:
        due_at, self._has_failed = self._due_at(delivery.attempts), True
        fields = {"handler": self.consumer.name, "event": delivery.event.id, "attempt": delivery.attempts + 1}
        level = logging.WARNING if delivery.attempts == 0 or due_at is None else logging.DEBUG
        logger.log(
            level, "delivery failed", extra=fields | {"error": type(error).__name__, "again": due_at is not None}
        )
        words = f"{type(error).__name__}: {error}"[:_ERROR_CHARS]
        await self.deliveries.failed(self.consumer.name, delivery, words, due_at)

    def _due_at(self, failures: int) -> datetime | None:
        if failures >= len(BACK_OFF_S):
            return None
        return self.clock.now() + timedelta(seconds=BACK_OFF_S[failures])

    async def _wait(self) -> None:
        due_at = await self.deliveries.next_due(self.consumer.name) if self._has_failed else None
        self._has_failed = due_at is not None
        pause_s = max(0.0, (due_at - self.clock.now()).total_seconds()) if due_at else None
        with suppress(TimeoutError):
            async with asyncio.timeout(pause_s):
                await self.wake.wait()
        await self.clock.sleep(_GATHER_S)


@dataclass(slots=True)
class Intake:
    """Where reports come in: on disk first, then the pumps are woken."""

    log: EventLog
    pumps: Sequence[Pump] = ()

    async def report(self, reports: Sequence[Report]) -> list[Stored]:
        """Where each event stands now. Raises StoreError; then nothing was taken in."""
        stored = await self.log.store(reports)
        for pump in self.pumps:
            pump.wake.set()
        return stored
