"""Real daemons on loopback, with homes of their own; none is left behind."""

import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hive_node.adapters.homefolder import create_home
from hive_node.cli.client import Client, Refusal, Unreachable
from hive_node.config.home import Home

LOOPBACK = "127.0.0.1"
_PATIENCE_S = 60.0
_STOP_S = 15.0


class DaemonFailed(Exception):
    """A daemon did not do what the measurement needs."""


@dataclass(slots=True)
class Daemon:
    """One node: its folder, its process, its API."""

    number: int
    folder: Path
    api_port: int
    peer_port: int
    client: Client
    process: subprocess.Popen[bytes] | None = None

    @property
    def home(self) -> Home:
        return self.client.home

    @property
    def pid(self) -> int:
        if self.process is None:
            raise DaemonFailed(f"node {self.number} is not running")
        return self.process.pid

    def start(self) -> None:
        """Start the process; it answers some moments later."""
        command = [sys.executable, "-m", "hive_node", "--home", str(self.home.root), "run"]
        with (self.folder / "node.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def tell_to_stop(self) -> None:
        """Ask it to stop; `stop` waits for that."""
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)

    def stop(self) -> None:
        """Stop it, cleanly where it can."""
        if self.process is None:
            return
        self.tell_to_stop()
        try:
            self.process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def answers(self) -> bool:
        """Whether its API is there."""
        try:
            return bool(self.client.get("/v1/health")["status"] == "ok")
        except (Unreachable, Refusal):
            return False

    def peers(self) -> list[dict[str, Any]]:
        """As `GET /v1/peers` has them."""
        items: list[dict[str, Any]] = self.client.get("/v1/peers")["items"]
        return items

    def forget_addresses(self) -> None:
        """While it is stopped: what is left is what it finds on the network."""
        connection = sqlite3.connect(self.home.database)
        with connection:
            connection.execute("DELETE FROM peers")
        connection.close()


@contextmanager
def daemons(count: int) -> Iterator[list[Daemon]]:
    """That many nodes, running, in no hive yet."""
    root = Path(tempfile.mkdtemp(prefix="hive-bench-"))
    nodes = [_make(root, number) for number in range(1, count + 1)]
    try:
        for node in nodes:
            node.start()
        wait(nodes, "every node to answer", lambda: all(node.answers() for node in nodes))
        yield nodes
    finally:
        for node in nodes:
            node.tell_to_stop()
        for node in nodes:
            node.stop()
        shutil.rmtree(root)


@contextmanager
def hive(count: int) -> Iterator[list[Daemon]]:
    """That many nodes in one hive, each in step with each; the first is its admin."""
    with daemons(count) as nodes:
        nodes[0].client.post("/v1/hive", {"name": "bench"})
        for node in nodes[1:]:
            node.client.post("/v1/hive/join", {"token": invite(nodes[0])})
        wait(nodes, "every node to be in step with every other", lambda: all(is_in_step(node, count) for node in nodes))
        yield nodes


def invite(admin: Daemon) -> str:
    """A one-time token."""
    return str(admin.client.post("/v1/hive/invites")["token"])


def is_in_step(node: Daemon, count: int) -> bool:
    """Whether the node exchanged entries with everybody of a hive of `count`."""
    return [peer["state"] for peer in node.peers()] == ["in step"] * (count - 1)


def wait(nodes: Sequence[Daemon], what: str, holds: Callable[[], bool], poll_s: float = 0.02) -> None:
    """Look until it holds. Raises DaemonFailed where it does not in a minute, or a daemon ended."""
    deadline = time.monotonic() + _PATIENCE_S
    while not holds():
        for node in nodes:
            if node.process is not None and node.process.poll() is not None:
                said = (node.folder / "node.log").read_text(encoding="utf-8", errors="replace").splitlines()
                raise DaemonFailed(f"node {node.number} ended with {node.process.returncode}: {said[-1:]}")
        if time.monotonic() > deadline:
            raise DaemonFailed(f"time is up while waiting for {what}")
        time.sleep(poll_s)


def _make(root: Path, number: int) -> Daemon:
    folder = root / f"n{number}"
    folder.mkdir()
    home, api_port, peer_port = Home(folder / "home"), _free_port(), _free_port()
    create_home(home, name=f"bench-{number}", owner=f"owner-{number}", listen=LOOPBACK, peer_port=peer_port,
                api_port=api_port, mdns=LOOPBACK)  # fmt: skip
    return Daemon(number, folder, api_port, peer_port, Client(home))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])
