"""Skills of peers: each is tried here, in the sandbox, on this node's own cases, before anybody is shown it. Nothing is run on receipt."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from guardrails.verdict import Rejected
from hive_node.hive import Hive
from hive_node.learn.aggregate import Beliefs
from hive_node.learn.axes import Pages
from hive_node.ports import Clock, StoredEntry
from hive_node.ports.skills import SkillFault, SkillShelf, Which
from hive_node.skills.case import why_too_few
from hive_node.skills.skill import State, Version
from protocol.deltas import Skill

logger = logging.getLogger(__name__)

# The newest entries are enough: each is tried once for each skill that it may be.
_ENTRIES: Final = 100
_EVERY_S: Final = 10.0
# What a local skill must be waiting for to be given a peer's source.
_LACKING: Final = frozenset({State.UNAVAILABLE, State.REFUSED})


@dataclass(slots=True)
class SkillsOfPeers:
    """The service. It looks for entries only while some skill here lacks a source that holds. found: wakes the bench."""

    hive: Hive
    beliefs: Beliefs
    pages: Pages
    shelf: SkillShelf
    clock: Clock
    found: Callable[[], None]
    _known: set[tuple[str, str]] = field(default_factory=set)

    async def serve(self) -> None:
        """Until cancelled."""
        while True:
            await self.look()
            await self.clock.sleep(_EVERY_S)

    async def look(self) -> None:
        """Hand peers' sources to local skills of the same name that lack one. Raises StoreError."""
        lacking = [one for one in await self.shelf.newest(Which()) if one.state in _LACKING]
        if not lacking:
            return
        entries = [entry for _, entry in await self.pages.page(limit=_ENTRIES, kind="skill") if self._is_heard(entry)]
        for version in lacking:
            for entry in entries:
                if await self._offer(version, entry):
                    break  # one at a time: the next is for when this one did not hold

    async def _offer(self, version: Version, entry: StoredEntry) -> bool:
        body = entry.delta.body
        if not isinstance(body, Skill) or _plain(body.name) != _plain(version.skill):
            return False
        if (version.skill, entry.id) in self._known:
            return False
        if why_too_few(await self.shelf.cases(version.skill)):
            return False  # nothing here could tell whether it holds
        self._known.add((version.skill, entry.id))
        answer = await self._received(version, body, entry)
        if not isinstance(answer, Version):
            return False
        logger.info("peer's skill is tried", extra={"skill": version.skill, "entry": entry.id})
        self.found()
        return True

    async def _received(self, version: Version, body: Skill, entry: StoredEntry) -> Version | Rejected | None:
        try:
            answer = await self.shelf.receive(version, body.source, entry.id, f"a peer's {body.name}")
        except SkillFault:  # an attempt of our own began meanwhile
            answer = None
        if isinstance(answer, Rejected):
            self._known.discard((version.skill, entry.id))  # tomorrow there is room again
            logger.debug("gate refused", extra={"skill": version.skill, "rule": answer.rule})
        return answer

    def _is_heard(self, entry: StoredEntry) -> bool:
        is_counted = self.beliefs.regard(entry.id, entry.delta).standing == "counted"
        return is_counted and entry.delta.author != self.hive.node


def _plain(name: str) -> str:
    """A skill's name without the mark that tells whose it is."""
    return name.rpartition("-")[0] or name
