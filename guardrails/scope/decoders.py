"""Read what is written twice: base64, hexadecimal, URL and HTML escapes, escapes of string literals, literals in pieces, wrapped lines.

One round of decoding turns a view into a view of everything that was decoded in it, piece by piece; rounds are repeated to a fixed
depth, and the text that they may make is bounded, so that no input costs more than a fixed multiple of its length.
"""

import base64
import html
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from guardrails.scope.detectors import compile_regex
from guardrails.scope.normalise import normalise
from guardrails.scope.views import Piece, View

# Nested twice is seen in the wild; twice more costs nothing where there is nothing.
DEPTH: Final = 4
# All that may be decoded from one text, as a multiple of it, and a floor for short ones.
GROWTH: Final = 4
FLOOR_CHARS: Final = 64 * 1024
# Between two decoded pieces: in no token, so that neighbours in the view are no neighbours in the text.
_GAP: Final = "\x03\n"
# A joined literal is read with what stands before it: the key that it is assigned to.
_CONTEXT_CHARS: Final = 48
_PRINTABLE: Final = bytes({*range(32, 127), 9, 10, 13})
# One character of a token, and a line's end with what continues it and indents the next.
_RUN: Final = r"[A-Za-z0-9+/_=.\-]"
# Rulers of hyphens and equals signs are long too, and no token.
_LONG_RUN: Final = r"[A-Za-z0-9+/_]{16}"
_BREAK: Final = r"\\?\r?\n[ \t]{0,40}"


class Decoder:
    """One encoding: what shows that it is there, how far a run of it goes, and what a run says (None where it says nothing)."""

    def __init__(
        self, label: str, sign: str, run: str, keywords: Sequence[str], read: Callable[[str], str | None]
    ) -> None:
        self.label = label
        self.sign = sign
        self.keywords = keywords
        self._run: Any = compile_regex(run)
        self._read = read

    def decode(self, view: View) -> Iterator[Piece]:
        """A piece for each run that reads as text."""
        for match in self._run.finditer(view.data):
            start, end = match.span()
            if text := self._read(view.text[start:end]):
                yield Piece(text, start, end, label=self.label)


def decode(view: View, decoders: Sequence[Decoder], budget: int) -> tuple[View | None, int | None]:
    """One round: what `decoders` read in `view`, or None; and where in the view the budget of characters ended, if it did."""
    pieces: list[Piece] = []
    for decoder in decoders:
        for piece in decoder.decode(view):
            budget -= len(piece.text)
            if budget < 0:
                return _view(pieces, view), piece.start
            pieces += (piece, Piece(_GAP, piece.start, piece.end, label=piece.label))
    return _view(pieces, view), None


class Wrapping:
    """Lines broken inside a token: a long run at the end of one or at the head of the next."""

    sign = rf"{_LONG_RUN}\\?\r?\n|\n[ \t]{{0,40}}{_LONG_RUN}"
    keywords: Sequence[str] = ("\n",)

    def __init__(self) -> None:
        self._run: Any = compile_regex(
            rf"{_RUN}*(?:{_LONG_RUN}{_BREAK}{_RUN}|{_RUN}{_BREAK}{_LONG_RUN}){_RUN}*(?:{_BREAK}{_RUN}+)*"
        )

    def unwrap(self, view: View) -> View:
        """Such runs put together, without what continues and indents their lines."""
        pieces: list[Piece] = []
        for match in self._run.finditer(view.data):
            start, end = match.span()
            for line in view.text[start:end].split("\n"):
                kept = line.strip(" \t\r\\")
                place = start + line.find(kept)
                pieces.append(Piece(kept, place, place + len(kept), exact=True))
                start += len(line) + 1
            pieces.append(Piece(_GAP, end - 1, end))
        return View.of_pieces(pieces, view, joined=True)


def _view(pieces: Sequence[Piece], parent: View) -> View | None:
    return View.of_pieces(pieces, parent) if pieces else None


def _base64(run: str) -> str | None:
    if run.islower() or run.isupper():
        return None  # a name: 20 characters of base64 text have letters of both cases
    if text := _base64_run(run):
        return text
    # The slashes of a path before the run are in the alphabet: where the whole says nothing, its parts may.
    return next(filter(None, map(_base64_run, run.split("/"))), None) if "/" in run else None


def _base64_run(run: str) -> str | None:
    body = run.rstrip("=").translate(_URL_SAFE)
    whole = len(body) - (len(body) % 4 == 1)  # one character over is no byte
    return _as_text(base64.b64decode(body[:whole] + "=" * (-whole % 4)))


_URL_SAFE: Final = str.maketrans("-_", "+/")


def _hexadecimal(run: str) -> str | None:
    digits = run.translate(_HEX_MARKS)
    return _as_text(bytes.fromhex(digits[: len(digits) & ~1]))


_HEX_MARKS: Final = str.maketrans("", "", " :")


