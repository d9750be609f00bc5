"""Retention on a real file: what is old and done goes, in pieces; what somebody still needs stays, however old it is."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select

from hive_node.adapters.store import Database, Journal, Retention
from hive_node.adapters.store.tables import contests, events, experiments, samples, sessions
from hive_node.config.node import NodeConfig
from hive_node.config.retention import RetentionSection
from hive_node.config.toml import ConfigError, parse_toml
from tests.fakes.improving import TickingClock

OLD, NEW = "2025-01-01T00:00:00Z", "2025-12-31T00:00:00Z"  # the clock says 2026-01-01
ALL = RetentionSection(runs_days=30, sessions_days=30, events_days=30)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = await Database.open(tmp_path / "hive.db")
    yield opened
    await opened.close()


def retention(database: Database, settings: RetentionSection = ALL) -> Retention:
    clock = TickingClock()
    return Retention(database, Journal(database, clock), clock, settings)


async def put(database: Database, table: Any, *rows: dict[str, Any]) -> None:
    async with database.write() as transaction:
        await transaction.execute(insert(table), list(rows))


async def left(database: Database, column: Any) -> list[Any]:
    async with database.read() as connection:
        return [row[0] for row in await connection.execute(select(column).order_by(column))]


def run(experiment: str, at: str) -> dict[str, Any]:
    return {"experiment": experiment, "idea": 1, "arm": "candidate", "at": at, "document": {}}


async def fill(database: Database) -> None:
    states = (("done", "finalized"), ("open", "tried"))
    await put(database, experiments, *({"id": name, "project": "p", "number": 1, "state": state, "document": {}} for name, state in states))  # fmt: skip
    await put(database, samples, *(run("done", OLD) for _ in range(1_200)), run("done", NEW), run("open", OLD))
    await put(database, contests, *({"agent": "a", "number": number, "state": state, "document": {}} for number, state in ((1, "rejected"), (2, "running"))))  # fmt: skip
    of = [("decided", 1, 0, OLD), ("running", 2, 0, OLD), ("unassigned", None, 0, OLD), ("still open", 1, 1, OLD), ("young", 1, 0, NEW)]  # fmt: skip
    await put(database, sessions, *({"agent": "a", "id": name, "contest": contest, "is_open": is_open, "seen_at": at, "document": {}} for name, contest, is_open, at in of))  # fmt: skip
    await put(database, events, *({"at": OLD, "kind": "x", "data": {}} for _ in range(3)))


async def test_old_rows_of_what_is_over_go_and_everything_else_stays(database: Database) -> None:
    await fill(database)
    sweeping = retention(database)
    assert await sweeping.sweep() == {"samples": 1_200, "sessions": 2, "events": 2}
    assert await left(database, samples.c.experiment) == ["done", "open"]
    assert await left(database, sessions.c.id) == ["running", "still open", "young"]
    told = (await sweeping.journal.after(0))[-1]
    assert (told.kind, told.data) == ("retention", {"samples": 1_200, "sessions": 2, "events": 2})
    assert await sweeping.sweep() == {"events": 1}, "the one that had to be the newest"


async def test_ids_of_events_go_on_where_every_event_is_old(database: Database) -> None:
    await put(database, events, *({"at": OLD, "kind": "x", "data": {}} for _ in range(3)))
    sweeping = retention(database)
    await sweeping.sweep()
    await sweeping.journal.tell("next")
    assert [event.id for event in await sweeping.journal.after(0)] == [3, 4, 5]


async def test_without_settings_nothing_goes_and_nothing_runs(database: Database) -> None:
    await fill(database)
    await retention(database, RetentionSection()).serve()
    assert len(await left(database, samples.c.id)) == 1_202


def test_less_than_a_week_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match=r"retention\.runs_days"):
        parse_toml('[node]\nname = "a"\nowner = "b"\n[retention]\nruns_days = 1\n', NodeConfig, "config.toml")
