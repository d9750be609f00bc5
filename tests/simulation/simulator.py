"""A whole hive in one thread: the real flows, guards, aggregation and network of every node, on a wire in memory.

Time is the event loop's own and jumps from one alarm to the next, so a simulated day takes a moment; chance is seeded, so a
story is the same story in every run. What is not real: the store (in memory), TLS and HTTP (one function call a question).

def test_something():
    async def story(sim):
        ada, bo = await sim.hive(2)
        await ada.say(summary())
        await sim.until(sim.is_in_step)
    simulate(story, seed=1)
"""

import asyncio
import selectors
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from guardrails.consensus import TaskBelief
from guardrails.scope import LocalFacts, ScopeGuard, default_engine
from hive_node.adapters.answers import Answers
from hive_node.adapters.network import Network
from hive_node.adapters.peer_client import PeerStatus, SyncAnswer
from hive_node.adapters.tls import certificate_of
from hive_node.adapters.told import Told
from hive_node.hive import Hive
from hive_node.learn.aggregate import Beliefs
from hive_node.learn.charters import CharterReader
from hive_node.learn.memory import Memory
from hive_node.learn.pipeline import Learn
from hive_node.learn.suggest import Suggest
from hive_node.ports import News, Suggestion
from hive_node.share.charters import CharterOffice
from hive_node.share.pipeline import Share
from protocol.charter import Member, stamp
from protocol.deltas import Body, ShareLevel
from protocol.errors import Code, RemoteProtocolError
from protocol.ids import EntryId, NodeId
from protocol.sync import HaveVector, have_vector_tree, parse_have_vector
from protocol.verification import verify_chain
from protocol.wire import JsonValue, dump_json, parse_object
from tests.fakes.hive import CONSTITUTION, NOW, TASK, FakeNode, base64_text
from tests.fakes.store import FakeStore
from tests.fakes.time import SeededChance

_PORT = 1
_DEADLINE_S = 24 * 3600.0


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time passes only while everybody waits for it."""

    def __init__(self) -> None:
        super().__init__(_Jumping())
        self._selector: Any

    def time(self) -> float:
        return float(self._selector.now)


class _Jumping(selectors.DefaultSelector):
    now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        assert timeout is not None, "everybody waits for somebody else"
        self.now += max(0.0, timeout)
        return super().select(0)


@dataclass
class SimClock:
    """The loop's time, and how far this node's clock is off."""

    skew: timedelta = timedelta()

    def now(self) -> datetime:
        return NOW + self.skew + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))


@dataclass
class Wire:
    """What lies between the nodes. loss: the chance that a question or its answer is lost. cut: pairs that cannot speak."""

    chance: SeededChance
    latency_s: tuple[float, float] = (0.001, 0.01)
    loss: float = 0.0
    cut: set[frozenset[NodeId]] = field(default_factory=set)
    log: list[bytes] = field(default_factory=list)
    questions: int = 0

    async def carry(self, one: NodeId, other: "SimNode") -> None:
        """One question's way there and back, but for its answering."""
        self.questions += 1
        await asyncio.sleep(self.chance.uniform(*self.latency_s))
        is_lost = self.chance.uniform(0, 1) < self.loss
        if is_lost or not other.is_awake or frozenset((one, other.id)) in self.cut:
            raise RemoteProtocolError(Code.PEER_UNREACHABLE, "lost on the way")

    def part(self, halves: Sequence[Iterable["SimNode"]]) -> None:
        """Nobody of one half hears anybody of the other."""
        one, other = (list(half) for half in halves)
        self.cut |= {frozenset((a.id, b.id)) for a in one for b in other}

    def heal(self) -> None:
        self.cut.clear()


