"""Whole nodes on hosts of their own: a `hive-node run` process each, in the network namespace of its host."""

import json
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hive_node.adapters.homefolder import create_home
from tests.integration.conftest import Daemon, environment, make_knob_project
from tests.integration.hives import empty_database
from tests.integration.processes import Forked
from tests.multihost.lan import Lan

_LOOK_S = 0.05


class HostedNode(Daemon):
    """A node on a host. skew_s: how wrong its wall clock is; takes effect at the next start."""

    def __init__(self, lan: Lan, host: int, folder: Path) -> None:
        super().__init__(folder / f"n{host}")
        self.lan = lan
        self.host = host
        self.name = f"n{host}"
        self.skew_s = 0.0
        self.project: dict[str, Any] = {}

    def init(self) -> None:
        create_home(
            self.home, name=self.name, owner=f"owner-{self.host}", listen="::", peer_port=7740, api_port=0, mdns="all"
        )
        shutil.copy(empty_database(), self.home.database)

    def start(self) -> "HostedNode":
        assert self.process is None, "it runs already"
        arguments = (str(self.home.root), self.lan.namespace(self.host), str(self.skew_s))
        self.process = Forked(
            "tests.multihost.talking_node", *arguments, out=self.log, problems=self.log, environment=environment()
        )
        self.up()
        return self

    @property
    def id(self) -> str:
        return str(self.client.get("/v1/status")["id"])

    @property
    def peers(self) -> dict[str, Any]:
        """What `peers` shows, by name."""
        return {one["name"]: one for one in self.client.get("/v1/peers")["items"]}

    @property
    def entries(self) -> set[str]:
        """The ids of everything that it holds."""
        return {one["id"] for one in self.client.get("/v1/deltas", limit=500)["items"]}

    @property
    def is_halted(self) -> bool:
        return bool(self.client.get("/v1/status")["halted"])

    @property
    def charter_version(self) -> int:
        return int(self.client.get("/v1/hive")["version"] or 0)

    @property
    def memory_kib(self) -> int:
        """Resident, private and shared."""
        assert self.process is not None
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return int(next(line.split()[1] for line in lines if line.startswith("VmRSS:")))

    @property
    def cpu_s(self) -> float:
        """What it has computed so far."""
        assert self.process is not None
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(") ")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def take_on(self, project: Path) -> None:
        """Hand it the project that everybody's summaries are about."""
        self.project = self.client.post("/v1/projects", {"path": str(project)})

    @property
    def view(self) -> str:
        """What it believes of the project, byte by byte."""
        return self.client.text("GET", f"/v1/projects/{self.project['id']}/view")

    def say(self, words: str) -> str | None:
        """Publish a summary; its id, or None where nothing may leave."""
        task = self.project["task"]
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as mouth:
            mouth.settimeout(20)
            mouth.connect(str(self.home.root / "say"))
            mouth.sendall(f"{task} {words}\n".encode())
            return mouth.makefile().readline().strip() or None

    def knows(self, *others: "HostedNode") -> bool:
        """Whether it is in step with each of them."""
        found = self.peers
        return all(found.get(one.name, {}).get("state") == "in step" for one in others)


@dataclass
class Hive:
    """Nodes of one hive; the first is its admin."""

    lan: Lan
    nodes: Sequence[HostedNode]

    def __iter__(self) -> Iterator[HostedNode]:
        return iter(self.nodes)

    def __getitem__(self, host: int) -> HostedNode:
        """The node on a host; hosts are counted from 1."""
        return self.nodes[host - 1]

    def in_step(self, *hosts: int) -> bool:
        nodes = [self[host] for host in hosts] if hosts else self.nodes
        return all(one.knows(*(other for other in nodes if other is not one)) for one in nodes)

    def repair(self) -> None:
        """All cables in, no walls, every node up, its clock right."""
        hosts = [one.host for one in self.nodes]
        self.lan.plug(*hosts)
        self.lan.unwall(*hosts)
        self.lan.merge(*hosts)
        for one in self.nodes:
            if one.skew_s and one.process:
                one.kill()
            one.skew_s = 0.0
            if one.process is None:
                one.start()

    def have(self, *entries: str | None) -> bool:
        """Whether each node holds them all."""
        assert None not in entries, "a node kept silent"
        return all(set(entries) <= one.entries for one in self.nodes)


@contextmanager
def hive_on(lan: Lan, count: int) -> Iterator[Hive]:
    """Nodes on the first hosts, in one hive that the first founded and invited the others to."""
    # Not pytest's own folder: the path of a Unix socket has at most 107 bytes.
    with tempfile.TemporaryDirectory(prefix="hive-lan-") as folder:
        hive = Hive(lan, [HostedNode(lan, host, Path(folder)) for host in range(1, count + 1)])
        try:
            for one in hive:
                one.init()
            at_once(hive, HostedNode.start)
            admin, *others = hive
            admin.client.post("/v1/hive", {"name": "five"})
            tokens = [admin.client.post("/v1/hive/invites")["token"] for _ in others]
            for one, token in zip(others, tokens, strict=True):
                one.client.post("/v1/hive/join", {"token": token})
            project = make_knob_project(Path(folder) / "knob")
            for one in hive:
                one.take_on(project)
            yield hive
        finally:
            for one in hive:
                one.close()


def at_once(nodes: Any, act: Callable[[HostedNode], Any]) -> list[Any]:
    """Do something with each node, side by side."""
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(act, nodes))


def until(holds: Callable[[], object], seconds: float = 40.0, told: Callable[[], object] = lambda: "") -> float:
    """Wait for a condition; the seconds that it took. `told`: what to say where it took too long."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < seconds, f"not within {seconds} s: {told()}"
        time.sleep(_LOOK_S)
    return time.monotonic() - began


def shown(hive: Hive) -> str:
    """Every node's view of the others, for people who look into a failure."""
    views = {
        one.name: {peer["name"]: (peer["state"], peer["address"]) for peer in one.peers.values()}
        for one in hive
        if one.process
    }
    return json.dumps(views, indent=1)
