"""Reported events and their deliveries as rows. Storing and acknowledging share transactions: neither waits behind the other."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from sqlalchemy import ColumnElement, Connection, Select, and_, case, delete, func, select, text, true, update
from sqlalchemy.dialects.sqlite import insert

from hive_node.adapters.store.committing import Committer
from hive_node.adapters.store.database import Database, Statement
from hive_node.adapters.store.skill_tables import deliveries, handlers, task_events
from hive_node.ports import Clock
from hive_node.ports.skills import Batch, Delivery, HandlerLine, Stored, Which
from hive_node.skills.event import Kind, Report, Scope, TaskEvent
from protocol.wire import JsonValue, dump_json

# Weeks of a busy team's events, or a quarter of a gigabyte of them. Nothing goes before every handler is done with it.
EVENTS_KEPT: Final = 100_000
BYTES_KEPT: Final = 256 * 1024 * 1024
# A result or an error is kept for a person to read, no longer than that.
_ERROR_CHARS: Final = 2_000
# What a handler is handed, or a list shows, at a time: an event may have megabytes.
_BATCH_BYTES: Final = 4 * 1024 * 1024
Row: TypeAlias = dict[str, Any]
_BY_KEY: Final = ("owner", "project", "agent", "key")
# One statement for any number of keys, each looked up in the index.
_KNOWN: Final = text(
    "SELECT wanted.key AS place, task_events.id FROM json_each(:keys) AS wanted JOIN task_events"
    " ON owner = wanted.value ->> 0 AND project = wanted.value ->> 1"
    " AND agent = wanted.value ->> 2 AND task_events.key = wanted.value ->> 3"
)


@dataclass(frozen=True, slots=True)
class TaskEventStore:
    """As EventLog and Deliveries."""

    database: Database
    committer: Committer[Row, Stored]
    clock: Clock

    async def store(self, reports: Sequence[Report]) -> list[Stored]:
        """As EventLog.store."""
        at = moment(self.clock.now())
        return await self.committer.add([_row(report, at) for report in reports])

    async def page(self, which: Which, *, kind: Kind | None, before: int | None, limit: int) -> list[TaskEvent]:
        """As EventLog.page."""
        query = select(task_events).where(of_scopes(task_events, which)).order_by(task_events.c.id.desc())
        query = query.where(task_events.c.kind == kind.value) if kind is not None else query
        query = query.where(task_events.c.id < before) if before is not None else query
        return await self._events(_within(query.limit(limit), newest_first=True))

    async def earlier(self, event: TaskEvent, limit: int) -> list[TaskEvent]:
        """As EventLog.earlier."""
        mine = of_scopes(task_events, Which(event.scope.owner, event.scope.project, event.scope.agent))
        query = select(task_events).where(mine, task_events.c.id < event.id).order_by(task_events.c.id.desc())
        return list(reversed(await self._events(query.limit(limit))))

    async def newest(self) -> int:
        """As Deliveries.newest."""
        async with self.database.read() as transaction:
            found = await transaction.execute(select(func.coalesce(func.max(task_events.c.id), 0)))
            return int(found.scalar_one())

    async def register(self, names: Sequence[str], after: int) -> None:
        """As Deliveries.register."""
        rows = [
            insert(handlers).values(name=name, position=after, handled=0).on_conflict_do_nothing() for name in names
        ]
        async with self.database.write() as transaction:
            await transaction.execute_all([(row, None) for row in rows])

    async def due(self, handler: str, kinds: frozenset[Kind], now: datetime, limit: int) -> Batch:
        """As Deliveries.due. What failed comes first, and never keeps what is fresh waiting for more than one batch."""
        position = select(handlers.c.position).where(handlers.c.name == handler).scalar_subquery()
        fresh = _within(select(task_events).where(task_events.c.id > position).order_by(task_events.c.id).limit(limit))
        failed = (
            select(task_events, deliveries.c.attempts)
            .join(deliveries, deliveries.c.event == task_events.c.id)
            .where(_waiting(handler), deliveries.c.due_at <= moment(now))
            .order_by(task_events.c.id)
            .limit(limit)
        )
        async with self.database.read() as transaction:
            again, found = await transaction.execute_all([(failed, None), (fresh, None)])
        events = [event_of(row) for row in found]
        return Batch(
            again=tuple(Delivery(event_of(row), row.attempts) for row in again),
            fresh=tuple(Delivery(event) for event in events if event.report.kind in kinds),
            end=events[-1].id if events else None,
        )

    async def next_due(self, handler: str) -> datetime | None:
        """As Deliveries.next_due."""
        async with self.database.read() as transaction:
            found = await transaction.execute(select(func.min(deliveries.c.due_at)).where(_waiting(handler)))
            text = found.scalar_one()
        return datetime.fromisoformat(text) if text is not None else None

    async def pass_over(self, handler: str, end: int, *, handled: int) -> None:
        """As Deliveries.pass_over."""
        await self.committer.write([_passing(handler, end, handled)])

    async def done(self, handler: str, delivery: Delivery, result: JsonValue = None) -> None:
        """As Deliveries.done."""
        await self.committer.write(acknowledging(handler, delivery, result))

    async def failed(self, handler: str, delivery: Delivery, error: str, due_at: datetime | None) -> None:
        """As Deliveries.failed."""
        row = {
            "handler": handler,
            "event": delivery.event.id,
            "state": "waiting" if due_at is not None else "given-up",
            "attempts": delivery.attempts + 1,
            "due_at": moment(due_at) if due_at is not None else None,
            "error": error[:_ERROR_CHARS],
        }
        writing = insert(deliveries).values(row).on_conflict_do_update(["handler", "event"], set_=row)
        await self.committer.write([(writing, None), _advance(handler, delivery.event.id, handled=0)])

    async def again(self, handler: str) -> int:
        """As Deliveries.again."""
        given_up = (deliveries.c.handler == handler) & (deliveries.c.state == "given-up")
        # It failed before: that it comes again is seen by its attempts.
        values = {"state": "waiting", "attempts": 1, "due_at": moment(self.clock.now())}
        (count,) = await self.committer.write([(update(deliveries).where(given_up).values(values), None)])
        return count

    async def lines(self) -> list[HandlerLine]:
        """As Deliveries.lines, by name."""
        newest = select(func.coalesce(func.max(task_events.c.id), 0)).scalar_subquery()
        counts = [func.sum(case((deliveries.c.state == state, 1), else_=0)) for state in ("waiting", "given-up")]
        query = (
            select(handlers, newest - handlers.c.position, *counts, func.max(deliveries.c.error))
            .outerjoin(deliveries, (deliveries.c.handler == handlers.c.name) & (deliveries.c.state != "done"))
            .group_by(handlers.c.name)
            .order_by(handlers.c.name)
        )
        async with self.database.read() as transaction:
            rows = [tuple(row) for row in await transaction.execute(query)]
        return [
            HandlerLine(name, handled, max(0, behind), waiting or 0, given_up or 0, error)
            for name, _, handled, behind, waiting, given_up, error in rows
        ]

    async def results(self, handler: str, limit: int) -> list[dict[str, Any]]:
        """As Deliveries.results: newest first."""
        query = (
            select(deliveries).where(deliveries.c.handler == handler).order_by(deliveries.c.event.desc()).limit(limit)
        )
        async with self.database.read() as transaction:
            return [dict(row._mapping) for row in await transaction.execute(query)]  # noqa: SLF001  SQLAlchemy's own name for it

    async def sweep(self) -> None:
        """Let go of what is older than what is kept, and was done with by every handler."""
        done = select(func.coalesce(func.min(handlers.c.position), 0)).scalar_subquery()
        total = func.sum(task_events.c.size).over(order_by=task_events.c.id.desc())
        sized = select(task_events.c.id, total.label("total")).subquery()
        oldest_by_size = (
            select(func.coalesce(func.max(sized.c.id), 0)).where(sized.c.total > BYTES_KEPT).scalar_subquery()
        )
        newest = select(func.coalesce(func.max(task_events.c.id), 0)).scalar_subquery()
        is_old = (task_events.c.id <= newest - EVENTS_KEPT) | (task_events.c.id <= oldest_by_size)
        still = select(deliveries.c.event).where(deliveries.c.state != "done")
        gone = delete(task_events).where(is_old, task_events.c.id <= done, task_events.c.id.not_in(still))
        known = select(task_events.c.id)
        async with self.database.write(survives="crash") as transaction:
            await transaction.execute(gone)
            await transaction.execute(delete(deliveries).where(deliveries.c.event.not_in(known)))

    async def _events(self, query: Select[Any]) -> list[TaskEvent]:
        async with self.database.read() as transaction:
            return [event_of(row) for row in await transaction.execute(query)]


def insert_events(connection: Connection, rows: Sequence[Row]) -> list[Stored]:
    """Where each event stands: a new one after all others, a replay where the first one of its key is."""
    keys = [tuple(row[name] for name in _BY_KEY) for row in rows]
    found = connection.execute(_KNOWN, {"keys": dump_json(keys).decode("utf-8")})
    known: dict[tuple[str, ...], int] = {keys[row.place]: row.id for row in found}
    newest = connection.execute(select(func.coalesce(func.max(task_events.c.id), 0)))
    following = itertools.count(int(newest.scalar_one()) + 1)
    stored, new = [], []
    for key, row in zip(keys, rows, strict=True):
        is_new = key not in known
        if is_new:
            known[key] = next(following)
            new.append(row | {"id": known[key]})
        stored.append(Stored(known[key], is_new))
    if new:
        connection.execute(insert(task_events), new)
    return stored


def acknowledging(handler: str, delivery: Delivery, result: JsonValue) -> list[Statement]:
    """What makes a delivery done, with its result, however often it is written."""
    statements = [_advance(handler, delivery.event.id, handled=1, is_again=delivery.attempts > 0)]
    if delivery.attempts or result is not None:
        row = {
            "handler": handler,
            "event": delivery.event.id,
            "state": "done",
            "attempts": delivery.attempts,
            "due_at": None,
            "error": None,
            "result": result,
        }
        statements.append((insert(deliveries).values(row).on_conflict_do_update(["handler", "event"], set_=row), None))
    return statements


def of_scopes(table: Any, which: Which) -> ColumnElement[bool]:
    """The rows of those scopes."""
    names = {"owner": which.owner, "project": which.project, "agent": which.agent}
    parts = [table.c[name] == value for name, value in names.items() if value is not None]
    return and_(true(), *parts)


def moment(at: datetime) -> str:
    """One spelling, to the microsecond: what is compared as text is in order."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def _waiting(handler: str) -> ColumnElement[bool]:
    return (deliveries.c.handler == handler) & (deliveries.c.state == "waiting")


