"""What lies between the nodes: it takes time, loses, is cut, and counts."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from hive_node.adapters.clock import SeededChance
from hive_node.adapters.peer_client import CONNECT_S
from protocol.errors import Code, RemoteProtocolError
from protocol.ids import NodeId

# A LAN's, one way.
LATENCY_S: Final = (0.0005, 0.005)


@dataclass(slots=True)
class Traffic:
    """What one node said and heard so far. bytes: bodies, and what each message tells of its sender; no TLS, no HTTP around them."""

    messages_out: int = 0
    messages_in: int = 0
    bytes_out: int = 0
    bytes_in: int = 0


@dataclass(slots=True)
class Wire:
    """One network. loss: the chance of each message, question or answer, to get lost. cut: pairs that cannot speak."""

    chance: SeededChance
    loss: float = 0.0
    cut: set[frozenset[NodeId]] = field(default_factory=set)
    awake: set[NodeId] = field(default_factory=set)
    traffic: dict[NodeId, Traffic] = field(default_factory=dict)

    async def carry(self, sender: NodeId, receiver: NodeId, size: int) -> None:
        """One message's way. Raises RemoteProtocolError, once the asker would have given up, where it does not arrive."""
        self.of(sender).messages_out += 1
        self.of(sender).bytes_out += size
        await asyncio.sleep(self.chance.uniform(*LATENCY_S))
        is_lost = self.chance.uniform(0, 1) < self.loss
        if is_lost or not {sender, receiver} <= self.awake or frozenset((sender, receiver)) in self.cut:
            await asyncio.sleep(CONNECT_S)
            raise RemoteProtocolError(Code.PEER_UNREACHABLE, "lost on the way")
        self.of(receiver).messages_in += 1
        self.of(receiver).bytes_in += size

    def part(self, halves: Sequence[Iterable[NodeId]]) -> None:
        """Nobody of one half hears anybody of the other."""
        one, other = (list(half) for half in halves)
        self.cut |= {frozenset((a, b)) for a in one for b in other}

    def heal(self) -> None:
        """Everybody hears everybody again."""
        self.cut.clear()

    def of(self, node: NodeId) -> Traffic:
        """One node's traffic so far."""
        return self.traffic.setdefault(node, Traffic())


def size_of(path: str, told: Mapping[str, str], body: bytes) -> int:
    """A message's bytes: what is asked for, what its sender tells of itself (docs/protocol.md §3.4), and the body."""
    return len(path) + sum(len(name) + len(value) + len(": \r\n") for name, value in told.items()) + len(body)
