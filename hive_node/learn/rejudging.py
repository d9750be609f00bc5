"""After an update of the guard: what was let in is judged again, and what was kept back may come out."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from guardrails.scope import ScopeGuard
from guardrails.verdict import Refused
from hive_node.hive import Hive
from hive_node.learn.memory import Memory
from hive_node.ports import Notes, Receipt, Standing, StoredEntry
from protocol.ids import EntryId

logger = logging.getLogger(__name__)

# Under this name the guard that judged everything is remembered.
JUDGED_BY: Final = "scope.judged-by"
_PAGE: Final = 200
# As many as a millisecond or two allow: the loop has other guests.
_BREATH: Final = 4
_STANDINGS: Final[tuple[Standing, ...]] = ("good", "quarantined")


class Shelf(Protocol):
    """Stored entries, newest first, and where a verdict on them is written. Raises StoreError."""

    async def page(
        self, *, limit: int, before: int | None = None, standing: Standing = "good"
    ) -> list[tuple[int, StoredEntry]]: ...

    async def stand(self, verdicts: Mapping[EntryId, Standing]) -> None: ...


@dataclass(frozen=True, slots=True)
class Rejudging:
    """A service that runs through what is stored once, where another guard judged it than this one, and ends.

    guard_digest: which guard this is; two that could differ in a verdict have two. Our own entries stay as they are: they left.
    """

    shelf: Shelf
    guard: ScopeGuard
    hive: Hive
    memory: Memory
    notes: Notes
    guard_digest: str

    async def serve(self) -> None:
        """Judge all again, if that is due. Cut off, it begins anew at the next start. Raises StoreError."""
        if await self.notes.recall(JUDGED_BY) == self.guard_digest:
            return
        changed = 0
        for standing in _STANDINGS:
            async for page in self._pages(standing):
                changed += await self._judge(page, standing)
        await self.notes.remember(JUDGED_BY, self.guard_digest)
        logger.info("entries judged again by this version of the scope guard", extra={"changed": changed})

    async def _pages(self, standing: Standing) -> AsyncIterator[list[StoredEntry]]:
        before: int | None = None
        while found := await self.shelf.page(limit=_PAGE, before=before, standing=standing):
            yield [entry for _, entry in found if entry.delta.author != self.hive.node]
            before = found[-1][0]

    async def _judge(self, page: list[StoredEntry], standing: Standing) -> int:
        refused: dict[EntryId, Refused | None] = {}
        for number, entry in enumerate(page, 1):
            verdict = self.guard.check_incoming(entry.delta)
            if isinstance(verdict, Refused) is (standing == "good"):
                refused[entry.id] = verdict if isinstance(verdict, Refused) else None
            if number % _BREATH == 0:
                await asyncio.sleep(0)
        if refused:
            await self._write({one: "quarantined" if why else "good" for one, why in refused.items()})
        for one, why in refused.items():
            logger.info("entry judged again", extra={"entry": one, "rule": why.rule if why else "scope.clean"})
            receipt = Receipt("in", one, "blocked", why.rule) if why else Receipt("in", one, "passed", "scope.clean")
            await self.notes.keep_receipt(receipt)
        return len(refused)

    async def _write(self, verdicts: Mapping[EntryId, Standing]) -> None:
        async with self.hive.turn:
            self.hive.is_unsure = True
            await self.shelf.stand(verdicts)
            await self.memory.restore()
