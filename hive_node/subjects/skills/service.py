"""Learning from what happened, as one service: the queue with its handlers, the bench, and now and then a sweep."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from hive_node.ports import Clock
from hive_node.ports.skills import Deliveries, EventLog, SkillShelf
from hive_node.subjects.skills.bench import Bench
from hive_node.subjects.skills.queue import Consumer, Intake, Pump
from hive_node.subjects.skills.registry import Registry

logger = logging.getLogger(__name__)

_SWEEP_EVERY_S: Final = 3600.0


class Serves(Protocol):
    """A part that runs until it is cancelled."""

    async def serve(self) -> None: ...


class SweptLog(EventLog, Protocol):
    """Events, of which old ones go."""

    async def sweep(self) -> None:
        """Let go of old events that every handler is done with."""
        ...


@dataclass(slots=True)
class SkillService:
    """learning: the engines on the queue. find: the user's handlers, looked for when the service starts. beside: what else runs with it.

    fresh: makes what a call before left lying about go.
    """

    log: SweptLog
    deliveries: Deliveries
    shelf: SkillShelf
    intake: Intake
    registry: Registry
    bench: Bench
    learning: Sequence[Consumer]
    find: Callable[[], Awaitable[Sequence[Consumer]]]
    beside: Sequence[Serves]
    fresh: Callable[[], None]
    clock: Clock
    ready: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self) -> None:
        """Until cancelled. Events are taken in from the start; what they go to may come a moment later."""
        await asyncio.to_thread(self.fresh)
        # Before the first event can be stored: handlers take a moment to load, and miss nothing of it.
        start = await self.deliveries.newest()
        async with asyncio.TaskGroup() as group:
            for part in self.beside:
                group.create_task(part.serve())
            pumps = await self._pumps(start)
            for pump in pumps:
                group.create_task(pump.serve(), name=pump.consumer.name)
            self.intake.pumps = pumps
            self.ready.set()
            group.create_task(self.bench.serve())
            group.create_task(self._sweep())

    async def again(self, handler: str) -> int:
        """Take up what a handler gave up. Raises NotFound, StoreError."""
        count = await self.deliveries.again(handler)
        for pump in self.intake.pumps:
            if pump.consumer.name == handler:
                pump.wake.set()
        return count

    async def _pumps(self, start: int) -> list[Pump]:
        """Engines share the event loop with the API, and rest between events; handlers have processes of their own."""
        users = await self.find()
        await self.deliveries.register([one.name for one in (*self.learning, *users)], start)
        engines = [Pump(one, self.deliveries, self.clock, rests=True) for one in self.learning]
        return engines + [Pump(one, self.deliveries, self.clock) for one in users]

    async def _sweep(self) -> None:
        while True:
            await self.clock.sleep(_SWEEP_EVERY_S)
            await self.log.sweep()
