"""What a node costs while nothing happens: memory, processor, and whether either grows with the rounds."""

import asyncio
import random
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence

from benchmarks.author import summary
from benchmarks.daemons import Daemon, hive, is_in_step, wait
from benchmarks.guest import Guest, welcome
from benchmarks.processes import Memory, cpu_s, memory_of
from benchmarks.row import Effort, Figure, Row
from hive_node.adapters.clock import SystemChance
from protocol.limits import REQUESTS_PER_MINUTE
from protocol.sync import HaveVector

NODES = 3
_ENTRIES = 50
# A member is heard so often a minute and no more: many members make many rounds.
_ROUNDS_PER_GUEST = REQUESTS_PER_MINUTE - 40
_MINUTE_S = 60
_WORD_EVERY_S = 4

# Everything that a node in that home loads which is neither the standard library's nor ours.
_LIST = """
import asyncio, json, sys
from pathlib import Path
from hive_node.app import open_node
from hive_node.config.home import Home

async def open_and_close():
    await (await open_node(Home(Path(sys.argv[1])))).close()

asyncio.run(open_and_close())
own = set(sys.stdlib_module_names) | {"hive_node", "guardrails", "protocol", "__main__"}
print(json.dumps([name for name in sys.modules if name.partition(".")[0] not in own]))
"""
_BARE = """
import asyncio, contextlib, importlib, json, sys
for name in json.load(sys.stdin):
    with contextlib.suppress(ImportError):
        importlib.import_module(name)
from benchmarks.processes import memory_of
print(memory_of().rss)
"""


def measure(effort: Effort) -> Row:
    """Three daemons, left alone after a restart; then one of them asked for the same again and again."""
    with hive(NODES) as nodes:
        first_life = memory_of(nodes[-1].pid)
        for node in nodes:
            node.tell_to_stop()
        for node in nodes:
            node.stop()
            node.start()
        wait(
            nodes, "the nodes to meet again", lambda: all(node.answers() and is_in_step(node, NODES) for node in nodes)
        )
        window_s = effort.choose(90, 8)  # the guard rests after a minute
        share = _idle_share(nodes, window_s)
        memory = [memory_of(node.pid) for node in nodes]
        before, after = asyncio.run(_many_rounds(nodes[0], effort))
        nodes[-1].stop()
        bare = _bare_rss(nodes[-1])
    return Row(
        "idle daemon in a hive of 3",
        (
            Figure("resident memory, the largest of 3", max(one.rss for one in memory), "MiB", 96, limit=bare,
                   limit_is="the same libraries, imported alone"),
            Figure("share of a core, mean of 3", 100 * sum(share) / len(share), "%", 0.2),
            Figure(f"growth over {_rounds(effort):,} more rounds", after.rss - before.rss, "MiB", 1.0),
        ),
        (
            f"PSS {_each(one.pss for one in memory)}, USS {_each(one.uss for one in memory)} MiB",
            f"before its first restart (the start that migrates the database) {first_life.rss:.1f} MiB resident",
            f"each node's share of a core over {window_s} s: {', '.join(f'{100 * one:.2f} %' for one in share)}",
            f"a round is an up-to-date member's POST /hive/v1/sync, after as many before; "
            f"RSS {before.rss:.1f} to {after.rss:.1f}, USS {before.uss:.1f} to {after.uss:.1f} MiB",
        ),
    )  # fmt: skip


def _idle_share(nodes: Sequence[Daemon], window_s: int) -> list[float]:
    time.sleep(2)  # what a start leaves to do: announcements, first reconciliations
    began, used = time.monotonic(), [cpu_s(node.pid) for node in nodes]
    time.sleep(window_s)
    elapsed = time.monotonic() - began
    return [(cpu_s(node.pid) - before) / elapsed for node, before in zip(nodes, used, strict=True)]


async def _many_rounds(node: Daemon, effort: Effort) -> tuple[Memory, Memory]:
    """Memory of a node before and after as many rounds as it had already answered: a leak goes on, what fills up is full."""
    rounds = _rounds(effort)
    # A quick run does not wait: both batches are then of the same minute.
    in_one_minute = effort.choose(rounds, 2 * rounds)
    guests = [await welcome(node, number) for number in range(-(-in_one_minute // _ROUNDS_PER_GUEST))]
    try:
        chance = random.Random(SystemChance().seed())
        await guests[0].push([guests[0].author.say(summary(chance)) for _ in range(_ENTRIES)])
        heads = (await guests[0].sync({})).tail.have
        await _share_out(guests, rounds, heads)
        if not effort.is_quick:
            await _outlast_the_minute(guests)
        before = memory_of(node.pid)
        await _share_out(guests, rounds, heads)
        return before, memory_of(node.pid)
    finally:
        for guest in guests:
            await guest.client.close()


def _rounds(effort: Effort) -> int:
    return effort.choose(10_000, 1_000)


async def _outlast_the_minute(guests: Sequence[Guest]) -> None:
    """Let the minute pass over which each member's requests are counted, and keep the connections open meanwhile."""
    for _ in range(_MINUTE_S // _WORD_EVERY_S + 1):
        await asyncio.sleep(_WORD_EVERY_S)
        await asyncio.gather(*(guest.status() for guest in guests))


async def _share_out(guests: Sequence[Guest], rounds: int, heads: HaveVector) -> None:
    async def ask(guest: Guest, count: int) -> None:
        for _ in range(count):
            await guest.sync(heads)

    each, rest = divmod(rounds, len(guests))
    async with asyncio.TaskGroup() as group:
        for number, guest in enumerate(guests):
            group.create_task(ask(guest, each + (number < rest)))


def _bare_rss(stopped: Daemon) -> float:
    names = _run(_LIST, str(stopped.home.root), stdin="")
    return float(_run(_BARE, stdin=names))


def _run(program: str, *arguments: str, stdin: str) -> str:
    done = subprocess.run([sys.executable, "-c", program, *arguments], input=stdin, capture_output=True, text=True,
                          check=True, timeout=60)  # fmt: skip
    return done.stdout


def _each(values: Iterable[float]) -> str:
    return ", ".join(f"{one:.1f}" for one in values)
