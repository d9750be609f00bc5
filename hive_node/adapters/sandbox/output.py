"""Keep a bounded part of what a run prints, however much that is."""

import os
from collections.abc import Callable
from functools import partial
from typing import Final

_CHUNK_BYTES: Final = 1 << 16


class Head:
    """The first bytes of a stream: where metric lines are read from, so that late noise cannot push them out."""

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._kept = bytearray()
        self.seen_bytes = 0

    def add(self, data: bytes) -> None:
        self.seen_bytes += len(data)
        self._kept += data[: self._most - len(self._kept)]

    def kept(self) -> bytes:
        return bytes(self._kept)

    def is_truncated(self) -> bool:
        return self.seen_bytes > self._most


class Tail:
    """The last bytes of a stream: where a failing program says why."""

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._kept = bytearray()
        self.seen_bytes = 0

    def add(self, data: bytes) -> None:
        self.seen_bytes += len(data)
        self._kept += data
        if len(self._kept) > 2 * self._most:  # trimmed now and then: each byte is moved once, not once a read
            del self._kept[: -self._most]

    def kept(self) -> bytes:
        return bytes(self._kept[-self._most :])

    def is_truncated(self) -> bool:
        return self.seen_bytes > self._most


class Streams:
    """A run's standard output and error, read as they come and never waited for."""

    def __init__(self, stdout: int, stderr: int, most_bytes: int) -> None:
        self.stdout = Head(most_bytes)
        self.stderr = Tail(most_bytes)
        self._kept: tuple[tuple[int, Head | Tail], ...] = ((stdout, self.stdout), (stderr, self.stderr))
        for descriptor, _ in self._kept:
            os.set_blocking(descriptor, False)

    def readers(self) -> dict[int, Callable[[], bool]]:
        """What to do when a descriptor is readable; it answers whether to wait for it again."""
        return {descriptor: partial(_read_some, descriptor, kept) for descriptor, kept in self._kept}

    def drain(self) -> None:
        """Take what is in the pipes now: once all writers are dead, all there will be."""
        for read in self.readers().values():
            while read():
                pass

    def most_seen_bytes(self) -> int:
        return max(kept.seen_bytes for _, kept in self._kept)


def _read_some(descriptor: int, kept: Head | Tail) -> bool:
    try:
        data = os.read(descriptor, _CHUNK_BYTES)
    except BlockingIOError:
        return False
    kept.add(data)
    return bool(data)
