"""Learning in one process: real SQLite, a clock in the test's hand, engines and trials that do what the test says."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from guardrails.verdict import Rejected
from hive_node.adapters.store import (
    Committer,
    Database,
    Gatekeeper,
    Journal,
    SkillRecords,
    SkillStore,
    TaskEventStore,
)
from hive_node.adapters.store.task_events import insert_events
from hive_node.ports.skills import Delivery, Stored
from hive_node.skills.case import Case, is_same, why_too_few
from hive_node.skills.engine import Analysis, Engine, Episode, Model, Order, Proposal, Trials, Unavailable, Validation
from hive_node.skills.event import Kind, Report, Scope, TaskEvent
from hive_node.skills.fitness import Weighted
from hive_node.skills.skill import Tried, Version
from hive_node.subjects.skills.bench import Bench
from hive_node.subjects.skills.learning import Learning
from hive_node.subjects.skills.promoting import Promoter
from tests.fakes.hive import NOW

BOT = Scope("me", "parser", "bot")
ENGINES = ("memento", "evolver", "tool-errors", "own")


class SetClock:
    """Now is what the test says; sleeping takes no time."""

    def __init__(self) -> None:
        self.at = NOW
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)

    def pass_by(self, **time: float) -> None:
        self.at += timedelta(**time)


def report(key: str = "k", *, scope: Scope = BOT, kind: Kind = Kind.TASK_FAILED, **changes: Any) -> Report:
    """A failure of a task, unless told otherwise."""
    fields: dict[str, Any] = {"task": "parse a date", "error": "ValueError: no date"} | changes
    return Report(kind=kind, scope=scope, key=key, **fields)


def failure(number: int, *, scope: Scope = BOT, **changes: Any) -> Report:
    """One of several failures of one kind, each with its input and right answer."""
    io = {"input": f"2024-01-{number:02}", "expected": [2024, 1, number]}
    return report(f"f{number}", scope=scope, io=io, **changes)


@dataclass
class OwnEngine:
    """Wants what it is told to want, proposes what it is told to propose, and says that everything is valid."""

    analysis: Analysis = None
    source: str | None = "def run(value):\n    return value\n"
    name: str = "own"
    seen: list[Episode] = field(default_factory=list)

    async def analyze_episode(self, episode: Episode) -> Analysis:
        self.seen.append(episode)
        return self.analysis

    async def propose_change(self, order: Order, model: Model | None) -> Proposal | Unavailable:
        return Proposal(self.source, "as told") if self.source is not None else Unavailable("model.none", "no model")

    async def validate_change(self, proposal: Proposal, cases: Sequence[Case], trials: Trials) -> Validation:
        return Validation(None)


@dataclass
class EvalTrials:
    """Runs a source in this process: for tests of what is done with the outcome. seconds: what each call seems to take."""

    seconds: Callable[[str], float] = lambda _source: 0.1
    runs: int = 0

    async def validate(self, source: str, cases: Sequence[Case]) -> Tried:
        self.runs += 1
        space: dict[str, Any] = {}
        exec(source, space)
        right = [is_same(space["run"](json.loads(json.dumps(case.given))), case.expected) for case in cases]
        wrong = None if all(right) else Rejected("skill.case.failed", "not right")
        held_out = sum(case.is_held_out for case in cases)
        return Tried(len(cases), sum(right), held_out, self.seconds(source), "test", why_too_few(cases) or wrong)


@dataclass
class Workbench:
    """Everything between an event and a promoted skill, on one database."""

    database: Database
    clock: SetClock
    log: TaskEventStore
    shelf: SkillStore
    records: SkillRecords
    journal: Journal
    engines: dict[str, Engine]
    trials: EvalTrials
    halted: str | None = None
    told: list[Version] = field(default_factory=list)
    model: Model | None = None

    def bench(self) -> Bench:
        async def model() -> Model | None:
            return self.model

        return Bench(self.shelf, self.engines, self.trials, Weighted(), self.promoter(), model, self.clock)

    def promoter(self) -> Promoter:
        async def tell(version: Version) -> None:
            self.told.append(version)

        return Promoter(self.shelf, self.trials, lambda: self.halted, tell)

    def learning(self, engine: Engine) -> Learning:
        return Learning(engine, self.log, self.shelf, asyncio.Event())

    async def happen(self, *reports: Report, engines: Sequence[Engine] = ()) -> list[Stored]:
        """Store them, and hand each to those engines as the queue does."""
        stored = await self.log.store(reports)
        for engine in engines or self.engines.values():
            learning = self.learning(engine)
            await self.log.register([learning.name], 0)
            for one, told in zip(stored, reports, strict=True):
                await learning.take(Delivery(TaskEvent(one.id, self.clock.now(), told)))
        return stored

    async def work(self) -> list[Version]:
        """Carry on everything that waits for the bench."""
        return [await self.bench().work(version) for version in await self.shelf.wanted()]


@asynccontextmanager
async def learning_on(path: Path, *engines: Engine, switched_on: Sequence[str] = ENGINES) -> AsyncIterator[Workbench]:
    """A workbench on a new database, or on the one that was there."""
    clock, database = SetClock(), await Database.open(path)
    committer = Committer(database, insert_events)
    serving = asyncio.ensure_future(committer.serve())
    journal = Journal(database, clock)
    gate = Gatekeeper(frozenset(switched_on), clock)
    try:
        yield Workbench(
            database=database,
            clock=clock,
            log=TaskEventStore(database, committer, clock),
            shelf=SkillStore(database, journal, gate),
            records=SkillRecords(database, clock, gate),
            journal=journal,
            engines={engine.name: engine for engine in engines},
            trials=EvalTrials(),
        )
    finally:
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving
        await database.close()
