"""A text as it reads after normalising, unwrapping or decoding, that still knows where each of its characters came
from.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Final, Protocol

# Between pieces that are no neighbours in the source: in no token, and the end of a line.
GAP: Final = "\x03\n"
# The label of plain text that only goes with what was decoded beside it: its key.
CONTEXT: Final = ""


@dataclass(frozen=True, slots=True)
class Piece:
    """`text`, which reads instead of source[start:end].

    exact: character for character as long as the source; otherwise any part of it stands for all of source[start:end].
    label: the decoder that read it, None where nothing was decoded, CONTEXT beside it.
    """

    text: str
    start: int
    end: int
    exact: bool = False
    label: str | None = None


def as_letters(text: str) -> bytes:
    """One byte a character, Latin-1 as it is: a letter of any other script is some byte from 0x80 on, always the same one."""
    foreign = (character for character in set(text) if character > "\xff" and character.isalpha())
    return text.translate({ord(letter): letter_byte(letter) for letter in foreign}).encode("latin-1", "replace")


def letter_byte(character: str) -> int:
    """The byte for a character beyond ASCII."""
    return 0x80 | ord(character) & 0x7F


class Pieces(Protocol):
    """What a text was put together from, in order."""

    def __getitem__(self, index: int, /) -> Piece:
        """One of them."""


@dataclass(frozen=True)
class View:
    """A text and its way back. Without pieces it is its source, character for character.

    joined: its lines or items were put together on a suspicion, so that only rules with a shape of their own may speak.
    starts: where in the text each piece begins.
    """

    text: str
    pieces: Pieces = ()
    parent: "View | None" = None
    joined: bool = False
    starts: Sequence[int] = ()

    @classmethod
    def of_pieces(cls, pieces: Sequence[Piece], parent: "View | None" = None, *, joined: bool = False) -> "View":
        """The view that reads as the pieces one after another."""
        ends = accumulate(len(piece.text) for piece in pieces)
        return cls("".join(piece.text for piece in pieces), pieces, parent, joined, [0, *ends][:-1])

    @cached_property
    def data(self) -> bytes:
        """One byte a character, so that an engine's offsets are characters. Beyond Latin-1 every character is `?`:
        none is in a token.
        """
        return self.text.encode("latin-1", "replace")

    @cached_property
    def letters(self) -> bytes:
        """The same, but that a letter beyond Latin-1 is some byte from 0x80 on: enough to seek a word by."""
        return self.data if self.data.decode("latin-1") == self.text else as_letters(self.text)

    @property
    def is_source(self) -> bool:
        """Whether its offsets are those of what was handed in."""
        return self.parent is None and not self.starts

    def part(self, start: int, end: int) -> "View":
        """A view of text[start:end] alone; itself where that is all of it."""
        if start == 0 and end == len(self.text):
            return self
        return View.of_pieces((Piece(self.text[start:end], start, end, exact=True),), self, joined=self.joined)

    def source_span(self, start: int, end: int) -> tuple[int, int, str | None]:
        """Where text[start:end], not empty, stood in what was handed in, and what it was decoded from on the way."""
        label = None
        if self.starts:
            first, last = self._piece_at(start), self._piece_at(end - 1)
            offset = start - self.starts[first] if self.pieces[first].exact else 0
            label = self.pieces[first].label or self.pieces[last].label
            tail = end - self.starts[last]
            start = self.pieces[first].start + offset
            end = self.pieces[last].start + tail if self.pieces[last].exact else self.pieces[last].end
        if self.parent is None:
            return start, end, label
        start, end, outer = self.parent.source_span(start, end)
        return start, end, ">".join(filter(None, (outer, label))) or None

    def is_context(self, start: int, end: int) -> bool:
        """Whether text[start:end] is plain text that only goes with what was decoded: it was seen where it stands."""
        if not self.starts or self.parent is None:
            return False
        first, last = self._piece_at(start), self._piece_at(end - 1)
        if self.pieces[first].label is not None:
            return self.pieces[first].label == self.pieces[last].label == CONTEXT
        # Of a part of a view all of that is asked.
        shift = self.pieces[first].start - self.starts[first]
        return first == last and self.parent.is_context(start + shift, end + shift)

    def _piece_at(self, position: int) -> int:
        return bisect_right(self.starts, position) - 1
