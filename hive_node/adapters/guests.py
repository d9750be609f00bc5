"""One accepted connection: who it is, whether it is busy, and how long it may take to say what it wants."""

import asyncio
import socket
from contextlib import suppress
from typing import cast

from protocol.ids import NodeId
from protocol.limits import HEADER_TIMEOUT_S, REQUEST_TIMEOUT_S


class Guest(asyncio.Protocol):
    """Stands between a transport and aiohttp's handler of it, and passes everything on.

    Whoever has not said a whole request within HEADER_TIMEOUT_S of beginning to, or of coming, is cut off; so is who does
    not read an answer within REQUEST_TIMEOUT_S. What a request's body may take is its handler's to say.
    peer: whose certificate it showed. task: waits until the connection is closed; cancelling it closes it.
    """

    def __init__(self, inner: asyncio.Protocol) -> None:
        self.inner = inner
        self.peer: NodeId | None = None
        self.task: asyncio.Task[None] | None = None
        self.closed = asyncio.Event()
        self.is_busy = False
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

    def claim(self) -> tuple[bool, bool, float]:
        """How good its claim to its place is: at work, then ever answered, then last answered."""
        return (self.is_busy, self._requests > 0, self._since)

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
