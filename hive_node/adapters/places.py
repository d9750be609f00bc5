"""Addresses where members may be: a bounded number, none dialled more often than is worth it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from hive_node.adapters.contacts import Source, Where, backoff_s
from hive_node.ports import Chance
from protocol.ids import NodeId

# A hive of 8 with four interfaces each, eight times over.
PLACES: Final = 256
# A place that never answered is forgotten after an hour or so of trying; mDNS and the config bring it back.
_TRIES: Final = 10
_LAST_PORT: Final = 65_535


@dataclass(slots=True)
class Place:
    """An address. node: who answered there last. sources: who said that there is somebody."""

    host: str
    port: int
    sources: set[Source]
    node: NodeId | None = None
    failures: int = 0
    retry_at: float = 0.0
    is_dialled: bool = False

    @property
    def where(self) -> Where:
        return (self.host, self.port)


@dataclass(slots=True)
class Places:
    """Every address that was heard of; the one that was heard of first makes room. Those of the config stay."""

    chance: Chance
    _by_where: dict[Where, Place] = field(default_factory=dict)

    def hear_of(self, host: str, port: int, source: Source) -> Place | None:
        """The place at that address, new or known; None where there can be none."""
        if not host or not 0 < port <= _LAST_PORT:
            return None
        place = self._by_where.get((host, port))
        if place is None:
            self._make_room()
            place = self._by_where[host, port] = Place(host, port, set())
        place.sources.add(source)
        return place

    def answered(self, place: Place, node: NodeId) -> None:
        """Somebody answered there, and proved who it is."""
        place.node, place.failures, place.retry_at = node, 0, 0.0

    def failed(self, place: Place, now: float) -> None:
        """Nobody did, or nobody of ours."""
        place.failures += 1
        place.retry_at = now + backoff_s(place.failures, self.chance)
        if place.failures >= _TRIES and "static" not in place.sources:
            self._by_where.pop(place.where, None)

    def retry_all(self) -> None:
        """The charter changed: who was a stranger may be a member now."""
        for place in self._by_where.values():
            place.retry_at = 0.0

    def due(self, reached: Iterable[NodeId], now: float) -> list[Place]:
        """Those worth a dial: it is their time, and whoever answered there last is none of `reached`."""
        settled = set(reached)
        places = self._by_where.values()
        return [one for one in places if one.retry_at <= now and not one.is_dialled and one.node not in settled]

    def _make_room(self) -> None:
        if len(self._by_where) >= PLACES:
            oldest = next((where for where, one in self._by_where.items() if "static" not in one.sources), None)
            if oldest is not None:
                del self._by_where[oldest]
