"""A network of its own for each run: hosts as network namespaces, joined by a bridge in another one, with a cable each.

with Lan.laid(5) as lan:
    lan.pull(2)                # host 2's cable out; `plug` puts it back
    lan.wall(1, 3)             # these reach everyone but one another
    lan.split(4, 5)            # these are on a switch of their own; `merge` joins both

Names carry the id of the process that made them: what a killed run left is removed by the next.
"""

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.multihost.wire import Wires

_NAMED = Path("/run/netns")
_NEW_NET = 0x40000000  # CLONE_NEWNET, setns(2)
_COUNTER = count()


def why_not() -> str | None:
    """Why no network can be laid here, or None."""
    try:
        with Lan.laid(1):
            return None
    except FileNotFoundError:
        return "network namespaces need the command `ip`: apt-get install iproute2"
    except subprocess.CalledProcessError as error:
        return f"network namespaces need root (CAP_SYS_ADMIN and CAP_NET_ADMIN): {error.stderr.strip()}"


def enter(namespace: str) -> None:
    """Move the calling thread into a namespace: sockets that it opens from now on are there."""
    descriptor = os.open(_NAMED / namespace, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if ctypes.CDLL(None, use_errno=True).setns(descriptor, _NEW_NET):
            raise OSError(ctypes.get_errno(), f"setns {namespace}")
    finally:
        os.close(descriptor)


@dataclass(frozen=True)
class Lan:
    """name: begins the name of every namespace. Host n of `hosts` has 10.77.0.n and fd77::n on its eth0."""

    name: str
    hosts: int
    wires: "Wires | None" = None

    @classmethod
    @contextmanager
    def laid(cls, hosts: int, wires: "Wires | None" = None) -> "Iterator[Lan]":
        """The network while it is needed; its cables are good ones unless `wires` are given.

        Raises FileNotFoundError, CalledProcessError where that is not permitted.
        """
        _tidy()
        lan = cls(f"hive-{os.getpid()}-{next(_COUNTER)}", hosts, wires)
        try:
            lan._lay()
            if wires is not None:
                wires.start()
            yield lan
        finally:
            if wires is not None:
                wires.close()
            lan._remove()

    def namespace(self, host: int) -> str:
        return f"{self.name}-{host}"

    @staticmethod
    def addresses(host: int) -> tuple[str, str]:
        return f"10.77.0.{host}", f"fd77::{host}"

    def pull(self, *hosts: int) -> None:
        """Their cables out, at the switch: the hosts see no carrier."""
        for host in hosts:
            ip("-n", self._switch, "link", "set", _port(host), "down")

    def plug(self, *hosts: int) -> None:
        for host in hosts:
            ip("-n", self._switch, "link", "set", _port(host), "up")

    def wall(self, *hosts: int) -> None:
        """These hosts reach each other no more, only those without a wall; their links stay up."""
        self._isolate(hosts, "on")

    def unwall(self, *hosts: int) -> None:
        self._isolate(hosts, "off")

    def split(self, *hosts: int) -> None:
        """Move their cables to a second switch."""
        self._move(hosts, "other")

    def merge(self, *hosts: int) -> None:
        self._move(hosts, "bridge")

    def number(self, host: int) -> None:
        """Give it its addresses, and no others, with its link up."""
        self.inside(host, "addr", "flush", "dev", "eth0", "scope", "global")
        for address, prefix in zip(self.addresses(host), (24, 64), strict=True):
            # nodad: else each IPv6 address is unusable for a second, while it asks whether somebody else has it.
            self.inside(
                host, "addr", "add", f"{address}/{prefix}", "dev", "eth0", *(["nodad"] if ":" in address else [])
            )
        self.inside(host, "link", "set", "eth0", "up")

    def inside(self, host: int, *command: str) -> None:
        """`ip` in a host, as its administrator would."""
        ip("-n", self.namespace(host), *command)

    @property
    def _switch(self) -> str:
        return f"{self.name}-switch"

    def _move(self, hosts: tuple[int, ...], bridge: str) -> None:
        for host in hosts:
            ip("-n", self._switch, "link", "set", _port(host), "master", bridge)

    def _isolate(self, hosts: tuple[int, ...], state: str) -> None:
        for host in hosts:
            ip("-n", self._switch, "link", "set", _port(host), "type", "bridge_slave", "isolated", state)

    def _lay(self) -> None:
        ip("netns", "add", self._switch)
        # Snooping would need a querier; without it multicast goes everywhere, as on a plain switch.
        plain = ("type", "bridge", "mcast_snooping", "0", "stp_state", "0")
        for bridge in ("bridge", "other"):
            ip("-n", self._switch, "link", "add", bridge, *plain)
            ip("-n", self._switch, "link", "set", bridge, "up")
        for host in range(1, self.hosts + 1):
            self._add(host)

    def _add(self, host: int) -> None:
        there, port = self.namespace(host), _port(host)
        ip("netns", "add", there)
        if self.wires is not None:
            self.wires.join((there, "eth0"), (self._switch, port))
        else:
            ip("-n", self._switch, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", there)
        ip("-n", self._switch, "link", "set", port, "master", "bridge", "up")
        self.inside(host, "link", "set", "lo", "up")
        self.number(host)

    def _remove(self) -> None:
        for path in sorted(_NAMED.glob(f"{self.name}-*")):
            ip("netns", "del", path.name)


def ip(*arguments: str) -> None:
    """ip(8). Raises FileNotFoundError, CalledProcessError."""
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)


def _port(host: int) -> str:
    return f"port{host}"


def _tidy() -> None:
    """Remove the namespaces of runs that were killed."""
    for path in _NAMED.glob("hive-*-*"):
        if not Path("/proc", path.name.split("-")[1]).exists():
            ip("netns", "del", path.name)
