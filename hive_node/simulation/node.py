"""One simulated node: put together as hive_node.app does it, with what is in memory in place of what is outside."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from guardrails.consensus import TaskBelief
from guardrails.scope import LocalFacts, ScopeGuard, default_engine
from hive_node.adapters.answers import Answers, results_of
from hive_node.adapters.clock import SeededChance
from hive_node.adapters.network import Network
from hive_node.adapters.peer_client import PeerStatus, SyncAnswer
from hive_node.adapters.places import PLACES
from hive_node.adapters.told import told_by, told_of
from hive_node.hive import Hive
from hive_node.learn.aggregate import Beliefs
from hive_node.learn.charters import CharterReader
from hive_node.learn.memory import Memory
from hive_node.learn.outcomes import Outcome
from hive_node.learn.pipeline import Learn
from hive_node.learn.standing import restore_standings
from hive_node.learn.suggest import Suggest
from hive_node.ports import News, Suggestion
from hive_node.share.charters import CharterOffice
from hive_node.share.pipeline import Share
from hive_node.share.proposals import ProposalDesk
from hive_node.share.upkeep import Upkeep
from hive_node.simulation.keys import NamedKey
from hive_node.simulation.moment import SimClock
from hive_node.simulation.store import MemoryStore
from hive_node.simulation.wire import Wire, size_of
from protocol.deltas import Body, ShareLevel
from protocol.errors import Code, RemoteProtocolError
from protocol.ids import EntryId, NodeId
from protocol.messages import SyncRequest
from protocol.proposals import Offer, parse_offer
from protocol.sync import Missing
from protocol.wire import JsonValue, dump_json, parse_object

if TYPE_CHECKING:
    from hive_node.simulation.hive import HiveSimulator

# Where everybody listens; hosts are names here.
PORT: Final = 1
# What an announcement on the network takes.
_ANNOUNCED_S: Final = 0.001
_NODE, _CHARTER, _SYNC, _ENTRIES = "/hive/v1/node", "/hive/v1/charter?from=", "/hive/v1/sync", "/hive/v1/entries"
_PROPOSALS = "/hive/v1/proposals"

# Told of entries that were new to a node, and who gave them; None where it wrote them itself.
OnNews = Callable[["SimNode", Sequence[bytes], NodeId | None], None]


class SimNode:
    """One node. What it stored outlives `sleep` and `wake`; what it had in memory does not.

    refused: by code, what it refused of what it was handed or fetched. said: how often it published. is_liar: a story's author
    knows; nobody else does.
    """

    def __init__(self, sim: "HiveSimulator", name: str, owner: str, on_news: OnNews) -> None:
        self.name = name
        self.owner = owner
        self.key = NamedKey(name)
        self.id = self.key.node_id
        self.store = MemoryStore()
        self.clock = SimClock()
        self.refused: Counter[Code] = Counter()
        self.said = 0
        self.is_liar = False
        self._sim = sim
        self._on_news = on_news
        self._serving: asyncio.Task[None] | None = None
        self._assemble()

    @property
    def is_awake(self) -> bool:
        """Whether it runs."""
        return self.id in self._wire.awake

    @property
    def _wire(self) -> Wire:
        return self._sim.wire

    @property
    def _chance(self) -> SeededChance:
        return self._sim.chance

    def _assemble(self) -> None:
        store: Any = self.store
        self.hive = Hive(self.id)
        self.beliefs = Beliefs(self.hive)
        self.suggest = Suggest(self.hive, self.beliefs, store)
        memory = self.memory = Memory(self.hive, store, self.beliefs)
        self.share = Share(
            self.hive,
            store,
            _guard(),
            self.key,
            self,
            store,
            self.clock,
            self.beliefs.add_own,
            memory.catch_up,
            _unchanged,
        )
        self.learn = _CountedLearn(
            self.hive, store, _guard(), self.beliefs, self, store, self.clock, self.share, memory.catch_up
        )
        self.learn.refused = self.refused
        self.reader = CharterReader(self.hive, store, self._charter_changed, memory.restore)
        self.office = CharterOffice(self.hive, store, self.key, self.clock, self._charter_changed, memory.restore)
        self.upkeep = Upkeep(self.hive, store, self.office, store, self.clock)
        self.desk = ProposalDesk(self.hive, store, self.key, self.clock, self.office.issuer)
        self.answers = Answers(self.hive, store, store, self.learn, self.clock, self.desk)
        self.network = Network(
            self.hive, store, self.learn, self.reader, lambda: self, store, self.clock, self._chance, [], self.desk
        )

    def spread(self, envelopes: Sequence[bytes], *, source: NodeId | None) -> None:
        """hive_node.ports.Spreader: as the network does it, and told of."""
        self._on_news(self, envelopes, source)
        self.network.spread(envelopes, source=source)

    def ask(self, source: NodeId) -> None:
        """hive_node.ports.Spreader: as the network does it."""
        self.network.ask(source)

    def _charter_changed(self, _membership: object) -> None:
        self.beliefs.recount()
        members = self.hive.membership.members if self.hive.membership else {}
        for node in [one for one in self.network.contacts if one not in members]:
            self.network.forget(node)
        self.network.poke()
        self.upkeep.changed.set()

    async def wake(self) -> None:
        """Start again, from what is stored."""
        store: Any = self.store
        self._assemble()
        await self.reader.restore()
        await restore_standings(self.hive, store)
        await self.memory.restore()
        await self.start()

    async def start(self) -> None:
        """Serve; and hear, as by mDNS, where the others are."""
        self._wire.awake.add(self.id)
        self._serving = asyncio.get_running_loop().create_task(self._serve())
        await asyncio.sleep(_ANNOUNCED_S)
        others = [one for one in self._sim.nodes if one is not self]
        for other in self._chance.sample(others, PLACES):
            self.network.suggest(other.name, PORT, "mdns")

    async def _serve(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self.network.serve())
            group.create_task(self.upkeep.serve())

    async def sleep(self) -> None:
        """Stop at once, as a laptop's lid does."""
        self._wire.awake.discard(self.id)
        if self._serving is not None:
            self._serving.cancel()
            await asyncio.wait([self._serving])
            self._serving = None

    async def leave(self) -> None:
        """Stop as SIGTERM makes it stop: the others are told."""
        if self._serving is not None:
            self._serving.cancel()
            await asyncio.wait([self._serving])
        await self.sleep()

    async def say(self, body: Body) -> EntryId | None:
        """Publish."""
        self.said += 1
        return await self.share.publish(News(f"{self.name}:{self.said}", body, ShareLevel.RECIPES))

    def belief(self, task: str) -> TaskBelief | None:
        """What it believes of a task."""
        return self.beliefs.belief(task)

    async def suggestions(self, task: str) -> list[Suggestion]:
        """What an operator of this node would be offered for a task."""
        return await self.suggest.suggestions(task)

    # --- what it asks of others: hive_node.adapters.exchange.Caller

    async def status(self, host: str, port: int) -> PeerStatus:
        """GET /hive/v1/node."""
        tree: dict[str, Any] = parse_object(await self._ask(host, _NODE))
        node, version = self._sim.named(host).id, int(tree["charter_version"])
        return PeerStatus(node, version, str(tree["have"]), str(tree["software"]), str(tree["charter"]))

    async def charters(self, host: str, port: int, node: NodeId, first: int) -> list[bytes]:
        """GET /hive/v1/charter."""
        return (await self._ask(host, f"{_CHARTER}{first}")).splitlines()

    async def proposals(self, host: str, port: int, node: NodeId, offer: Offer) -> Offer:
        """POST /hive/v1/proposals."""
        return parse_offer((await self._ask(host, _PROPOSALS, b"\n".join(offer.lines()))).splitlines())

    async def sync(self, host: str, port: int, node: NodeId, asked: SyncRequest) -> SyncAnswer:
        """POST /hive/v1/sync."""
        return SyncAnswer.of((await self._ask(host, _SYNC, asked.to_json())).splitlines())

    async def push(self, host: str, port: int, node: NodeId, envelopes: Sequence[bytes]) -> list[dict[str, JsonValue]]:
        """POST /hive/v1/entries."""
        tree: dict[str, Any] = parse_object(await self._ask(host, _ENTRIES, b"\n".join(envelopes)))
        return list(tree["results"])

    async def _ask(self, host: str, path: str, body: bytes = b"") -> bytes:
        """There and back, as bytes."""
        other = self._sim.named(host)
        told = told_of(self.hive, PORT, is_leaving=self.network.is_leaving)
        await self._wire.carry(self.id, other.id, size_of(path, told, body))
        answer = await other.answer(self, told, path, body)
        told = told_of(other.hive, PORT)
        await self._wire.carry(other.id, self.id, size_of("", told, answer))
        self.network.heard(other.id, other.name, PORT, told_by(told))
        return answer

    async def answer(self, asker: "SimNode", told: dict[str, str], path: str, body: bytes) -> bytes:
        """What a member is answered. Raises RemoteProtocolError as a refusal would be."""
        members = self.hive.membership.members if self.hive.membership else {}
        if asker.id not in members:
            raise RemoteProtocolError(Code.NOT_A_MEMBER, "not in the charter")
        self.network.contacted(asker.id, asker.name, told_by(told))
        if path == _NODE:
            return dump_json(self.answers.node())
        if path == _PROPOSALS:
            return b"\n".join(await self.answers.proposals(body.splitlines(), asker.id))
        if path == _SYNC:
            return b"\n".join(await self.answers.sync(body, asker.id))
        if path == _ENTRIES:
            return dump_json(results_of(await self.answers.entries(body.splitlines(), asker.id)))
        return b"\n".join(await self.answers.charters(int(path.removeprefix(_CHARTER))))


class _CountedLearn(Learn):
    """The learn flow, with what it refused counted by code."""

    refused: Counter[Code]

    async def learn(
        self, raws: Sequence[bytes], source: NodeId | None, withheld: Sequence[Missing] = ()
    ) -> list[Outcome]:
        """As Learn.learn."""
        outcomes = await super().learn(raws, source, withheld)
        self.refused.update(one.code for one in outcomes if one.code is not None)
        return outcomes


async def _unchanged() -> None:
    """A simulated machine has no names of its own."""


@lru_cache(maxsize=1)
def _guard() -> ScopeGuard:
    return ScopeGuard(default_engine(), LocalFacts.build([], [], bytes(32)))
