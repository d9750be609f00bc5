"""The peer port: what members may ask of this node. TLS 1.3, both sides authenticated, membership checked at every request."""

import asyncio
import ssl
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from hive_node import __version__
from hive_node.adapters.peer_client import CHARTER_HEADER, PORT_HEADER
from hive_node.adapters.tls import peer_of
from hive_node.hive import Hive
from hive_node.learn.pipeline import Learn
from hive_node.ports import CharterLog, Clock, Feed
from protocol.errors import Code, RemoteProtocolError
from protocol.ids import NodeId
from protocol.limits import (
    BYTES_PER_MINUTE,
    CONNECTIONS,
    ENTRIES_PER_ANSWER,
    HEADER_TIMEOUT_S,
    REQUEST_BYTES,
    REQUEST_TIMEOUT_S,
    REQUESTS_PER_MINUTE,
)
from protocol.sync import LineReader, have_vector_tree, missing, parse_sync_request
from protocol.wire import JsonValue, dump_json

Handler = Callable[[web.Request, NodeId], Awaitable[web.StreamResponse]]
_STATUS: Final = {Code.TOO_LARGE: 413, Code.TOO_MANY: 429, Code.NOT_A_MEMBER: 403, Code.REVOKED: 403}


@dataclass(slots=True)
class Rate:
    """What one peer asked for in the last minute."""

    requests: deque[tuple[float, int]] = field(default_factory=deque)
    total_bytes: int = 0

    def take(self, now: float, body_bytes: int) -> bool:
        """Count one request; False where it is one too many."""
        while self.requests and self.requests[0][0] <= now - 60:
            self.total_bytes -= self.requests.popleft()[1]
        if len(self.requests) >= REQUESTS_PER_MINUTE or self.total_bytes + body_bytes > BYTES_PER_MINUTE:
            return False
        self.requests.append((now, body_bytes))
        self.total_bytes += body_bytes
        return True


