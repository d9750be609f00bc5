"""Several whole nodes in one process: real keys, databases, TLS and sockets on loopback, put together by hive_node.app itself.

async def test_something(tmp_path):
    async with hive_of(tmp_path, 3) as (ada, bo, cy):       # founded, joined by invite, introduced, in step
        entry = await bo.say()                              # published: signed, stored, pushed
        await until(lambda: entry in ada.entries(bo))
"""

import asyncio
import atexit
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from tempfile import mkdtemp

from guardrails.constitution import Constitution
from hive_node.adapters.clock import SystemClock
from hive_node.adapters.contacts import Contact
from hive_node.adapters.homefolder import create_home
from hive_node.adapters.keyfile import NodeKey, load_key, load_token
from hive_node.adapters.membering import Members
from hive_node.adapters.store import Database
from hive_node.adapters.store.database import migrate
from hive_node.app import Node, NodeBuilder
from hive_node.app.federated import Federated
from hive_node.app.foundation import Foundation
from hive_node.cli.client import Client
from hive_node.config.home import Home
from hive_node.config.node import load_node_config
from hive_node.hive import Hive
from hive_node.ports import News
from hive_node.subjects.agents.service import AgentService
from protocol.deltas import Body, ShareLevel
from protocol.ids import EntryId, NodeId
from tests.fakes.hive import summary

LOOPBACK = "127.0.0.1"
_DEADLINE_S = 20.0


class ShiftedClock(SystemClock):
    """The machine's clock, and a test's own day."""

    shift = timedelta()

    def now(self) -> datetime:
        return super().now() + self.shift


