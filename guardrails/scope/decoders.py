"""Read what is written twice: base64, base32, hexadecimal, character codes, escapes, literals in pieces.

One round of decoding turns a view into a view of everything that was decoded in it, piece by piece; rounds are repeated
to a fixed depth, and the text that they may make is bounded, so that no input costs more than a fixed multiple of its
length.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final, Protocol, TypeAlias

from guardrails.scope.contexts import key_before
from guardrails.scope.detectors import compile_regex
from guardrails.scope.encodings import (
    read_ascii85,
    read_base32,
    read_base64,
    read_codes,
    read_hexadecimal,
    read_packed,
)
from guardrails.scope.escapes import Escapes
from guardrails.scope.literals import Literals
from guardrails.scope.mail_words import WORD_SIGN, WORDS, read_mail_words
from guardrails.scope.signs import RUN, Sign
from guardrails.scope.tables import Tables
from guardrails.scope.typed import Typed
from guardrails.scope.views import GAP, Piece, View

# Nested twice is seen in the wild; twice more costs nothing where there is nothing.
DEPTH: Final = 4
# A run's readings, each in pieces that follow one another; offsets are those of the run.
Reader: TypeAlias = Callable[[str], Iterator[tuple[Piece, ...]]]


def budget_of(text: str) -> int:
    """How many characters may be decoded from a text, in all rounds: base64 nested twice makes 1.3 times its own
    length, and compressed text a multiple of it.
    """
    return len(text) * 3 // 2 + 256 * 1024


class Decoder:
    """One encoding: what shows that it is there, how far a run of it goes, and what a run says."""

    def __init__(self, label: str, sign: Sign, run: str, read: Reader) -> None:
        self.label = label
        self.sign = sign
        self._run: Any = compile_regex(run)
        self._read = read

    def decode(self, view: View) -> Iterator[tuple[Piece, ...]]:
        """What each run says, if it says anything, with what it is assigned to; offsets are those of the view."""
        for match in self._run.finditer(view.data):
            start, end = match.span()
            for reading in self._read(view.text[start:end]):
                said = tuple(
                    replace(piece, start=start + piece.start, end=start + piece.end, label=self.label)
                    for piece in reading
                )
                yield (*key_before(view, start), *said, Piece('"', end - 1, end, label=self.label))


class DecodesViews(Protocol):
    """A decoder, as far as it matters to a round of decoding."""

    def decode(self, view: View) -> Iterator[tuple[Piece, ...]]:
        """What each run says, if it says anything; offsets are those of the view."""


class KnownDecoder(DecodesViews, Protocol):
    """A decoder that the prefilter can name."""

    @property
    def label(self) -> str:
        """What it is called in `Finding.decoded_from`."""

    @property
    def sign(self) -> Sign:
        """What is there wherever it reads something."""


def decode(view: View, decoders: Sequence[DecodesViews], budget: int) -> tuple[View | None, int | None]:
    """One round: what `decoders` read in `view`, or None; and where in the view the budget of characters ended, if it
    did.
    """
    pieces: list[Piece] = []
    stopped: int | None = None
    for reading in (reading for decoder in decoders for reading in decoder.decode(view)):
        budget -= sum(len(piece.text) for piece in reading)
        if budget < 0:
            stopped = reading[-1].start
            break
        pieces += (*reading, Piece(GAP, reading[-1].start, reading[-1].end, label=reading[-1].label))
    return (View.of_pieces(pieces, view) if pieces else None), stopped


# Base64 of plain ASCII, wherever in it a reader begins to count: of four characters the first three each have one bit
# clear. Names and paths hardly ever have four such groups in a row; only a run that has them is decoded.
_BASE64_SIGN: Final = r"(?:[A-Za-f][A-HQ-Xg-nw-z0-3][ABEFIJMNQRUVYZcdghklopstwx014589][A-Za-z0-9+/]){4}"
_BASE64: Final = r"[A-Za-z0-9+/_\-]"
# Its lines go on in lines as long, with what quotes and indents them; the last may be shorter.
_NEXT_LINE: Final = r"(?:\\r)?(?:\\n|\r?\n)[ \t>#*]{0,40}"
_LINES: Final = rf"(?:{_NEXT_LINE}{_BASE64}{{40,}})*(?:{_NEXT_LINE}{_BASE64}+)?"
# The heads of gzip and zlib in base64.
_PACKED: Final = rf"(?:H4sI|eJ[wxyz]|eN[opqr]|eA[EFGH]){_BASE64}{{20,}}"
# Base32 of plain ASCII: of eight characters five have one bit clear.
_BASE32_SIGN: Final = "(?:[A-P][ABEFIJMNQRUVYZ45][A-Z2-7][A-HQ-X][ACEGIKMOQSUWY246][A-Z2-7][A-DI-LQ-TYZ23][A-Z2-7]){3}"
# Hexadecimal of plain ASCII, in one or two bytes a character: no pair begins with 1 or with 8 and more.
_PAIR: Final = r"[0-9A-Fa-f]{2}[ :\-]?"
_HEX_SIGN: Final = r"(?:[02-7][0-9A-Fa-f][ :\-]?){12}"
# Numbers that are letters, in a list or as arguments of a call each.
_CODE: Final = r"(?:0[xX][2-7][0-9A-Fa-f]|3[2-9]|[4-9][0-9]|1[01][0-9]|12[0-6])"
_NEXT_CODE: Final = (
    r"(?:[ \t]{0,2}[,;][ \t]{0,2}(?:\r?\n[ \t]{0,40})?|[ \t]|\)[ \t]{0,2}[+.&|,]{1,2}[ \t]{0,2}[A-Za-z.]{3,20}\()"
)
_CODES_SIGN: Final = rf"(?:{_CODE}{_NEXT_CODE}){{11}}{_CODE}"


DECODERS: Final[Sequence[KnownDecoder]] = (
    Decoder(
        "base64",
        Sign((_BASE64_SIGN,), needs=RUN),
        rf"{_BASE64}*{_BASE64_SIGN}{_BASE64}*(?:={{1,2}}|{_LINES}={{0,2}})",
        read_base64,
    ),
    Decoder("base64", Sign((_PACKED,)), rf"{_PACKED}{_LINES}={{0,2}}", read_packed),
    Decoder("base32", Sign((_BASE32_SIGN,), needs=RUN), rf"[A-Z2-7]*{_BASE32_SIGN}[A-Z2-7]*={{0,6}}", read_base32),
    Decoder("hex", Sign((_HEX_SIGN,)), rf"(?:{_PAIR})*{_HEX_SIGN}(?:{_PAIR})*", read_hexadecimal),
    Decoder(
        "codes", Sign((_CODES_SIGN,)), rf"(?:{_CODE}{_NEXT_CODE})*{_CODES_SIGN}(?:{_NEXT_CODE}{_CODE})*", read_codes
    ),
    Decoder("mail-words", Sign((WORD_SIGN,), ("=?",)), WORDS, read_mail_words),
    Decoder("ascii85", Sign(("<~[!-u]{15}",), ("<~",)), r"<~[!-uz\s]{15,}~>", read_ascii85),
    Escapes(),
    Literals(),
    Tables(),
    Typed(),
)
