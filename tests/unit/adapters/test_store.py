"""The store on a real file: whole transactions or none, one winner of two, and a full disk that loses nothing."""

import asyncio
import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import TypeAdapter
from sqlalchemy import text

from guardrails.budget import Spent
from guardrails.evidence import Evidence
from guardrails.verdict import Rejected
from hive_node.adapters.store import Database, ExperimentStore, Journal
from hive_node.adapters.store.database import HEAD, migrate
from hive_node.config.project import parse_project_spec
from hive_node.domain import Experiment, Idea, Promotion, Sample, State, Verdict, WrongState
from hive_node.ports import FatalError, NotFound, StoreError, Tally
from tests.fakes.improving import SPEC, TickingClock

EVIDENCE = Evidence(2, 0.5, 0.0, 0.5, None, None, None, True)
ROOT = Path(__file__).resolve().parents[3]


def experiment(identity: str = "p-1") -> Experiment:
    return Experiment(
        id=identity, project="p", task="0" * 64, spec=parse_project_spec(SPEC.format(extra="")), operator="tune", is_stepwise=False,
        state=State.CREATED, branch=f"hive/p/{identity}", base="0" * 40, champion="0" * 40, seed=1, created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )  # fmt: skip


def idea(number: int = 1, **changes: object) -> Idea:
    fields: dict[str, object] = {"variant": f"v{number}", "diff": f"d{number}"} | changes
    return Idea(number, "tune", "x", {"a.py": "A = 1\n"}, (), **fields)  # type: ignore[arg-type]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[ExperimentStore]:
    database = await Database.open(tmp_path / "hive.db")
    yield ExperimentStore(database, Journal(database, TickingClock()))
    await database.close()


