"""A peer port under peers that flood, stall and drip: each costs a bounded slot for a bounded time, and nobody else's."""

import asyncio
import gc
import json
import zlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from hive_node.adapters import door, guests, peer_server, rates
from protocol.limits import (
    ANSWER_BYTES,
    BLANK_LINES,
    CONNECTIONS,
    CONNECTIONS_PER_PEER,
    ENTRIES_PER_ANSWER,
    REFUSAL_S,
    REQUEST_BYTES,
    UNPROVEN_PER_SOURCE,
)
from tests.fakes.hive import recipe
from tests.integration.hives import LOOPBACK, LiveNode, node_of, until
from tests.integration.raw_peer import Member, Raw, dialled, member_of

SOON_S = 0.3
ENTRIES = b"POST /hive/v1/entries HTTP/1.1\r\nHost: peer\r\n"


@pytest.fixture
async def ada(tmp_path: Path) -> AsyncIterator[LiveNode]:
    async with node_of(tmp_path) as node:
        await node.members.create("test hive")
        await until(lambda: node.port)
        yield node


@pytest.fixture
async def mallory(ada: LiveNode) -> Member:
    return await member_of(ada, "mallory")


@pytest.fixture
async def bo(ada: LiveNode) -> Member:
    return await member_of(ada, "bo")


async def is_served(member: Member) -> bool:
    """Whether an honest member gets its answer."""
    async with asyncio.timeout(10), member.dial() as raw:
        return (await raw.ask("GET", "/hive/v1/node")).status == 200


# --- what a request may hold -------------------------------------------------------------------------------------------


async def test_a_body_announced_too_large_is_refused_unread(ada: LiveNode, mallory: Member) -> None:
    async with mallory.dial() as raw:
        await raw.send(ENTRIES + b"Content-Length: %d\r\n\r\n" % (REQUEST_BYTES + 1))
        reply = await raw.reply()

    assert (reply.status, reply.code) == (413, "too-large")


async def test_a_body_that_grows_too_large_is_refused_on_the_way(ada: LiveNode, mallory: Member) -> None:
    line = b"x" * 60_000 + b"\n"
    chunk = b"%x\r\n%b\r\n" % (len(line), line)

    async with mallory.dial() as raw:
        await raw.send(ENTRIES + b"Transfer-Encoding: chunked\r\n\r\n")
        answered = asyncio.get_running_loop().create_task(raw.reply())
        sent = 0
        while not answered.done() and sent < 3 * REQUEST_BYTES:
            await raw.send(chunk)
            sent += len(line)
            await asyncio.sleep(0)
        reply = await answered

    assert (reply.status, reply.code) == (413, "too-large")
    assert await ada.shown() == []


async def test_compressed_zeros_stay_as_small_as_they_came(ada: LiveNode, mallory: Member) -> None:
    bomb = zlib.compress(b"\n" * (64 * 1024 * 1024))
    async with mallory.dial() as raw:
        reply = await raw.ask("POST", "/hive/v1/entries", bomb, {"Content-Encoding": "deflate"})

    assert {status for status, _ in reply.results} <= {"refused"} if reply.status == 200 else reply.code == "too-large"


async def test_more_entries_than_a_request_holds_are_refused_together(ada: LiveNode, mallory: Member) -> None:
    feed = mallory.feed(3)
    lines = [feed[0].to_bytes()] * (ENTRIES_PER_ANSWER + 1)
    async with mallory.dial() as raw:
        reply = await raw.ask("POST", "/hive/v1/entries", b"\n".join(lines))
        assert (reply.status, reply.code) == (429, "too-many")
        assert reply.headers["retry-after"]
        assert await raw.post(*lines[:ENTRIES_PER_ANSWER]) == [("accepted", None)] + [("duplicate", None)] * (
            ENTRIES_PER_ANSWER - 1
        )


