"""How fast a node takes in what others say: verified, scanned, stored, believed; beside the signature alone."""

import asyncio
import random
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.guest import Author, new_key, recipe, summary
from benchmarks.row import Effort, Figure, Row
from guardrails.scope import LocalFacts, ScopeGuard, default_engine
from hive_node.adapters.clock import SystemChance, SystemClock
from hive_node.adapters.dictionary import collect_names
from hive_node.adapters.keyfile import NodeKey
from hive_node.adapters.store import Database, FeedStore, Journal
from hive_node.adapters.tls import certificate_of
from hive_node.hive import Hive
from hive_node.learn.aggregate import Beliefs
from hive_node.learn.pipeline import Learn
from hive_node.ports import Chance
from hive_node.share.charters import CharterOffice
from protocol.charter import Member, stamp
from protocol.envelope import Envelope, pae
from protocol.ids import NodeId, public_key
from protocol.limits import ENTRIES_PER_ANSWER

_AUTHORS = 4
_CONSTITUTION = "0" * 64


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds: of processor time, all threads, and of the clock."""

    cpu_s: float
    wall_s: float


def measure(effort: Effort) -> Row:
    """Four authors' feeds, in answers of 200 as reconciliation brings them, into a database file on disk."""
    count = effort.choose(6_000, 1_600)
    with tempfile.TemporaryDirectory(prefix="hive-bench-") as folder:
        entries, spent = asyncio.run(_learn(Path(folder), count))
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
            f"envelope {sum(len(one.to_bytes()) for one in entries) / len(entries):.0f} bytes; every commit reaches the disk",
        ),
    )  # fmt: skip


async def _learn(folder: Path, count: int) -> tuple[list[Envelope], Spent]:
    clock, chance = SystemClock(), SystemChance()
    database = await Database.open(folder / "hive.db")
    try:
        journal = Journal(database, clock)
        feed = FeedStore(database, journal)
        key = new_key()
        hive = Hive(key.node_id)
        authors = await _found(hive, feed, key)
        beliefs = Beliefs(hive)
        guard = ScopeGuard(default_engine(), _facts(chance))
        learn = Learn(hive, feed, guard, beliefs, _Nobody(), journal, clock, asyncio.Lock())
        entries = _write(authors, count)
        return entries, await _take_in(learn, entries)
    finally:
        await database.close()


async def _take_in(learn: Learn, entries: Sequence[Envelope]) -> Spent:
    raws = [entry.to_bytes() for entry in entries]
    cpu, wall = time.process_time(), time.perf_counter()
    accepted = 0
    for start in range(0, len(raws), ENTRIES_PER_ANSWER):
        outcomes = await learn.learn(raws[start : start + ENTRIES_PER_ANSWER], None)
        accepted += sum(one.status == "accepted" for one in outcomes)
    spent = Spent(time.process_time() - cpu, time.perf_counter() - wall)
    if accepted != len(raws):
        raise RuntimeError(f"{len(raws) - accepted} of {len(raws)} entries were not accepted")
    return spent


async def _found(hive: Hive, feed: FeedStore, key: NodeKey) -> list[Author]:
    office = CharterOffice(hive, feed, key, SystemClock(), lambda _membership: None)
    founder = Member(id=key.node_id, certificate=_base64(certificate_of(key)), owner="bench", name="bench",
                     joined_at=stamp(datetime.now(UTC)))  # fmt: skip
    membership = await office.found("bench", founder, _CONSTITUTION)
    keys = [new_key() for _ in range(_AUTHORS)]
    for number, one in enumerate(keys):
        await office.admit(one.node_id, certificate_of(one), f"owner-{number}", f"node-{number}")
    return [Author(one, membership.hive, _CONSTITUTION) for one in keys]


def _write(authors: Sequence[Author], count: int) -> list[Envelope]:
    chance = random.Random(SystemChance().seed())
    kinds = (recipe, summary)
    return [authors[index // 50 % len(authors)].say(kinds[index % 2](chance)) for index in range(count)]


def _facts(chance: Chance) -> LocalFacts:
    """This machine's own names, and no secrets: what is measured is a guard that knows as much as a node's does."""
    return LocalFacts.build(collect_names([]), [], chance.token_bytes(32))


def _verify_alone(entries: Sequence[Envelope]) -> Spent:
    prepared = [
        (public_key(one.signatures[0].keyid), one.signatures[0].sig, pae(one.payload_type, one.payload))
        for one in entries
    ]
    cpu, wall = time.process_time(), time.perf_counter()
    for key, signature, message in prepared:
        key.verify(signature, message)
    return Spent(time.process_time() - cpu, time.perf_counter() - wall)


def _base64(data: bytes) -> str:
    import base64

    return base64.b64encode(data).decode("ascii")


class _Nobody:
    """No peers: what is passed on costs the network's row, not this one."""

    def spread(self, envelopes: Sequence[bytes], *, source: NodeId | None) -> None:
        """Do nothing."""
