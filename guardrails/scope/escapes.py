"""Escapes read where they stand: of URLs, HTML, string literals and mail, and lines that a backslash continues.

What is around an escape stays beside it, so that a key in plain letters keeps its escaped value, and the other way
round.
"""

import html
from collections.abc import Iterator, Sequence
from typing import Final

from guardrails.scope.detectors import compile_regex
from guardrails.scope.normalise import normalise
from guardrails.scope.signs import Sign
from guardrails.scope.views import CONTEXT, Piece, View

# Control characters but white space are none of it: `%02x` is a format, and so is a lone `%de`.
_URL: Final = r"%(?:0[9AaDd]|[2-7][0-9A-Fa-f])|(?:%[89A-Fa-f][0-9A-Fa-f]){2,}"
# So many in a row are read in one go, and found or not as a whole.
_MANY: Final = r"(?:%[2-7][0-9A-Fa-f]){64,}|(?:&#[0-9]{2,7};){64,}"
_HTML: Final = r"&(?:#[0-9]{2,7};?|#[xX][0-9A-Fa-f]{2,6};?|[a-zA-Z]{2,8};)"
_LITERAL: Final = (
    r"\\+(?:x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|u\{[0-9A-Fa-f]{1,6}\}|U[0-9A-Fa-f]{8}|[0-3][0-7]{2}|o\{[0-7]{1,7}\}|/)"
)
_RUN: Final = r"[A-Za-z0-9+/_=.\-]"
# The end of a line that a backslash takes away; of a folded block, what stands before its first line.
_CONTINUED: Final = r"\\\r?\n[ \t]{0,80}"
_FOLDED: Final = r":[ \t]{1,4}[>|][+\-]?[ \t]{0,4}\r?\n[ \t]{1,40}"
# Quoted-printable (RFC 2045) is told from `a=20` by its equals sign, by two escapes in a row, two spaces, a soft line end
# or name.
_QUOTED: Final = r"(?:=[0-9A-F]{2})+|=\r?\n"
_QUOTED_SIGN: Final = rf"=3D|=[0-9A-F]{{2}}=[0-9A-F]{{2}}|{_RUN}=\r?\n{_RUN}|=20[A-Za-z0-9,.]+=20|(?i:quoted-printable)"
# How much plain text goes with an escape, before it and after it. Labels and keys are nearer.
_AROUND: Final = 160
# So many are mapped back one by one; of more in one stretch, this many together, for memory's sake.
_FINE_PIECES: Final = 512
_COARSE_PIECES: Final = 64


class Escapes:
    """One more view of the stretches of a text that have escapes: with every escape read, whatever its kind."""

    label = "escape"
    sign = Sign(
        (_URL, _HTML, _LITERAL, rf"{_RUN}{_CONTINUED}{_RUN}", _FOLDED, _QUOTED_SIGN), ("%", "&", "\\", "=", ":")
    )

    def __init__(self) -> None:
        usual = f"{_MANY}|{_URL}|{_HTML}|{_LITERAL}|{_CONTINUED}|{_FOLDED}"
        self._usual = compile_regex(usual)
        self._in_mail = compile_regex(f"{usual}|{_QUOTED}")
        self._is_mail = compile_regex(_QUOTED_SIGN)

    def decode(self, view: View) -> Iterator[tuple[Piece, ...]]:
        """Each stretch of the view that has escapes, with what they say in their place."""
        text = view.text
        stretch: _Stretch | None = None
        pattern = self._in_mail if self._is_mail.search(view.data) else self._usual
        for match in pattern.finditer(view.data):
            start, end = match.span()
            if (said := _said(text, start, end)) is None:
                continue
            if stretch is not None and start - stretch.end > 2 * _AROUND:
                yield stretch.closed(text)
                stretch = None
            if stretch is None:
                stretch = _Stretch(_label_of(text[start]), text, start)
            stretch.add(text, Piece(said, start, end, label=stretch.label))
        if stretch is not None:
            yield stretch.closed(text)


class _Stretch:
    """Pieces that follow one another, from a little before the first escape to a little after the last."""

    def __init__(self, label: str, text: str, start: int) -> None:
        self.label = label
        self.end = _head(text, start)
        self._pieces: list[Piece] = []
        self._recent: list[Piece] = []
        self._keep(Piece(text[self.end : start], self.end, start, exact=True, label=CONTEXT))

    def add(self, text: str, escape: Piece) -> None:
        """The escape, and the plain text before it."""
        self._keep(Piece(text[self.end : escape.start], self.end, escape.start, exact=True, label=self.label))
        self._keep(escape)

    def closed(self, text: str) -> tuple[Piece, ...]:
        """All of them, with the plain text after the last."""
        tail = _tail(text, self.end)
        self._keep(Piece(text[self.end : tail], self.end, tail, exact=True, label=self.label))
        return (*self._pieces, *self._recent)

    def _keep(self, piece: Piece) -> None:
        self.end = piece.end
        if not piece.text:
            return
        self._recent.append(piece)
        if len(self._recent) < _COARSE_PIECES:
            return
        many = len(self._pieces) >= _FINE_PIECES
        self._pieces += [_together(self._recent)] if many else self._recent
        self._recent = []


def _together(pieces: Sequence[Piece]) -> Piece:
    text = "".join(piece.text for piece in pieces)
    return Piece(text, pieces[0].start, pieces[-1].end, label=pieces[-1].label)


def _head(text: str, start: int) -> int:
    # To the beginning of the line, or else of a word: half a word would be another one.
    least = max(0, start - _AROUND)
    line = text.rfind("\n", least, start) + 1
    if line or not least:
        return line or least
    space = text.find(" ", least, start)
    return space + 1 if space >= 0 else least


def _tail(text: str, end: int) -> int:
    most = min(len(text), end + _AROUND)
    line = text.find("\n", end, most)
    if line >= 0 or most == len(text):
        return line if line >= 0 else most
    space = text.rfind(" ", end, most)
    return space if space >= 0 else most


def _label_of(first: str) -> str:
    return {"%": "url", "&": "html", "=": "quoted-printable"}.get(first, "escape")


def _said(text: str, start: int, end: int) -> str | None:
    """What the escape text[start:end] stands for; None where it is none after all."""
    found = text[start:end]
    if found[0] in "%=" and found[1] not in "\r\n":
        return _of_bytes(bytes.fromhex(found.translate(_NO_MARKS)))
    if found[0] == "&":
        said = html.unescape(found)
        return normalise(said).text if said != found else None
    if found[0] == ":":
        return ": "
    if "\n" in found:
        is_inside = text[start - 1 : start] in _IN_TOKENS and text[end : end + 1] in _IN_TOKENS
        return "" if start and end < len(text) and is_inside else None
    return normalise(_literal(found.lstrip("\\"))).text


_NO_MARKS: Final = str.maketrans(dict.fromkeys("%=", None))
_IN_TOKENS: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_=.-")


def _of_bytes(raw: bytes) -> str:
    try:
        return normalise(raw.decode("utf-8")).text
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _literal(found: str) -> str:
    if found[0] in "xuU":
        code = int(found[1:].strip("{}"), 16)
        return chr(code) if code < 0x110000 else ""
    return found if found == "/" else chr(int(found.strip("o{}"), 8) % 0x110000)
