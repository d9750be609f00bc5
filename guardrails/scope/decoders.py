"""Read what is written twice: base64, hexadecimal, URL and HTML escapes, escapes of string literals, literals in
pieces.

One round of decoding turns a view into a view of everything that was decoded in it, piece by piece; rounds are repeated
to a fixed depth, and the text that they may make is bounded, so that no input costs more than a fixed multiple of its
length.
"""

import html
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final, Protocol, TypeAlias

from guardrails.scope.detectors import compile_regex
from guardrails.scope.encodings import read_base64, read_hexadecimal
from guardrails.scope.normalise import normalise
from guardrails.scope.views import GAP, Piece, View

# Nested twice is seen in the wild; twice more costs nothing where there is nothing.
DEPTH: Final = 4
# A run's readings, each in pieces that follow one another; offsets are those of the run.
Reader: TypeAlias = Callable[[str], Iterator[tuple[Piece, ...]]]

# A joined literal is read with what stands before it: the key that it is assigned to.
_CONTEXT_CHARS: Final = 48


def budget_of(text: str) -> int:
    """How many characters may be decoded from a text, in all rounds: base64 nested twice makes 1.3 times its own
    length.
    """
    return len(text) * 3 // 2 + 64 * 1024


class Decoder:
    """One encoding: what shows that it is there, how far a run of it goes, and what a run says."""

    def __init__(self, label: str, sign: str, run: str, keywords: Sequence[str], read: Reader) -> None:
        self.label = label
        self.sign = sign
        self.keywords = keywords
        self._run: Any = compile_regex(run)
        self._read = read

    def decode(self, view: View) -> Iterator[tuple[Piece, ...]]:
        """What each run says, if it says anything; offsets are those of the view."""
        for match in self._run.finditer(view.data):
            start, end = match.span()
            for reading in self._read(view.text[start:end]):
                yield tuple(
                    replace(piece, start=start + piece.start, end=start + piece.end, label=self.label)
                    for piece in reading
                )


class Decodes(Protocol):
    """A decoder, or one that reads only a part of a view."""

    def decode(self, view: View) -> Iterator[tuple[Piece, ...]]:
        """What each run says, if it says anything; offsets are those of the view."""


def decode(view: View, decoders: Sequence[Decodes], budget: int) -> tuple[View | None, int | None]:
    """One round: what `decoders` read in `view`, or None; and where in the view the budget of characters ended, if it
    did.
    """
    pieces: list[Piece] = []
    stopped: int | None = None
    for reading in (reading for decoder in decoders for reading in decoder.decode(view)):
        budget -= sum(len(piece.text) for piece in reading)
        if budget < 0:
            stopped = reading[0].start
            break
        pieces += (*reading, Piece(GAP, reading[-1].start, reading[-1].end, label=reading[-1].label))
    return (View.of_pieces(pieces, view) if pieces else None), stopped


def _whole(read: Callable[[str], str]) -> Reader:
    """A reader of runs that always say something, of which only all can be told apart."""

    def read_run(run: str) -> Iterator[tuple[Piece, ...]]:
        yield (Piece(normalise(read(run)).text, 0, len(run)),)

    return read_run


def _percent(run: str) -> str:
    decoded = _replaced(_PERCENT, run, lambda found: bytes.fromhex(found[1:]).decode("latin-1"))
    try:
        return decoded.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return decoded


def _entities(run: str) -> str:
    return _replaced(_ENTITY, run, html.unescape)


def _escapes(run: str) -> str:
    return _replaced(_ESCAPE, run, _escaped_character)


def _escaped_character(found: str) -> str:
    if found[1] in "xuU":
        code = int(found[2:].strip("{}"), 16)
        return chr(code) if code < 0x110000 else ""
    return chr(int(found[1:], 8)) if found[1].isdigit() else found[1:]


def _literals(run: str) -> Iterator[tuple[Piece, ...]]:
    # Everything inside quotes, in order; what stands before the first quote stays as it is, for its key.
    head = min(index for index in (run.find('"'), run.find("'")) if index >= 0)
    parts = [
        run[head + match.start() + 1 : head + match.end() - 1]
        for match in _LITERAL.finditer(run[head:].encode("latin-1", "replace"))
    ]
    yield Piece(run[:head], 0, head, exact=True), Piece('"' + "".join(parts) + '"', head, len(run))


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


# Base64 of plain ASCII, wherever in it a reader begins to count: of four characters the first three each have one bit
# clear. Names and paths hardly ever have four such groups in a row; only a run that has them is decoded.
_BASE64_SIGN: Final = r"(?:[A-Za-f][A-HQ-Xg-nw-z0-3][ABEFIJMNQRUVYZcdghklopstwx014589][A-Za-z0-9+/_\-]){4}"
_BASE64: Final = r"[A-Za-z0-9+/_\-]"
# Hexadecimal of plain ASCII, in one or two bytes a character: no pair begins with 1 or with 8 and more.
_PAIR: Final = "[0-9A-Fa-f]{2}[ :]?"
_HEX_SIGN: Final = "(?:[02-7][0-9A-Fa-f][ :]?){12}"
# What joins two pieces of a token, and not two phrases.
_JOINT: Final = (
    r"(?:[ \t]{1,8}|[ \t]{0,4}(?:[+.&]|\.\.|\|\|)[ \t]{0,4}(?:\\?\r?\n[ \t]{0,80})?"
    r"|[ \t]{0,8}\\?\r?\n[ \t]{0,80}(?:[+.&][ \t]{0,4})?)?"
)
_PIECE: Final = r"[A-Za-z0-9+/_=\-]"


def _run_of(sign: str) -> str:
    return rf"{_AROUND}{{0,{_BACK}}}(?:{sign}{_AROUND}*)+"


DECODERS: Final[Sequence[Decoder]] = (
    Decoder("base64", _BASE64_SIGN, rf"{_BASE64}*{_BASE64_SIGN}{_BASE64}*={{0,2}}", (), read_base64),
    Decoder("hex", _HEX_SIGN, rf"(?:{_PAIR})*{_HEX_SIGN}(?:{_PAIR})*", (), read_hexadecimal),
    Decoder("url", _PERCENT_SIGN, _run_of(_PERCENT_SIGN), ("%",), _whole(_percent)),
    Decoder("html", _ENTITY_SIGN, _run_of(_ENTITY_SIGN), ("&",), _whole(_entities)),
    Decoder("escape", _ESCAPE_SIGN, _run_of(_ESCAPE_SIGN), ("\\",), _whole(_escapes)),
    Decoder(
        "literals",
        rf"""{_PIECE}["']{_JOINT}["']{_PIECE}""",
        rf"""[^"'\n]{{0,{_CONTEXT_CHARS}}}{_QUOTED}(?:{_PLUS}{_QUOTED})+""",
        ('"', "'"),
        _literals,
    ),
)
