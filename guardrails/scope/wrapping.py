"""Lines broken inside a token: a long run at the end of one line or at the head of the next."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, TypeAlias

from guardrails.scope.detectors import compile_regex
from guardrails.scope.views import GAP, Piece, View

# One character of a token, and a line's end with what continues it and indents the next.
_RUN: Final = r"[A-Za-z0-9+/_=.\-]"
# Rulers of hyphens and equals signs are long too, and no token.
_LONG_CHARS: Final = 16
_LONG_RUN: Final = rf"[A-Za-z0-9+/_]{{{_LONG_CHARS}}}"
_BREAK: Final = r"\\?\r?\n[ \t]{0,40}"


class Wrapping:
    """Finds such runs, and puts them together for the rules that stay sure in a text put together on a suspicion."""

    sign = rf"{_LONG_RUN}\\?\r?\n|\n[ \t]{{0,40}}{_LONG_RUN}"
    keywords: Sequence[str] = ("\n",)

    def __init__(self) -> None:
        self._run: Any = compile_regex(
            rf"{_RUN}*(?:{_LONG_RUN}{_BREAK}{_RUN}|{_RUN}{_BREAK}{_LONG_RUN}){_RUN}*(?:{_BREAK}{_RUN}+)*"
        )

    def unwrap(self, view: View) -> View:
        """The runs, without what continues and indents their lines.

        A short line before or after may be a word of its own, which would be taken for part of the token: the run is
        read with its short lines, without those before a long one, and without any.
        """
        pieces: list[Piece] = []
        for match in self._run.finditer(view.data):
            lines = tuple(_lines(view.text, *match.span()))
            whole = [lines]
            others = [group for is_apart in _APART for group in _groups(lines, is_apart) if 1 < len(group) < len(lines)]
            for group in (*whole, *others):
                pieces += (*group, Piece(GAP, group[-1].end - 1, group[-1].end))
        return View.of_pieces(pieces, view, joined=True)


def _lines(text: str, start: int, end: int) -> Iterator[Piece]:
    for line in text[start:end].split("\n"):
        kept = line.strip(" \t\r\\")
        place = start + line.find(kept)
        yield Piece(kept, place, place + len(kept), exact=True)
        start += len(line) + 1


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
