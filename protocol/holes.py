"""Numbers of feeds that are lacking below their ends, as somebody's scope guard withheld them (docs/protocol.md §5.9)."""

from bisect import bisect_right, insort
from collections.abc import Iterable, Iterator
from typing import TypeAlias

from protocol.ids import NodeId
from protocol.sync import Missing

_Feed: TypeAlias = tuple[NodeId, int]
_Range: TypeAlias = tuple[int, int]


class Holes:
    """Ranges that do not overlap. Each costs the same however long it is, and has an entry after it that is held.

    An author may make as many of them in its own feed as it signs entries: finding one takes a bisection.
    """

    def __init__(self, spans: Iterable[Missing] = ()) -> None:
        self._ranges: dict[_Feed, list[_Range]] = {}
        for span in spans:
            self.open(span)

    def __iter__(self) -> Iterator[Missing]:
        """Feed by feed, each from its lowest number."""
        for (author, epoch), ranges in sorted(self._ranges.items()):
            for first, last in ranges:
                yield Missing(author, epoch, first, last)

    def __bool__(self) -> bool:
        return bool(self._ranges)

    def covers(self, author: NodeId, epoch: int, seq: int) -> bool:
        """Whether that number is lacking."""
        return self._find((author, epoch), seq) is not None

    def open(self, span: Missing) -> None:
        """An entry was taken in without those before it."""
        insort(self._ranges.setdefault((span.author, span.epoch), []), (span.first, span.last))

    def fill(self, author: NodeId, epoch: int, seq: int) -> None:
        """One of them came after all."""
        feed = (author, epoch)
        at = self._find(feed, seq)
        if at is None:
            return
        first, last = self._ranges[feed][at]
        self._ranges[feed][at : at + 1] = [one for one in ((first, seq - 1), (seq + 1, last)) if one[0] <= one[1]]
        if not self._ranges[feed]:
            del self._ranges[feed]

    def _find(self, feed: _Feed, seq: int) -> int | None:
        ranges = self._ranges.get(feed, [])
        at = bisect_right(ranges, seq, key=lambda one: one[0]) - 1
        return at if at >= 0 and seq <= ranges[at][1] else None
