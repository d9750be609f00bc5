"""A node's agents without the node: the real store, adapters and files, with time, chance, model and hive in the test's hand."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from guardrails.constitution import Constitution
from hive_node.adapters.agents.kinds import all_adapters
from hive_node.adapters.agents.placing import Placer
from hive_node.adapters.agents.trying import HookTrier
from hive_node.adapters.clock import SeededChance
from hive_node.adapters.store import AgentStore, Database, Journal
from hive_node.agents.session import Agent, Arm, Contest, Session
from hive_node.agents.variant import Variant
from hive_node.agents.wording import instructions
from hive_node.ports import ModelFault, News
from hive_node.ports.agents import Rewritten, Told
from hive_node.subjects.agents.attendance import BLOCK, Attendance, Given
from hive_node.subjects.agents.contests import Contests
from hive_node.subjects.agents.service import AgentService, Wish
from hive_node.subjects.agents.sharing import AgentNews
from protocol.ids import EntryId, sha256_hex
from tests.fakes.hive import NOW

HOOK = "/opt/hive-node --home /h"


@dataclass
class SetClock:
    """A second passes at each look, so that no two moments are one."""

    moment: datetime = NOW

    def now(self) -> datetime:
        self.moment += timedelta(seconds=1)
        return self.moment

    def monotonic(self) -> float:
        return self.moment.timestamp()

    async def sleep(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


@dataclass
class Model:
    """A language model that gives these answers, one after another; None: it is not to be had."""

    answers: list[tuple[str, str] | None] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    is_broken: bool = False
    is_free: bool = True
    dearest: int = 0
    cost: int = 0

    async def is_there(self, *, may_cost: bool) -> bool:
        return (bool(self.answers) or self.is_broken) and (may_cost or not self.dearest)

    async def most(self, told: Told) -> int:
        return self.dearest

    async def rewrite(self, told: Told) -> Rewritten:
        self.told.append(told)
        if self.is_broken:
            raise ModelFault("model.unreachable", "nobody answers", is_free=self.is_free)
        return Rewritten(self.answers.pop(0), self.cost)


@dataclass
class Ear:
    """The hive's ear."""

    news: dict[str, News] = field(default_factory=dict)

    async def publish(self, news: News) -> EntryId | None:
        self.news.setdefault(news.purpose, news)
        return EntryId(sha256_hex(news.purpose.encode()))

    async def told(self, purpose: str) -> EntryId | None:
        return EntryId(sha256_hex(purpose.encode())) if purpose in self.news else None


@dataclass
class NoPrior:
    factors: Mapping[str, float] = field(default_factory=dict)

    async def by_axis(self, kind: str) -> Mapping[str, float]:
        return self.factors


class World:
    """`await World(tmp_path).open()`; `restart` is what SIGKILL and a new start are to it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / "repo"
        self.folder.mkdir()
        self.clock, self.chance = SetClock(), SeededChance(11)
        self.model, self.hive, self.prior = Model(), Ear(), NoPrior()
        self.constitution = Constitution.load()
        self.halted: str | None = None
        self.database: Database
        self.service: AgentService

    async def open(self) -> "World":
        self.database = await Database.open(self.root / "hive.db")
        shelf = AgentStore(self.database, Journal(self.database, self.clock))
        noticed, adapters = asyncio.Event(), all_adapters()
        attendance = Attendance(shelf, adapters, self.clock, self.chance, noticed.set)
        contests = Contests(
            shelf,
            adapters,
            attendance,
            self.model,
            self.prior,
            self.constitution,
            lambda: self.halted,
            self.clock,
            self.chance,
        )
        placer, news = Placer(shelf, self.root / "kept"), AgentNews(self.hive)
        self.service = AgentService(
            shelf,
            adapters,
            attendance,
            contests,
            placer,
            news,
            self.clock,
            self.chance,
            HookTrier(HOOK, self.clock, self.chance),
            noticed,
        )
        return self

    async def restart(self) -> None:
        await self.database.close()
        await self.open()
        await self.service.look()

    async def add(self, kind: str = "claude-code", **wish: object) -> Agent:
        folder = None if kind == "generic" else self.folder
        return await self.service.add(Wish(kind, folder, name="it", **wish))  # type: ignore[arg-type]

    async def agent(self) -> Agent:
        return await self.service.shelf.get("it")

    async def contest(self) -> Contest | None:
        return await self.service.shelf.running("it")

    async def begin(self, identity: str) -> Given:
        return await self.service.attendance.begin(await self.agent(), identity)

    async def session(
        self, identity: str, *, is_good: bool | None, by_arm: Mapping[Arm, bool] | None = None
    ) -> Session:
        """A whole session: begun, judged (or not), over, read and decided on."""
        given = await self.begin(identity)
        said = by_arm[given.session.arm] if by_arm is not None else is_good
        if said is not None:
            await self.service.attendance.judge(await self.agent(), identity, is_good=said)
        await self.service.attendance.end(await self.agent(), identity, None)
        await self.service.look()
        found = await self.service.shelf.session("it", identity)
        assert found is not None
        return found

    async def block(self, *, is_good: bool) -> Session:
        """The present block of time, judged; then the next one begins."""
        given = await self.service.attendance.block(await self.agent())
        await self.service.attendance.judge(await self.agent(), given.session.id, is_good=is_good)
        self.clock.moment += BLOCK
        await self.service.look()
        found = await self.service.shelf.session("it", given.session.id)
        assert found is not None
        return found

    async def variant(self, digest: str) -> Variant:
        return (await self.service.shelf.descent("it", digest)).variant

    async def assert_file_says(self, path: str, original: bytes, digest: str) -> None:
        """The file holds that variant's words between our marks, and is the user's otherwise, byte for byte."""
        words = instructions(await self.variant(digest))
        ours = f"<!-- hive-node:begin -->\n{words}\n<!-- hive-node:end -->\n" if words else ""
        assert (self.folder / path).read_bytes() == original + ours.encode()
