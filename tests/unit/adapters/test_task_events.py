"""Events and their deliveries on a real file: a replay counts once, in its scope; nothing is lost, and nothing done twice."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, text

from hive_node.adapters.store import task_events as task_events_module
from hive_node.adapters.store.skill_tables import task_events
from hive_node.ports import StoreError
from hive_node.ports.skills import Which
from hive_node.skills.event import Kind, Scope
from tests.fakes.learning import BOT, Workbench, learning_on, report

EVERY = frozenset(Kind)
OTHERS = (Scope("me", "parser", "bot2"), Scope("me", "lexer", "bot"), Scope("you", "parser", "bot"))


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Workbench]:
    async with learning_on(tmp_path / "hive.db") as made:
        await made.log.register(["mine", "other"], 0)
        yield made


async def due(bench: Workbench, handler: str = "mine") -> list[int]:
    batch = await bench.log.due(handler, EVERY, bench.clock.now(), 100)
    return [one.event.id for one in (*batch.again, *batch.fresh)]


async def test_a_replayed_event_is_counted_once_and_told_where_it_stands(bench: Workbench) -> None:
    (first,) = await bench.log.store([report("k")])
    (again,) = await bench.log.store([report("k", task="told differently this time")])
    assert (first.is_new, again.is_new, again.id) == (True, False, first.id)
    assert await due(bench) == [first.id]


async def test_the_same_key_twice_in_one_request_is_one_event(bench: Workbench) -> None:
    one, other = await bench.log.store([report("k"), report("k")])
    assert (one.is_new, other.is_new, other.id) == (True, False, one.id)


@pytest.mark.parametrize("stranger", OTHERS)
async def test_nobody_keeps_out_an_event_of_somebody_else_by_using_its_key_first(
    bench: Workbench, stranger: Scope
) -> None:
    await bench.log.store([report("k", scope=stranger)])
    (mine,) = await bench.log.store([report("k")])
    assert mine.is_new
    event = (await bench.log.page(Which("me", "parser", "bot"), kind=None, before=None, limit=9))[0]
    assert event.scope == BOT
    assert await bench.log.earlier(event, 100) == []


async def test_what_is_reported_comes_back_as_it_was(bench: Workbench) -> None:
    told = report(
        "\0 \" ''' \n 😀",
        io={"input": {"a": ['"""', "\0", None, 1.5, True]}, "expected": None},
        metadata={"n": [[]]},
        seconds=0.5,
        tokens=0,
        passed=False,
    )
    await bench.log.store([told])
    (event,) = await bench.log.page(Which(), kind=None, before=None, limit=1)
    assert event.report == told


async def test_what_one_handler_has_done_another_still_has_before_it(bench: Workbench) -> None:
    await bench.log.store([report("a"), report("b")])
    batch = await bench.log.due("mine", EVERY, bench.clock.now(), 100)
    await bench.log.done("mine", batch.fresh[0])
    assert await due(bench) == [2]
    assert await due(bench, "other") == [1, 2]


async def test_a_handler_that_comes_later_gets_what_is_stored_from_then_on(bench: Workbench) -> None:
    await bench.log.store([report("a")])
    await bench.log.register(["late", "mine"], await bench.log.newest())
    await bench.log.store([report("b")])
    assert await due(bench, "late") == [2]
    assert await due(bench) == [1, 2]


async def test_what_failed_comes_again_when_it_is_due_and_holds_nothing_up(bench: Workbench) -> None:
    await bench.log.store([report("a"), report("b")])
    batch = await bench.log.due("mine", EVERY, bench.clock.now(), 100)
    later = bench.clock.now() + timedelta(seconds=5)
    await bench.log.failed("mine", batch.fresh[0], "ValueError: no", later)
    assert await due(bench) == [2]
    assert await bench.log.next_due("mine") == later
    bench.clock.pass_by(seconds=5)
    (again,) = (await bench.log.due("mine", EVERY, bench.clock.now(), 100)).again
    assert (again.event.id, again.attempts) == (1, 1)
    await bench.log.done("mine", again, {"note": 1})
    assert await due(bench) == [2]
    (row,) = await bench.log.results("mine", 9)
    assert (row["state"], row["result"]) == ("done", {"note": 1})


