"""Calls to one peer: HTTPS with both sides authenticated. Every fault comes out as a RemoteProtocolError with a code."""

import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, Self

import aiohttp
from aiohttp.connector import AddrInfoType, Connection

from hive_node.adapters.answer_reader import Connector
from hive_node.adapters.interfaces import authority
from hive_node.adapters.tls import peer_of
from hive_node.adapters.told import Told, told_by
from protocol.errors import Code, RemoteProtocolError
from protocol.ids import NodeId
from protocol.limits import (
    ANSWER_BYTES,
    CHARTER_BYTES,
    CHARTER_CHAIN,
    ENTRIES_PER_ANSWER,
    REQUEST_TIMEOUT_S,
    RESULTS_BYTES,
    SYNC_TAIL_BYTES,
)
from protocol.messages import SyncRequest, SyncTail, parse_sync_tail
from protocol.proposals import LINE_BYTES, LINES, Offer, parse_offer
from protocol.sync import LineReader
from protocol.wire import JsonValue, parse_object

# A node that does not take a connection on a LAN within this is away.
CONNECT_S: Final = 3.0
# Nor does one that acknowledges nothing for so long: its cable is out, or one of us has another address now. Answers may take
# longer, since a node that is there acknowledges the question at once (tcp(7), TCP_USER_TIMEOUT).
UNACKNOWLEDGED_S: Final = 5.0
SMALL_BYTES: Final = 16 * 1024
# A whole chain, as a joiner is handed it: 1 600 versions of a hive of ten.
CHAIN_BYTES: Final = 16 * CHARTER_BYTES
# What an answer of charters may be: one in any case.
_CHARTERS_BYTES: Final = ANSWER_BYTES + CHARTER_BYTES
# Entries of an answer, and the tail after them.
_SYNC_BYTES: Final = ANSWER_BYTES + SYNC_TAIL_BYTES
# One request at a time to each contact, and dials beside them: a peer that stalls takes its own share only.
_CONNECTIONS: Final = 256
_CONNECTIONS_PER_PEER: Final = 4
_KEEP_ALIVE_S: Final = 60.0
# The same that a port reads of a request (docs/protocol.md §3.2).
_LINE_BYTES: Final = 4096
_HEADERS: Final = 32


@dataclass(frozen=True, slots=True)
class PeerStatus:
    """What `GET /hive/v1/node` says. node: read off the certificate, never off the answer. charter: its newest charter's digest, or ""."""

    node: NodeId
    charter_version: int
    have: str
    software: str
    charter: str = ""


@dataclass(frozen=True, slots=True)
class SyncAnswer:
    """Envelopes that we lack, and what the peer said after them."""

    envelopes: list[bytes]
    tail: SyncTail

    @classmethod
    def of(cls, lines: list[bytes]) -> Self:
        """The answer that those lines are. Raises RemoteProtocolError."""
        if not lines:
            raise RemoteProtocolError(Code.PEER_MISBEHAVED, "a sync answer ends with a have-vector")
        return cls(lines[:-1], parse_sync_tail(lines[-1]))


