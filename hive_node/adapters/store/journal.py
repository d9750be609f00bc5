"""Events, receipts, and single facts."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from sqlalchemy import Integer, delete, func, insert, or_, select
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects.sqlite import insert as upsert

from hive_node.adapters.store.database import Database, Rows, Statement, Transaction
from hive_node.adapters.store.tables import entries, events, facts, receipts
from hive_node.ports import Clock, Event, Receipt
from protocol.charter import stamp
from protocol.wire import JsonValue

# A day of a busy node; a listener that was away longer reads the lists instead.
EVENTS_KEPT: Final = 10_000
_SWEEP_EVERY: Final = 500
_TELL: Final = insert(events)
_SWEEP: Final = delete(events).where(events.c.id <= select(func.max(events.c.id)).scalar_subquery() - EVENTS_KEPT)


class Journal:
    """What happened here, in order, for listeners; and what is remembered under a name."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.database = database
        self.clock = clock
        self._told = asyncio.Condition()
        self._tellings = 0

    async def tell(self, kind: str, **data: JsonValue) -> None:
        """Write one event and wake the listeners."""
        async with self.database.write() as transaction:
            await self.tell_in(transaction, kind, data)
        await self.wake()

    async def tell_in(self, transaction: Transaction, kind: str, *data: Mapping[str, JsonValue]) -> None:
        """Write an event for each of `data` in a transaction of the caller's, who calls `wake` once it is committed."""
        at = stamp(self.clock.now())
        rows = [{"at": at, "kind": kind, "data": dict(one)} for one in data]
        await transaction.execute_all([(_TELL, rows), (_SWEEP, None)])

    def telling(self, kind: str, data: Mapping[str, JsonValue]) -> Statement:
        """What writes one event; the caller gives its result to `sweep_in`."""
        return _TELL, {"at": stamp(self.clock.now()), "kind": kind, "data": dict(data)}

    async def sweep_in(self, transaction: Transaction, told: Rows) -> None:
        """Let go of old events, now and then."""
        number = told.inserted_primary_key
        if number and number[0] % _SWEEP_EVERY == 0:
            await transaction.execute(_SWEEP)

    async def wake(self) -> None:
        """Let listeners look."""
        async with self._told:
            self._tellings += 1
            self._told.notify_all()

    def tellings(self) -> int:
        """How often something was told since the start. Look first, then read, then wait past what was looked at."""
        return self._tellings

    async def wait_past(self, tellings: int) -> None:
        """Return once something was told since `tellings` was looked at; at once if it was already."""
        async with self._told:
            await self._told.wait_for(lambda: self._tellings > tellings)

    async def after(self, last: int, limit: int = 500) -> list[Event]:
        """Events with an id above `last`, oldest first."""
        query = select(events).where(events.c.id > last).order_by(events.c.id).limit(limit)
        async with self.database.read() as connection:
            return [Event(row.id, row.at, row.kind, row.data) for row in await connection.execute(query)]

    async def last_event(self) -> int:
        """The id of the newest event; 0 before the first."""
        async with self.database.read() as connection:
            return int((await connection.execute(select(func.coalesce(func.max(events.c.id), 0)))).scalar_one())

    async def keep_receipt(self, receipt: Receipt) -> None:
        """Remember what the scope guard did, by kind and place."""
        row = {
            "at": stamp(self.clock.now()),
            "direction": receipt.direction,
            "subject": receipt.subject,
            "decision": receipt.decision,
            "document": {"rule": receipt.rule, "places": list(receipt.places)},
        }
        async with self.database.write() as transaction:
            await transaction.execute(insert(receipts).values(row))

    async def receipts(self, limit: int = 100) -> list[dict[str, JsonValue]]:
        """The newest receipts first."""
        query = select(receipts).order_by(receipts.c.id.desc()).limit(limit)
        async with self.database.read() as connection:
            return [_receipt(row) for row in await connection.execute(query)]

    async def receipts_of(self, identities: Sequence[str]) -> dict[str, dict[str, JsonValue]]:
        """The last receipt of each of those entries that has one: of ours what was taken out before they left."""
        is_its = or_(
            (receipts.c.direction == "out") & (receipts.c.subject == entries.c.purpose),
            (receipts.c.direction == "in") & (receipts.c.subject == entries.c.id),
        )
        query = select(entries.c.id.label("entry"), receipts).join(receipts, is_its)
        query = query.where(entries.c.id.in_(identities)).order_by(receipts.c.id)
        async with self.database.read() as connection:
            return {row.entry: _receipt(row) for row in await connection.execute(query)}

    async def receipt_counts(self) -> dict[str, int]:
        """How many of the guard's decisions there were, by decision."""
        query = select(receipts.c.decision, func.count()).group_by(receipts.c.decision)
        async with self.database.read() as connection:
            return {row[0]: row[1] for row in await connection.execute(query)}

    async def remember(self, name: str, value: JsonValue) -> None:
        """Write one named fact over what it was."""
        async with self.database.write() as transaction:
            statement = upsert(facts).values(name=name, value=value)
            await transaction.execute(statement.on_conflict_do_update(["name"], set_={"value": value}))

    async def count(self, name: str, more: int = 1) -> None:
        """Add to a named counter."""
        async with self.database.write() as transaction:
            statement = upsert(facts).values(name=name, value=more)
            await transaction.execute(
                statement.on_conflict_do_update(["name"], set_={"value": sql_cast(facts.c.value, Integer) + more})
            )

    async def recall(self, name: str) -> JsonValue:
        """The fact of that name, or None."""
        async with self.database.read() as connection:
            found = (await connection.execute(select(facts.c.value).where(facts.c.name == name))).scalar_one_or_none()
        return cast(JsonValue, found)


def _receipt(row: Any) -> dict[str, JsonValue]:
    told = {name: getattr(row, name) for name in ("at", "direction", "subject", "decision")}
    return {**told, **row.document}
