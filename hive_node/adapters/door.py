"""A port that strangers cannot use up: so many connections, each with a time for its handshake and its headers.

aiohttp has neither. Whoever is accepted, on the peer port or the join port, is accepted here.
"""

import asyncio
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

from aiohttp import HttpVersion11, web

from hive_node.adapters.guests import Guest, Guests
from hive_node.adapters.listening import listening_at
from hive_node.adapters.problems import Speaker, problem
from hive_node.adapters.rates import Budgets, source_of
from hive_node.adapters.tls import peer_of
from protocol.errors import Code, RemoteProtocolError
from protocol.ids import NodeId
from protocol.limits import (
    CONNECTIONS,
    CONNECTIONS_PER_PEER,
    HANDSHAKES_AT_ONCE,
    HANDSHAKES_PER_MINUTE,
    HEADER_TIMEOUT_S,
)

logger = logging.getLogger(__name__)

# A kept-alive connection saves a handshake of 5 ms; reconciliation comes round about twice a minute.
_KEEP_ALIVE_S: Final = 75.0
# How long a peer may take to say goodbye (TLS close_notify), and our own handlers to finish when we stop.
_GOODBYE_S: Final = 2.0
_NO_DESCRIPTORS_S: Final = 0.5
_LINE_BYTES: Final = 4096
_HTTP: Final[dict[str, Any]] = {
    "access_log": None,
    "keepalive_timeout": _KEEP_ALIVE_S,
    # What is left of a refused request is read for so long, that its sender may see the refusal.
    "lingering_time": _GOODBYE_S,
    "max_line_size": _LINE_BYTES,
    "max_field_size": _LINE_BYTES,
    # A node sends eight.
    "max_headers": 32,
    # Nobody here compresses; 4 KiB can hold 4 MiB of zeros.
    "auto_decompress": False,
}


