"""The queue: each handler at its own pace, with its own failures; none of them delays another, and nothing is lost."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hive_node.ports import StoreError
from hive_node.ports.skills import Delivery
from hive_node.skills.event import Kind
from hive_node.subjects.skills.queue import BACK_OFF_S, Intake, Pump
from tests.fakes.learning import Workbench, learning_on, report


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Workbench]:
    async with learning_on(tmp_path / "hive.db") as made:
        yield made


@dataclass
class Scripted:
    """Does with each event what `act` does, and remembers it."""

    name: str
    bench: Workbench
    act: Callable[[Delivery], object] = lambda _delivery: None
    kinds: frozenset[Kind] = frozenset(Kind)
    seen: list[int] = field(default_factory=list)
    done: asyncio.Event = field(default_factory=asyncio.Event)
    until: int = 0

    async def take(self, delivery: Delivery) -> bool:
        self.seen.append(delivery.event.id)
        result = self.act(delivery)
        if asyncio.iscoroutine(result):
            result = await result
        await self.bench.log.done(self.name, delivery, {"n": delivery.event.id})
        if len(set(self.seen)) >= self.until:
            self.done.set()
        return True


@asynccontextmanager
async def pumping(bench: Workbench, *consumers: Scripted) -> AsyncIterator[Intake]:
    await bench.log.register([one.name for one in consumers], 0)
    pumps = [Pump(one, bench.log, bench.clock) for one in consumers]
    tasks = [asyncio.ensure_future(pump.serve()) for pump in pumps]
    try:
        yield Intake(bench.log, pumps)
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task


def raising(_delivery: Delivery) -> None:
    raise RuntimeError("no")


async def test_a_handler_that_sleeps_for_ever_and_one_that_raises_delay_no_other(bench: Workbench) -> None:
    sleeps = Scripted("sleeps", bench, lambda _delivery: asyncio.Event().wait())
    raises = Scripted("raises", bench, raising)
    works = Scripted("works", bench, until=50)
    async with pumping(bench, sleeps, raises, works) as intake:
        await intake.report([report(f"k{number}") for number in range(50)])
        async with asyncio.timeout(20):
            await works.done.wait()
    assert works.seen == list(range(1, 51))
    assert sleeps.seen == [1]


async def test_what_a_handler_was_doing_when_the_node_died_is_done_after_it(bench: Workbench) -> None:
    dying = Scripted("mine", bench, lambda delivery: asyncio.Event().wait() if delivery.event.id == 3 else None)
    async with pumping(bench, dying) as intake:
        await intake.report([report(f"k{number}") for number in range(5)])
        async with asyncio.timeout(20):
            while dying.seen != [1, 2, 3]:
                await asyncio.sleep(0.01)
    after = Scripted("mine", bench, until=3)
    async with pumping(bench, after), asyncio.timeout(20):
        await after.done.wait()
    assert after.seen == [3, 4, 5]
    results = await bench.log.results("mine", 9)
    assert [row["result"]["n"] for row in results] == [5, 4, 3, 2, 1]


async def test_a_failing_event_comes_again_later_and_later_and_is_then_kept_for_a_person(bench: Workbench) -> None:
    raises = Scripted("raises", bench, raising)
    await bench.log.register(["raises"], 0)
    await bench.log.store([report()])
    pump = Pump(raises, bench.log, bench.clock)
    for pause_s in BACK_OFF_S:
        await pump._round()
        due_at = await bench.log.next_due("raises")
        assert due_at is not None
        assert (due_at - bench.clock.now()).total_seconds() == pause_s
        assert not await pump._round()
        bench.clock.pass_by(seconds=pause_s)
    await pump._round()
    (line,) = await bench.log.lines()
    assert (line.waiting, line.given_up, line.handled) == (0, 1, 0)
    assert "RuntimeError: no" in (line.last_error or "")
    raises.act = lambda _delivery: None
    await bench.log.again("raises")
    await pump._round()
    (line,) = await bench.log.lines()
    assert (line.given_up, line.handled) == (0, 1)
    assert raises.seen == [1] * (len(BACK_OFF_S) + 2)


async def test_a_handler_gets_events_of_its_kind_and_passes_over_the_others(bench: Workbench) -> None:
    calls = Scripted("calls", bench, kinds=frozenset({Kind.SKILL_EXECUTED}))
    await bench.log.register(["calls"], 0)
    await bench.log.store([report("a"), report("b", kind=Kind.SKILL_EXECUTED), report("c")])
    pump = Pump(calls, bench.log, bench.clock)
    assert await pump._round()
    assert not await pump._round()
    assert calls.seen == [2]
    (line,) = await bench.log.lines()
    assert (line.handled, line.behind) == (1, 0)


async def test_a_store_that_fails_for_a_while_costs_no_event_and_no_pump(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    works, failing = Scripted("works", bench, until=1), [True]
    due = type(bench.log).due

    async def sometimes(*arguments: object) -> object:
        if failing:
            failing.clear()
            raise StoreError("store.locked", "locked by another program")
        return await due(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(type(bench.log), "due", sometimes)
    async with pumping(bench, works) as intake:
        await intake.report([report()])
        async with asyncio.timeout(20):
            await works.done.wait()
    assert works.seen == [1]
