"""Group commit: writers that come while a transaction is being written share the next one, and its wait for the disk."""

import asyncio
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection

from hive_node.adapters.store.database import Database, Statement, Survives
from hive_node.ports import StoreError

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True, eq=False)
class _Wish(Generic[T, R]):
    items: Sequence[T]
    done: "asyncio.Future[list[R]]"


@dataclass(slots=True)
class Committer(Generic[T, R]):
    """Writes what it is handed, while it serves. Whoever is cancelled while waiting takes nothing back.

    insert: writes the items of a whole group, and gives a result for each; those survive a power cut. Statements come after them,
    and survive a crash: what they acknowledge is done again after a power cut, with its effect.
    """

    database: Database
    insert: Callable[[Connection, Sequence[T]], Sequence[R]]
    _items: list[_Wish[T, R]] = field(default_factory=list)
    _statements: list[_Wish[Statement, int]] = field(default_factory=list)
    _some: asyncio.Event = field(default_factory=asyncio.Event)

    async def add(self, items: Sequence[T]) -> list[R]:
        """A result for each item. Raises StoreError."""
        wish: _Wish[T, R] = _Wish(items, asyncio.get_running_loop().create_future())
        self._items.append(wish)
        self._some.set()
        return await wish.done

    async def write(self, statements: Sequence[Statement]) -> list[int]:
        """How many rows each statement touched. Raises StoreError."""
        wish: _Wish[Statement, int] = _Wish(statements, asyncio.get_running_loop().create_future())
        self._statements.append(wish)
        self._some.set()
        return await wish.done

    async def serve(self) -> None:
        """Write until cancelled. What could not be written is told to whom it belongs, and the next group is tried."""
        while True:
            await self._some.wait()
            self._some.clear()
            items, self._items = self._items, []
            statements, self._statements = self._statements, []
            try:
                await self._commit(items, statements)
            except StoreError as error:
                _fail(error, items, statements)
            except BaseException:
                closing = StoreError("store.closing", "the node is stopping: send it again; a replay counts once")
                _fail(closing, items, statements)
                raise

    async def _commit(self, items: Sequence[_Wish[T, R]], statements: Sequence[_Wish[Statement, int]]) -> None:
        survives: Survives = "power cut" if items else "crash"
        new = [one for wish in items for one in wish.items]
        every = [one for wish in statements for one in wish.items]

        def work(connection: Connection) -> tuple[Sequence[R], list[int]]:
            added = self.insert(connection, new) if new else []
            return added, [connection.execute(*statement).rowcount for statement in every]

        async with self.database.write(survives=survives) as transaction:
            added, written = await transaction.run(work)
        _answer(items, added)
        _answer(statements, written)


def _answer(wishes: "Sequence[_Wish[T, R]]", results: Sequence[R]) -> None:
    place = 0
    for wish in wishes:
        end = place + len(wish.items)
        if not wish.done.done():
            wish.done.set_result(list(results[place:end]))
        place = end


def _fail(error: StoreError, *groups: "Sequence[_Wish[Any, Any]]") -> None:
    for wish in itertools.chain(*groups):
        if not wish.done.done():
            wish.done.set_exception(error)
