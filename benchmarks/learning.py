"""How fast a node takes in what others say: received, verified, scanned, stored, believed; beside the signature alone."""

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.author import recipe, summary
from benchmarks.daemons import Daemon, hive
from benchmarks.guest import Guest, welcome
from benchmarks.processes import cpu_s
from benchmarks.row import Effort, Figure, Row
from hive_node.adapters.clock import SystemChance
from protocol.envelope import Envelope, pae
from protocol.ids import public_key
from protocol.limits import ENTRIES_PER_ANSWER

_AUTHORS = 4
_KINDS = (recipe, summary)


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds: of processor time, all threads, and of the clock."""

    cpu_s: float
    wall_s: float


def measure(effort: Effort) -> Row:
    """Four members hand one daemon their feeds in full requests; the daemon's own processor time is what counts."""
    count = effort.choose(8_000, 2_400)
    with hive(1) as (node,):
        entries, spent = asyncio.run(_hand_over(node, count))
    verify = _verify_alone(entries)
    sizes = [len(one.payload) for one in entries]
    return Row(
        "deltas verified, scanned, stored per core",
        (
            Figure("entries by processor time", len(entries) / spent.cpu_s, "/s", 2_500, "at least",
                   len(entries) / verify.cpu_s, "Ed25519 verify alone"),
            Figure("entries by the clock", len(entries) / spent.wall_s, "/s", limit=len(entries) / verify.wall_s,
                   limit_is="Ed25519 verify alone"),
        ),
        (
            f"{len(entries):,} entries, recipes and summaries in turn, payload {sum(sizes) / len(sizes):.0f} bytes, "
            f"envelope {sum(len(one.to_bytes()) for one in entries) / len(entries):.0f} bytes, "
            f"{ENTRIES_PER_ANSWER} a request; every commit reaches the disk",
            "a real daemon: TLS, HTTP and the answers are in the figure",
        ),
    )  # fmt: skip


async def _hand_over(node: Daemon, count: int) -> tuple[list[Envelope], Spent]:
    guests = [await welcome(node, number) for number in range(_AUTHORS)]
    try:
        await guests[0].push(_write(guests[0], ENTRIES_PER_ANSWER))  # what is made at first use is made
        feeds = [_write(guest, count // _AUTHORS) for guest in guests]
        cpu, wall = cpu_s(node.pid), time.perf_counter()
        for guest, entries in zip(guests, feeds, strict=True):
            for start in range(0, len(entries), ENTRIES_PER_ANSWER):
                await guest.push(entries[start : start + ENTRIES_PER_ANSWER])
        spent = Spent(cpu_s(node.pid) - cpu, time.perf_counter() - wall)
    finally:
        for guest in guests:
            await guest.client.close()
    return [entry for feed in feeds for entry in feed], spent


def _write(guest: Guest, count: int) -> list[Envelope]:
    chance = random.Random(SystemChance().seed())
    return [guest.author.say(_KINDS[index % 2](chance)) for index in range(count)]


def _verify_alone(entries: Sequence[Envelope]) -> Spent:
    prepared = [
        (public_key(one.signatures[0].keyid), one.signatures[0].sig, pae(one.payload_type, one.payload))
        for one in entries
    ]
    cpu, wall = time.process_time(), time.perf_counter()
    for key, signature, message in prepared:
        key.verify(signature, message)
    return Spent(time.process_time() - cpu, time.perf_counter() - wall)
