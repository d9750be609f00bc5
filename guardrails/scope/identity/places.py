"""Where the value of a label may stand: in its line, in the lines below it, in the column under it."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Literal, NamedTuple, TypeAlias

from guardrails.scope.identity.labels import Label
from guardrails.scope.identity.tables import columns

# `after` and `before` are in the label's line, `below` is the lines under it, `cell` is one value of its column.
Side: TypeAlias = Literal["after", "before", "below", "cell"]

# How far a value may stand from its label: a few words away.
_AFTER_CHARS = 64
_BEFORE_CHARS = 32
# A label that ends its line, but for so much, may have its value in the next two.
_TRAILING_CHARS = 24
_BELOW_CHARS = 96
_BELOW_LINES = 3


class Place(NamedTuple):
    """text[start:end] may hold the value of `label`."""

    label: Label
    side: Side
    start: int
    end: int


def places(text: str, data: bytes, labels: Iterable[Label]) -> Iterator[Place]:
    """Every place in which a value of one of the labels may stand; the labels in order, as they stand in `text`.

    data: the text, one byte a character.
    """
    table_end = 0
    for (start, end), in_line in groupby(labels, _Lines(text).around):
        labels_of_line = list(in_line)
        for label in labels_of_line:
            yield Place(label, "after", label.end, min(end, label.end + _AFTER_CHARS))
            yield Place(label, "before", max(start, label.start - _BEFORE_CHARS), label.start)
        if end - label.end <= _TRAILING_CHARS:
            yield Place(label, "below", label.end, _end_below(text, end))
        # A row begins no table of its own, so that each line is read as a row once.
        if start >= table_end:
            by_start: Mapping[int, Label] = {label.start: label for label in labels_of_line}
            for head, cell_start, cell_end in columns(data, start, end, tuple(by_start)):
                yield Place(by_start[head], "cell", cell_start, cell_end)
                table_end = max(table_end, cell_end)


class _Lines:
    """The line around a label, sought once a line: one long line of many labels is read once."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._line = (0, -1)

    def around(self, label: Label) -> tuple[int, int]:
        if label.start > self._line[1]:
            start = self._text.rfind("\n", self._line[1] + 1, label.start)
            end = self._text.find("\n", label.end)
            self._line = (max(start, self._line[1]) + 1, end if end >= 0 else len(self._text))
        return self._line


def _end_below(text: str, line_end: int) -> int:
    end = line_end
    for _ in range(_BELOW_LINES):
        following = text.find("\n", end + 1, line_end + _BELOW_CHARS)
        if following < 0:
            return min(len(text), line_end + _BELOW_CHARS)
        end = following
    return end
