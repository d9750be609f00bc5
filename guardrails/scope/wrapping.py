"""Lines broken inside a token: a long run at the end of one line or at the head of the next."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, TypeAlias

from guardrails.scope.detectors import compile_regex
from guardrails.scope.signs import RUN, Sign
from guardrails.scope.views import GAP, Piece, View

# One character of a token, and a line's end with what continues it and indents the next.
_RUN: Final = r"[A-Za-z0-9+/_=.\-]"
# Beside it, what is in addresses: a line that ends with a colon is a sentence or a block of code.
_BESIDE: Final = r"[A-Za-z0-9+/_=.:@\-]"
# Rulers of hyphens and equals signs are long too, and no token.
_LONG_CHARS: Final = 16
_LONG_RUN: Final = rf"[A-Za-z0-9+/_]{{{_LONG_CHARS}}}"
# What every line of a comment, a quotation, a table or a diff begins with.
_MARK: Final = r"(?:[#>*|;%!]|//|--|[+\-])"
_LEADER: Final = rf"[ \t]{{0,40}}(?:{_MARK}[ \t]{{0,40}}){{0,3}}"
_BREAK: Final = rf"\\?\r?\n{_LEADER}"


class Wrapping:
    """Finds such runs, and puts them together for the rules that stay sure in a text put together on a suspicion."""

    sign = Sign((rf"{_LONG_RUN}\\?\r?\n|\n{_LEADER}{_LONG_RUN}",), ("\n",), needs=RUN)

    def __init__(self) -> None:
        self._run: Any = compile_regex(
            rf"{_BESIDE}*(?:{_LONG_RUN}{_BREAK}{_RUN}|{_RUN}{_BREAK}{_LONG_RUN}){_BESIDE}*(?:{_BREAK}{_RUN}+)*"
        )
        self._leader: Any = compile_regex(rf"^{_LEADER}")

    def unwrap(self, view: View) -> View:
        """The runs, without what continues, leads and indents their lines.

        A short line before or after may be a word of its own, which would be taken for part of the token: the run is
        read with its short lines, without those before a long one, and without any.
        """
        pieces: list[Piece] = []
        for match in self._run.finditer(view.data):
            lines = tuple(self._lines(view, *match.span()))
            whole = [lines]
            others = [group for is_apart in _APART for group in _groups(lines, is_apart) if 1 < len(group) < len(lines)]
            for group in (*whole, *others):
                pieces += (*group, Piece(GAP, group[-1].end - 1, group[-1].end))
        return View.of_pieces(pieces, view, joined=True)

    def _lines(self, view: View, start: int, end: int) -> Iterator[Piece]:
        marks = self._marks_before(view, start)
        for index, line in enumerate(view.text[start:end].split("\n")):
            kept = line.strip(" \t\r\\")
            if index and marks and (marked := _after(kept, marks)) is not None:
                kept = marked
            place = start + line.rfind(kept)
            yield Piece(kept, place, place + len(kept), exact=True)
            start += len(line) + 1

    def _marks_before(self, view: View, start: int) -> str:
        """What leads the line in which a run begins, without white space: the next lines begin alike, if it is that."""
        line = view.data.rfind(b"\n", 0, start) + 1
        leader = self._leader.match(view.data[line : line + _MOST_LEADER]).group()
        return "".join(leader.decode("latin-1").split())


# Longer than any leader.
_MOST_LEADER: Final = 200


def _after(line: str, marks: str) -> str | None:
    """What follows the marks in a line that begins with them, white space between them or not."""
    for mark in marks:
        if not line.startswith(mark):
            return None
        line = line[1:].lstrip(" \t")
    return line


def _is_short(line: Piece) -> bool:
    return len(line.text) < _LONG_CHARS


# Whether two lines that follow one another are read apart.
_Apart: TypeAlias = Callable[[Piece, Piece], bool]
_APART: Final[tuple[_Apart, ...]] = (
    lambda one, _other: _is_short(one),
    lambda one, other: _is_short(one) or _is_short(other),
)


def _groups(lines: Sequence[Piece], is_apart: _Apart) -> Iterator[tuple[Piece, ...]]:
    group: list[Piece] = []
    for line in lines:
        if group and is_apart(group[-1], line):
            yield tuple(group)
            group = []
        group.append(line)
    yield tuple(group)
