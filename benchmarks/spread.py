"""A delta that one member publishes, until the last of eight nodes has it in its store, beside one request of that network."""

import asyncio
import json
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import aiohttp

from benchmarks.author import recipe
from benchmarks.daemons import Daemon, hive
from benchmarks.guest import Guest, welcome
from benchmarks.row import Effort, Figure, Row, percentile
from hive_node.adapters.clock import SystemChance

NODES = 8
_ROUND_TRIPS = 100


@dataclass(slots=True)
class Arrivals:
    """When which node told of which entry, as its own event stream said it."""

    nodes: int
    at: dict[str, list[float]] = field(default_factory=dict)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def note(self, entry: str) -> None:
        self.at.setdefault(entry, []).append(time.perf_counter())
        self.changed.set()

    async def everywhere(self, entry: str, patience_s: float) -> float | None:
        """The moment at which the last node had it; None where one had not in time."""
        try:
            async with asyncio.timeout(patience_s):
                while len(self.at.get(entry, ())) < self.nodes:
                    self.changed.clear()
                    await self.changed.wait()
        except TimeoutError:
            return None
        return max(self.at[entry])


def measure(effort: Effort) -> Row:
    """Each publication waits for the one before, so that no later entry carries an earlier one along."""
    publications, patience_s = effort.choose(60, 15), effort.choose(4, 2)
    with hive(NODES) as nodes:
        trips, delays = asyncio.run(_run(nodes, publications, patience_s))
    late = sum(one is None for one in delays)
    seen = sorted(one for one in delays if one is not None)
    # Whoever had it later than we waited counts as having waited exactly so long: the true figure is worse.
    counted = [*seen, *[float(patience_s)] * late]
    trip = percentile(trips, 0.5)
    return Row(
        "published delta seen by all of 8 nodes",
        (
            Figure("p50", 1000 * percentile(counted, 0.5), "ms", limit=1000 * trip, limit_is="one HTTPS request, p50"),
            Figure("p99", 1000 * percentile(counted, 0.99), "ms", 1000, limit=1000 * percentile(trips, 0.99),
                   limit_is="one HTTPS request, p99"),
            Figure(f"not everywhere within {patience_s} s", 100 * late / publications, "%"),
        ),
        (
            f"{publications} publications one after the other, by a ninth member to one node; of those that arrived "
            f"everywhere in time p50 {1000 * percentile(seen, 0.5):.0f} ms, worst {1000 * percentile(seen, 1):.0f} ms",
            "an entry is there when the node's own event stream says so",
        ),
    )  # fmt: skip


async def _run(nodes: Sequence[Daemon], publications: int, patience_s: float) -> tuple[list[float], list[float | None]]:
    guest = await welcome(nodes[0], 9)
    arrivals = Arrivals(len(nodes))
    watching = [asyncio.create_task(_watch(node, arrivals)) for node in nodes]
    try:
        await guest.status()  # the handshake
        trips = [await _round_trip(guest) for _ in range(_ROUND_TRIPS)]
        chance = random.Random(SystemChance().seed())
        delays = [await _publish(guest, chance, arrivals, patience_s) for _ in range(publications)]
        return trips, delays
    finally:
        for task in watching:
            task.cancel()
        await asyncio.gather(*watching, return_exceptions=True)
        await guest.client.close()


async def _round_trip(guest: Guest) -> float:
    began = time.perf_counter()
    await guest.status()
    return time.perf_counter() - began


async def _publish(guest: Guest, chance: random.Random, arrivals: Arrivals, patience_s: float) -> float | None:
    entry = guest.author.say(recipe(chance))
    began = time.perf_counter()
    await guest.push([entry])
    seen = await arrivals.everywhere(entry.id, patience_s)
    return seen - began if seen is not None else None


async def _watch(node: Daemon, arrivals: Arrivals) -> None:
    """Follow a node's events until cancelled."""
    connector = aiohttp.UnixConnector(str(node.home.socket))
    endless = aiohttp.ClientTimeout(total=None)
    async with (
        aiohttp.ClientSession(connector=connector, timeout=endless) as session,
        session.get("http://localhost/v1/events") as response,
    ):
        async for line in response.content:
            if line.startswith(b"data: "):
                data = json.loads(line[6:])["data"]
                if "standing" in data:
                    arrivals.note(data["id"])
