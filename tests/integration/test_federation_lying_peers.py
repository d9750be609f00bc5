"""A node that dials a hostile member: whatever that answers costs one job, and the rest of the hive nothing."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from hive_node.adapters import contacts, network, peer_client
from hive_node.adapters.tls import server_context
from protocol.errors import Code, RemoteProtocolError
from protocol.limits import ENTRIES_PER_ANSWER
from protocol.messages import SyncRequest
from protocol.wire import dump_json
from tests.fakes.hive import FakeHive, FakeNode, sealed
from tests.integration.hives import LOOPBACK, LiveNode, hive_of, until
from tests.integration.raw_peer import Member, member_of

Script = Callable[["Liar", str, bytes, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "LOOK_S", 0.1)
    monkeypatch.setattr(contacts, "FIRST_BACKOFF_S", 0.2)


class Liar:
    """A member's peer port that answers as a test's script says; what the script does not say, honestly and emptily."""

    def __init__(self, member: Member, script: Script) -> None:
        self.member = member
        self.script = script
        self.asked: list[str] = []
        self.writers: list[asyncio.StreamWriter] = []
        self.port = 0

    def status(self, **changes: object) -> bytes:
        version = self.member.node.version
        tree = {"protocol": [1], "software": "x", "charter_version": version, "have": "0" * 64} | changes
        return ok(json.dumps(tree).encode())

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                path = head.split()[1]
                lengths = [
                    line.split(":")[1] for line in head.split("\r\n") if line.lower().startswith("content-length")
                ]
                body = await reader.readexactly(int(lengths[0]) if lengths else 0)
                self.asked.append(path)
                await self.script(self, path, body, writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass
        finally:
            writer.transport.abort()


def ok(body: bytes, head: str = "HTTP/1.1 200 OK") -> bytes:
    return f"{head}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def sync_answer(*lines: bytes, have: object = None, more: object = False) -> bytes:
    return ok(b"\n".join([*lines, json.dumps({"have": have or {}, "more": more}).encode()]))


@asynccontextmanager
async def lying(member: Member, script: Script) -> AsyncIterator[Liar]:
    liar = Liar(member, script)
    membership = member.node.hive.membership
    assert membership is not None
    anchors = [one.certificate_der() for one in membership.members.values()]
    server = await asyncio.start_server(liar.serve, LOOPBACK, 0, ssl=server_context(member.who.signer, anchors))
    async with server:
        liar.port = server.sockets[0].getsockname()[1]
        try:
            yield liar
        finally:
            for writer in liar.writers:
                writer.transport.abort()


# --- scripts -----------------------------------------------------------------------------------------------------------


async def no_http(_liar: Liar, _path: str, _body: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(b"\x00\xff hello\r\n\r\n")


async def endless(_liar: Liar, _path: str, _body: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"10000\r\n" + b"x" * 65_536 + b"\r\n")
        await writer.drain()


async def endless_lines(liar: Liar, path: str, _body: bytes, writer: asyncio.StreamWriter) -> None:
    if path.endswith("/node"):
        writer.write(liar.status())
        return
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"8\r\n{}\n{}\n{}\r\n")
        await writer.drain()


async def endless_headers(_liar: Liar, _path: str, _body: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    for number in range(100_000):
        writer.write(b"X-%d: x\r\n" % number)
        await writer.drain()


async def redirecting(_liar: Liar, _path: str, _body: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(ok(b"", "HTTP/1.1 302 Found\r\nLocation: https://169.254.169.254/latest/meta-data"))


async def closing(_liar: Liar, _path: str, _body: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
    await writer.drain()
    raise ConnectionError


async def zipped(_liar: Liar, _path: str, _body: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(ok(b"\x78\x9c" + b"\x00" * 1000, "HTTP/1.1 200 OK\r\nContent-Encoding: deflate"))


async def nonsense(liar: Liar, _path: str, _body: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(liar.status(charter_version="many", have=[1], software=None))


async def newest(liar: Liar, path: str, _body: bytes, writer: asyncio.StreamWriter) -> None:
    """Claims charters that nobody has, and then sends none, or rubbish."""
    writer.write(
        liar.status(charter_version=9_999)
        if path.endswith("/node")
        else ok(b"rubbish\n" if len(liar.asked) % 4 else b"")
    )


async def always_more(liar: Liar, path: str, _body: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(liar.status() if path.endswith("/node") else sync_answer(b"{}", more=True))


async def false_vector(liar: Liar, path: str, _body: bytes, writer: asyncio.StreamWriter) -> None:
    have = {liar.member.node.id: [1, 2**53, "0" * 64], "x": 1}
    writer.write(liar.status() if path.endswith("/node") else sync_answer(have=have))


async def holds_everything(liar: Liar, path: str, _body: bytes, writer: asyncio.StreamWriter) -> None:
    """Says that it holds another entry of ours where ours is, and never shows it."""
    have = {liar.member.node.id: [1, 1, "0" * 64]}
    writer.write(liar.status() if path.endswith("/node") else sync_answer(have=have))


async def busy(_liar: Liar, _path: str, _body: bytes, writer: asyncio.StreamWriter) -> None:
    body = dump_json({"code": "too-many"})
    writer.write(ok(body, "HTTP/1.1 429 Too Many Requests"))


async def refusing(_liar: Liar, _path: str, _body: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(ok(b'{"code": "no-such-code"}', "HTTP/1.1 500 Oops"))


async def cookies(liar: Liar, _path: str, _body: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(
        liar.status(software="\x1b[2J" * 100).replace(b"OK\r\n", b"OK\r\nSet-Cookie: a=b; Domain=.example\r\n", 1)
    )


SCRIPTS: list[Script] = [
    no_http, endless, endless_lines, endless_headers, redirecting, closing, zipped, nonsense, newest, always_more,
    false_vector, holds_everything, busy, refusing, cookies,
]  # fmt: skip


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.__name__)
async def test_a_lying_peer_costs_its_own_job_and_nobody_elses(
    tmp_path: Path, script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    async with hive_of(tmp_path, 2) as (ada, bo):
        eve = await member_of(ada, "eve")
        await until(lambda: bo.version == ada.version)
        async with lying(eve, script) as liar:
            await ada.say()
            for node in (ada, bo):
                assert node.parts.network is not None
                node.parts.network.suggest(LOOPBACK, liar.port, "static")
            await until(lambda: len(liar.asked) >= 3)

            entry = await bo.say()

            await until(lambda: ada.seq(bo) == 1)
            assert entry in await ada.shown()
            assert ada.version == bo.version == 3
            assert ada.hive.quarantined == set()
            assert ada.state["n2"] != "away"
    assert not [one for one in caplog.records if one.levelname == "ERROR"]


async def stalling(_liar: Liar, _path: str, _body: bytes, _writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def test_peers_that_stall_hold_up_nobody(tmp_path: Path) -> None:
    """As many of them as one likes: each is waited for by itself."""
    async with hive_of(tmp_path, 2) as (ada, bo):
        eves = [await member_of(ada, f"eve {number}") for number in range(12)]
        await until(lambda: bo.version == ada.version)
        async with lying(eves[0], stalling) as one, lying(eves[1], stalling) as two:
            for liar in (one, two):
                ada.meet(as_node(liar))
            assert ada.parts.network is not None
            for number in range(2, 12):
                # Whoever answered once is attended to from then on.
                contact = contacts.Contact(eves[number].id, LOOPBACK, one.port)
                ada.parts.network.contacts[contact.node] = contact
                ada.parts.network.want(contact)
            await until(lambda: len(one.asked) >= 4)

            async with asyncio.timeout(5):
                await ada.say()
                await until(lambda: bo.seq(ada) == 1)
                await bo.say()
                await until(lambda: ada.seq(bo) == 1)


def as_node(liar: Liar) -> LiveNode:
    class At(LiveNode):
        port = liar.port  # type: ignore[assignment]

    return At("liar", liar.member.node.home)


async def test_a_slow_answer_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer_client, "REQUEST_TIMEOUT_S", 0.3)
    async with hive_of(tmp_path, 1) as (ada,):
        eve = await member_of(ada, "eve")
        await ada.stop()
        await ada.start()
        async with lying(eve, stalling) as liar:
            ada.meet(as_node(liar))
            await until(lambda: len(liar.asked) >= 2)  # given up once, and tried again
            assert ada.state["eve"] == "never met"


async def test_another_member_at_a_known_address_is_not_taken_for_the_first(tmp_path: Path) -> None:
    async def honest(liar: Liar, path: str, _body: bytes, writer: asyncio.StreamWriter) -> None:
        have = liar.member.node.hive.digest()
        writer.write(liar.status(have=have) if path.endswith("/node") else sync_answer())

    async with hive_of(tmp_path, 1) as (ada,):
        eve, di = await member_of(ada, "eve"), await member_of(ada, "di")
        async with lying(eve, honest) as first:
            ada.meet(as_node(first))
            await until(lambda: ada.state["eve"] != "never met")
            port = first.port
        liar = Liar(di, honest)
        membership = ada.hive.membership
        assert membership is not None
        anchors = [one.certificate_der() for one in membership.members.values()]
        server = await asyncio.start_server(liar.serve, LOOPBACK, port, ssl=server_context(di.who.signer, anchors))
        async with server:
            assert ada.parts.network is not None
            ada.parts.network.poke()
            await until(lambda: ada.state["eve"] == "away")
            await until(lambda: ada.state["di"] != "never met")
            assert ada.parts.network.contacts[di.id].port == port


async def test_charters_that_nobody_signed_are_not_believed(tmp_path: Path) -> None:
    """Each way in which a member could try to rewrite who belongs."""
    async with hive_of(tmp_path, 1) as (ada,):
        eve = await member_of(ada, "eve")
        membership = ada.hive.membership
        assert membership is not None
        hive = FakeHive(membership, ())
        eve_alone = {"members": [eve.who.member()], "admins": {"threshold": 1, "ids": [eve.id]}}
        next_one = hive.successor(**eve_alone).payload()
        skipped = hive.successor(**eve_alone).model_copy(update={"version": membership.charter.version + 2}).payload()
        old = (await ada.ground.charters.charters())[-1]
        other = FakeHive.found(FakeNode("eve")).chain[0]
        attempts = [sealed(next_one, eve.who), sealed(skipped, eve.who), old, other, b"rubbish"]

        async def rewriting(liar: Liar, path: str, _body: bytes, writer: asyncio.StreamWriter) -> None:
            attempt = attempts[len([one for one in liar.asked if "charter" in one]) % len(attempts)]
            writer.write(liar.status(charter_version=50) if path.endswith("/node") else ok(attempt))

        async with lying(eve, rewriting) as liar:
            ada.meet(as_node(liar))
            await until(lambda: len([one for one in liar.asked if "charter" in one]) >= len(attempts) + 1)
        assert ada.hive.membership == membership
        assert await ada.say()


@pytest.mark.parametrize("count", [ENTRIES_PER_ANSWER, ENTRIES_PER_ANSWER + 1])
async def test_an_answer_holds_so_many_entries_and_no_more(tmp_path: Path, count: int) -> None:
    async def generous(_liar: Liar, _path: str, _body: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(sync_answer(*[b"{}"] * count))

    async with hive_of(tmp_path, 1) as (ada,):
        eve = await member_of(ada, "eve")
        client = peer_client.PeerClient(eve.context())
        try:
            async with lying(eve, generous) as liar:
                if count <= ENTRIES_PER_ANSWER:
                    assert len((await client.sync(LOOPBACK, liar.port, eve.id, SyncRequest({}))).envelopes) == count
                    return
                with pytest.raises(RemoteProtocolError) as caught:
                    await client.sync(LOOPBACK, liar.port, eve.id, SyncRequest({}))
                assert caught.value.code is Code.TOO_LARGE
        finally:
            await client.close()
