"""`POST /v1/events` under load, with no handlers and with engines and a handler of one's own, beside a bare aiohttp server."""

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.admin import bare_server, load
from benchmarks.daemons import LOOPBACK, Daemon, daemons
from benchmarks.row import Effort, Figure, Row, percentile

_CONNECTIONS = 8
_BATCH = 100
# What a team's agents report at their busiest: a tenth of what is accepted at most. The answer's p99 is looked at under it.
_STEADY_PER_S = 200
_HANDLER = "from hive_node.skills.handlers import on_task_failed\n\n@on_task_failed\ndef note(event):\n    return event['id']\n"


def measure(effort: Effort) -> Row:
    """Two daemons, one after the other; the load client is written on plain streams."""
    seconds = effort.choose(6, 2)
    with daemons(1) as (node,):
        plain_p99 = asyncio.run(_steady(node, seconds))
        batches = asyncio.run(_flood(node, seconds, _BATCH))
        singles = asyncio.run(_flood(node, seconds, 1))
    with daemons(1) as (node,), _handled(node):
        handled_p99 = asyncio.run(_steady(node, seconds))
    with bare_server(64) as port:
        bare = asyncio.run(load(port, "none", seconds))
    return Row(
        "events",
        (
            Figure("accepted and stored", batches, "/s", 2_000, "at least"),
            Figure("the same, one a request", singles, "/s", limit=bare.per_s, limit_is="a bare aiohttp server, GET"),
            Figure("p99 of an answer without handlers", plain_p99, "ms"),
            Figure("what handlers add to it", handled_p99 - plain_p99, "ms", 5),
        ),
        (
            f"{_CONNECTIONS} connections on loopback TCP, {seconds} s each; batches of {_BATCH}; p99 at {_STEADY_PER_S} single events "
            "a second, all of them failures, without handlers and with three engines and one of one's own; each event on disk "
            "(fsync) before its answer",
        ),
    )


@contextmanager
def _handled(node: Daemon) -> Iterator[None]:
    """The node again, with every shipped engine and a handler."""
    node.stop()
    path = node.folder / "mine.py"
    path.write_text(_HANDLER, encoding="utf-8")
    with node.home.config.open("a", encoding="utf-8") as config:
        config.write(
            f'\n[skills]\nengines = ["memento", "evolver", "tool-errors"]\nhandlers = [{json.dumps(str(path))}]\n'
        )
    node.start()
    while not node.answers():
        time.sleep(0.05)
    yield


async def _flood(node: Daemon, seconds: float, batch: int) -> float:
    """Events a second, as fast as they are taken."""
    end = time.perf_counter() + seconds
    began = time.perf_counter()
    counts = await asyncio.gather(*(_send(node, number, end, batch) for number in range(_CONNECTIONS)))
    return sum(len(delays) for delays in counts) * batch / (time.perf_counter() - began)


async def _steady(node: Daemon, seconds: float) -> float:
    """The p99 of an answer in milliseconds, at a steady rate."""
    end, every = time.perf_counter() + seconds, _CONNECTIONS / _STEADY_PER_S
    each = await asyncio.gather(*(_send(node, number, end, 1, every) for number in range(_CONNECTIONS)))
    return 1000 * percentile([delay for delays in each for delay in delays], 0.99)


async def _send(node: Daemon, number: int, end: float, batch: int, every_s: float = 0.0) -> list[float]:
    reader, writer = await asyncio.open_connection(LOOPBACK, node.api_port)
    token, delays = node.home.token.read_text(encoding="ascii").strip(), list[float]()
    due = time.perf_counter() + every_s * number / _CONNECTIONS
    try:
        while (now := time.perf_counter()) < end:
            if due > now:
                await asyncio.sleep(due - now)
            began = max(due, now) if every_s else now
            writer.write(_request(node, token, f"{number}-{len(delays)}-{now}", batch))
            await _accepted(reader)
            delays.append(time.perf_counter() - began)
            due += every_s
    finally:
        writer.close()
    return delays


def _request(node: Daemon, token: str, key: str, batch: int) -> bytes:
    event = {
        "kind": "task_failed",
        "agent": "bench",
        "task": "parse a date",
        "error": f"Traceback\nValueError: no date {key}",
    }
    events = [event | {"key": f"{key}-{number}"} for number in range(batch)]
    body = json.dumps({"events": events}).encode()
    head = (
        f"POST /v1/events HTTP/1.1\r\nHost: {LOOPBACK}:{node.api_port}\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode("ascii") + body


async def _accepted(reader: asyncio.StreamReader) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 202 "):
        raise RuntimeError(f"refused: {head[:40]!r}")
    size = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
    await reader.readexactly(size)
