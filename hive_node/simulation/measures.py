"""Who had what when, and at what cost."""

import asyncio
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from hive_node.simulation.wire import Traffic
from protocol.ids import NodeId

if TYPE_CHECKING:
    from hive_node.simulation.node import SimNode


@dataclass(frozen=True, slots=True)
class Spread:
    """Of many values: the mean, the least that half and that 99 % do not exceed, and the largest."""

    mean: float
    p50: float
    p99: float
    max: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread | None":
        """None of nothing."""
        if not values:
            return None
        ordered = sorted(values)
        p50, p99 = (ordered[max(0, math.ceil(share * len(ordered)) - 1)] for share in (0.5, 0.99))
        return cls(sum(ordered) / len(ordered), p50, p99, ordered[-1])


@dataclass(slots=True)
class Arrivals:
    """When each honest entry came to each node, and over how many others."""

    _of: dict[bytes, dict[NodeId, tuple[float, int]]] = field(default_factory=dict)
    _missing: int = 0

    @property
    def said(self) -> int:
        """How many entries are followed."""
        return len(self._of)

    def follow(self, node: "SimNode", envelope: bytes) -> None:
        """An honest node wrote this just now."""
        self._of[envelope] = {node.id: (asyncio.get_running_loop().time(), 0)}

    def news(self, node: "SimNode", envelopes: Sequence[bytes], source: NodeId | None) -> None:
        """These are new to a node, which has them from `source`; None: it wrote them."""
        if node.is_liar:
            return
        now = asyncio.get_running_loop().time()
        for envelope in envelopes:
            if source is None:
                self.follow(node, envelope)
            elif (found := self._of.get(envelope)) is not None:
                _, hops = found.get(source, (0.0, 0))
                found.setdefault(node.id, (now, hops + 1))

    def are_everywhere(self, nodes: int) -> bool:
        """Whether everybody has all of them."""
        return all(len(found) == nodes for found in self._of.values())

    def share(self, nodes: int, entries: int) -> float:
        """How much of everything that is to be said has been delivered."""
        return min(1.0, sum(map(len, self._of.values())) / (nodes * entries))

    def delays(self, nodes: int) -> list[float]:
        """Of each entry that all have: seconds until the last had it."""
        times = [[at for at, _ in found.values()] for found in self._of.values() if len(found) == nodes]
        return [max(one) - min(one) for one in times]

    def single_delays(self) -> list[float]:
        """Of each entry and node: seconds until that node had it."""
        return [at - min(found.values())[0] for found in self._of.values() for at, hops in found.values() if hops]

    def hops(self) -> list[float]:
        """Of each entry and node: how often it was carried."""
        return [float(hops) for found in self._of.values() for _, hops in found.values() if hops]


@dataclass(frozen=True, slots=True)
class Measured:
    """What came of a plan. minutes: of simulated time over which traffic was counted. gains: as believed, least and largest."""

    plan: dict[str, Any]
    minutes: float
    said: int
    everywhere: int
    all_have_s: Spread | None
    all_have_rounds: Spread | None
    one_has_s: Spread | None
    hops: Spread | None
    traffic: Sequence[Traffic]
    neighbours: Sequence[int]
    refused: dict[str, int]
    gains: tuple[float, float] | None
    is_in_step: bool

    def per_node(self, what: str) -> Spread:
        """Of the honest nodes' traffic: messages_out, messages_in, bytes_out or bytes_in."""
        return Spread.of([getattr(one, what) for one in self.traffic]) or Spread(0, 0, 0, 0)

    def tree(self) -> dict[str, Any]:
        """As JSON has it; the same plan gives the same bytes."""
        spreads = {name: getattr(self, name) for name in ("all_have_s", "all_have_rounds", "one_has_s", "hops")}
        kinds = ("messages_out", "messages_in", "bytes_out", "bytes_in")
        return {
            "plan": self.plan,
            "minutes": round(self.minutes, 3),
            "entries": {"said": self.said, "everywhere": self.everywhere},
            **{name: _rounded(one) if one else None for name, one in spreads.items()},
            "traffic_per_node": {kind: _rounded(self.per_node(kind)) for kind in kinds},
            "neighbours": _rounded(Spread.of(self.neighbours) or Spread(0, 0, 0, 0)),
            "refused": self.refused,
            "believed_gain": [round(one, 6) for one in self.gains] if self.gains else None,
            "in_step": self.is_in_step,
        }


def _rounded(spread: Spread) -> dict[str, float]:
    return {name: round(value, 3) for name, value in asdict(spread).items()}
