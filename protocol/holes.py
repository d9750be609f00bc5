"""Numbers of feeds that are lacking below their ends, as somebody's scope guard withheld them (docs/protocol.md §5.9)."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from protocol.ids import NodeId
from protocol.sync import Missing


class Holes:
    """Ranges that do not overlap. A range costs the same however long it is, and each has an entry after it that is held."""

    def __init__(self, spans: Iterable[Missing] = ()) -> None:
        self._spans: dict[NodeId, list[Missing]] = {}
        for span in spans:
            self.open(span)

    def __iter__(self) -> Iterator[Missing]:
        """Author by author, each from its lowest number."""
        for _, spans in sorted(self._spans.items()):
            yield from spans

    def __bool__(self) -> bool:
        return bool(self._spans)

    def covers(self, author: NodeId, epoch: int, seq: int) -> bool:
        """Whether that number is lacking."""
        return any(one.epoch == epoch and one.first <= seq <= one.last for one in self._spans.get(author, ()))

    def open(self, span: Missing) -> None:
        """An entry was taken in without those before it."""
        spans = self._spans.setdefault(span.author, [])
        spans.append(span)
        spans.sort(key=lambda one: (one.epoch, one.first))

    def fill(self, author: NodeId, epoch: int, seq: int) -> None:
        """One of them came after all."""
        left = [part for span in self._spans.get(author, ()) for part in _without(span, epoch, seq)]
        if left:
            self._spans[author] = left
        else:
            self._spans.pop(author, None)


def _without(span: Missing, epoch: int, seq: int) -> list[Missing]:
    if span.epoch != epoch or not span.first <= seq <= span.last:
        return [span]
    parts = (replace(span, last=seq - 1), replace(span, first=seq + 1))
    return [one for one in parts if one.first <= one.last]
