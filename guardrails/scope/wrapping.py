"""Lines broken inside a token: a long run at the end of one line or at the head of the next."""

from collections.abc import Sequence
from typing import Any, Final

from guardrails.scope.detectors import compile_regex
from guardrails.scope.views import GAP, Piece, View

# One character of a token, and a line's end with what continues it and indents the next.
_RUN: Final = r"[A-Za-z0-9+/_=.\-]"
# Rulers of hyphens and equals signs are long too, and no token.
_LONG_RUN: Final = r"[A-Za-z0-9+/_]{16}"
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
        """The runs, without what continues and indents their lines."""
        pieces: list[Piece] = []
        for match in self._run.finditer(view.data):
            start, end = match.span()
            for line in view.text[start:end].split("\n"):
                kept = line.strip(" \t\r\\")
                place = start + line.find(kept)
                pieces.append(Piece(kept, place, place + len(kept), exact=True))
                start += len(line) + 1
            pieces.append(Piece(GAP, end - 1, end))
        return View.of_pieces(pieces, view, joined=True)