def _advance(handler: str, position: int, *, handled: int, is_again: bool = False) -> Statement:
    """A second writing changes nothing: the position is there already. One that was tried again lies behind it."""
    is_it = handlers.c.name == handler
    values: Mapping[str, Any] = {"position": position, "handled": handlers.c.handled + handled}
    if is_again:
        return update(handlers).where(is_it).values(handled=handlers.c.handled + handled), None
    return update(handlers).where(is_it, handlers.c.position < position).values(values), None


def _passing(handler: str, end: int, handled: int) -> Statement:
    values = {"position": func.max(handlers.c.position, end), "handled": handlers.c.handled + handled}
    return update(handlers).where(handlers.c.name == handler).values(values), None


def _row(report: Report, at: str) -> Row:
    document = {
        "task": report.task,
        "episode": report.episode,
        "error": report.error,
        "outcome": report.outcome,
        "seconds": report.seconds,
        "tokens": report.tokens,
        "passed": report.passed,
        "io": dict(report.io),
        "metadata": dict(report.metadata),
    }
    scope = report.scope
    return {
        "at": at,
        "owner": scope.owner,
        "project": scope.project,
        "agent": scope.agent,
        "key": report.key,
        "kind": report.kind.value,
        "skill": report.skill,
        "size": len(dump_json(document)),
        "document": document,
    }


def event_of(row: Any) -> TaskEvent:
    """The event of a row."""
    scope = Scope(row.owner, row.project, row.agent)
    report = Report(kind=Kind(row.kind), scope=scope, key=row.key, skill=row.skill, **row.document)
    return TaskEvent(row.id, datetime.fromisoformat(row.at), report)


def _within(query: Select[Any], *, newest_first: bool = False) -> Select[Any]:
    """The first rows of a query in order of their ids, of so many bytes together; at least one."""
    order = task_events.c.id.desc() if newest_first else task_events.c.id
    found = query.add_columns(func.sum(task_events.c.size).over(order_by=order).label("total")).subquery()
    is_small = (found.c.total <= _BATCH_BYTES) | (found.c.total == found.c.size)
    return select(found).where(is_small).order_by(found.c.id.desc() if newest_first else found.c.id)