class PeerClient:
    """One session for all peers.

    tls: carries our certificate, and the members' as anchors. tell: the headers that we tell of ourselves with each request.
    heard: told of each answer, by whom it was, where, and what they told of themselves.
    """

    def __init__(
        self,
        tls: ssl.SSLContext,
        tell: Callable[[], Mapping[str, str]] = dict,
        heard: Callable[[NodeId, str, int, Told], None] = lambda _node, _host, _port, _told: None,
    ) -> None:
        self._tell = tell
        self._heard = heard
        self._session = session(tls)

    async def close(self) -> None:
        await self._session.close()

    async def status(self, host: str, port: int) -> PeerStatus:
        """Who answers there, and what it holds."""
        async with self._request("GET", host, port, "/hive/v1/node") as response:
            node = identity(response)
            tree = parse_object(await read(response, SMALL_BYTES))
        version, have, software = tree.get("charter_version"), tree.get("have"), tree.get("software")
        if not isinstance(version, int) or not isinstance(have, str) or not isinstance(software, str):
            raise RemoteProtocolError(Code.BAD_SCHEMA, "a node's status has charter_version, have and software")
        charter = tree.get("charter")
        return PeerStatus(node, version, have, software[:64], charter if isinstance(charter, str) else "")

    async def charters(self, host: str, port: int, node: NodeId, first: int) -> list[bytes]:
        """The peer's charters from version `first`, as many as it sends at once."""
        async with self._request("GET", host, port, f"/hive/v1/charter?from={first}", node) as response:
            return await _lines(response, CHARTER_CHAIN, CHARTER_BYTES, _CHARTERS_BYTES)

    async def proposals(self, host: str, port: int, node: NodeId, offer: Offer) -> Offer:
        """Tell an admin's node what is under discussion here. Returns what is there, with what we seem to lack."""
        body = b"\n".join(offer.lines())
        async with self._request("POST", host, port, "/hive/v1/proposals", node, body) as response:
            return parse_offer(await _lines(response, LINES, LINE_BYTES, 4 * LINE_BYTES))

    async def sync(self, host: str, port: int, node: NodeId, asked: SyncRequest) -> SyncAnswer:
        """What the peer holds that we lack."""
        async with self._request("POST", host, port, "/hive/v1/sync", node, asked.to_json()) as response:
            # One line more than entries: the tail, which may be larger than an envelope.
            return SyncAnswer.of(await _lines(response, ENTRIES_PER_ANSWER + 1, SYNC_TAIL_BYTES, _SYNC_BYTES))

    async def push(self, host: str, port: int, node: NodeId, envelopes: Sequence[bytes]) -> list[dict[str, JsonValue]]:
        """Hand entries over. Returns the peer's outcome of each."""
        body = b"\n".join(envelopes)
        async with self._request("POST", host, port, "/hive/v1/entries", node, body) as response:
            results = parse_object(await read(response, RESULTS_BYTES)).get("results")
        if not isinstance(results, list) or not all(isinstance(one, dict) for one in results):
            raise RemoteProtocolError(Code.BAD_SCHEMA, "an answer to entries has results")
        return [one for one in results if isinstance(one, dict)]

    @asynccontextmanager
    async def _request(
        self, method: str, host: str, port: int, path: str, node: NodeId | None = None, body: bytes | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """One answer; of `node`, where it is known who should answer. Redirects are not followed."""
        async with (
            faults_of(host, port),
            self._session.request(
                method, url_of(host, port, path), data=body, headers=self._tell(), allow_redirects=False
            ) as response,
        ):
            peer = identity(response)
            if node is not None and peer != node:
                raise RemoteProtocolError(Code.PEER_MISBEHAVED, "another member answers at this address now")
            if response.status != 200:
                raise await refusal(response)
            yield response
        self._heard(peer, host, port, told_by(response.headers))


class Answer(aiohttp.ClientResponse):
    """Remembers who answered: a short answer has given its connection back before anybody could ask."""

    tls: ssl.SSLObject | None = None

    async def start(self, connection: Connection) -> aiohttp.ClientResponse:
        transport = connection.transport
        self.tls = transport.get_extra_info("ssl_object") if transport is not None else None
        return await super().start(connection)


def session(tls: ssl.SSLContext) -> aiohttp.ClientSession:
    """A session that takes nothing on trust: no proxies, cookies or compression, and a time for everything."""
    return aiohttp.ClientSession(
        connector=Connector(
            ssl=tls,
            limit=_CONNECTIONS,
            limit_per_host=_CONNECTIONS_PER_PEER,
            keepalive_timeout=_KEEP_ALIVE_S,
            socket_factory=_socket,
        ),
        timeout=aiohttp.ClientTimeout(total=REQUEST_TIMEOUT_S, sock_connect=CONNECT_S),
        trust_env=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        headers={"Accept-Encoding": "identity"},
        response_class=Answer,
        max_line_size=_LINE_BYTES,
        max_field_size=_LINE_BYTES,
        max_headers=_HEADERS,
    )


def _socket(where: AddrInfoType) -> socket.socket:
    family, kind, protocol, _, _ = where
    made = socket.socket(family, kind, protocol)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(UNACKNOWLEDGED_S * 1000))
    return made


def url_of(host: str, port: int, path: str) -> str:
    """The address of `path` at a peer."""
    return f"https://{authority(host, port)}{path}"


@asynccontextmanager
async def faults_of(host: str, port: int) -> AsyncIterator[None]:
    """Turn what the library raises into a peer's fault."""
    try:
        yield
    # ValueError: an address that no URL can hold, and what the library's parsers raise of an answer.
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
        raise RemoteProtocolError(Code.PEER_UNREACHABLE, f"{authority(host, port)}: {type(error).__name__}") from error


def identity(response: aiohttp.ClientResponse) -> NodeId:
    """Who answered, by its certificate. Raises RemoteProtocolError(bad-key)."""
    return peer_of(response.tls if isinstance(response, Answer) else None)


async def refusal(response: aiohttp.ClientResponse) -> RemoteProtocolError:
    """The peer's *no*, by its code alone: its words are its own."""
    try:
        code = parse_object(await read(response, SMALL_BYTES)).get("code")
        return RemoteProtocolError(Code(str(code)), f"the peer answered {response.status}")
    except (RemoteProtocolError, ValueError):
        return RemoteProtocolError(Code.PEER_MISBEHAVED, f"the peer answered {response.status}")


async def read(response: aiohttp.ClientResponse, max_bytes: int) -> bytes:
    """The whole answer. Raises RemoteProtocolError(too-large)."""
    data = bytearray()
    async for piece in response.content.iter_any():
        data += piece
        if len(data) > max_bytes:
            raise RemoteProtocolError(Code.TOO_LARGE, f"an answer of more than {max_bytes} bytes")
    return bytes(data)


async def _lines(response: aiohttp.ClientResponse, most: int, max_line: int, max_bytes: int) -> list[bytes]:
    """The answer's lines. Ends as soon as it is too much: walking 16 MiB of tiny lines takes seconds."""
    reader, total = LineReader(max_line), 0
    lines: list[bytes] = []
    async for piece in response.content.iter_any():
        total += len(piece)
        _take(lines, reader.feed(piece), most)
        if total > max_bytes:
            raise RemoteProtocolError(Code.TOO_LARGE, f"an answer of more than {max_bytes} bytes")
    _take(lines, reader.close(), most)
    return lines


def _take(lines: list[bytes], more: Iterable[bytes], most: int) -> None:
    lines.extend(more)
    if len(lines) > most:
        raise RemoteProtocolError(Code.TOO_LARGE, f"an answer of more than {most} lines")
