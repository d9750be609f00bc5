"""How much each member asked of us in the last minute."""

from collections import deque
from collections.abc import Container
from dataclasses import dataclass, field

from protocol.errors import Code, RemoteProtocolError
from protocol.ids import NodeId
from protocol.limits import BYTES_PER_MINUTE, REQUESTS_PER_MINUTE

_WINDOW_S = 60.0


@dataclass(slots=True)
class Rate:
    """Requests and the bytes of their bodies, of one peer, in the last minute."""

    requests: deque[list[float]] = field(default_factory=deque)
    total_bytes: float = 0

    def begin(self, now: float) -> None:
        """Count one request. Raises RemoteProtocolError(too-many)."""
        while self.requests and self.requests[0][0] <= now - _WINDOW_S:
            self.total_bytes -= self.requests.popleft()[1]
        if len(self.requests) >= REQUESTS_PER_MINUTE:
            raise RemoteProtocolError(Code.TOO_MANY, "too many requests in a minute")
        self.requests.append([now, 0])

    def read(self, count: int) -> None:
        """Count bytes of a body as they come, announced or not. Raises RemoteProtocolError(too-many)."""
        self.total_bytes += count
        if self.requests:
            self.requests[-1][1] += count
        if self.total_bytes > BYTES_PER_MINUTE:
            raise RemoteProtocolError(Code.TOO_MANY, "too many bytes in a minute")


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