async def test_blank_lines_are_few_or_the_request_is_none(ada: LiveNode, mallory: Member) -> None:
    entry = mallory.next().to_bytes()
    async with mallory.dial() as raw:
        assert await raw.post(b"\n \r\n" * (BLANK_LINES // 2) + entry) == [("accepted", None)]
        assert (await raw.ask("POST", "/hive/v1/entries", b"\n" * 1_000_000)).code == "too-many"


async def test_requests_a_minute_are_counted_by_member(
    ada: LiveNode, mallory: Member, bo: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rates, "REQUESTS_PER_MINUTE", 5)
    async with mallory.dial() as raw:
        replies = [await raw.ask("GET", "/hive/v1/node") for _ in range(7)]

    assert [one.status for one in replies] == [200] * 5 + [429] * 2
    assert (replies[-1].code, replies[-1].headers["retry-after"]) == ("too-many", "30")
    assert await is_served(bo)


async def test_who_goes_on_asking_over_its_rate_is_refused_slowly(
    ada: LiveNode, mallory: Member, bo: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rates, "REQUESTS_PER_MINUTE", 0)
    loop = asyncio.get_running_loop()
    async with mallory.dial() as raw:
        began = loop.time()
        await raw.send(b"GET /hive/v1/node HTTP/1.1\r\nHost: peer\r\n\r\n" * 10)
        assert [(await raw.reply()).status for _ in range(10)] == [429] * 10
        assert loop.time() - began >= 10 * REFUSAL_S


async def test_bytes_of_answers_are_counted_too(
    ada: LiveNode, mallory: Member, bo: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rates, "ANSWERED_PER_MINUTE", 500)
    async with mallory.dial() as raw:
        replies = [await raw.ask("GET", "/hive/v1/charter") for _ in range(2)]

    assert [one.status for one in replies] == [200, 429]
    assert await is_served(bo)


async def test_bytes_a_minute_are_counted_as_they_come_announced_or_not(
    ada: LiveNode, mallory: Member, bo: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rates, "BYTES_PER_MINUTE", 50_000)
    body = b"x" * 20_000
    chunked = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    statuses = []
    async with mallory.dial() as raw:
        for _ in range(3):
            await raw.send(ENTRIES + b"Transfer-Encoding: chunked\r\n\r\n", chunked)
            statuses.append((await raw.reply()).status)

    assert statuses == [200, 200, 429]
    assert await is_served(bo)


# --- what a connection may take ----------------------------------------------------------------------------------------


async def test_a_stranger_who_never_shakes_hands_is_cut_off(ada: LiveNode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "HEADER_TIMEOUT_S", SOON_S)
    reader, writer = await asyncio.open_connection(LOOPBACK, ada.port)
    try:
        async with asyncio.timeout(5):
            assert await reader.read() == b""
    finally:
        writer.close()


async def test_a_member_that_says_nothing_or_drips_its_headers_is_cut_off(
    ada: LiveNode, mallory: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guests, "HEADER_TIMEOUT_S", SOON_S)
    async with asyncio.timeout(10), mallory.dial() as silent, mallory.dial() as dripping, mallory.dial() as second:
        assert (await second.ask("GET", "/hive/v1/node")).status == 200
        drips = [
            asyncio.get_running_loop().create_task(drip(one, b"GET /hive/v1/node HTTP/1.1\r\nX: " + b"x" * 10_000))
            for one in (dripping, second)
        ]
        for one in (silent, dripping, second):
            assert await one.is_cut()
        for one in drips:
            await one


async def drip(raw: Raw, data: bytes) -> None:
    """One byte at a time, until the other side has had enough."""
    for at in range(len(data)):
        if raw.reader.at_eof() or raw.writer.is_closing():
            return
        try:
            await raw.send(data[at : at + 1])
        except ConnectionError:
            return
        await asyncio.sleep(0.02)


async def test_a_member_that_drips_its_body_is_told_so(
    ada: LiveNode, mallory: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peer_server, "REQUEST_TIMEOUT_S", SOON_S)
    async with asyncio.timeout(10), mallory.dial() as raw:
        await raw.send(ENTRIES + b"Content-Length: 1000\r\n\r\n")
        dripping = asyncio.get_running_loop().create_task(drip(raw, b"x" * 900))
        reply = await raw.reply()
        raw.writer.transport.abort()
        await dripping

    assert (reply.status, reply.code) == (429, "too-many")


async def test_a_member_that_does_not_read_its_answer_is_cut_off(
    ada: LiveNode, mallory: Member, bo: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guests, "REQUEST_TIMEOUT_S", SOON_S)
    big = [mallory.next(recipe(idea="word " * 790, guards={f"g{n}": 1.0 for n in range(32)})) for _ in range(150)]
    async with mallory.dial() as raw:
        await raw.post(*big)

    async with asyncio.timeout(20), bo.dial() as raw:
        raw.writer.transport.pause_reading()
        question = json.dumps({"have": {}}).encode()
        head = b"POST /hive/v1/sync HTTP/1.1\r\nHost: peer\r\nContent-Length: %d\r\n\r\n" % len(question)
        await raw.send(*[head + question] * 16)  # more than the two sockets' own buffers hold of it
        await until(lambda: ada.connections == 1)
        await until(lambda: ada.connections == 0)
    assert await is_served(bo)


async def test_one_answer_holds_a_mebibyte_and_says_that_there_is_more(
    ada: LiveNode, mallory: Member, bo: Member
) -> None:
    big = [mallory.next(recipe(edits=edits_of(12_000))) for _ in range(100)]
    async with mallory.dial() as raw:
        for start in range(0, len(big), 40):
            await raw.post(*big[start : start + 40])

    async with bo.dial() as raw:
        reply = await raw.ask("POST", "/hive/v1/sync", b'{"have":{}}')
        lines = reply.body.split(b"\n")
    assert len(reply.body) < ANSWER_BYTES + 100_000
    assert json.loads(lines[-1])["more"] is True
    assert [json.loads(line)["signatures"][0]["keyid"] for line in lines[:-1]] == [mallory.id] * (len(lines) - 1)


def edits_of(size: int) -> list[dict[str, str]]:
    return [{"path": "src/codec.py", "search": "a" * 8, "replace": "word " * (size // 5)}]


async def test_strangers_cannot_take_the_places_of_members(ada: LiveNode, mallory: Member, bo: Member) -> None:
    async with AsyncExitStack() as stack:
        honest = await stack.enter_async_context(bo.dial())
        assert (await honest.ask("GET", "/hive/v1/node")).status == 200
        elsewhere = ("127.0.0.2", 0)
        strangers = [
            await asyncio.open_connection(LOOPBACK, ada.port, local_addr=elsewhere) for _ in range(10 * CONNECTIONS)
        ]
        try:
            assert await is_served(mallory)
            assert (await honest.ask("GET", "/hive/v1/node")).status == 200
            assert ada.connections <= CONNECTIONS
        finally:
            for _, writer in strangers:
                writer.close()


async def test_handshakes_that_showed_a_members_certificate_are_not_counted_silence_is_none(
    ada: LiveNode, bo: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ada.parts.federation is not None
    monkeypatch.setattr(ada.parts.federation._server._door, "_handshakes", rates.Budgets(1, 3))
    async with AsyncExitStack() as stack:
        for _ in range(2 * CONNECTIONS):
            _, writer = await asyncio.open_connection(LOOPBACK, ada.port)
            stack.callback(writer.close)
        for _ in range(10):
            assert await is_served(bo)
    for _ in range(3):
        _, writer = await asyncio.open_connection(LOOPBACK, ada.port)
        writer.write(b"no handshake at all")
        await writer.drain()
        writer.close()
    await until(lambda: ada.connections == 0)
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await is_served(bo)


async def test_strangers_leave_nothing_for_the_collector(ada: LiveNode) -> None:
    """It comes seldom to what has lived for seconds: megabytes of OpenSSL's buffers would pile up meanwhile."""

    def remembered() -> int:
        return sum(isinstance(one, guests.Guest) for one in gc.get_objects())

    gc.collect()
    gc.disable()
    try:
        for garbage in (b"", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01"):
            for _ in range(5):
                _, writer = await asyncio.open_connection(LOOPBACK, ada.port)
                writer.write(garbage)
                await asyncio.sleep(0.005)
                writer.close()
                await writer.wait_closed()
        await until(lambda: not ada.connections and not remembered(), 5)

        held = [await asyncio.open_connection(LOOPBACK, ada.port) for _ in range(3 * UNPROVEN_PER_SOURCE)]
        await until(lambda: remembered() <= UNPROVEN_PER_SOURCE, 5)  # the others had to make room
        for _, writer in held:
            writer.close()
        await until(lambda: not ada.connections and not remembered(), 5)
    finally:
        gc.enable()


async def test_one_member_has_so_many_places_and_no_more(ada: LiveNode, mallory: Member, bo: Member) -> None:
    async with AsyncExitStack() as stack:
        greedy = [await stack.enter_async_context(mallory.dial()) for _ in range(2 * CONNECTIONS_PER_PEER)]
        for one in greedy:
            one.writer.write(b"GET /hive/v1/node HTTP/1.1\r\nHost: peer\r\n\r\n")
        await until(lambda: ada.connections == CONNECTIONS_PER_PEER)
        assert await is_served(bo)


async def test_a_half_closed_connection_is_closed(ada: LiveNode, mallory: Member, bo: Member) -> None:
    async with asyncio.timeout(20), dialled(ada.port, mallory.context()) as raw:
        assert (await raw.ask("GET", "/hive/v1/node")).status == 200
        raw.writer.transport.abort()
        await until(lambda: ada.connections == 0)
    assert await is_served(bo)


@pytest.mark.parametrize("garbage", [b"\x00" * 100, b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"A: b\r\n" * 10_000])
async def test_what_is_no_http_costs_its_own_connection(
    ada: LiveNode, mallory: Member, bo: Member, garbage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with asyncio.timeout(20), mallory.dial() as raw:
        try:
            await raw.send(garbage)
        except ConnectionError:
            pass
        raw.writer.write_eof() if raw.writer.can_write_eof() else None
        await asyncio.sleep(0.05)
        assert await is_served(bo)
    assert not [one for one in caplog.records if one.levelname == "ERROR"]  # what strangers send does not fill the log


async def test_a_hint_of_a_port_that_cannot_be_is_no_hint(ada: LiveNode, mallory: Member) -> None:
    async with mallory.dial() as raw:
        for port in ("0", "65536", "999999", "-1", "7740\t", "٧", "1e3", "9" * 400):
            headers = {
                "X-Hive-Port": port.encode().decode("latin-1"),
                "X-Hive-Charter": port.encode().decode("latin-1"),
            }
            assert (await raw.ask("GET", "/hive/v1/node", headers=headers)).status == 200
    assert ada.parts.federation is not None
    assert await ada.say()
