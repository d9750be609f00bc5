"""Calls to one peer: HTTPS with both sides authenticated. Every fault comes out as a RemoteProtocolError with a code."""

import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
from aiohttp.connector import Connection

from hive_node.adapters.tls import peer_of
from protocol.errors import Code, RemoteProtocolError
from protocol.feed import Head
from protocol.ids import NodeId
from protocol.limits import (
    CHARTER_BYTES,
    CHARTER_CHAIN,
    ENTRIES_PER_ANSWER,
    ENVELOPE_BYTES,
    REQUEST_BYTES,
    REQUEST_TIMEOUT_S,
)
from protocol.sync import HaveVector, LineReader, have_vector_tree, parse_have_vector
from protocol.wire import JsonValue, dump_json, parse_object

# A node that does not take a connection on a LAN within this is away.
_CONNECT_S: Final = 3.0
_NODE_BYTES: Final = 16 * 1024
CHARTER_HEADER: Final = "X-Hive-Charter"
PORT_HEADER: Final = "X-Hive-Port"


@dataclass(frozen=True, slots=True)
class PeerStatus:
    """What `GET /hive/v1/node` says. node: read off the certificate, never off the answer."""

    node: NodeId
    charter_version: int
    have: str
    software: str


@dataclass(frozen=True, slots=True)
class SyncAnswer:
    """Envelopes that we lack, the peer's have-vector, and whether it holds more for us."""

    envelopes: list[bytes]
    have: dict[NodeId, Head]
    has_more: bool


