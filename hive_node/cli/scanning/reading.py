"""Bytes as text in segments, so that a file of any size takes the memory of one."""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol

# Larger than all but a few files; a few multiples of it are what a scan takes.
SEGMENT_BYTES: Final = 8 * 1024 * 1024
# What a segment repeats of the one before: a finding may lie over the cut. A private key has 3 to 13 KB.
OVERLAP_CHARS: Final = 16 * 1024
# As git tells binary files: a NUL near the beginning.
SNIFFED_BYTES: Final = 8000
# A mark at the beginning says which encoding a file has; the longer mark first.
_MARKS: Final = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


class Bytes(Protocol):
    """What is read from: a file, standard input, something in memory."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes; none at the end."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of a text.

    start, lines: characters and line ends before it. until: where in `text` the next segment begins: what stands from there on
    is read again with what follows it. read: bytes of the input that are new in it, for progress.
    """

    text: str
    start: int
    lines: int
    until: int
    read: int


class Binary(Exception):
    """It is no text."""


def segments(source: Bytes) -> Iterator[Segment]:
    """The text, cut at line ends where there are any. What is not of its encoding reads as U+FFFD. Raises Binary, OSError."""
    raw = source.read(SEGMENT_BYTES)
    mark, encoding = next(((mark, name) for mark, name in _MARKS if raw.startswith(mark)), (b"", "utf-8"))
    if not mark and b"\0" in raw[:SNIFFED_BYTES]:
        raise Binary
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    raw = raw[len(mark) :]
    before, start, lines = "", 0, 0
    while True:
        following = source.read(SEGMENT_BYTES)
        text = before + decoder.decode(raw, final=not following)
        cut = _cut(text) if following else len(text)
        yield Segment(text, start, lines, cut, len(raw))
        if not following:
            return
        before, start, lines = text[cut:], start + cut, lines + text.count("\n", 0, cut)
        raw = following


def _cut(text: str) -> int:
    """Where the next segment begins: at a line's beginning, or anywhere in a line that is longer than what is repeated."""
    earliest = max(0, len(text) - OVERLAP_CHARS)
    return text.find("\n", earliest) + 1 or earliest
