"""The guard's engine is not kept in memory while nothing is scanned, and nobody who scans can tell."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from guardrails.scope import Engine, LocalFacts, ScopeGuard, default_engine
from guardrails.scope.engine import Seeker
from guardrails.scope.findings import Finding
from guardrails.verdict import Refused
from hive_node.adapters.resting import REST_S, RestingEngine
from protocol.deltas import ShareLevel
from tests.unit.guardrails.scope.composed import CLEAN

TEXT = "token = " + "gh" + "p_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"


@dataclass
class ManualClock:
    at: float = 0.0
    woken: asyncio.Event = field(default_factory=asyncio.Event)

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.at, UTC)

    def monotonic(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.at += seconds
        self.woken.set()
        await asyncio.sleep(0)


@dataclass
class Loads:
    """How often the engine was loaded; `fault`, if any, instead."""

    count: int = 0
    fault: Exception | None = None

    def __call__(self) -> Engine:
        self.count += 1
        if self.fault is not None:
            raise self.fault
        return default_engine()


async def until_at_rest(engine: RestingEngine) -> None:
    serving = asyncio.create_task(engine.serve())
    async with asyncio.timeout(30):
        while not engine.is_resting:
            await asyncio.sleep(0.001)
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving


async def test_an_idle_engine_is_let_go_and_comes_back_with_the_next_text() -> None:
    loads, clock = Loads(), ManualClock()
    engine = RestingEngine(loads, clock)
    assert (engine.is_resting, loads.count) == (True, 0), "a start that scans nothing loads nothing"
    found = engine.scan(TEXT)
    assert found == default_engine().scan(TEXT)
    began = clock.at
    await until_at_rest(engine)
    assert clock.at - began >= REST_S
    assert engine.scan(TEXT) == found
    assert engine.scan_joined(TEXT) == default_engine().scan_joined(TEXT)
    assert loads.count == 2


async def test_an_engine_that_is_used_does_not_rest() -> None:
    loads, clock = Loads(), ManualClock()
    engine = RestingEngine(loads, clock)
    serving = asyncio.create_task(engine.serve())
    for _ in range(40):
        engine.scan("")
        clock.woken.clear()
        await clock.woken.wait()
    serving.cancel()
    assert (engine.is_resting, loads.count) == (False, 1)


async def test_a_scan_under_way_is_not_cut_off() -> None:
    clock = ManualClock()
    engine = RestingEngine(Loads(), clock)

    class Slow:
        """Takes longer than the engine may rest."""

        def find(self, view: object) -> Sequence[Finding]:
            clock.at += 2 * REST_S
            engine.rest()
            return ()

    seekers: Sequence[Seeker] = [Slow()]
    assert engine.scan(TEXT, seekers) == default_engine().scan(TEXT)
    assert engine.is_resting


def test_a_guard_whose_engine_does_not_come_back_refuses() -> None:
    loads = Loads(fault=MemoryError("no room"))
    guard = ScopeGuard(RestingEngine(loads, ManualClock()), LocalFacts.build([], [], bytes(32)))
    answer = guard.check_outgoing(CLEAN[0], ShareLevel.RECIPES)
    assert isinstance(answer, Refused)
    assert answer.rule == "scope.cannot-run"
