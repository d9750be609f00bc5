"""Accepted connections: who each is, whether it is busy, how long it may take, and who makes room for whom."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import cast

from protocol.ids import NodeId
from protocol.limits import CONNECTIONS, HEADER_TIMEOUT_S, REQUEST_TIMEOUT_S, UNPROVEN_PER_SOURCE


class Guest(asyncio.Protocol):
    """Stands between a transport and the reader of its requests, which `reader` makes, and passes everything on.

    Whoever has not said a whole request within HEADER_TIMEOUT_S of beginning to, or of coming, is cut off; so is who does
    not read an answer within REQUEST_TIMEOUT_S. What a request's body may take is its handler's to say.
    source: the address that it comes from. has_spoken: its handshake has begun. peer: whose certificate it showed.
    task: waits until the connection is closed; cancelling it closes it.
    """

    def __init__(self, reader: Callable[[], asyncio.Protocol], source: str) -> None:
        self._reader = reader
        # Nothing to read before the handshake is over; strangers who never end theirs cost no reader.
        self.inner = asyncio.Protocol()
        self.source = source
        self.peer: NodeId | None = None
        self.task: asyncio.Task[None] | None = None
        self.closed = asyncio.Event()
        self.is_busy = False
        self.has_spoken = False
        self._requests = 0
        self._transport: asyncio.Transport | None = None
        self._socket: socket.socket | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._reading_until: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._since = self._loop.time()

    @property
    def is_connected(self) -> bool:
        """Whether its handshake is over: from then on a transport owns the connection."""
        return self._transport is not None

    @property
    def is_unproven(self) -> bool:
        """Whether it showed no certificate so far, and nothing that it said was ever answered, or is being handled."""
        return self.peer is None and not self.is_busy and not self._requests

    @property
    def since(self) -> float:
        """When it came, or was last answered, on the loop's clock."""
        return self._since

    def began(self) -> None:
        """The headers of a request are whole, and it is handled now."""
        self.is_busy = True
        self._disarm()

    def answered(self) -> None:
        """The request was handled."""
        self.is_busy = False
        self._requests += 1
        self._since = self._loop.time()

    def leave(self) -> None:
        """Close the connection at once."""
        if self.task is not None:
            self.task.cancel()

    def cut_off(self) -> None:
        """End the connection at once, whatever state it is in."""
        if self._transport is None or self.closed.is_set():
            return
        # A TLS transport that was closed twice has forgotten what to abort: CPython up to 3.11.3 then raises, later ones
        # do nothing. The connection itself is shut down, so that it ends in either.
        with suppress(AttributeError):
            self._transport.abort()
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._socket = transport.get_extra_info("socket")
        self._arm()
        self.inner = self._reader()
        self.inner.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        if not self.is_busy and self._deadline is None:
            self._arm()
        self.inner.data_received(data)

    def eof_received(self) -> bool | None:
        return self.inner.eof_received()

    def pause_writing(self) -> None:
        self._reading_until = self._abort_after(REQUEST_TIMEOUT_S)
        self.inner.pause_writing()

    def resume_writing(self) -> None:
        if self._reading_until is not None:
            self._reading_until.cancel()
        self.inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        if self._reading_until is not None:
            self._reading_until.cancel()
        self.inner.connection_lost(exc)
        self.closed.set()

    def _arm(self) -> None:
        self._deadline = self._abort_after(HEADER_TIMEOUT_S)

    def _abort_after(self, seconds: float) -> asyncio.TimerHandle | None:
        return self._loop.call_later(seconds, self.cut_off) if self._transport else None

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


@dataclass(slots=True)
class Guests:
    """Everybody on one port."""

    _all: set[Guest] = field(default_factory=set)

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Guest]:
        return iter(self._all)

    def read_by(self, reader: asyncio.BaseProtocol) -> Guest | None:
        """The guest whose requests that reads."""
        return next((one for one in self if one.inner is reader), None)

    def add(self, guest: Guest) -> None:
        self._all.add(guest)

    def drop(self, guest: Guest) -> None:
        self._all.discard(guest)

    def of(self, peer: NodeId) -> int:
        """How many connections of one member there are."""
        return sum(one.peer == peer for one in self)

    def make_room(self, source: str) -> bool:
        """Whether one more of that address may come; if need be, who has the weakest claim to its place goes."""
        unproven = [one for one in self if one.source == source and one.is_unproven]
        if len(unproven) >= UNPROVEN_PER_SOURCE:
            self._part(min(unproven, key=_claim))
        elif len(self) >= CONNECTIONS:
            weakest = self._weakest()
            if weakest is None:
                return False
            self._part(weakest)
        return True

    def _weakest(self) -> Guest | None:
        """Who is unproven, first of the address with most of these; then who was answered longest ago. Never who is at work."""
        unproven = [one for one in self if one.is_unproven]
        if unproven:
            sources = [one.source for one in unproven]
            return min(unproven, key=lambda one: (-sources.count(one.source), *_claim(one)))
        return min((one for one in self if not one.is_busy), key=_since, default=None)

    def _part(self, guest: Guest) -> None:
        self.drop(guest)
        guest.leave()


def _claim(guest: Guest) -> tuple[bool, float]:
    """Of two unproven ones, who is silent goes first: members speak at once."""
    return (guest.has_spoken, guest.since)


def _since(guest: Guest) -> float:
    return guest.since