class PeerClient:
    """One session for all peers. tls: carries our certificate, and the members' as anchors."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        timeout = aiohttp.ClientTimeout(total=REQUEST_TIMEOUT_S, sock_connect=_CONNECT_S)
        connector = aiohttp.TCPConnector(ssl=tls, limit=32, keepalive_timeout=75)
        self._session = aiohttp.ClientSession(
            connector=connector, timeout=timeout, trust_env=False, response_class=_Response
        )
        # What we tell of ourselves with each request.
        self.charter_version = 0
        self.port = 0

    async def close(self) -> None:
        await self._session.close()

    async def status(self, host: str, port: int) -> PeerStatus:
        """Who answers there, and what it holds."""
        async with self._request("GET", host, port, "/hive/v1/node") as response:
            node = _identity(response)
            tree = parse_object(await _read(response, _NODE_BYTES))
        version, have, software = tree.get("charter_version"), tree.get("have"), tree.get("software")
        if not isinstance(version, int) or not isinstance(have, str) or not isinstance(software, str):
            raise RemoteProtocolError(Code.BAD_SCHEMA, "a node's status has charter_version, have and software")
        return PeerStatus(node, version, have, software[:64])

    async def charters(self, host: str, port: int, node: NodeId, first: int) -> list[bytes]:
        """The peer's charters from version `first`."""
        async with self._request("GET", host, port, f"/hive/v1/charter?from={first}") as response:
            _expect(response, node)
            lines = [line async for line in _lines(response, CHARTER_BYTES, CHARTER_BYTES * 16)]
        if len(lines) > CHARTER_CHAIN:
            raise RemoteProtocolError(Code.TOO_MANY, "a longer charter chain than there can be")
        return lines

    async def sync(self, host: str, port: int, node: NodeId, heads: HaveVector) -> SyncAnswer:
        """What the peer holds that we do not."""
        body = dump_json({"have": have_vector_tree(heads)})
        async with self._request("POST", host, port, "/hive/v1/sync", body) as response:
            _expect(response, node)
            # One line more than entries: the peer's have-vector, which may be larger than an envelope.
            lines = [line async for line in _lines(response, 4 * ENVELOPE_BYTES, 4 * REQUEST_BYTES)]
        if not lines or len(lines) > ENTRIES_PER_ANSWER + 1:
            raise RemoteProtocolError(Code.PEER_MISBEHAVED, "a sync answer is up to 200 entries and a have-vector")
        last = parse_object(lines[-1])
        return SyncAnswer(lines[:-1], parse_have_vector(last.get("have")), last.get("more") is True)

    async def push(self, host: str, port: int, node: NodeId, envelopes: Sequence[bytes]) -> list[dict[str, JsonValue]]:
        """Hand entries over. Returns the peer's outcome of each."""
        async with self._request("POST", host, port, "/hive/v1/entries", b"\n".join(envelopes)) as response:
            _expect(response, node)
            results = parse_object(await _read(response, REQUEST_BYTES)).get("results")
        if not isinstance(results, list) or not all(isinstance(one, dict) for one in results):
            raise RemoteProtocolError(Code.BAD_SCHEMA, "an answer to entries has results")
        return [one for one in results if isinstance(one, dict)]

    @asynccontextmanager
    async def _request(
        self, method: str, host: str, port: int, path: str, body: bytes | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        where = f"[{host}]" if ":" in host else host
        headers = {CHARTER_HEADER: str(self.charter_version), PORT_HEADER: str(self.port)}
        try:
            async with self._session.request(
                method, f"https://{where}:{port}{path}", data=body, headers=headers, allow_redirects=False
            ) as response:
                if response.status != 200:
                    raise await _refusal(response)
                yield response
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise RemoteProtocolError(Code.PEER_UNREACHABLE, f"{host}:{port}: {type(error).__name__}") from error


class _Response(aiohttp.ClientResponse):
    """Remembers who answered: a short answer has given its connection back before anybody could ask."""

    tls: ssl.SSLObject | None = None

    async def start(self, connection: Connection) -> aiohttp.ClientResponse:
        transport = connection.transport
        self.tls = transport.get_extra_info("ssl_object") if transport is not None else None
        return await super().start(connection)


def _identity(response: aiohttp.ClientResponse) -> NodeId:
    return peer_of(response.tls if isinstance(response, _Response) else None)


def _expect(response: aiohttp.ClientResponse, node: NodeId) -> None:
    if _identity(response) != node:
        raise RemoteProtocolError(Code.PEER_MISBEHAVED, "another member answers at this address now")


async def _refusal(response: aiohttp.ClientResponse) -> RemoteProtocolError:
    try:
        code = parse_object(await _read(response, _NODE_BYTES)).get("code")
        return RemoteProtocolError(Code(str(code)), f"the peer answered {response.status}")
    except (RemoteProtocolError, ValueError):
        return RemoteProtocolError(Code.PEER_MISBEHAVED, f"the peer answered {response.status}")


async def _read(response: aiohttp.ClientResponse, max_bytes: int) -> bytes:
    data = bytearray()
    async for piece in response.content.iter_any():
        data += piece
        if len(data) > max_bytes:
            raise RemoteProtocolError(Code.TOO_LARGE, f"an answer of more than {max_bytes} bytes")
    return bytes(data)


async def _lines(response: aiohttp.ClientResponse, max_line: int, max_bytes: int) -> AsyncIterator[bytes]:
    reader, total = LineReader(max_line), 0
    async for piece in response.content.iter_any():
        total += len(piece)
        if total > max_bytes:
            raise RemoteProtocolError(Code.TOO_LARGE, f"an answer of more than {max_bytes} bytes")
        for line in reader.feed(piece):
            yield line
    for line in reader.close():
        yield line


async def join_exchange(
    tls: ssl.SSLContext, host: str, port: int, admin: NodeId, invite: str, prove: Any
) -> list[bytes]:
    """Join at an admin's join port, whose key must be `admin`. prove: from the nonce to the request's members.

    Returns the charter chain. Raises RemoteProtocolError.
    """
    timeout = aiohttp.ClientTimeout(total=REQUEST_TIMEOUT_S, sock_connect=_CONNECT_S)
    where = f"https://{f'[{host}]' if ':' in host else host}:{port}/hive/v1/join"
    try:
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=tls), timeout=timeout, response_class=_Response
        ) as session:
            async with session.get(where, params={"invite": invite}) as response:
                _expect(response, admin)
                if response.status != 200:
                    raise await _refusal(response)
                nonce = parse_object(await _read(response, _NODE_BYTES)).get("nonce")
            async with session.post(where, data=dump_json(prove(str(nonce)))) as response:
                _expect(response, admin)
                if response.status != 200:
                    raise await _refusal(response)
                chain = parse_object(await _read(response, CHARTER_BYTES * 16)).get("charter")
    except (TimeoutError, aiohttp.ClientError, OSError) as error:
        raise RemoteProtocolError(Code.PEER_UNREACHABLE, f"{host}:{port}: {type(error).__name__}") from error
    if not isinstance(chain, list):
        raise RemoteProtocolError(Code.BAD_SCHEMA, "an answer to a join has a charter")
    return [dump_json(one) for one in chain]
