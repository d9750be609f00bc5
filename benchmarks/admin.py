"""`GET /v1/status` under load, idle and while an experiment runs, beside a bare aiohttp server under the same load."""

import asyncio
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.daemons import LOOPBACK, Daemon, daemons
from benchmarks.row import Effort, Figure, Row, percentile
from hive_node.cli.demo import EXAMPLE, example_folder

_CONNECTIONS = 8
_WARM_UP_S = 0.5
_MOST_REQUESTS = 1_000_000


@dataclass(frozen=True, slots=True)
class Load:
    """What a load of so many connections, each asking again as soon as it was answered, came to."""

    per_s: float
    p50_ms: float
    p99_ms: float
    answer_bytes: int


def measure(effort: Effort) -> Row:
    """One daemon with a project; the load client is written on plain streams, so that it is not what is measured."""
    seconds = effort.choose(4, 2)
    with daemons(1) as (node,):
        _add_example(node)
        token = node.home.token.read_text(encoding="ascii").strip()
        idle = asyncio.run(load(node.api_port, token, seconds))
        with bare_server(idle.answer_bytes) as port:
            bare = asyncio.run(load(port, token, seconds))
        wanted = {"project": EXAMPLE, "operator": "tune", "iterations": 400, "seed": 1}
        experiment = node.client.post("/v1/experiments", wanted)["id"]
        busy = asyncio.run(load(node.api_port, token, seconds))
        node.client.post(f"/v1/experiments/{experiment}/stop")
    alone = "a bare aiohttp server"
    return Row(
        "admin API GET /v1/status",
        (
            Figure("requests", idle.per_s, "/s", 1_500, "at least", bare.per_s, alone),
            Figure("p99", idle.p99_ms, "ms", 10, limit=bare.p99_ms, limit_is=alone),
            Figure("requests while an experiment runs", busy.per_s, "/s", limit=bare.per_s, limit_is=alone),
            Figure("p99 while an experiment runs", busy.p99_ms, "ms", limit=bare.p99_ms, limit_is=alone),
        ),
        (
            f"{_CONNECTIONS} connections on loopback TCP, {seconds} s each, answers of {idle.answer_bytes} bytes; "
            f"p50 {idle.p50_ms:.1f} ms, bare {bare.p50_ms:.1f} ms, with an experiment {busy.p50_ms:.1f} ms",
        ),
    )  # fmt: skip


async def load(port: int, token: str, seconds: float) -> Load:
    """Ask as fast as it answers, for so long."""
    request = (
        f"GET /v1/status HTTP/1.1\r\nHost: {LOOPBACK}:{port}\r\nAuthorization: Bearer {token}\r\nAccept: */*\r\n\r\n"
    ).encode("ascii")
    began = time.perf_counter()
    start, end = began + _WARM_UP_S, began + _WARM_UP_S + seconds
    each = await asyncio.gather(*(_ask(port, request, start, end) for _ in range(_CONNECTIONS)))
    delays = [delay for of_one, _ in each for delay in of_one]
    return Load(
        len(delays) / (time.perf_counter() - start),
        1000 * percentile(delays, 0.5),
        1000 * percentile(delays, 0.99),
        max(size for _, size in each),
    )


async def _ask(port: int, request: bytes, start: float, end: float) -> tuple[list[float], int]:
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    delays: list[float] = []
    size = 0
    try:
        while (began := time.perf_counter()) < end and len(delays) < _MOST_REQUESTS // _CONNECTIONS:
            writer.write(request)
            size = await _answer(reader)
            if began >= start:
                delays.append(time.perf_counter() - began)
    finally:
        writer.close()
    return delays, size


async def _answer(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200 "):
        raise RuntimeError(f"refused: {head[:40]!r}")
    size = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
    await reader.readexactly(size)
    return size


@contextmanager
def bare_server(size: int) -> Iterator[int]:
    """The bare server, on the port that it yields."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port = int(probe.getsockname()[1])
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.bare_server", str(port), str(size)])
    try:
        _wait_for(port)
        yield port
    finally:
        process.terminate()
        process.wait()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex((LOOPBACK, port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError("the bare server does not listen")


def _add_example(node: Daemon) -> None:
    folder = node.folder / EXAMPLE
    shutil.copytree(example_folder(EXAMPLE), folder, ignore=shutil.ignore_patterns("__pycache__"))
    who = ("-c", "user.name=bench", "-c", "user.email=bench@localhost", "-c", "commit.gpgSign=false")
    for arguments in (("init", "--quiet"), ("add", "--all"), (*who, "commit", "--quiet", "--message", "First")):
        subprocess.run([shutil.which("git") or "git", *arguments], cwd=folder, check=True)
    node.client.post("/v1/projects", {"path": str(folder)})
