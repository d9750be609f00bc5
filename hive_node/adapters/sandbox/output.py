"""Keep a bounded part of what a run prints, however much that is. Pure."""


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