@dataclass
class LiveNode:
    """A node's home, and while it runs the parts that a test looks at. They are new ones after a restart."""

    name: str
    home: Home
    clock: ShiftedClock = field(default_factory=ShiftedClock)
    said: int = 0
    ground: Foundation = field(init=False)
    parts: Federated = field(init=False)
    agents: AgentService = field(init=False)
    whole: Node = field(init=False)
    members: Members = field(init=False)
    _running: asyncio.Task[None] | None = None

    @property
    def id(self) -> NodeId:
        return self.key.node_id

    @property
    def key(self) -> NodeKey:
        return load_key(self.home.key)

    @property
    def hive(self) -> Hive:
        return self.ground.hive

    @property
    def port(self) -> int:
        assert self.parts.federation is not None
        return self.parts.federation._server.port

    @property
    def connections(self) -> int:
        assert self.parts.federation is not None
        return self.parts.federation._server.connections

    @property
    def version(self) -> int:
        return self.hive.membership.charter.version if self.hive.membership else 0

    @property
    def state(self) -> dict[str, str]:
        """What `peers` says of each other member, by its name."""
        from hive_node.adapters.peer_lines import PeerLines

        return {
            line.name: line.state
            for line in PeerLines(self.hive, self.parts.network, self.ground.peers, self.clock).lines()
        }

    def contact(self, other: "LiveNode") -> Contact | None:
        return self.parts.network.contacts.get(other.id) if self.parts.network else None

    def seq(self, author: "LiveNode | NodeId") -> int:
        """The last number held of an author."""
        head = self.hive.heads.get(author if isinstance(author, str) else author.id)
        return head.seq if head else 0

    def meet(self, other: "LiveNode") -> None:
        """Tell this node where another listens, as a config does."""
        assert self.parts.network is not None
        self.parts.network.suggest(LOOPBACK, other.port, "static")

    async def say(self, body: Body | None = None, purpose: str | None = None) -> EntryId | None:
        """Publish; a summary like no other, unless told what."""
        self.said += 1
        news = News(purpose or f"{self.name}:{self.said}", body or summary(0.001 * self.said), ShareLevel.RECIPES)
        return await self.parts.share.publish(news)

    async def shown(self, kind: str | None = None) -> list[EntryId]:
        """What `delta list` shows, oldest first."""
        page = await self.ground.feed.page(limit=1000, kind=kind)
        return [entry.id for _, entry in reversed(page)]

    async def start(self, *, wait: bool = True) -> "LiveNode":
        """Put together and run the part of the daemon that speaks to others; `wait` for its peer port where it has a hive."""
        await self.open()
        assert self.parts.federation is not None
        self._running = asyncio.get_running_loop().create_task(self.parts.federation.serve(), name=self.name)
        if wait and self.hive.membership is not None:
            await until(lambda: self.port)
        return self

    async def open(self) -> "LiveNode":
        """Put together, without running anything."""
        config = load_node_config(self.home.config)
        database = await Database.open(self.home.database)
        try:
            token = load_token(self.home.token)
            self.ground = Foundation(self.home, config, self.key, token, _constitution(), database, self.clock)
            builder = NodeBuilder(self.ground)
            self.parts, self.agents, self.whole = builder.federated, builder.agents, await builder.build()
        except BaseException:
            await database.close()
            raise
        self.members = self.parts.members
        return self

    @asynccontextmanager
    async def answering(self) -> AsyncIterator[Client]:
        """The admin API, and a client of it for threads."""
        serving = asyncio.get_running_loop().create_task(self.whole.api.serve())
        try:
            await self.whole.api.ready.wait()
            yield Client(self.home)
        finally:
            serving.cancel()
            await asyncio.wait([serving])

    async def stop(self) -> None:
        """As SIGTERM does."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait([self._running])
            error = None if self._running.cancelled() else self._running.exception()
            self._running = None
            assert error is None, error
        await self.ground.database.close()


def new_home(folder: Path, name: str, *, mdns: bool = False) -> LiveNode:
    """A home with a key of its own and an empty database. The peer port is any free one."""
    home = Home(folder / name)
    create_home(home, name=name, owner=f"owner-{name}", listen=LOOPBACK, peer_port=0, api_port=0, mdns=LOOPBACK)
    if not mdns:
        home.config.write_text(home.config.read_text().replace("enabled = true", "enabled = false"))
    shutil.copy(empty_database(), home.database)
    return LiveNode(name, home)


@asynccontextmanager
async def node_of(folder: Path, name: str = "ada", *, mdns: bool = False) -> AsyncIterator[LiveNode]:
    """One running node in no hive."""
    node = await new_home(folder, name, mdns=mdns).start()
    try:
        yield node
    finally:
        await node.stop()


@asynccontextmanager
async def hive_of(folder: Path, count: int, *, mdns: bool = False) -> AsyncIterator[list[LiveNode]]:
    """A hive of so many running nodes, the first its admin. Unless by mDNS, each is told where the others are."""
    async with AsyncExitStack() as stack:
        nodes = [
            await stack.enter_async_context(node_of(folder, f"n{number}", mdns=mdns)) for number in range(1, count + 1)
        ]
        await found(*nodes)
        yield nodes


async def found(admin: LiveNode, *others: LiveNode) -> None:
    """A hive of these nodes, in step."""
    await admin.members.create("test hive")
    await until(lambda: admin.port)
    for other in others:
        await other.members.join(await admin.members.invite())
        await until(lambda other=other: other.port)
    introduce(admin, *others)
    await until(lambda: is_in_step(admin, *others))


def introduce(*nodes: LiveNode) -> None:
    """Tell each where the others listen."""
    for one in nodes:
        for other in nodes:
            if one is not other:
                one.meet(other)


def is_in_step(*nodes: LiveNode) -> bool:
    """Whether each says so of each other."""
    return all(set(one.state.values()) <= {"in step"} for one in nodes)


async def until(holds: Callable[[], object], seconds: float = _DEADLINE_S) -> None:
    """Wait for a condition, and fail when it takes too long."""
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.01)


async def in_turn(nodes: Sequence[LiveNode], count: int) -> None:
    """Let the nodes publish so many entries each, one after the other."""
    for _ in range(count):
        for node in nodes:
            assert await node.say()


@lru_cache(maxsize=1)
def _constitution() -> Constitution:
    return Constitution.load()


@lru_cache(maxsize=1)
def empty_database() -> Path:
    folder = Path(mkdtemp(prefix="hive-empty-"))
    atexit.register(shutil.rmtree, folder)
    migrate(folder / "hive.db")
    return folder / "hive.db"
