"""The peer port: what members may ask of this node. TLS 1.3, both sides authenticated, membership checked at every request."""

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from hive_node.adapters.answers import Answers, results_of
from hive_node.adapters.door import Door
from hive_node.adapters.interfaces import host_of
from hive_node.adapters.problems import problem
from hive_node.adapters.rates import Rate, Rates, Spent
from hive_node.adapters.tls import peer_of
from hive_node.adapters.told import Told, told_by, told_of
from hive_node.hive import Hive
from hive_node.learn.pipeline import Learn
from hive_node.ports import CharterLog, Clock, Fault, Feed
from hive_node.share.proposals import ProposalDesk
from protocol.errors import Code, RemoteProtocolError
from protocol.ids import NodeId
from protocol.limits import (
    ENTRIES_PER_ANSWER,
    ENVELOPE_BYTES,
    HAVE_BYTES,
    REFUSAL_S,
    REQUEST_BYTES,
    REQUEST_TIMEOUT_S,
)
from protocol.proposals import LINE_BYTES, LINES
from protocol.sync import LineReader
from protocol.wire import JsonValue, dump_json

logger = logging.getLogger(__name__)

_NDJSON: Final = "application/x-ndjson"


@dataclass(frozen=True, slots=True)
class Asked:
    """One request of a member. rate: what it counts against. spent: what it took of that."""

    request: web.Request
    peer: NodeId
    rate: Rate
    spent: Spent

    async def body(self, max_bytes: int) -> bytes:
        """The whole body. Raises RemoteProtocolError(too-large, too-many, bad-request)."""
        data = bytearray()
        await self._read(data.extend, max_bytes)
        return bytes(data)

    async def lines(self, most: int, max_line: int = ENVELOPE_BYTES) -> list[bytes]:
        """The body's lines, `most` of them at most. Raises as `body`."""
        reader = LineReader(max_line)
        found: list[bytes] = []

        def take(piece: bytes) -> None:
            found.extend(reader.feed(piece))
            if len(found) > most:
                raise RemoteProtocolError(Code.TOO_MANY, f"at most {most} lines a request")

        await self._read(take, REQUEST_BYTES)
        found.extend(reader.close())
        take(b"")
        return found

    def wasted(self, entries: int) -> None:
        """Count entries of it that brought nothing."""
        self.rate.waste(self.spent, entries)

    async def _read(self, take: Callable[[bytes], None], max_bytes: int) -> None:
        """Hand on the body as it comes, announced or not, and count it; end as soon as it is too much or takes too long."""
        too_large = RemoteProtocolError(Code.TOO_LARGE, f"this request has at most {max_bytes} bytes")
        if (self.request.content_length or 0) > max_bytes:
            raise too_large
        total = 0
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT_S):
                async for piece in self.request.content.iter_any():
                    total += len(piece)
                    if total > max_bytes:
                        raise too_large
                    self.rate.read(self.spent, len(piece))
                    take(piece)
        except TimeoutError:
            raise RemoteProtocolError(Code.TOO_MANY, "the request took too long") from None


Handler = Callable[[Asked], Awaitable[web.Response]]
OnContact = Callable[[NodeId, str, Told], None]


class PeerServer:
    """Answers members. on_contact: told who asked, from where, and what it said of itself."""

    def __init__(
        self,
        hive: Hive,
        feed: Feed,
        charters: CharterLog,
        learn: Learn,
        clock: Clock,
        on_contact: OnContact,
        proposals: ProposalDesk,
    ) -> None:
        self._hive = hive
        self._answers = Answers(hive, feed, charters, learn, clock, proposals)
        self._clock = clock
        self._on_contact = on_contact
        self._rates = Rates()
        self._door: Door | None = None
        self.port = 0

    @property
    def connections(self) -> int:
        """How many are open on the peer port now."""
        return self._door.connections if self._door else 0

    async def serve_on(self, host: str, port: int, tls: ssl.SSLContext, opened: Callable[[int], None]) -> None:
        """Listen until cancelled. Raises OSError where the port is taken."""

        def listening(number: int) -> None:
            self.port = number
            opened(number)

        app = web.Application()
        app.router.add_get("/hive/v1/node", self._guarded(self._node))
        app.router.add_get("/hive/v1/charter", self._guarded(self._charter))
        app.router.add_post("/hive/v1/proposals", self._guarded(self._proposals))
        app.router.add_post("/hive/v1/sync", self._guarded(self._sync))
        app.router.add_post("/hive/v1/entries", self._guarded(self._entries))
        self._door = Door(app, tls)
        try:
            await self._door.serve(host, port, listening)
        finally:
            self.port, self._door = 0, None

    def _guarded(self, handler: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            try:
                asked = self._asked(request)
                response = await handler(asked)
            except RemoteProtocolError as error:
                if error.code is Code.TOO_MANY:
                    await self._clock.sleep(REFUSAL_S)
                return problem(error)
            except Fault as fault:
                logger.warning("a peer could not be answered", extra={"code": fault.code})
                return problem(RemoteProtocolError(Code.UNAVAILABLE, "this node cannot do it right now"))
            asked.rate.answer(asked.spent, response.content_length or 0)
            response.headers.update(told_of(self._hive, self.port))
            return response

        return handle

    def _asked(self, request: web.Request) -> Asked:
        """Who asks. Checked at every request, so that a revocation bites on open connections."""
        peer = peer_of(request.transport)
        membership = self._hive.membership
        if membership is None or peer not in membership.members:
            raise RemoteProtocolError(Code.NOT_A_MEMBER, "you are not in this hive's charter")
        rate = self._rates.of(peer, membership.members)
        spent = rate.begin(self._clock.monotonic())
        self._on_contact(peer, _asker(request), told_by(request.headers))
        return Asked(request, peer, rate, spent)

    async def _node(self, _asked: Asked) -> web.Response:
        return answer(self._answers.node())

    async def _charter(self, asked: Asked) -> web.Response:
        first = asked.request.query.get("from", "1")
        if not first.isascii() or not first.isdigit() or len(first) > 6:
            raise RemoteProtocolError(Code.BAD_SCHEMA, "from is a version number")
        return _lines(await self._answers.charters(int(first)))

    async def _proposals(self, asked: Asked) -> web.Response:
        await self._answers.check_say(asked.peer)
        return _lines(await self._answers.proposals(await asked.lines(LINES, LINE_BYTES), asked.peer))

    async def _sync(self, asked: Asked) -> web.Response:
        return _lines(await self._answers.sync(await asked.body(HAVE_BYTES), asked.peer))

    async def _entries(self, asked: Asked) -> web.Response:
        outcomes = await self._answers.entries(await asked.lines(ENTRIES_PER_ANSWER), asked.peer)
        asked.wasted(sum(one.status != "accepted" for one in outcomes))
        return answer(results_of(outcomes))


def answer(tree: Mapping[str, JsonValue], status: int = 200) -> web.Response:
    """A JSON answer."""
    return web.Response(status=status, body=dump_json(tree), content_type="application/json")


def _asker(request: web.Request) -> str:
    """The host that a request came from, as it can be dialled; nothing where the connection is gone already."""
    name = request.transport.get_extra_info("peername") if request.transport is not None else None
    return host_of(name) if name else ""


def _lines(lines: list[bytes]) -> web.Response:
    return web.Response(body=b"\n".join(lines), content_type=_NDJSON)
