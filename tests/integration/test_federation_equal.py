"""What two nodes that hold the same say to each other, in bytes on the wire: TLS records and HTTP included, TCP's own not."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from hive_node.adapters.contacts import Contact
from protocol.charter import stamp
from protocol.deltas import KIND_OF, Delta, Header, Summary
from protocol.envelope import DELTA_TYPE, Envelope
from protocol.signing import seal
from tests.fakes.hive import NOW, summary
from tests.integration.hives import LOOPBACK, LiveNode, hive_of

# docs/benchmarks.md has the same with 50 000: a digest is as long, whatever it is of.
ENTRIES = 600
_BATCH = 500


@dataclass
class Relay:
    """Stands between two nodes and counts."""

    port: int = 0
    to: int = 0
    carried: int = 0

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner, outer = await asyncio.open_connection(LOOPBACK, self.to)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._pump(reader, outer))
            group.create_task(self._pump(inner, writer))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                self.carried += len(data)
                writer.write(data)
        except ConnectionError:
            pass  # one side went: so does the other
        writer.close()


@asynccontextmanager
async def relay(to: LiveNode) -> AsyncIterator[Relay]:
    found = Relay(to=to.port)
    server = await asyncio.start_server(found.carry, LOOPBACK, 0)
    found.port = server.sockets[0].getsockname()[1]
    async with server:
        yield found


def written(author: LiveNode, count: int) -> list[tuple[Envelope, Delta, str]]:
    """So many entries of its feed, as it would sign them."""
    membership = author.hive.membership
    assert membership is not None
    entries: list[tuple[Envelope, Delta, str]] = []
    for seq in range(1, count + 1):
        header = Header(
            hive=membership.hive,
            author=author.id,
            epoch=1,
            seq=seq,
            prev=entries[-1][0].id if entries else None,
            issued_at=stamp(NOW),
            kind=KIND_OF[Summary],
            constitution=membership.charter.constitution,
        )
        delta = Delta.compose(header, summary(0.001))
        entries.append((seal(DELTA_TYPE, delta.payload(), [author.key]), delta, "good"))
    return entries


async def hold(node: LiveNode, entries: list[tuple[Envelope, Delta, str]]) -> None:
    """As if all that had come at some time."""
    for start in range(0, len(entries), _BATCH):
        await node.ground.feed.add(entries[start : start + _BATCH])
    await node.parts.memory.restore()


async def test_equal_nodes_reconcile_with_less_than_two_kilobytes_whatever_they_hold(tmp_path: Path) -> None:
    async with hive_of(tmp_path, 2) as (ada, bo), relay(ada) as between:
        costs = []
        for entries in ([], written(ada, ENTRIES)):
            for node in (ada, bo):
                node.hive.local_halt = "nothing flows while they are filled"
            for node in (ada, bo):
                await hold(node, entries)
            for node in (ada, bo):
                node.hive.local_halt = None
            assert ada.hive.digest() == bo.hive.digest()
            assert bo.parts.network is not None
            assert bo.parts.federation is not None
            assert bo.parts.federation.client is not None
            for _ in range(2):  # the first opens the connection, the second finds it open, as one in a minute does
                before = between.carried
                there = Contact(ada.id, LOOPBACK, between.port)
                await bo.parts.network._exchange.reconcile(there, bo.parts.federation.client)
                costs.append(between.carried - before)
        assert bo.seq(ada) == ENTRIES
        print(costs)
        handshake, empty, full = costs[0] - costs[1], costs[1], max(costs[2:])
        assert 0 < empty <= full <= 2_048
        assert full - empty < 64  # longer numbers, and nothing else
        assert handshake < 4_096
