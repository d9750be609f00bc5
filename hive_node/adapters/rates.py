"""How much each member, and each address, asked of us of late."""

import ipaddress
from collections import deque
from collections.abc import Container
from dataclasses import dataclass, field
from typing import Final

from protocol.errors import Code, RemoteProtocolError
from protocol.ids import NodeId
from protocol.limits import ANSWERED_PER_MINUTE, BYTES_PER_MINUTE, REQUESTS_PER_MINUTE, WASTED_PER_MINUTE

_WINDOW_S: Final = 60.0
# Addresses that are remembered. Who has more of them to speak from is let forget its oldest, and gains one budget by it.
_SOURCES: Final = 1024
# A machine that is given an IPv6 network has all 2**64 addresses of it.
_IPV6_NETWORK_BITS: Final = 64


@dataclass(slots=True)
class Spent:
    """What one request took. wasted: entries that brought nothing."""

    at: float
    body_bytes: int = 0
    answered: int = 0
    wasted: int = 0


@dataclass(slots=True)
class Rate:
    """Requests, the bytes of their bodies and of the answers, and wasted entries, of one peer, in the last minute."""

    requests: deque[Spent] = field(default_factory=deque)
    total_bytes: int = 0
    total_answered: int = 0
    total_wasted: int = 0

    def begin(self, now: float) -> Spent:
        """Count one request. Raises RemoteProtocolError(too-many)."""
        while self.requests and self.requests[0].at <= now - _WINDOW_S:
            over = self.requests.popleft()
            self.total_bytes -= over.body_bytes
            self.total_answered -= over.answered
            self.total_wasted -= over.wasted
        if len(self.requests) >= REQUESTS_PER_MINUTE:
            raise RemoteProtocolError(Code.TOO_MANY, "too many requests in a minute")
        if self.total_answered >= ANSWERED_PER_MINUTE:
            raise RemoteProtocolError(Code.TOO_MANY, "too many bytes of answers in a minute")
        if self.total_wasted >= WASTED_PER_MINUTE:
            raise RemoteProtocolError(Code.TOO_MANY, "too many entries in a minute that brought nothing")
        self.requests.append(spent := Spent(now))
        return spent

    def read(self, spent: Spent, count: int) -> None:
        """Count bytes of a body as they come, announced or not. Raises RemoteProtocolError(too-many)."""
        self.total_bytes += count
        spent.body_bytes += count
        if self.total_bytes > BYTES_PER_MINUTE:
            raise RemoteProtocolError(Code.TOO_MANY, "too many bytes in a minute")

    def answer(self, spent: Spent, count: int) -> None:
        """Count bytes of an answer; the next request is refused when they are too many."""
        self.total_answered += count
        spent.answered += count

    def waste(self, spent: Spent, count: int) -> None:
        """Count entries that brought nothing."""
        self.total_wasted += count
        spent.wasted += count


@dataclass(slots=True)
class Rates:
    """By peer; never more of them than there are members."""

    _by_peer: dict[NodeId, Rate] = field(default_factory=dict)

    def of(self, peer: NodeId, members: Container[NodeId]) -> Rate:
        """What is counted of that member. Forgets those who are none any more."""
        if peer not in self._by_peer:
            self._by_peer = {one: rate for one, rate in self._by_peer.items() if one in members}
            self._by_peer[peer] = Rate()
        return self._by_peer[peer]


@dataclass(slots=True)
class Budgets:
    """What strangers may spend, by the address they come from: `at_once`, and `per_minute` in the long run (a token bucket)."""

    per_minute: int
    at_once: int
    _left: dict[str, tuple[float, float]] = field(default_factory=dict)

    def spend(self, source: str, now: float) -> bool:
        """Take one of it. False where there is none left. now: monotonic seconds."""
        left, at = self._left.pop(source, (float(self.at_once), now))
        left = min(float(self.at_once), left + (now - at) * self.per_minute / _WINDOW_S)
        if len(self._left) >= _SOURCES:
            self._left.pop(next(iter(self._left)))
        is_enough = left >= 1
        self._left[source] = (left - is_enough, now)
        return is_enough

    def give_back(self, source: str) -> None:
        """What was taken last turned out to be well spent."""
        if source in self._left:
            left, at = self._left[source]
            self._left[source] = (left + 1, at)


def source_of(host: str) -> str:
    """Whom an address stands for: itself, or of IPv6 the network it is of."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, _IPV6_NETWORK_BITS), strict=False))
    return str(address)