async def test_of_two_that_move_one_experiment_one_loses_and_nothing_of_it_is_written(store: ExperimentStore) -> None:
    one = experiment()
    await store.create(one, 1)
    moves = [store.move(State.CREATED, replace(one, state=state)) for state in (State.BASELINED, State.STOPPED)]
    results = await asyncio.gather(*moves, return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["Experiment", "WrongState"]
    assert len(await store.transitions("p-1")) == 1


async def test_a_transition_that_the_table_does_not_have_is_refused(store: ExperimentStore) -> None:
    one = experiment()
    await store.create(one, 1)
    for wrong in (State.TRIED, State.PROMOTED, State.FINALIZED, State.CREATED):
        with pytest.raises(WrongState):
            await store.move(State.CREATED, replace(one, state=wrong))
    assert await store.transitions("p-1") == []
    with pytest.raises(NotFound):
        await store.get("p-2")
    with pytest.raises(NotFound):
        await store.idea("p-1", 1)


async def test_a_move_that_fails_half_way_leaves_no_half(store: ExperimentStore) -> None:
    one = experiment()
    await store.create(one, 1)
    one = await store.move(State.CREATED, replace(one, state=State.BASELINED))
    one = await store.move(State.BASELINED, replace(one, state=State.PROPOSED, iteration=1), idea=idea(1))
    rejected = await store.move(State.PROPOSED, replace(one, state=State.REJECTED))
    last = await store.journal.last_event()
    with pytest.raises(StoreError):  # an idea of that number is there already
        await store.move(
            State.REJECTED, replace(rejected, state=State.PROPOSED, iteration=1), idea=idea(1, variant="other")
        )
    assert (await store.get("p-1")).state is State.REJECTED
    assert len(await store.transitions("p-1")) == 3
    assert (await store.idea("p-1", 1)).idea.variant == "v1"
    await store.move(State.REJECTED, replace(rejected, state=State.PROPOSED, iteration=2), idea=idea(2))
    assert [event.id for event in await store.journal.after(last)] == [last + 1], "event ids stay without gaps"


async def test_a_run_that_comes_in_late_changes_nothing(store: ExperimentStore) -> None:
    one = experiment()
    await store.create(one, 1)
    await store.move(State.CREATED, replace(one, state=State.STOPPED, stop_reason="user"))
    late = replace(one, spent=Spent(wall_s=5.0))
    with pytest.raises(WrongState):
        await store.keep_sample(late, 0, "baseline", Sample({"cost": 1.0}, 5.0, 5.0))
    assert (await store.get("p-1")).spent.wall_s == 0
    assert await store.samples("p-1", 0) == []


async def test_what_was_tried_is_known_by_its_step_on_the_task_and_by_its_variant_in_the_experiment(
    store: ExperimentStore,
) -> None:
    one, other = experiment("p-1"), experiment("p-2")
    for number, each in enumerate((one, other), 1):
        await store.create(each, number)
    one = await store.move(State.CREATED, replace(one, state=State.BASELINED))
    one = await store.move(State.BASELINED, replace(one, state=State.PROPOSED, iteration=1), idea=idea(1))
    assert not await store.was_tried(one, idea(1)), "an idea is not its own repetition"
    assert await store.was_tried(one, idea(2, variant="v1", diff="elsewhere"))
    assert not await store.was_tried(other, idea(1)), "it is still open there"
    verdict = Verdict(1, Rejected("baseline.worse", "x"), datetime(2026, 1, 1, tzinfo=UTC))
    await store.move(State.PROPOSED, replace(one, state=State.REJECTED), verdict=verdict)
    assert await store.was_tried(other, idea(1))
    assert not await store.was_tried(replace(other, task="1" * 64), idea(1))


async def test_a_full_database_changes_nothing_and_goes_on_when_there_is_room(store: ExperimentStore) -> None:
    one = experiment()
    await store.create(one, 1)
    one = await store.move(State.CREATED, replace(one, state=State.BASELINED))
    async with store.database.read() as connection:
        pages = (await connection.execute(text("PRAGMA page_count"))).scalar_one()
    await limit(store, int(pages))
    large = idea(1, parameters={"x": "y" * 200_000})
    with pytest.raises(StoreError) as error:
        await store.move(State.BASELINED, replace(one, state=State.PROPOSED, iteration=1), idea=large)
    assert error.value.code == "store.disk-full"
    assert "Free some space" in str(error.value)
    assert (await store.get("p-1")).state is State.BASELINED
    assert await store.ideas("p-1") == []
    await limit(store, 1_000_000)
    await store.move(State.BASELINED, replace(one, state=State.PROPOSED, iteration=1), idea=large)
    assert (await store.idea("p-1", 1)).idea == large


async def limit(store: ExperimentStore, pages: int) -> None:
    """Every connection: the limit is a connection's own."""
    database = store.database
    async with database.write() as one, database.read() as two, database.read() as three:
        for connection in (one, two, three):
            await connection.execute(text(f"PRAGMA max_page_count = {pages}"))


FULL = """
import asyncio, sys
sys.path.insert(0, sys.argv[2])
from dataclasses import replace
from pathlib import Path
from hive_node.adapters.store import Database, ExperimentStore, Journal
from hive_node.domain import State
from hive_node.ports import FatalError, StoreError
from tests.unit.adapters.test_store import experiment, idea
from tests.fakes.improving import TickingClock

async def main():
    folder = Path(sys.argv[1])
    filler = folder / "filler"
    database = await Database.open(folder / "hive.db")
    store = ExperimentStore(database, Journal(database, TickingClock()))
    one = experiment()
    await store.create(one, 1)
    one = await store.move(State.CREATED, replace(one, state=State.BASELINED))
    fill(filler)
    codes = set()
    for number in range(1, 400):
        try:
            one = await store.move(State.BASELINED, replace(one, state=State.PROPOSED, iteration=1), idea=idea(1, parameters={"x": "y" * 50_000}))
            break
        except StoreError as error:
            codes.add(error.code)
            if number == 5:
                assert (await store.get("p-1")).state is State.BASELINED
                filler.unlink()
    assert codes == {"store.disk-full"}, codes
    assert (await store.get("p-1")).state is State.PROPOSED
    assert len((await store.idea("p-1", 1)).idea.parameters["x"]) == 50_000
    fill(filler)
    try:
        await Database.open(folder / "other.db")
    except FatalError as error:
        print(error.code, "full" in str(error))
    await database.close()

def fill(path):
    size = 65536
    with path.open("ab", buffering=0) as file:
        while size:
            try:
                file.write(b"x" * size)
            except OSError:
                size //= 2

asyncio.run(main())
"""


def test_a_disk_that_is_really_full_loses_nothing(tmp_path: Path) -> None:
    script = tmp_path / "full.py"
    script.write_text(FULL)
    disk = tmp_path / "disk"
    disk.mkdir()
    # A small disk in a mount namespace of the child's own; root needs no user namespace for it.
    inside = f'mount -t tmpfs -o size=2m none "$1" && exec "{sys.executable}" "$2" "$1" "{ROOT}"'
    command = [
        "unshare",
        "--mount",
        *([] if _is_root() else ["--user", "--map-root-user"]),
        "sh",
        "-ec",
        inside,
        "sh",
        str(disk),
        str(script),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "store.unusable True\n"


def _is_root() -> bool:
    import os

    return os.geteuid() == 0


async def test_a_file_that_is_no_database_or_a_newer_one_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "hive.db"
    path.write_text("this is no database\n" * 100)
    with pytest.raises(FatalError) as error:
        await Database.open(path)
    assert error.value.code == "store.unusable"
    assert path.read_text().startswith("this is no database")
    path.unlink()
    migrate(path)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(FatalError) as error:
        await Database.open(path)
    assert error.value.code == "store.newer"
    with pytest.raises(FatalError):
        await Database.open(tmp_path / "nowhere/hive.db")


async def test_a_migration_that_is_cut_short_leaves_nothing_in_the_way_of_the_next(tmp_path: Path) -> None:
    path = tmp_path / "hive.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE facts (x)")  # the last one to be made
    with pytest.raises(FatalError):
        await Database.open(path)
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall() == [("facts",)]
        connection.execute("DROP TABLE facts")
    database = await Database.open(path)
    await database.close()
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == (HEAD,)
    assert path.stat().st_mode & 0o777 == 0o600


async def test_a_database_of_the_first_schema_is_brought_up_to_date_with_everything_in_it(tmp_path: Path) -> None:
    from alembic import command
    from alembic.config import Config

    path = tmp_path / "hive.db"
    config = Config()
    config.set_main_option("script_location", str(ROOT / "hive_node/adapters/store/migrations"))
    config.attributes["database"] = str(path)
    command.upgrade(config, "0001")
    document = json.dumps(TypeAdapter(Experiment).dump_python(experiment(), mode="json"))
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO experiments VALUES ('p-1', 'p', 1, 'created', ?)", [document])
    database = await Database.open(path)
    store = ExperimentStore(database, Journal(database, TickingClock()))
    assert await store.get("p-1") == experiment()
    assert (await store.move(State.CREATED, replace(experiment(), state=State.STOPPED))).spent == Spent()
    await database.close()


KILLED = """
import os, signal, sqlite3, sys
sys.path.insert(0, sys.argv[2])
from pathlib import Path
import sqlalchemy
from sqlalchemy import event
from hive_node.adapters.store.database import migrate
seen = []
@event.listens_for(sqlalchemy.Engine, "after_cursor_execute")
def count(connection, cursor, statement, *_):
    seen.append(statement)
    if len(seen) == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)
migrate(Path(sys.argv[1]))
"""


@pytest.mark.parametrize("statements", [2, 6, 14, 22])
async def test_a_node_that_dies_while_it_makes_its_tables_makes_them_at_the_next_start(
    tmp_path: Path, statements: int
) -> None:
    path = tmp_path / "hive.db"
    command = [sys.executable, "-c", KILLED, str(path), str(ROOT), str(statements)]
    assert (await asyncio.to_thread(subprocess.run, command, capture_output=True)).returncode == -9
    database = await Database.open(path)
    store = ExperimentStore(database, Journal(database, TickingClock()))
    await store.create(experiment(), 1)
    await database.close()


@pytest.mark.parametrize("name", ["with space", "100%", "a#b?c=d", "ünï", "it's", "a;b", "new\nline", ":memory:"])
async def test_a_home_may_be_called_anything(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    database = await Database.open(folder / "hive.db")
    store = ExperimentStore(database, Journal(database, TickingClock()))
    await store.create(experiment(), 1)
    await database.close()
    copy = tmp_path / "copy.db"
    shutil.copy(folder / "hive.db", copy)
    with sqlite3.connect(copy) as connection:
        assert connection.execute("SELECT id FROM experiments").fetchall() == [("p-1",)]


async def test_a_database_that_another_program_holds_says_so(store: ExperimentStore) -> None:
    await store.create(experiment(), 1)
    async with store.database.read() as connection:
        await connection.execute(text("PRAGMA busy_timeout = 1"))
    other = sqlite3.connect(store.database.path, isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        async with store.database.read() as connection:
            await connection.execute(text("PRAGMA busy_timeout = 1"))
        with pytest.raises(StoreError) as error:
            await store.move(State.CREATED, replace(experiment(), state=State.BASELINED))
        assert error.value.code == "store.locked"
        other.execute("ROLLBACK")
    finally:
        other.close()
    await store.move(State.CREATED, replace(experiment(), state=State.BASELINED))


async def test_a_cancelled_write_is_whole_or_not_there(store: ExperimentStore) -> None:
    one = experiment()
    await store.create(one, 1)
    for turn in range(12):
        task = asyncio.ensure_future(store.move(State.CREATED, replace(one, state=State.BASELINED, seed=turn)))
        for _ in range(turn):
            await asyncio.sleep(0)
        task.cancel()
        done = (await asyncio.gather(task, return_exceptions=True))[0]
        found = await store.get("p-1")
        assert len(await store.transitions("p-1")) == (found.state is State.BASELINED)
        if found.state is State.BASELINED:
            break
        assert isinstance(done, asyncio.CancelledError)


async def decided(store: ExperimentStore, name: str, number: int, *, is_promoted: bool) -> None:
    """An experiment with one idea that came to an end."""
    one = experiment(name)
    await store.create(one, number)
    one = await store.move(State.CREATED, replace(one, state=State.BASELINED))
    one = await store.move(State.BASELINED, replace(one, state=State.PROPOSED, iteration=1), idea=idea(1, diff=name))
    if is_promoted:
        one = await store.move(State.PROPOSED, replace(one, state=State.TRIED))
        one = await store.move(State.TRIED, replace(one, state=State.JUDGED))
        promotion = Promotion(idea(1, diff=name), "c" * 40, 2.0, 1.0, EVIDENCE, {})
        await store.move(State.JUDGED, replace(one, state=State.PROMOTED), promotion=promotion)
        return
    verdict = Verdict(1, Rejected("baseline.worse", "x"), datetime(2026, 1, 1, tzinfo=UTC))
    await store.move(State.PROPOSED, replace(one, state=State.REJECTED), verdict=verdict)


async def test_operators_are_counted_over_the_other_experiments_on_the_task(store: ExperimentStore) -> None:
    await decided(store, "p-1", 1, is_promoted=True)
    await decided(store, "p-2", 2, is_promoted=False)
    assert await store.tallies(experiment("p-3")) == {"tune": Tally(2, 1)}
    assert await store.tallies(experiment("p-1")) == {"tune": Tally(1, 0)}
    assert await store.tallies(replace(experiment("p-3"), task="1" * 64)) == {}


async def test_what_was_promoted_elsewhere_is_that_of_other_experiments_on_the_task(store: ExperimentStore) -> None:
    await decided(store, "p-1", 1, is_promoted=True)
    await decided(store, "p-2", 2, is_promoted=False)
    assert [one.diff for one in await store.promoted_elsewhere(experiment("p-3"))] == ["p-1"]
    assert await store.promoted_elsewhere(experiment("p-1")) == []
    assert await store.promoted_elsewhere(replace(experiment("p-3"), task="1" * 64)) == []


async def test_runs_and_their_seconds_are_summed_by_idea(store: ExperimentStore) -> None:
    one = experiment()
    await store.create(one, 1)
    for number, seconds in ((0, 1.5), (1, 0.25), (1, 0.5)):
        await store.keep_sample(one, number, "candidate", Sample({"cost": 1.0}, seconds, 0.0))
    assert await store.costs("p-1") == {0: (1, 1.5), 1: (2, 0.75)}
    assert await store.costs("p-2") == {}
