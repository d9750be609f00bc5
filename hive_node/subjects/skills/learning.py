"""An engine as a consumer of events: it is shown one event with what its scope knows, and what it makes of it passes the gate."""

import asyncio
import logging
from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from hive_node.ports.skills import Delivery, EventLog, SkillShelf, Which
from hive_node.skills.engine import Engine, Episode
from hive_node.skills.event import Kind, Scope, TaskEvent
from hive_node.skills.skill import Version

logger = logging.getLogger(__name__)

# As many as any window of the shipped engines holds, of as many scopes as work at one time.
_EARLIER: Final = 200
_SCOPES: Final = 16
_ERROR_CHARS: Final = 2_000
# An engine that thinks longer than this about one event has hung.
ANALYSIS_S: Final = 60.0


@dataclass(slots=True)
class Learning:
    """One engine on the queue. wanted: set when a version may wait to be written. revision: grows with every change of a skill."""

    engine: Engine
    log: EventLog
    shelf: SkillShelf
    wanted: asyncio.Event
    kinds: frozenset[Kind] = frozenset(Kind)
    _recent: "OrderedDict[Scope, deque[TaskEvent]]" = field(default_factory=OrderedDict)

    @property
    def name(self) -> str:
        return f"engine:{self.engine.name}"

    async def take(self, delivery: Delivery) -> bool:
        """As Consumer.take."""
        event = delivery.event
        episode = Episode(event, await self._earlier(delivery), tuple(await self._versions(event.scope)))
        async with asyncio.timeout(ANALYSIS_S):
            analysis = await self.engine.analyze_episode(episode)
        self._remember(event)
        if analysis is None:
            return False
        rejected = await self.shelf.learn(self.name, delivery, self.engine.name, analysis)
        if rejected is not None:
            logger.info("gate refused", extra={"engine": self.engine.name, "rule": rejected.rule})
        self.wanted.set()
        return True

    async def _earlier(self, delivery: Delivery) -> tuple[TaskEvent, ...]:
        """What came before it in its scope, without inputs and answers: the node takes those from the events themselves."""
        event = delivery.event
        recent = self._recent.get(event.scope)
        if recent is None or delivery.attempts:
            found = [_lean(one) for one in await self.log.earlier(event, _EARLIER)]
            if delivery.attempts:
                return tuple(found)
            recent = self._recent[event.scope] = deque(found, maxlen=_EARLIER)
        return tuple(recent)

    async def _versions(self, scope: Scope) -> Sequence[Version]:
        return await self.shelf.newest(Which(scope.owner, scope.project, scope.agent))

    def _remember(self, event: TaskEvent) -> None:
        if event.scope in self._recent:
            recent = self._recent[event.scope]
            if not recent or recent[-1].id < event.id:
                recent.append(_lean(event))
            self._recent.move_to_end(event.scope)
        while len(self._recent) > _SCOPES:
            self._recent.popitem(last=False)


def _lean(event: TaskEvent) -> TaskEvent:
    """The event as it is kept in memory: what a window compares."""
    report = event.report
    return replace(event, report=replace(report, error=report.error[-_ERROR_CHARS:], io={}, metadata={}))
