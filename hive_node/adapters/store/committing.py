"""Group commit: writers that come while a transaction is being written share the next one, and its wait for the disk."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from hive_node.adapters.store.database import Database, Rows, Statement
from hive_node.ports import StoreError


@dataclass(frozen=True, slots=True, eq=False)
class _Wish:
    statements: Sequence[Statement]
    done: "asyncio.Future[list[Rows]]"


@dataclass(slots=True)
class Committer:
    """Writes what it is handed, while it serves. Whoever is cancelled while waiting takes nothing back."""

    database: Database
    _wishes: list[_Wish] = field(default_factory=list)
    _some: asyncio.Event = field(default_factory=asyncio.Event)

    async def write(self, statements: Sequence[Statement]) -> list[Rows]:
        """Run the statements in one transaction, maybe with those of others; on disk when this returns. Raises StoreError."""
        wish = _Wish(statements, asyncio.get_running_loop().create_future())
        self._wishes.append(wish)
        self._some.set()
        return await wish.done

    async def serve(self) -> None:
        """Write until cancelled. What could not be written is told to whom it belongs, and the next group is tried."""
        while True:
            await self._some.wait()
            self._some.clear()
            group, self._wishes = self._wishes, []
            try:
                self._answer(group, await self._commit(group))
            except StoreError as error:
                _fail(group, error)
            except BaseException:
                _fail(group, StoreError("store.closing", "the node is stopping: send it again; a replay counts once"))
                raise

    async def _commit(self, group: Sequence[_Wish]) -> list[Rows]:
        async with self.database.write() as transaction:
            return await transaction.execute_all([one for wish in group for one in wish.statements])

    @staticmethod
    def _answer(group: Sequence[_Wish], rows: Sequence[Rows]) -> None:
        place = 0
        for wish in group:
            end = place + len(wish.statements)
            if not wish.done.done():
                wish.done.set_result(list(rows[place:end]))
            place = end


def _fail(group: Sequence[_Wish], error: StoreError) -> None:
    for wish in group:
        if not wish.done.done():
            wish.done.set_exception(error)
