"""A node that was late doubts itself: seen by the clock that a block stops, and by the one that a sleeping machine's does not."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from hive_node.adapters import pace
from hive_node.adapters.clock import SystemClock
from hive_node.adapters.pace import BEAT_S, LATE_S, Pace
from hive_node.ports import Clock
from tests.fakes.hive import NOW
from tests.fakes.time import HeldClock, settled


class Woken(HeldClock):
    """A machine that was suspended: its monotonic clock stood still, the wall's did not."""

    slept = timedelta()

    def now(self):  # type: ignore[no-untyped-def]
        return NOW + self.slept + timedelta(seconds=self.seconds)


async def beating(clock: Clock) -> AsyncIterator[Pace]:
    found = Pace(clock)
    task = asyncio.get_running_loop().create_task(found.keep())
    await asyncio.sleep(0)
    yield found
    task.cancel()
    await asyncio.wait([task])


@pytest.mark.parametrize(("late", "doubts"), [(0.0, False), (LATE_S / 2, False), (LATE_S + 0.1, True)])
async def test_only_who_is_late_by_more_than_the_bound_doubts_itself(late: float, doubts: bool) -> None:
    clock = HeldClock()
    async for found in beating(clock):
        await clock.advance(3 * BEAT_S)
        began = clock.monotonic()
        clock.seconds += BEAT_S + late
        assert found.was_late_since(began) is doubts
        assert found.was_late_since(began) is doubts  # and it is not forgotten by being asked
        assert not found.was_late_since(clock.monotonic() + 0.001)


async def test_a_machine_that_slept_doubts_itself_although_its_clock_stood_still() -> None:
    clock = Woken()
    async for found in beating(clock):
        await clock.advance(2 * BEAT_S)
        began = clock.monotonic()
        await clock.advance(0.5)
        clock.slept = timedelta(hours=8)
        assert found.was_late_since(began)
        await settled()


async def test_a_loop_that_was_really_blocked_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "BEAT_S", 0.05)
    monkeypatch.setattr(pace, "LATE_S", 0.3)
    async for found in beating(SystemClock()):
        began = SystemClock().monotonic()
        await asyncio.sleep(0.1)
        time.sleep(0.5)
        assert found.was_late_since(began)
        await asyncio.sleep(0.1)
        assert found.was_late_since(began)
