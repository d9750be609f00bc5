"""A node that asks a hostile member: whatever comes back ends in a code, soon, and is read no further than an honest answer goes."""

import asyncio
import gzip
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import repeat

import pytest

from hive_node.adapters import peer_client
from hive_node.adapters.peer_client import PeerClient
from hive_node.adapters.tls import certificate_of, client_context
from protocol.errors import Code, RemoteProtocolError
from protocol.limits import ANSWER_BYTES, CHARTER_BYTES, ENTRIES_PER_ANSWER, ENVELOPE_BYTES
from protocol.messages import SyncRequest
from protocol.wire import dump_json
from tests.fakes.hive import FakeNode
from tests.hostile.wire import LOOPBACK, server_context

ADA, MALLORY = FakeNode("ada"), FakeNode("mallory")
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
CHUNK = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
NODE = {"charter_version": 1, "have": "0" * 64, "software": "x", "node": MALLORY.id}
# What the kernel's buffers of both sides may hold beside what was read.
IN_FLIGHT = 8 * 1024 * 1024
Answer = Iterator[bytes]
Question = Callable[[PeerClient, int], Awaitable[object]]


class Server:
    """Answers every request with the same bytes, for as long as anybody listens."""

    def __init__(self, answer: Callable[[], Answer], pause_s: float) -> None:
        self.answer, self.pause_s = answer, pause_s
        self.sent = 0
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                for piece in self.answer():
                    writer.write(piece)
                    await writer.drain()
                    self.sent += len(piece)
                    if writer.is_closing():
                        return
                    await asyncio.sleep(self.pause_s)
        except (ConnectionError, ssl.SSLError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()


@asynccontextmanager
async def asked(answer: Callable[[], Answer], pause_s: float = 0.0) -> AsyncIterator[tuple[PeerClient, Server]]:
    hostile = Server(answer, pause_s)
    listening = await asyncio.start_server(hostile.serve, LOOPBACK, 0, ssl=server_context(MALLORY))
    hostile.port = listening.sockets[0].getsockname()[1]
    client = PeerClient(client_context(ADA.signer, [certificate_of(MALLORY.signer)]))
    try:
        yield client, hostile
    finally:
        await client.close()
        listening.close()


def whole(body: bytes, head: bytes = OK) -> Callable[[], Answer]:
    return lambda: iter([head + b"Content-Length: %d\r\n\r\n" % len(body) + body])


def endless(head: bytes, piece: bytes) -> Callable[[], Answer]:
    def pieces() -> Answer:
        yield head
        yield from repeat(piece)

    return pieces


def status(client: PeerClient, port: int) -> Awaitable[object]:
    return client.status(LOOPBACK, port)


def sync(client: PeerClient, port: int) -> Awaitable[object]:
    return client.sync(LOOPBACK, port, MALLORY.id, SyncRequest({}))


def charters(client: PeerClient, port: int) -> Awaitable[object]:
    return client.charters(LOOPBACK, port, MALLORY.id, 1)


def push(client: PeerClient, port: int) -> Awaitable[object]:
    return client.push(LOOPBACK, port, MALLORY.id, [b"{}"])


AWAY, LARGE, WRONG = Code.PEER_UNREACHABLE, Code.TOO_LARGE, Code.PEER_MISBEHAVED
LAST = dump_json({"have": {}, "more": False})
ANSWERS: dict[str, tuple[Question, Callable[[], Answer], Code]] = {
    "an endless status line": (status, endless(b"HTTP/1.1 200 ", b"O" * 4096), AWAY),
    "endless headers": (status, endless(OK, b"X: a\r\n" * 512), AWAY),
    "a header of 1 MB": (status, endless(OK + b"X: ", b"a" * 4096), AWAY),
    "10 000 headers": (status, whole(b"{}", OK + b"X: a\r\n" * 10_000), AWAY),
    "nothing but preliminaries": (status, endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100), AWAY),
    "another protocol": (
        status,
        endless(b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", CHUNK),
        AWAY,
    ),
    "no HTTP": (status, endless(b"", b"\x00" * 4096), AWAY),
    "HTTP/2": (status, whole(b"", b"HTTP/2.0 200 OK\r\n"), Code.BAD_JSON),
    "a body of a petabyte": (status, endless(OK + b"Content-Length: 1000000000000000\r\n\r\n", CHUNK), LARGE),
    "an endless body": (status, endless(CHUNKED, CHUNK), LARGE),
    "an endless body of an unknown length": (status, endless(OK + b"\r\n", CHUNK), LARGE),
    "one byte a chunk": (status, endless(CHUNKED, b"1\r\nx\r\n" * 500), LARGE),
    "endless trailers": (status, endless(CHUNKED + b"0\r\n", b"X: a\r\n" * 500), AWAY),
    "two lengths": (status, whole(b"{}", OK + b"Content-Length: 1\r\n"), AWAY),
    "a length and chunks": (status, whole(b"0\r\n\r\n", OK + b"Transfer-Encoding: chunked\r\n"), AWAY),
    "64 MiB of zeros in 64 KiB": (
        status,
        whole(gzip.compress(b" " * 8 * 1024 * 1024), OK + b"Content-Encoding: gzip\r\n"),
        Code.BAD_JSON,
    ),
    "a refusal without end": (status, endless(b"HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n", CHUNK), WRONG),
    "a refusal with an invented code": (status, whole(b'{"code":"\x1b[31m"}', b"HTTP/1.1 400 No\r\n"), WRONG),
    "a refusal with a code of ours": (status, whole(b'{"code":"too-many"}', b"HTTP/1.1 429 No\r\n"), Code.TOO_MANY),
    "a way elsewhere": (status, whole(b"", b"HTTP/1.1 302 Found\r\nLocation: https://127.0.0.1:1/\r\n"), WRONG),
    "depth 10 000": (status, whole(b"[" * 10_000), Code.TOO_DEEP),
    "NaN": (status, whole(b'{"charter_version":NaN}'), Code.NOT_FINITE),
    "a version as text": (status, whole(dump_json(NODE | {"charter_version": "1"})), Code.BAD_SCHEMA),
    "nothing": (status, whole(b""), Code.BAD_JSON),
    "lines without end": (sync, endless(CHUNKED, b"3\r\n{}\n\r\n" * 100), LARGE),
    "a line without end": (sync, endless(CHUNKED, CHUNK), LARGE),
    "blank lines without end": (sync, endless(CHUNKED, b"2\r\n\n\n\r\n" * 100), Code.TOO_MANY),
    "large lines without end": (
        sync,
        endless(CHUNKED, b"%x\r\n" % (ENVELOPE_BYTES + 1) + b"x" * ENVELOPE_BYTES + b"\n\r\n"),
        LARGE,
    ),
    "an entry too many": (sync, whole(b"{}\n" * (ENTRIES_PER_ANSWER + 1) + LAST), LARGE),
    "no have-vector": (sync, whole(b"{}"), Code.BAD_SCHEMA),
    "no line at all": (sync, whole(b""), WRONG),
    "a have-vector of 1001": (
        sync,
        whole(dump_json({"have": {f"{number}": [] for number in range(1001)}})),
        Code.TOO_MANY,
    ),
    "a charter of more than 1 MiB": (charters, endless(CHUNKED, CHUNK), LARGE),
    "charters without end": (charters, endless(CHUNKED, b"3\r\n{}\n\r\n" * 100), LARGE),
    "charters of 1 MiB without end": (
        charters,
        endless(CHUNKED, b"%x\r\n" % CHARTER_BYTES + b"x" * (CHARTER_BYTES - 1) + b"\n\r\n"),
        LARGE,
    ),
    "a million brackets for results": (push, whole(b'{"results":[' + b"[]," * 1_000_000 + b"[]]}"), LARGE),
    "results that are none": (push, whole(b'{"results":[1]}'), Code.BAD_SCHEMA),
}


@pytest.mark.parametrize("name", ANSWERS)
async def test_an_answer_out_of_shape_ends_in_a_code_and_is_read_no_further_than_it_may_go(name: str) -> None:
    ask, answer, code = ANSWERS[name]
    async with asyncio.timeout(20), asked(answer) as (client, server):
        with pytest.raises(RemoteProtocolError) as refused:
            await ask(client, server.port)

    assert refused.value.code is code, refused.value
    assert "\x1b" not in str(refused.value)
    assert server.sent <= 2 * ANSWER_BYTES + CHARTER_BYTES + IN_FLIGHT


@pytest.mark.parametrize("name", ["silence", "headers", "a body", "half a body", "words in a chunk's line"])
async def test_an_answer_that_drips_is_waited_for_so_long_and_no_longer(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peer_client, "REQUEST_TIMEOUT_S", 0.5)
    drips = {
        "silence": lambda: repeat(b""),
        "headers": endless(OK + b"X: ", b"a"),
        "a body": endless(OK + b"Content-Length: 10000\r\n\r\n", b" "),
        "half a body": lambda: iter([OK + b"Content-Length: 100\r\n\r\nhalf"]),
        "words in a chunk's line": endless(CHUNKED + b"1;", b"x" * 64),
    }
    async with asyncio.timeout(10), asked(drips[name], 0.02) as (client, server):
        with pytest.raises(RemoteProtocolError) as refused:
            await status(client, server.port)

    assert refused.value.code is AWAY


async def test_a_member_that_answers_for_another_is_found_out() -> None:
    async with asked(whole(dump_json(NODE | {"node": ADA.id}))) as (client, server):
        assert (await client.status(LOOPBACK, server.port)).node == MALLORY.id
        with pytest.raises(RemoteProtocolError) as refused:
            await client.sync(LOOPBACK, server.port, ADA.id, SyncRequest({}))

    assert refused.value.code is WRONG
