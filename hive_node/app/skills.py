"""The side of the node that learns from what happened: events, engines, skills."""

import asyncio
import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

from hive_node.adapters.plugins import ENGINES, FITNESS, check, load
from hive_node.adapters.skills.engines import ForeignEngine
from hive_node.adapters.skills.handlers import find_handlers
from hive_node.adapters.skills.model import SkillModel
from hive_node.adapters.skills.nowhere import NoSandbox
from hive_node.adapters.store import (
    AccountStore,
    Committer,
    Gatekeeper,
    SkillRecords,
    SkillStore,
    TaskEventStore,
)
from hive_node.adapters.store.task_events import insert_events
from hive_node.app.federated import Federated
from hive_node.app.foundation import Foundation
from hive_node.engines.evolver import Evolver
from hive_node.engines.memento import Memento
from hive_node.engines.tool_errors import ToolErrors
from hive_node.learn.skills import SkillsOfPeers
from hive_node.ports import Sandbox
from hive_node.skills.engine import Engine, Model
from hive_node.skills.fitness import Fitness, Weighted
from hive_node.subjects.skills.bench import Bench
from hive_node.subjects.skills.learning import Learning
from hive_node.subjects.skills.promoting import Promoter
from hive_node.subjects.skills.queue import Consumer, Intake
from hive_node.subjects.skills.registry import Registry
from hive_node.subjects.skills.service import Serves, SkillService
from hive_node.subjects.skills.sharing import SkillNews
from hive_node.subjects.skills.trial import SkillTrials
from protocol.deltas import ShareLevel

_SHIPPED: Final[dict[str, type[Memento] | type[Evolver] | type[ToolErrors]]] = {
    "memento": Memento,
    "evolver": Evolver,
    "tool-errors": ToolErrors,
}
# No engine: skills of the hive are looked for, and tried here.
_PEER: Final = "peer"


def open_skills(ground: Foundation, federated: Federated, sandbox: Sandbox) -> SkillService:
    """The service; nothing runs yet. Raises FatalError where config.toml names what is not there."""
    section, clock = ground.config.skills, ground.clock
    committer = Committer(ground.database, insert_events)
    log = TaskEventStore(ground.database, committer, clock)
    gate = Gatekeeper(frozenset(section.engines), clock)
    shelf, records = SkillStore(ground.database, ground.journal, gate), SkillRecords(ground.database, clock, gate)
    folder = ground.home.worktrees / "skills"
    if ground.config.sandbox.backend == "none":
        sandbox = NoSandbox()
    trials, fitness = SkillTrials(sandbox, ground.constitution, folder), _fitness(section.fitness)
    news = SkillNews(federated.share, shelf, ShareLevel(section.share))
    promoter = Promoter(shelf, trials, ground.why_halted, news.tell)
    engines = {name: _engine(name) for name in section.engines if name != _PEER}
    intake, wanted = Intake(log), asyncio.Event()
    model = partial(_model, ground)
    bench = Bench(shelf, engines, trials, fitness, promoter, model, clock, wanted)
    beside: list[Serves] = [committer]
    if _PEER in section.engines:
        beside.append(SkillsOfPeers(ground.hive, federated.beliefs, ground.feed, shelf, clock, wanted.set))

    async def find() -> Sequence[Consumer]:
        return await find_handlers([Path(path).expanduser() for path in section.handlers], log)

    return SkillService(
        log=log,
        deliveries=log,
        shelf=shelf,
        intake=intake,
        registry=Registry(shelf, records, trials, promoter, fitness, intake.report, wanted, ground.chance),
        bench=bench,
        learning=[Learning(engine, log, shelf, wanted) for engine in engines.values()],
        find=find,
        beside=beside,
        fresh=lambda: shutil.rmtree(folder, ignore_errors=True),
        clock=clock,
    )


def _engine(name: str) -> Engine:
    if (shipped := _SHIPPED.get(name)) is not None:
        return shipped()
    check(ENGINES, name)
    return ForeignEngine.named(name)


def _fitness(name: str) -> Fitness:
    if name == "weighted":
        return Weighted()
    fitness: Fitness = load(FITNESS, name)()
    return fitness


async def _model(ground: Foundation) -> Model | None:
    if ground.config.model is None:
        return None
    books = AccountStore(ground.database, ground.journal)
    return SkillModel(ground.models, ground.model, books, ground.config.skills.dollars, ground.clock)
