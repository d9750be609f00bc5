"""What a running daemon says of itself, as findings of the doctor's."""

import socket
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hive_node import __version__
from hive_node.cli.client import Client, Refusal, Unreachable
from hive_node.cli.context import at
from hive_node.cli.output import count
from hive_node.config.home import Home
from hive_node.domain import Finding


@dataclass(frozen=True, slots=True)
class Daemon:
    """The node of this home, if it runs. status: what it answers; None while it does not. pid: None where that is not told."""

    status: Any
    pid: int | None
    refused: str = ""

    @classmethod
    def reach(cls, home: Home) -> "Daemon":
        """Ask the daemon of that home."""
        try:
            return cls(Client(home).get(at("status")), _peer_pid(home.socket))
        except Unreachable:
            return cls(None, None)
        except Refusal as error:
            return cls(None, _peer_pid(home.socket), f"{error} [{error.code}]")

    def findings(self) -> Iterator[Finding]:
        """Whether it runs, and what its status shows."""
        if self.refused:
            yield Finding("daemon", "fail", f"it answers with a fault: {self.refused}", "see its log, and restart it")
        elif self.status is None:
            yield Finding("daemon", "warn", "it does not run", "`hive-node run` starts it")
        elif self.status["version"] != __version__:
            found = f"it runs version {self.status['version']}, this command is {__version__}"
            yield Finding("daemon", "warn", found, "restart it")
        else:
            yield Finding("daemon", "ok", f"it answers (process {self.pid})")
        yield from self._of_status()

    def _of_status(self) -> Iterator[Finding]:
        status = self.status or {}
        for service, times in sorted(status.get("restarts", {}).items()):
            yield Finding(
                "daemon", "warn", f"its part `{service}` failed {times} times since it started", "see its log"
            )
        yield from _agents(status.get("agents") or {})
        if status.get("halted"):
            fix = "`hive-node hive resume` lifts it, with --local where it is this node's own"
            yield Finding("hive", "warn", f"{status['halted']}: nothing is promoted or sent", fix)
        if status.get("undiscovered"):
            fix = (
                "switch an interface on, name others in federation.mdns.interfaces, or list members in federation.peers"
            )
            yield Finding("discovery", "warn", f"it does not work: {status['undiscovered']}", fix)
        if status.get("hive") and status.get("silent"):
            yield Finding("hive", "warn", f"{status['silent']}: nothing is sent or accepted", "ask the hive's admin")

        for text in (status.get("hive") or {}).get("warnings", []):
            yield Finding("hive", "warn", text, "`hive-node hive proposals` and `hive-node hive members` show more")

    def holds(self, port: int) -> bool:
        """Whether the running daemon listens on that TCP port."""
        doors = (self.status or {}).get("doors", {})
        return str(port) in {door.rpartition(":")[2] for door in doors.values()}


def _agents(agents: Mapping[str, Any]) -> Iterator[Finding]:
    for name, why in sorted(agents.get("troubles", {}).items()):
        yield Finding("agent", "warn", f"{name}: {why}", f"`hive-node agent doctor {name}` tries what it needs")
    if agents.get("kept") and not agents.get("troubles"):
        running = ", ".join(one["agent"] for one in agents["running"]) or "none"
        yield Finding("agents", "ok", f"{count(agents['kept'], 'agent')} looked after; contests running: {running}")


def _peer_pid(path: Path) -> int | None:
    """The process behind a Unix socket, from the kernel."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.connect(str(path))
            size = struct.calcsize("3i")
            pid, _, _ = struct.unpack("3i", probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    except OSError:
        return None
    return int(pid)
