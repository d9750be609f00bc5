"""`POST /v1/events` under load, with no handlers and with engines and a handler of one's own, beside a bare aiohttp server."""

import asyncio
import json
import time
from statistics import median

from benchmarks.admin import bare_server, load
from benchmarks.daemons import LOOPBACK, Daemon, daemons, wait
from benchmarks.row import Effort, Figure, Row, percentile

_CONNECTIONS = 8
_BATCH = 100
# Three engines, and one of one's own.
_HANDLERS = 4
# What a team's agents report at their busiest: a tenth of what is accepted at most. The answer's p99 is looked at under it.
_STEADY_PER_S = 200
_HANDLER = "from hive_node.skills.handlers import on_task_failed\n\n@on_task_failed\ndef note(event):\n    return event['id']\n"


def measure(effort: Effort) -> Row:
    """Two daemons, one with handlers and one without, in turn; the load client is written on plain streams."""
    seconds = effort.choose(4, 2)
    with daemons(2) as (plain, handled):
        _with_handlers(handled)
        differences, alone = [], []
        for _ in range(effort.choose(5, 3)):
            without, beside = (asyncio.run(_steady(node, seconds)) for node in (plain, handled))
            alone.append(without)
            differences.append(beside - without)
        handled.stop()
        batches = asyncio.run(_flood(plain, seconds, _BATCH))
        singles = asyncio.run(_flood(plain, seconds, 1))
    with bare_server(64) as port:
        bare = asyncio.run(load(port, "none", seconds))
    return Row(
        "events",
        (
            Figure("accepted and stored", batches, "/s", 2_000, "at least"),
            Figure("the same, one a request", singles, "/s", limit=bare.per_s, limit_is="a bare aiohttp server, GET"),
            Figure("p99 of an answer without handlers", median(alone), "ms"),
            Figure("what handlers add to it", median(differences), "ms", 5),
        ),
        (
            f"{_CONNECTIONS} connections on loopback TCP; batches of {_BATCH}; p99 at {_STEADY_PER_S} single events a second, all of "
            f"them failures, without handlers and with three engines and one of one's own, {len(alone)} times in turn, the median; "
            "each event on disk (fsync) before its answer",
        ),
    )


def _with_handlers(node: Daemon) -> None:
    """The node again, with every shipped engine and a handler, each of which has begun."""
    node.stop()
    path = node.folder / "mine.py"
    path.write_text(_HANDLER, encoding="utf-8")
    with node.home.config.open("a", encoding="utf-8") as config:
        config.write(
            f'\n[skills]\nengines = ["memento", "evolver", "tool-errors"]\nhandlers = [{json.dumps(str(path))}]\n'
        )
    node.start()
    wait([node], "the node to answer", node.answers)
    event = {"kind": "task_failed", "agent": "bench", "task": "warm up", "error": "E: x", "key": "first"}
    node.client.post("/v1/events", event)
    wait([node], "every handler to begin", lambda: _have_begun(node))


def _have_begun(node: Daemon) -> bool:
    lines = node.client.get("/v1/handlers")["items"]
    return len(lines) == _HANDLERS and all(line["handled"] for line in lines)


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
