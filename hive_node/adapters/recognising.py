"""Which announcements on the local network are worth a dial (docs/protocol.md §8). Pure: the caller brings day and time."""

import hmac
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import sha256
from ipaddress import IPv6Address, ip_address
from typing import Final, Protocol, TypeVar

from hive_node.adapters.interfaces import Address, LocalAddress, scoped
from protocol.ids import HiveId

_T = TypeVar("_T")

VERSION: Final = b"1"
_TAG_CHARS: Final = 16

# A clock two days off must not hide a member (docs/protocol.md §10).
SKEW_DAYS: Final = 2
# A laptop has a cable, a radio and a tunnel; a record with more is a list of targets.
ADDRESSES_PER_RECORD: Final = 4
# A record can hold hundreds; no more than this are even looked at.
ADDRESSES_LOOKED_AT: Final = 64
# Somebody who repeats a member's announcement with other addresses gets this many through per instance, and no more.
ADDRESSES_PER_INSTANCE: Final = 8
# A hive of 8 restarted every minute for half an hour; then the oldest is forgotten.
INSTANCES: Final = 256
# Each suggestion may become a dial: 60 in any minute, whatever the network says; a hive that starts is found at once.
SUGGESTIONS_AT_ONCE: Final = 30
SUGGESTIONS_PER_SECOND: Final = 0.5
AGAIN_AFTER_S: Final = 60.0
# What has to wait does so by host, and hosts take turns at random: whoever invents a thousand nodes at one address has one
# turn. More hosts than on a /24, and more nodes than anybody runs on one.
WAITING_HOSTS: Final = 256
WAITING_PER_HOST: Final = 8

_CLOUD_METADATA: Final = frozenset(map(ip_address, ("169.254.169.254", "fd00:ec2::254")))


class Chance(Protocol):
    """Randomness, as much of it as taking turns needs."""

    def sample(self, population: Sequence[_T], count: int) -> list[_T]: ...


@dataclass(frozen=True, slots=True)
class DiscoveredAddress:
    """Somewhere a member may listen. Who answers there is known only after the TLS handshake."""

    host: str
    port: int
    instance: str


def tag(hive: HiveId, instance: str, day: date) -> str:
    """What members put beside `instance` on `day` (UTC): HMAC-SHA256 keyed by the hive id's 52 characters, 16 digits.

    Members know the hive id and strangers do not: a stranger cannot tell two hives apart, nor a hive over two days.
    """
    message = day.isoformat() + instance
    return hmac.new(hive.encode("ascii"), message.encode("ascii"), sha256).hexdigest()[:_TAG_CHARS]


class Recogniser:
    """Hears announcements, and says which addresses to try: few at a time, and nobody's more than others'."""

    def __init__(self, hive: HiveId, local: Iterable[LocalAddress], chance: Chance) -> None:
        self._hive = hive
        self._local = list(local)
        self._chance = chance
        self._heard: OrderedDict[str, dict[tuple[str, int], float]] = OrderedDict()
        self._waiting: dict[str, list[DiscoveredAddress]] = {}
        self._allowed = float(SUGGESTIONS_AT_ONCE)
        self._counted_at: float | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether more is known than may be suggested yet."""
        return bool(self._waiting)

    def hear(
        self,
        instance: str,
        text: Mapping[bytes, bytes | None],
        port: int | None,
        addresses: Iterable[Address],
        *,
        today: date,
        now: float,
    ) -> None:
        """Take in one announcement, if it is a member's; what it adds, `due` hands out.

        text: the TXT record. addresses: link-local ones with the number of their interface, where it is known.
        today: UTC. now: monotonic seconds.
        """
        if not self._is_member(instance, text, today) or not port or not 0 < port < 65536:
            return
        looked_at = sorted(list(addresses)[:ADDRESSES_LOOKED_AT], key=lambda one: (one.is_link_local, one.version))
        hosts = [host for address in looked_at for host in self._near(address)]
        for host in hosts[:ADDRESSES_PER_RECORD]:
            self._note(DiscoveredAddress(host, port, instance), now)

    def due(self, now: float) -> list[DiscoveredAddress]:
        """What may be suggested now: of hosts in random order, one address at a time."""
        since = 0.0 if self._counted_at is None else now - self._counted_at
        self._allowed = min(SUGGESTIONS_AT_ONCE, self._allowed + since * SUGGESTIONS_PER_SECOND)
        self._counted_at = now
        found = []
        while self._waiting and self._allowed >= 1:
            self._allowed -= 1
            host = self._one_of_waiting()
            found.append(self._waiting[host].pop(0))
            if not self._waiting[host]:
                del self._waiting[host]
        return found

    def _is_member(self, instance: str, text: Mapping[bytes, bytes | None], today: date) -> bool:
        given = text.get(b"h") or b""
        if text.get(b"v") != VERSION or len(given) != _TAG_CHARS:
            return False
        days = [today + timedelta(days=skew) for skew in range(-SKEW_DAYS, SKEW_DAYS + 1)]
        return any(hmac.compare_digest(given, tag(self._hive, instance, day).encode("ascii")) for day in days)

    def _near(self, address: Address) -> list[str]:
        """How a neighbour's address is dialled from here: discovery must not be a way to make nodes dial across the world."""
        if address in _CLOUD_METADATA or address.is_multicast or address.is_unspecified:
            return []
        beside = [one for one in self._local if one.at.version == address.version and address in one.at.network]
        if not beside:
            return []
        if not isinstance(address, IPv6Address) or not address.is_link_local:
            return [str(address)]
        # The same prefix is on every link; which one was meant is told only where the packet came over IPv6.
        bare, told = IPv6Address(int(address)), address.scope_id
        names = {one.interface for one in beside if told in {None, str(one.index), one.interface}}
        return [scoped(bare, name) for name in sorted(names)]

    def _note(self, found: DiscoveredAddress, now: float) -> None:
        known = self._heard.setdefault(found.instance, {})
        self._heard.move_to_end(found.instance)
        if len(self._heard) > INSTANCES:
            self._heard.popitem(last=False)
        where = (found.host, found.port)
        if where in known and now - known[where] < AGAIN_AFTER_S:
            return
        if where not in known and len(known) >= ADDRESSES_PER_INSTANCE:
            return
        known[where] = now
        self._queue(found)

    def _one_of_waiting(self) -> str:
        return self._chance.sample(list(self._waiting), 1)[0]

    def _queue(self, found: DiscoveredAddress) -> None:
        if found.host not in self._waiting and len(self._waiting) >= WAITING_HOSTS:
            del self._waiting[self._one_of_waiting()]
        queue = self._waiting.setdefault(found.host, [])
        if len(queue) < WAITING_PER_HOST:
            queue.append(found)