async def test_what_was_given_up_is_kept_and_can_be_taken_up_again(bench: Workbench) -> None:
    await bench.log.store([report("a")])
    batch = await bench.log.due("mine", EVERY, bench.clock.now(), 100)
    await bench.log.failed("mine", batch.fresh[0], "boom", None)
    assert await due(bench) == []
    (line, _) = await bench.log.lines()
    assert (line.given_up, line.last_error, line.behind) == (1, "boom", 0)
    assert await bench.log.again("mine") == 1
    assert await due(bench) == [1]


async def test_an_acknowledgement_written_twice_changes_nothing(bench: Workbench) -> None:
    await bench.log.store([report("a"), report("b")])
    batch = await bench.log.due("mine", EVERY, bench.clock.now(), 100)
    for _ in range(2):
        await bench.log.done("mine", batch.fresh[1], {"n": 2})
    await bench.log.done("mine", batch.fresh[0], {"n": 1})
    (line, _) = await bench.log.lines()
    assert (line.handled, line.behind) == (1, 0)
    assert await due(bench) == []


async def test_hundreds_of_writers_share_few_transactions(bench: Workbench) -> None:
    before = bench.database.writes
    await asyncio.gather(*(bench.log.store([report(f"k{number}")]) for number in range(300)))
    assert bench.database.writes - before <= 3
    async with bench.database.read() as transaction:
        stored = await transaction.execute(select(func.count()).select_from(task_events))
        assert stored.scalar_one() == 300


async def test_who_gives_up_waiting_takes_no_others_event_along(bench: Workbench) -> None:
    impatient = asyncio.ensure_future(bench.log.store([report("a")]))
    patient = asyncio.ensure_future(bench.log.store([report("b")]))
    await asyncio.sleep(0)
    impatient.cancel()
    assert (await patient)[0].is_new
    (again,) = await bench.log.store([report("a")])
    assert not again.is_new


async def test_a_group_that_cannot_be_written_is_told_to_each_and_the_next_is_tried(bench: Workbench) -> None:
    async with bench.database.write() as transaction:
        await transaction.execute(text("ALTER TABLE task_events RENAME TO gone"))
    for key in ("a", "b"):
        with pytest.raises(StoreError):
            await bench.log.store([report(key)])
    async with bench.database.write() as transaction:
        await transaction.execute(text("ALTER TABLE gone RENAME TO task_events"))
    assert (await bench.log.store([report("a")]))[0].is_new


async def test_old_events_go_but_none_that_a_handler_still_has_to_do(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(task_events_module, "EVENTS_KEPT", 3)
    await bench.log.store([report(f"k{number}") for number in range(10)])
    await bench.log.pass_over("mine", 10, handled=10)
    await bench.log.sweep()
    assert len(await due(bench, "other")) == 10
    await bench.log.pass_over("other", 6, handled=6)
    await bench.log.sweep()
    page = await bench.log.page(Which(), kind=None, before=None, limit=99)
    assert [event.id for event in page] == [10, 9, 8, 7]
    (next_one,) = await bench.log.store([report("new")])
    assert next_one.id == 11


async def test_large_events_are_handed_on_a_few_at_a_time_and_all_of_them(bench: Workbench) -> None:
    large = {"input": "x" * 1_500_000}
    await bench.log.store([report(f"k{number}", io=large) for number in range(5)])
    seen: list[int] = []
    while (batch := await bench.log.due("mine", EVERY, bench.clock.now(), 100)).end is not None:
        assert len(batch.fresh) <= 2
        seen += [one.event.id for one in batch.fresh]
        await bench.log.pass_over("mine", batch.end, handled=len(batch.fresh))
    assert seen == [1, 2, 3, 4, 5]


@settings(max_examples=8)
@given(sent=st.lists(st.tuples(st.integers(0, 5), st.sampled_from([BOT, *OTHERS])), max_size=30))
def test_however_often_and_in_whatever_order_events_are_sent_each_is_there_once(sent: list[tuple[int, Scope]]) -> None:
    async def send() -> None:
        with tempfile.TemporaryDirectory() as folder:
            async with learning_on(Path(folder) / "hive.db") as bench:
                stored = [(await bench.log.store([report(f"k{key}", scope=scope)]))[0] for key, scope in sent]
                assert sum(one.is_new for one in stored) == len(set(sent))
                by_id: dict[int, tuple[int, Scope]] = {}
                for what, one in zip(sent, stored, strict=True):
                    assert by_id.setdefault(one.id, what) == what

    asyncio.run(send())