class SimNode:
    """One node. What it stored outlives `sleep` and `wake`; what it had in memory does not."""

    def __init__(self, sim: "HiveSimulator", seed: str, owner: str) -> None:
        self.sim = sim
        self.who = FakeNode(seed)
        self.owner = owner
        self.id = self.who.id
        self.store = FakeStore()
        self.clock = SimClock()
        self.said = 0
        self.is_awake = False
        self._serving: asyncio.Task[None] | None = None
        self._assemble()

    def _assemble(self) -> None:
        """As app.py does, with what is in memory in place of what is outside."""
        store: Any = self.store
        self.hive = Hive(self.id)
        self.beliefs = Beliefs(self.hive)
        memory = Memory(self.hive, store, self.beliefs)
        self.memory = memory
        self.share = Share(
            self.hive, store, _guard(), self.who.signer, self, store, self.clock, self.beliefs.add_own, memory.catch_up
        )
        self.learn = Learn(
            self.hive, store, _guard(), self.beliefs, self, store, self.clock, self.share, memory.catch_up
        )
        self.reader = CharterReader(self.hive, store, self._charter_changed, memory.restore)
        self.office = CharterOffice(self.hive, store, self.who.signer, self.clock, self._charter_changed)
        self.answers = Answers(self.hive, store, store, self.learn, self.clock)
        self.network = Network(
            self.hive, store, self.learn, self.reader, lambda: self, store, self.clock, self.sim.chance, []
        )

    def spread(self, envelopes: Sequence[bytes], *, source: NodeId | None) -> None:
        self.network.spread(envelopes, source=source)

    def _charter_changed(self, _membership: object) -> None:
        self.beliefs.recount()
        members = self.hive.membership.members if self.hive.membership else {}
        for node in set(self.network.contacts) - members.keys():
            self.network.forget(node)
        self.network.poke()

    async def wake(self) -> None:
        """Start, or start again, from what is stored."""
        self._assemble()
        await self.reader.restore()
        await self.memory.restore()
        self.is_awake = True
        self._serving = asyncio.get_running_loop().create_task(self.network.serve())
        for other in self.sim.nodes:
            if other is not self:
                self.network.suggest(other.who.seed, _PORT, "static")

    async def sleep(self) -> None:
        """Stop at once, as a laptop's lid does."""
        self.is_awake = False
        if self._serving is not None:
            self._serving.cancel()
            await asyncio.wait([self._serving])
            self._serving = None

    async def say(self, body: Body) -> EntryId | None:
        """Publish."""
        self.said += 1
        return await self.share.publish(News(f"{self.who.seed}:{self.said}", body, ShareLevel.RECIPES))

    def belief(self, task: str) -> TaskBelief | None:
        return self.beliefs.belief(task)

    async def suggestions(self) -> list[Suggestion]:
        """What an operator of this node would be offered, for the tests' task."""
        return await Suggest(self.hive, self.beliefs, self.store).suggestions(TASK)  # type: ignore[arg-type]

    # --- what it asks of others: hive_node.adapters.exchange.Caller

    async def status(self, host: str, port: int) -> PeerStatus:
        other = await self._reach(host)
        tree = _sent(other.answers.node())
        self._told(other)
        return PeerStatus(other.id, int(tree["charter_version"]), str(tree["have"]), str(tree["software"]))

    async def charters(self, host: str, port: int, node: NodeId, first: int) -> list[bytes]:
        other = await self._reach(host)
        lines = await other.answers.charters(first)
        self._told(other)
        return lines

    async def sync(self, host: str, port: int, node: NodeId, heads: HaveVector) -> SyncAnswer:
        other = await self._reach(host)
        *envelopes, tail = await other.answers.sync(dump_json({"have": have_vector_tree(heads)}))
        self._told(other)
        last = parse_object(tail)
        return SyncAnswer(envelopes, parse_have_vector(last["have"]), last["more"] is True)

    async def push(self, host: str, port: int, node: NodeId, envelopes: Sequence[bytes]) -> list[dict[str, JsonValue]]:
        other = await self._reach(host)
        self.sim.wire.log += envelopes
        tree = _sent(await other.answers.entries(envelopes, self.id))
        self._told(other)
        return list(tree["results"])

    async def _reach(self, seed: str) -> "SimNode":
        other = self.sim.named(seed)
        await self.sim.wire.carry(self.id, other)
        members = other.hive.membership.members if other.hive.membership else {}
        if self.id not in members:
            raise RemoteProtocolError(Code.NOT_A_MEMBER, "not in the charter")
        other.network.contacted(self.id, self.who.seed, _telling(self))
        return other

    def _told(self, other: "SimNode") -> None:
        self.network.heard(other.id, other.who.seed, _PORT, _telling(other))