def _as_text(raw: bytes) -> str | None:
    if raw[1::2].count(0) == len(raw) // 2:
        raw = raw[::2]  # UTF-16, as PowerShell encodes its commands
    if len(raw) < 4 or raw.translate(None, _PRINTABLE):
        return _as_unicode(raw)
    return raw.decode("ascii")


def _as_unicode(raw: bytes) -> str | None:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return None
    # Random bytes that happen to be UTF-8 are short, or full of control characters.
    return (
        normalise(text).text
        if len(text) >= 8 and all(character.isprintable() or character.isspace() for character in text)
        else None
    )


def _percent(run: str) -> str | None:
    decoded = _replaced(_PERCENT, run, lambda found: bytes.fromhex(found[1:]).decode("latin-1"))
    return _utf8(decoded)


def _entities(run: str) -> str | None:
    decoded = _replaced(_ENTITY, run, html.unescape)
    return normalise(decoded).text if decoded != run else None


def _escapes(run: str) -> str | None:
    decoded = _replaced(_ESCAPE, run, _escaped_character)
    return normalise(decoded).text if decoded != run else None


def _escaped_character(found: str) -> str:
    if found[1] in "xuU":
        code = int(found[2:].strip("{}"), 16)
        return chr(code) if code < 0x110000 else ""
    return chr(int(found[1:], 8)) if found[1].isdigit() else found[1:]


def _literals(run: str) -> str | None:
    # Everything inside quotes, in order; what stands before the first quote stays as the key.
    head = min(index for index in (run.find('"'), run.find("'")) if index >= 0)
    parts = [
        match.group()[1:-1].decode("latin-1") for match in _LITERAL.finditer(run[head:].encode("latin-1", "replace"))
    ]
    return run[:head] + '"' + "".join(parts) + '"'


def _utf8(text: str) -> str:
    try:
        return normalise(text.encode("latin-1").decode("utf-8")).text
    except (UnicodeEncodeError, UnicodeDecodeError):
        return text


def _replaced(pattern: Any, run: str, read: Callable[[str], str]) -> str:
    data, done = run.encode("latin-1", "replace"), 0
    parts: list[str] = []
    for match in pattern.finditer(data):
        parts += (run[done : match.start()], read(run[match.start() : match.end()]))
        done = match.end()
    return "".join((*parts, run[done:]))


# A run goes on to white space, quotes and brackets, and backwards no further than this.
_AROUND: Final = r"""[^\s"'<>(){}\x02\x03%&\\]"""
_BACK: Final = 200
_PERCENT_SIGN: Final = r"%[0-9A-Fa-f]{2}"
_ENTITY_SIGN: Final = r"&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[a-zA-Z]{2,8});"
_ESCAPE_SIGN: Final = r"\\(?:x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|u\{[0-9A-Fa-f]{1,6}\}|U[0-9A-Fa-f]{8}|[0-3][0-7]{2}|/)"
# `"…" + "…"`, `"…" "…"`, `'…' . '…'`, over a line end too.
_PLUS: Final = r"[ \t]{0,4}(?:[+.&]|\.\.|\|\|)?[ \t]{0,4}(?:\\?\r?\n[ \t]{0,80})?(?:[+.&][ \t]{0,4})?"
_QUOTED: Final = r"""(?:"[^"\n]+"|'[^'\n]+')"""
_PERCENT: Final = compile_regex(_PERCENT_SIGN)
_ENTITY: Final = compile_regex(_ENTITY_SIGN)
_ESCAPE: Final = compile_regex(_ESCAPE_SIGN)
_LITERAL: Final = compile_regex(_QUOTED)


def _run_of(sign: str) -> str:
    return rf"{_AROUND}{{0,{_BACK}}}(?:{sign}{_AROUND}*)+"


DECODERS: Final[Sequence[Decoder]] = (
    Decoder("base64", r"[A-Za-z0-9+/_\-]{20}", r"[A-Za-z0-9+/_\-]{20,}={0,2}", (), _base64),
    Decoder("hex", r"(?:[0-9A-Fa-f]{2}[ :]?){12}", r"(?:[0-9A-Fa-f]{2}[ :]?){12,}", (), _hexadecimal),
    Decoder("url", _PERCENT_SIGN, _run_of(_PERCENT_SIGN), ("%",), _percent),
    Decoder("html", _ENTITY_SIGN, _run_of(_ENTITY_SIGN), ("&",), _entities),
    Decoder("escape", _ESCAPE_SIGN, _run_of(_ESCAPE_SIGN), ("\\",), _escapes),
    Decoder(
        "literals",
        r"""["'][ \t]{0,4}[+.&|\\\r\n"']""",
        rf"""[^"'\n]{{0,{_CONTEXT_CHARS}}}{_QUOTED}(?:{_PLUS}{_QUOTED})+""",
        ('"', "'"),
        _literals,
    ),
)
