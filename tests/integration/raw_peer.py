"""A peer without manners: raw TLS and HTTP by hand, with whatever key and certificate a test likes."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from hive_node.adapters.tls import certificate_of, client_context
from protocol.deltas import Body
from protocol.envelope import Envelope
from protocol.ids import NodeId
from tests.fakes.hive import FakeNode, summary
from tests.fakes.replies import Reply
from tests.integration.hives import LOOPBACK, LiveNode

# Headers of 16 KiB are more than anybody here sends.
_HEAD_BYTES = 16 * 1024


@dataclass
class Raw:
    """One connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, *data: bytes) -> None:
        self.writer.writelines(data)
        await self.writer.drain()

    async def ask(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Reply:
        """One request as anybody writes it."""
        lines = {"Host": "peer", "Content-Length": str(len(body))} | dict(headers or {})
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        await self.send(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + body)
        return await self.reply()

    async def reply(self) -> Reply:
        head = await self.reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").strip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        return Reply(int(first.split()[1]), headers, body)

    async def post(self, *envelopes: Envelope | bytes) -> list[tuple[str, str | None]]:
        """Entries handed over; what became of each."""
        lines = [one if isinstance(one, bytes) else one.to_bytes() for one in envelopes]
        reply = await self.ask("POST", "/hive/v1/entries", b"\n".join(lines))
        return reply.results

    async def lacking(self, have: Mapping[str, Any] | None = None) -> list[bytes]:
        """The envelopes that a peer with that have-vector is sent."""
        reply = await self.ask("POST", "/hive/v1/sync", json.dumps({"have": have or {}}).encode())
        assert reply.status == 200, reply
        return reply.body.split(b"\n")[:-1]

    async def is_cut(self) -> bool:
        """Whether the other side closes, reading whatever it still says."""
        try:
            while await self.reader.read(_HEAD_BYTES):
                pass
        except (ConnectionError, ssl.SSLError):
            pass
        return True


@dataclass
class Member:
    """A key that is a member of a live node's hive, and nothing else: no daemon, no rules."""

    who: FakeNode
    node: LiveNode
    last: Envelope | None = None
    seq: int = 0

    @property
    def id(self) -> NodeId:
        return self.who.id

    def entry(self, body: Body | None = None, /, seq: int = 1, prev: str | None = None, **header: Any) -> Envelope:
        """An entry at any place, that says anything."""
        membership = self.node.hive.membership
        assert membership is not None
        fields = {"hive": membership.hive, "constitution": membership.charter.constitution} | header
        return self.who.delta(body or summary(), seq, prev, **fields)

    def next(self, body: Body | None = None, **header: Any) -> Envelope:
        """The honest next entry of its feed."""
        self.seq += 1
        self.last = self.entry(body, self.seq, self.last.id if self.last else None, **header)
        return self.last

    def feed(self, count: int) -> list[Envelope]:
        """Its next entries."""
        return [self.next(summary(0.001 * (self.seq + 1))) for _ in range(count)]

    def context(self, certificate: bytes | None = None) -> ssl.SSLContext:
        """A client's context that knows the hive's members."""
        membership = self.node.hive.membership
        assert membership is not None
        return client_context(self.who.signer, [one.certificate_der() for one in membership.members.values()])

    @asynccontextmanager
    async def dial(self, node: LiveNode | None = None) -> AsyncIterator[Raw]:
        async with dialled((node or self.node).port, self.context()) as raw:
            yield raw


@asynccontextmanager
async def dialled(port: int, context: ssl.SSLContext) -> AsyncIterator[Raw]:
    """A connection, closed at the end whatever happened to it."""
    reader, writer = await asyncio.open_connection(LOOPBACK, port, ssl=context, limit=2**24)
    try:
        yield Raw(reader, writer)
    finally:
        writer.transport.abort()
        try:
            await writer.wait_closed()
        except (ConnectionError, ssl.SSLError):
            pass


async def member_of(node: LiveNode, seed: str, owner: str | None = None) -> Member:
    """Let a key into the node's hive, by its admin's hand."""
    who = FakeNode(seed)
    await node.parts.office.admit(who.id, certificate_of(who.signer), owner or seed, seed)
    return Member(who, node)


async def as_member(node: LiveNode, seeds: Iterable[str]) -> list[Member]:
    return [await member_of(node, seed) for seed in seeds]
