"""The nodes, the wire and the time, and how a story is played.

def test_something():
    async def story(sim):
        ada, bo = await sim.hive(2)
        await ada.say(summary())
        await sim.until(sim.is_in_step)
    simulate(story, seed=1)
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from hashlib import sha256
from typing import Final

from hive_node.adapters.clock import SeededChance
from hive_node.adapters.neighbours import NEIGHBOURS
from hive_node.simulation.moment import EPOCH, VirtualLoop
from hive_node.simulation.node import OnNews, SimNode
from hive_node.simulation.wire import Wire
from protocol.charter import LIFETIME, Admins, Charter, stamp
from protocol.envelope import CHARTER_TYPE
from protocol.ids import NodeId
from protocol.signing import seal
from protocol.verification import verify_first_charter

CONSTITUTION: Final = sha256(b"the constitution of simulated hives").hexdigest()
_DEADLINE_S: Final = 24 * 3600.0


def _nothing(_node: SimNode, _envelopes: Sequence[bytes], _source: NodeId | None) -> None:
    """Nobody listens."""


class HiveSimulator:
    """One hive. on_news: told of every entry that is new to a node."""

    def __init__(self, seed: int, on_news: OnNews = _nothing) -> None:
        self.chance = SeededChance(seed)
        self.wire = Wire(self.chance)
        self.nodes: list[SimNode] = []
        self._on_news = on_news
        self._by_name: dict[str, SimNode] = {}

    async def hive(self, count: int, owners: Sequence[str] | None = None) -> list[SimNode]:
        """A hive of so many nodes, each of an owner of its own unless told otherwise; awake, and each knows its peers."""
        await self.found(count, owners)
        for node in self.nodes:
            await node.start()
        await self.until(self.has_met)
        return self.nodes

    async def found(self, count: int, owners: Sequence[str] | None = None) -> None:
        """One charter that lists them all; nobody is awake yet. The first is the admin."""
        names = owners or [f"owner {number}" for number in range(count)]
        self.nodes = [SimNode(self, f"node-{number}", names[number], self._on_news) for number in range(count)]
        self._by_name = {node.name: node for node in self.nodes}
        admin = self.nodes[0]
        charter = Charter(
            hive="",
            version=1,
            previous=None,
            name="simulated",
            issued_at=stamp(EPOCH),
            expires_at=stamp(EPOCH + LIFETIME),
            admins=Admins(threshold=1, ids=(admin.id,)),
            members=tuple(node.key.member(node.owner) for node in self.nodes),
            constitution=CONSTITUTION,
        )
        raw = seal(CHARTER_TYPE, charter.payload(), [admin.key]).to_bytes()
        membership = verify_first_charter(raw)  # once for all: it is a function of the bytes
        for node in self.nodes:
            await node.reader.join(membership, [raw])

    def named(self, name: str) -> SimNode:
        """The node of that name."""
        return self._by_name[name]

    def has_met(self) -> bool:
        """Whether everybody who is awake has met as many as it looks for; on a bad network some of them may be away again."""
        wanted = min(len(self.nodes) - 1, NEIGHBOURS)
        return all(len(node.network.contacts) >= wanted for node in self.nodes if node.is_awake)

    def is_in_step(self) -> bool:
        """Whether everybody who is awake holds the same."""
        return len({node.hive.digest() for node in self.nodes if node.is_awake}) == 1

    def part(self, one: Sequence[SimNode], other: Sequence[SimNode]) -> None:
        """Nobody of one half hears anybody of the other."""
        self.wire.part(([node.id for node in one], [node.id for node in other]))

    def skew(self, node: SimNode, by: timedelta) -> None:
        """Set a node's clock wrong."""
        node.clock.skew = by

    async def pass_time(self, seconds: float) -> None:
        """Let everybody get on."""
        await asyncio.sleep(seconds)

    async def until(self, holds: Callable[[], bool], seconds: float = _DEADLINE_S, step_s: float = 0.05) -> float:
        """Let time pass until it holds; how long that took. Raises TimeoutError when it takes too long."""
        began = asyncio.get_running_loop().time()
        async with asyncio.timeout(seconds):
            while not holds():  # noqa: ASYNC110 - whatever a story waits for, time alone brings it
                await asyncio.sleep(step_s)
        return asyncio.get_running_loop().time() - began

    async def close(self) -> None:
        """End of the story."""
        for node in self.nodes:
            await node.sleep()


def simulate(
    story: Callable[[HiveSimulator], Awaitable[None]], *, seed: int = 0, on_news: OnNews = _nothing
) -> HiveSimulator:
    """Play a story to its end. Returns the hive as it was then."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(_play(story, HiveSimulator(seed, on_news)))
    finally:
        loop.close()


async def _play(story: Callable[[HiveSimulator], Awaitable[None]], sim: HiveSimulator) -> HiveSimulator:
    try:
        await story(sim)
    finally:
        await sim.close()
    return sim