class Door:
    """Serves one application on one port. Used once."""

    def __init__(self, app: web.Application, tls: ssl.SSLContext) -> None:
        app.middlewares.append(self._attend)
        self._tls = tls
        self._runner = web.AppRunner(app)
        self._guests = Guests()
        self._handshakes = Budgets(HANDSHAKES_PER_MINUTE, HANDSHAKES_AT_ONCE)
        self._at_work = 0
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def connections(self) -> int:
        """How many are open now, in whatever state."""
        return len(self._guests)

    async def serve(self, host: str, port: int, opened: Callable[[int], None]) -> None:
        """Listen until cancelled; then let handlers that are at work finish. Raises OSError where the port is taken."""
        await self._runner.setup()
        try:
            with listening_at(host, port) as listening:
                listening.listen(CONNECTIONS)
                opened(listening.getsockname()[1])
                await self._accept_forever(listening)
        finally:
            await self._runner.cleanup()

    async def _accept_forever(self, listening: socket.socket) -> None:
        # Not loop.sock_accept: one that is cancelled may have accepted somebody already, whom nobody then closes.
        loop, knocked = asyncio.get_running_loop(), asyncio.Event()
        async with asyncio.TaskGroup() as group:
            loop.add_reader(listening, knocked.set)
            try:
                while True:
                    await knocked.wait()
                    knocked.clear()
                    try:
                        self._accept(group, listening)
                    except OSError:  # no descriptor is free: those who are here go on
                        loop.remove_reader(listening)
                        await asyncio.sleep(_NO_DESCRIPTORS_S)
                        loop.add_reader(listening, knocked.set)
            finally:
                loop.remove_reader(listening)
                await self._let_finish()
                await self._say_goodbye()

    def _accept(self, group: asyncio.TaskGroup, listening: socket.socket) -> None:
        """Let one in of those who wait, and turn away who comes before. Raises OSError where no descriptor is free.

        Not more at a time: who makes room takes a turn of the loop to be gone, and its buffers with it.
        """
        for _ in range(CONNECTIONS):
            try:
                connection, address = listening.accept()
            except BlockingIOError:  # nobody, or whoever it was has gone again
                return
            connection.setblocking(False)
            if self._receive(group, connection, source_of(address[0])):
                return

    def _receive(self, group: asyncio.TaskGroup, connection: socket.socket, source: str) -> bool:
        """Let one more in, if a place can be found."""
        if not self._guests.make_room(source):
            connection.close()
            return False
        guest = Guest(partial(self._speaker, asyncio.get_running_loop()), source)
        self._guests.add(guest)
        guest.task = group.create_task(self._host(guest, connection))
        # Also for a task that was cancelled before it began, which runs no `finally`.
        guest.task.add_done_callback(lambda _task: self._forget(guest, connection))
        return True

    def _speaker(self, loop: asyncio.AbstractEventLoop) -> Speaker:
        assert self._runner.server is not None  # noqa: S101  set up before anything is accepted
        return Speaker(self._runner.server, loop=loop, logger=logger.getChild("http"), **_HTTP)

    async def _host(self, guest: Guest, connection: socket.socket) -> None:
        try:
            async with asyncio.timeout(HEADER_TIMEOUT_S):
                await self._shake_hands(guest, connection)
            if guest.peer is None or self._guests.of(guest.peer) <= CONNECTIONS_PER_PEER:
                await guest.closed.wait()
        except OSError as error:
            logger.debug("handshake failed", extra={"error": type(error).__name__})
            # Its traceback holds the frames that hold the future that holds it, and with them buffers and OpenSSL's state: the
            # collector, which comes seldom to what lives for seconds, would let strangers pile up megabytes.
            error.__traceback__ = error.__context__ = None
        finally:
            if guest.is_connected:
                guest.cut_off()
                await guest.closed.wait()

    async def _shake_hands(self, guest: Guest, connection: socket.socket) -> None:
        """Raises OSError where it comes to nothing, or where the address spent its handshakes on such as came to nothing."""
        loop = asyncio.get_running_loop()
        await _first_word(connection)
        guest.has_spoken = True
        if not self._handshakes.spend(guest.source, loop.time()):
            raise ConnectionRefusedError
        transport, _ = await loop.connect_accepted_socket(
            lambda: guest, connection, ssl=self._tls, ssl_shutdown_timeout=_GOODBYE_S
        )
        guest.peer = _peer(transport)
        if guest.peer is not None:
            self._handshakes.give_back(guest.source)

    def _forget(self, guest: Guest, connection: socket.socket) -> None:
        self._guests.drop(guest)
        guest.task = None  # else one who was sent away holds the frame that holds it, until the collector comes
        if not guest.is_connected:
            connection.close()

    async def _let_finish(self) -> None:
        try:
            async with asyncio.timeout(_GOODBYE_S):
                await self._idle.wait()
        except TimeoutError:
            logger.warning("a request was cut off")

    async def _say_goodbye(self) -> None:
        tasks = [guest.task for guest in self._guests if guest.task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=_GOODBYE_S)

    @web.middleware
    async def _attend(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """A request's headers are whole: its connection is busy until it is answered."""
        guest = self._guests.read_by(request.protocol)
        self._at_work += 1
        self._idle.clear()
        if guest:
            guest.began()
        try:
            if request.version != HttpVersion11:
                return problem(RemoteProtocolError(Code.BAD_REQUEST, "this port speaks HTTP/1.1"))
            return await handler(request)
        finally:
            self._at_work -= 1
            if not self._at_work:
                self._idle.set()
            if guest:
                guest.answered()


async def _first_word(connection: socket.socket) -> None:
    """Wait until the other side says something: who opens connections and is silent costs no handshake. Raises OSError."""
    loop = asyncio.get_running_loop()
    spoke = asyncio.Event()
    loop.add_reader(connection, spoke.set)
    try:
        await spoke.wait()
    finally:
        loop.remove_reader(connection)
    if not connection.recv(1, socket.MSG_PEEK):
        raise ConnectionResetError


def _peer(transport: asyncio.BaseTransport) -> NodeId | None:
    try:
        return peer_of(transport)
    except RemoteProtocolError:
        return None  # the join port asks nobody for a certificate