class HiveSimulator:
    """The nodes, the wire, and the time."""

    def __init__(self, seed: int) -> None:
        self.chance = SeededChance(seed)
        self.wire = Wire(self.chance)
        self.nodes: list[SimNode] = []

    async def hive(self, count: int, owners: Sequence[str] | None = None) -> list[SimNode]:
        """A hive of so many nodes, each of an owner of its own unless told otherwise; awake, and in step."""
        names = owners or [f"owner {number}" for number in range(count)]
        self.nodes = [SimNode(self, f"node-{number}", names[number]) for number in range(count)]
        admin = self.nodes[0]
        await admin.office.found("simulated", _founder(admin), CONSTITUTION)
        for other in self.nodes[1:]:
            await admin.office.admit(other.id, certificate_of(other.who.signer), other.owner, other.who.seed)
        chain = await admin.store.charters()
        for other in self.nodes[1:]:
            await other.reader.join(verify_chain(chain, _hive_of(admin)), chain)
        for node in self.nodes:
            await node.wake()
        await self.until(lambda: all(len(node.network.contacts) == count - 1 for node in self.nodes))
        return self.nodes

    def named(self, seed: str) -> SimNode:
        return next(node for node in self.nodes if node.who.seed == seed)

    def is_in_step(self) -> bool:
        """Whether everybody who is awake holds the same."""
        return len({node.hive.digest() for node in self.nodes if node.is_awake}) == 1

    async def pass_time(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def until(self, holds: Callable[[], bool], seconds: float = _DEADLINE_S) -> float:
        """Let time pass until it holds; how long that took. Fails when it takes too long."""
        began = asyncio.get_running_loop().time()
        async with asyncio.timeout(seconds):
            while not holds():
                await asyncio.sleep(0.05)
        return asyncio.get_running_loop().time() - began

    async def close(self) -> None:
        for node in self.nodes:
            await node.sleep()


def simulate(story: Callable[[HiveSimulator], Awaitable[None]], *, seed: int = 0) -> HiveSimulator:
    """Play a story to its end. Returns the hive as it was then."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(_play(story, seed))
    finally:
        loop.close()


async def _play(story: Callable[[HiveSimulator], Awaitable[None]], seed: int) -> HiveSimulator:
    sim = HiveSimulator(seed)
    try:
        await story(sim)
    finally:
        await sim.close()
    return sim


@lru_cache(maxsize=1)
def _guard() -> ScopeGuard:
    return ScopeGuard(default_engine(), LocalFacts.build([], [], bytes(32)))


def _founder(node: SimNode) -> Member:
    certificate = base64_text(certificate_of(node.who.signer))
    return Member(id=node.id, certificate=certificate, owner=node.owner, name=node.who.seed, joined_at=stamp(NOW))


def _hive_of(node: SimNode) -> Any:
    assert node.hive.membership is not None
    return node.hive.membership.hive


def _telling(node: SimNode) -> Told:
    version = node.hive.membership.charter.version if node.hive.membership else 0
    return Told(version, _PORT, node.hive.digest())


def _sent(tree: dict[str, JsonValue]) -> dict[str, Any]:
    """As it arrives: bytes in between."""
    return parse_object(dump_json(tree))
