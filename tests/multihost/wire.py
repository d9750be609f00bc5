"""Cables that lose and delay what goes over them, between two TAP devices each: what `tc netem` does, where a kernel has it.

Many kernels do not (CONFIG_NET_SCH_NETEM), this needs but /dev/net/tun; and the seed says what is lost.
"""

import fcntl
import heapq
import os
import selectors
import struct
import time
from itertools import count
from random import Random
from threading import Thread

from tests.multihost.lan import enter

_TUNSETIFF = 0x400454CA
_TAP_WITHOUT_HEADER = 0x0002 | 0x1000  # IFF_TAP, IFF_NO_PI
_FRAME_BYTES = 65_536


class Wires:
    """Every frame that a host sends is lost with a probability of `loss`, else late by `delay_s`."""

    def __init__(self, loss: float, delay_s: float, seed: int = 1) -> None:
        self.carried = self.lost = 0
        self._loss = loss
        self._delay_s = delay_s
        self._chance = Random(seed)
        self._ends: dict[int, tuple[int, bool]] = {}
        self._late: list[tuple[float, int, int, bytes]] = []
        self._numbers = count()
        self._is_over = False
        self._thread = Thread(target=self._carry, daemon=True)

    def join(self, host: tuple[str, str], switch: tuple[str, str]) -> None:
        """A cable between two new devices, each given as namespace and name."""
        here, there = _tap(*host), _tap(*switch)
        self._ends |= {here: (there, True), there: (here, False)}

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._is_over = True
        if self._thread.is_alive():
            self._thread.join()
        for end in self._ends:
            os.close(end)

    def _carry(self) -> None:
        with selectors.DefaultSelector() as ready:
            for end in self._ends:
                ready.register(end, selectors.EVENT_READ)
            while not self._is_over:
                wait = self._late[0][0] - time.monotonic() if self._late else 0.05
                for key, _ in ready.select(max(0.0, min(wait, 0.05))):
                    self._take(key.fd)
                while self._late and self._late[0][0] <= time.monotonic():
                    _, _, end, frame = heapq.heappop(self._late)
                    _write(end, frame)

    def _take(self, end: int) -> None:
        other, is_of_host = self._ends[end]
        frame = _read(end)
        if not frame:
            return
        if not is_of_host:
            _write(other, frame)
        elif self._chance.random() < self._loss:
            self.lost += 1
        else:
            self.carried += 1
            heapq.heappush(self._late, (time.monotonic() + self._delay_s, next(self._numbers), other, frame))


def _tap(namespace: str, name: str) -> int:
    made: list[int] = []

    def make() -> None:
        enter(namespace)
        end = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        made.append(end)
        fcntl.ioctl(end, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _TAP_WITHOUT_HEADER))

    thread = Thread(target=make)  # a namespace is entered by a thread, and this one goes
    thread.start()
    thread.join()
    return made[0]


def _read(end: int) -> bytes:
    try:
        return os.read(end, _FRAME_BYTES)
    except OSError:  # taken back, or switched off
        return b""


def _write(end: int, frame: bytes) -> None:
    try:
        os.write(end, frame)
    except OSError:  # a device that is switched off, or full, loses it, as hardware does
        return
