"""Where a pattern's sign was seen in a long text: the stretches that its detector has to read, instead of all of it.

A text is looked through block by block, and each pattern is told of the blocks that have its sign. It reads those with
what stands around them, whole lines where lines are of a usual length; blocks that lie near one another are one
stretch. So a file costs what its few telling lines cost, and a text of one block is read as it is.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol, TypeAlias

from guardrails.scope.decoders import DecodesViews
from guardrails.scope.findings import Finding
from guardrails.scope.views import Piece, View

# Offsets in a view's text.
Span: TypeAlias = tuple[int, int]
# By a pattern's index, where it is to be read: in order, and apart from one another.
Seen: TypeAlias = Mapping[int, Sequence[Span]]

# So long that a call costs little beside its scan, so short that few patterns have a sign in it.
BLOCK_CHARS: Final = 1024
# Of the block before, a block has this much, for signs that go over its edge: a line or two where it began with a
# line, and the longest sign where it did not.
_OVERLAP: Final = 128
_LONG_OVERLAP: Final = 512
# What is read before and after a block at least: lines that belong to the sign's own.
_AROUND: Final = 256
# And at most, where no line ends: no token but a key in PEM is as long, and that one is followed.
_LINE: Final = 8192
# What ends so near the end of a stretch may go on beyond it: a key loses its last line where its end is not seen.
_EDGE: Final = 256


class Looks(Protocol):
    """A prefilter, as far as it matters where patterns read."""

    def seen(self, blocks: Sequence[bytes]) -> Mapping[int, Sequence[int]]:
        """As `prefilter.Prefilter` has it."""


class Finds(Protocol):
    """A detector, as far as it matters where it reads."""

    def find(self, view: View, first: int = 0, last: int | None = None) -> Iterable[Finding]:
        """What it finds in text[first:last], judged by all that stands around it; at offsets of the view."""


@dataclass(frozen=True, slots=True)
class ConfinedDecoder:
    """A decoder that reads only some stretches of a view."""

    decoder: DecodesViews
    spans: Sequence[Span]

    def decode(self, view: View) -> Iterator[tuple[Piece, ...]]:
        """What the runs in them say, at offsets of the view."""
        for start, end in self.spans:
            for reading in self.decoder.decode(view.part(start, end)):
                yield tuple(replace(piece, start=start + piece.start, end=start + piece.end) for piece in reading)


def seen_in(view: View, prefilter: Looks) -> Seen:
    """The patterns with a sign in the view, and where each is to be read."""
    data = view.data
    if len(data) <= BLOCK_CHARS:
        return dict.fromkeys(prefilter.seen([data]), ((0, len(data)),))
    spans = list(_blocks(data))
    seen = prefilter.seen([data[start:end] for start, end in spans])
    lines = [_to_line_ends(view.text, *span) for span in spans] if seen else []
    return {index: list(_joined(lines[number] for number in numbers)) for index, numbers in seen.items()}


def find_in(view: View, detector: Finds, spans: Iterable[Span]) -> Iterator[Finding]:
    """What the detector finds in these stretches, at offsets of what was handed in."""
    done = 0
    for start, end in spans:
        if end > done:
            done, found = _followed(view, detector, max(start, done - _AROUND), end)
            yield from at_source(found, view)


def at_source(findings: Iterable[Finding], view: View) -> Iterator[Finding]:
    """The same findings, at offsets of what was handed in."""
    if view.is_source:
        yield from findings
        return
    for finding in findings:
        if view.is_context(finding.start, finding.end):
            continue
        start, end, label = view.source_span(finding.start, finding.end)
        yield replace(finding, start=start, end=end, decoded_from=label)


def _blocks(data: bytes) -> Iterator[Span]:
    end = 0
    overlap = 0
    while end < len(data):
        start, end = end - overlap, end + BLOCK_CHARS
        line = data.rfind(b"\n", end - BLOCK_CHARS // 2, end) + 1
        end, overlap = (line, _OVERLAP) if line else (end, _LONG_OVERLAP)
        yield max(0, start), min(end, len(data))


def _joined(spans: Iterable[Span]) -> Iterator[Span]:
    """The same places, those that touch as one."""
    first, last = 0, -1
    for start, end in spans:
        if start > last:
            if last >= 0:
                yield first, last
            first = start
        last = end
    yield first, last


def _to_line_ends(text: str, start: int, end: int) -> Span:
    # The line end before it is part of it, so that its first line begins as all do.
    least, most = max(0, start - _LINE), min(len(text), end + _LINE)
    start, end = text.rfind("\n", least, max(0, start - _AROUND) + 1), text.find("\n", end + _AROUND, most)
    return (least if start < 0 else start), (most if end < 0 else end + 1)


def _followed(view: View, detector: Finds, start: int, end: int) -> tuple[int, list[Finding]]:
    """Where a stretch ends, lengthened for as long as something goes on beyond its end, and what is found in it."""
    while True:
        found = list(detector.find(view, start, end))
        if end == len(view.text) or all(one.end < end - _EDGE for one in found):
            return end, [one for one in found if one.start > start or not _is_cut(view.text, start)]
        end = min(len(view.text), end + 2 * (end - start))


def _is_cut(text: str, start: int) -> bool:
    # What begins where a line was cut may be the end of something else; its own beginning is in another stretch.
    return start > 0 and text[start] != "\n"
