"""A new member that has nothing takes a whole hive's entries from one node; then the two are equal, and reconcile again."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from benchmarks.author import recipe, summary
from benchmarks.daemons import LOOPBACK, Daemon, DaemonFailed, daemons, invite, wait
from benchmarks.guest import Guest, welcome
from benchmarks.processes import Memory, cpu_s, memory_of, peak_mib
from benchmarks.row import Effort, Figure, Row, percentile
from hive_node.adapters.clock import SystemChance, SystemClock
from hive_node.adapters.store.database import Database
from hive_node.adapters.store.feeds import FeedStore
from hive_node.adapters.store.journal import Journal
from protocol.deltas import Delta
from protocol.envelope import Envelope

_AUTHORS = 4
_KINDS = (recipe, summary)
_BATCH = 1_000
_PATIENCE_S = 240.0
# How often the newcomer's own API is asked meanwhile: what it takes to answer is what its loop was busy for.
_ASK_EVERY_S = 0.05


@dataclass(frozen=True, slots=True)
class Taken:
    """seconds: from the invite's use to the last entry. answers: seconds that each question to the API took meanwhile."""

    seconds: float
    cpu_s: float
    giver_cpu_s: float
    answers: list[float]


@dataclass(slots=True)
class Counted:
    """Bytes that went through a proxy, both ways together: TLS, HTTP and all."""

    bytes: int = 0


def measure(effort: Effort) -> Row:
    """One node's store is filled while it is stopped; the other joins it over the network."""
    count = effort.choose(50_000, 5_000)
    with daemons(2) as (giver, newcomer), asyncio.Runner() as runner:
        giver.client.post("/v1/hive", {"name": "bench"})
        guests = runner.run(_fill(giver, count))
        before, stored = memory_of(newcomer.pid), memory_of(giver.pid)
        taken = _take(giver, newcomer, count)
        after, peaks = memory_of(newcomer.pid), (peak_mib(giver.pid), peak_mib(newcomer.pid))
        wait((giver, newcomer), "both to be equal", lambda: _have(giver) == _have(newcomer) != 0)
        fresh, kept = runner.run(_reconcile(guests, giver.peer_port))
    return Row(
        f"{count:,} entries to a new member",
        (
            Figure("until it has them all", taken.seconds, "s", 40.0),
            Figure("its processor time an entry", 1e6 * taken.cpu_s / count, "us"),
            Figure("the giver's processor time an entry", 1e6 * taken.giver_cpu_s / count, "us"),
            Figure("its API meanwhile, p99", 1000 * percentile(taken.answers, 0.99), "ms"),
            Figure("its API meanwhile, worst", 1000 * max(taken.answers), "ms"),
            Figure("equal nodes reconcile, connection kept", kept, "bytes", 2_048),
            Figure("equal nodes reconcile, handshake included", fresh, "bytes"),
        ),
        _notes(count, (stored, before, after), peaks),
    )


def _notes(count: int, memory: tuple[Memory, Memory, Memory], peaks: tuple[float, float]) -> tuple[str, ...]:
    stored, before, after = (one.rss for one in memory)
    return (
        f"resident memory: the giver {stored:.0f} MiB after a start with {count:,} entries, {peaks[0]:.0f} at its peak; the "
        f"newcomer {before:.0f} MiB before, {after:.0f} after, {peaks[1]:.0f} at its peak",
        "joining, handshakes and discovery are in the seconds; both nodes and this program share the machine's cores",
        "bytes of both directions, counted by a proxy below TLS; what equal nodes ask is GET /hive/v1/node and nothing else",
    )


async def _fill(giver: Daemon, count: int) -> list[Guest]:
    """Members join, and what they say is written into the stopped node's store, as if it had come long ago."""
    guests = [await welcome(giver, number) for number in range(_AUTHORS)]
    giver.stop()
    chance = random.Random(SystemChance().seed())
    database = await Database.open(giver.home.database)
    feed = FeedStore(database, Journal(database, SystemClock()))
    for guest in guests:
        for start in range(0, count // _AUTHORS, _BATCH):
            size = min(_BATCH, count // _AUTHORS - start)
            said = [guest.author.say(_KINDS[index % 2](chance)) for index in range(size)]
            await feed.add([_row(one) for one in said])
    await database.close()
    giver.start()
    wait((giver,), "the filled node to answer", giver.answers)
    return guests


def _row(envelope: Envelope) -> tuple[Envelope, Delta, str]:
    return envelope, Delta.parse(envelope.payload), "good"


def _take(giver: Daemon, newcomer: Daemon, count: int) -> Taken:
    token = invite(giver)
    began, cpu, giver_cpu = time.perf_counter(), cpu_s(newcomer.pid), cpu_s(giver.pid)
    newcomer.client.post("/v1/hive/join", {"token": token})
    answers: list[float] = []
    while True:
        asked = time.perf_counter()
        held = _entries(newcomer)
        answers.append(time.perf_counter() - asked)
        if held >= count:
            break
        if time.perf_counter() - began > _PATIENCE_S:
            raise DaemonFailed(f"{held:,} of {count:,} entries after {_PATIENCE_S:.0f} s")
        time.sleep(_ASK_EVERY_S)
    return Taken(time.perf_counter() - began, cpu_s(newcomer.pid) - cpu, cpu_s(giver.pid) - giver_cpu, answers)


def _entries(node: Daemon) -> int:
    return sum(int(peer["entries"]) for peer in node.peers())


def _have(node: Daemon) -> int:
    """How many entries it holds, if it is in step with whoever answers; 0 otherwise."""
    return _entries(node) if any(peer["state"] == "in step" for peer in node.peers()) else 0


async def _reconcile(guests: Sequence[Guest], port: int) -> tuple[int, int]:
    """Bytes of the first question and of the second, on the connection that the first one made."""
    counted = Counted()
    async with _proxy(port, counted) as there:
        through = replace(guests[0], port=there)
        await through.status()
        await asyncio.sleep(0.2)  # what TLS says after its handshake
        fresh, counted.bytes = counted.bytes, 0
        await through.status()
        kept = counted.bytes
        for guest in guests:
            await guest.client.close()
    return fresh, kept


@asynccontextmanager
async def _proxy(port: int, counted: Counted) -> AsyncIterator[int]:
    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_connection(LOOPBACK, port)
        async with asyncio.TaskGroup() as group:
            group.create_task(_copy(reader, there[1], counted))
            group.create_task(_copy(there[0], writer, counted))

    server = await asyncio.start_server(carry, LOOPBACK, 0)
    async with server:
        yield int(server.sockets[0].getsockname()[1])


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, counted: Counted) -> None:
    while piece := await reader.read(65_536):
        counted.bytes += len(piece)
        writer.write(piece)
        await writer.drain()
    writer.close()