class PeerServer:
    """Answers members. on_contact: told who asked, from where, its port and charter version."""

    def __init__(
        self,
        hive: Hive,
        feed: Feed,
        charters: CharterLog,
        learn: Learn,
        clock: Clock,
        on_contact: Callable[[NodeId, str, int, int], None],
    ) -> None:
        self._hive = hive
        self._feed = feed
        self._charters = charters
        self._learn = learn
        self._clock = clock
        self._on_contact = on_contact
        self._rates: dict[NodeId, Rate] = {}
        self.port = 0

    async def serve_on(self, host: str, port: int, tls: ssl.SSLContext, opened: Callable[[int], None]) -> None:
        """Listen until cancelled. Raises OSError where the port is taken."""
        app = web.Application(client_max_size=REQUEST_BYTES)
        app.router.add_get("/hive/v1/node", self._guarded(self._node))
        app.router.add_get("/hive/v1/charter", self._guarded(self._charter))
        app.router.add_post("/hive/v1/sync", self._guarded(self._sync))
        app.router.add_post("/hive/v1/entries", self._guarded(self._entries))
        runner = web.AppRunner(app, access_log=None, keepalive_timeout=75, max_line_size=4096, max_field_size=4096)
        await runner.setup()
        try:
            listening = await listen(runner, host, port, tls)
            self.port = listening.sockets[0].getsockname()[1]
            opened(self.port)
            await asyncio.Event().wait()
        finally:
            self.port = 0
            await runner.cleanup()

    def _guarded(self, handler: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            try:
                peer = self._member(request)
                async with asyncio.timeout(REQUEST_TIMEOUT_S):
                    return await handler(request, peer)
            except RemoteProtocolError as error:
                return problem(error)
            except TimeoutError:
                return problem(RemoteProtocolError(Code.TOO_MANY, "the request took too long"))

        return handle

    def _member(self, request: web.Request) -> NodeId:
        """Who asks. Checked at every request, so that a revocation bites on open connections."""
        peer = peer_of(request.transport)
        membership = self._hive.membership
        if membership is None or peer not in membership.members:
            raise RemoteProtocolError(Code.NOT_A_MEMBER, "you are not in this hive's charter")
        if not self._rates.setdefault(peer, Rate()).take(self._clock.monotonic(), request.content_length or 0):
            raise RemoteProtocolError(Code.TOO_MANY, "too many requests in a minute")
        remote = request.remote or ""
        self._on_contact(peer, remote, _number(request, PORT_HEADER), _number(request, CHARTER_HEADER))
        return peer

    async def _node(self, _request: web.Request, _peer: NodeId) -> web.StreamResponse:
        membership = self._hive.membership
        return answer(
            {
                "protocol": [1],
                "software": f"hive-node/{__version__}",
                "node": self._hive.node,
                "hive": membership.hive if membership else None,
                "charter_version": membership.charter.version if membership else 0,
                "have": self._hive.digest(),
            }
        )

    async def _charter(self, request: web.Request, _peer: NodeId) -> web.StreamResponse:
        first = request.query.get("from", "1")
        if not first.isascii() or not first.isdigit() or len(first) > 6:
            raise RemoteProtocolError(Code.BAD_SCHEMA, "from is a version number")
        return web.Response(
            body=b"\n".join(await self._charters.charters(int(first))), content_type="application/x-ndjson"
        )

    async def _sync(self, request: web.Request, _peer: NodeId) -> web.StreamResponse:
        theirs = parse_sync_request(await _body(request))
        if reason := self._hive.why_halted(self._clock.now()):
            raise RemoteProtocolError(Code.HALTED, reason)
        heads = dict(self._hive.heads)
        envelopes = await self._feed.envelopes(missing(heads, theirs))
        tail = dump_json({"have": have_vector_tree(heads), "more": len(envelopes) == ENTRIES_PER_ANSWER})
        return web.Response(body=b"\n".join([*envelopes, tail]), content_type="application/x-ndjson")

    async def _entries(self, request: web.Request, peer: NodeId) -> web.StreamResponse:
        reader = LineReader()
        lines: list[bytes] = []
        async for piece in request.content.iter_any():
            lines += reader.feed(piece)
            if len(lines) > ENTRIES_PER_ANSWER:
                raise RemoteProtocolError(Code.TOO_MANY, f"at most {ENTRIES_PER_ANSWER} entries a request")
        lines += reader.close()
        outcomes = await self._learn.learn(lines, peer)
        return answer({"results": [{"id": one.id, "status": one.status, "code": one.code} for one in outcomes]})


async def listen(runner: web.AppRunner, host: str, port: int, tls: ssl.SSLContext) -> asyncio.Server:
    """A listening socket for `runner` that holds a bounded number of connections, each with a bounded handshake."""
    if runner.server is None:
        raise RuntimeError("the runner is set up first")
    loop = asyncio.get_running_loop()
    return await loop.create_server(
        runner.server,
        host,
        port,
        ssl=tls,
        backlog=CONNECTIONS,
        ssl_handshake_timeout=HEADER_TIMEOUT_S,
        reuse_address=True,
    )


def answer(tree: dict[str, JsonValue]) -> web.Response:
    """A JSON answer."""
    return web.Response(body=dump_json(tree), content_type="application/json")


def problem(error: RemoteProtocolError) -> web.Response:
    """A refusal as RFC 9457 has it, with its stable code."""
    status = _STATUS.get(error.code, 400)
    body = dump_json(
        {"type": "about:blank", "title": "refused", "status": status, "code": error.code, "detail": error.detail}
    )
    headers = {"Retry-After": "30"} if status in {413, 429} else {}
    return web.Response(status=status, body=body, headers=headers, content_type="application/problem+json")


async def _body(request: web.Request) -> bytes:
    data = bytearray()
    async for piece in request.content.iter_any():
        data += piece
        if len(data) > REQUEST_BYTES:
            raise RemoteProtocolError(Code.TOO_LARGE, f"a request has at most {REQUEST_BYTES} bytes")
    return bytes(data)


def _number(request: web.Request, header: str) -> int:
    text = request.headers.get(header, "0")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 6 else 0
