"""Read a text as a person would: full-width, zero-width and look-alike characters as the plain ones they pass for.

NFKC (Unicode Standard Annex 15) character by character, decimal digits of every script, weightless characters dropped,
and letters that look like Latin ones folded to them. The way back to the original characters is kept.
"""

import unicodedata
from array import array
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Final

from guardrails.scope.views import Piece, View

# Letters of other scripts that print like a Latin one in common fonts (after Unicode Technical Standard 39, the
# single letters only).
_LOOK_ALIKE: Final = {
    ord(foreign): latin
    for foreign, latin in zip(
        "асԁеһіјӏорԛѕѵԝхуАВСЕНІЈКМОРЅТХУԚԜαγικνορυχΑΒΕΖΗΙΚΜΝΟΡΤΥΧօոսցհⅼ",
        "acdehijlopqsvwxyABCEHIJKMOPSTXYQWayikvopuxABEZHIKMNOPTYXonugh" + "l",
        strict=True,
    )
}
# Format characters (zero-width, direction, soft hyphen) and combining marks: they sit on or between letters and split
# a word from itself.
_WEIGHTLESS: Final = frozenset({"Cf", "Mn", "Me"})
# Letters by category that print nothing: the Hangul fillers.
_INVISIBLE: Final = frozenset("\u115f\u1160\u3164\uffa0")


# Up to so many different characters each is sought by itself, as quickly as memory is read; more, one by one.
_FEW: Final = 8
_ASCII: Final = bytes(range(128))


def normalise(text: str, parent: View | None = None, *, joined: bool = False) -> View:
    """The view of `text`, which is `parent`'s where there is one, that rules read. Pure ASCII is its own view."""
    if text.isascii():
        return View(text, (), parent, joined)
    changes = {character: plain for character in _unusual(text) if (plain := _plain(character)) != character}
    resized = {character: len(plain) for character, plain in changes.items() if len(plain) != 1}
    changed = _changed(text, changes) if changes else text
    if not resized:
        return View(changed, (), parent, joined)
    moves = Moves(changed, *_moves(text, resized))
    return View(changed, moves, parent, joined, moves.starts)


class Moves:
    """The pieces of a text of which some characters became none or several. Kept in arrays: a hostile text has a piece
    for each of its characters.
    """

    def __init__(self, text: str, starts: "array[int]", sources: "array[int]", same: bytearray) -> None:
        self.starts = starts
        self._text = text
        self._sources = sources
        self._same = same

    def __getitem__(self, index: int) -> Piece:
        start, source = self.starts[index], self._sources[index]
        end = self.starts[index + 1] if index + 1 < len(self.starts) else len(self._text)
        exact = bool(self._same[index])
        return Piece(self._text[start:end], source, source + (end - start if exact else 1), exact)


def _unusual(text: str) -> set[str]:
    """The characters of the text beyond ASCII."""
    return set(text.encode("utf-8", "surrogatepass").translate(None, _ASCII).decode("utf-8", "surrogatepass"))


@lru_cache(maxsize=4096)
def _plain(character: str) -> str:
    """What it reads as: characters that each read as themselves."""
    return "".join(map(_plainest, unicodedata.normalize("NFKC", character)))


def _plainest(character: str) -> str:
    if unicodedata.category(character) in _WEIGHTLESS or character in _INVISIBLE:
        return ""
    decimal = unicodedata.decimal(character, None)
    return character.translate(_LOOK_ALIKE) if decimal is None else str(decimal)


def _changed(text: str, changes: Mapping[str, str]) -> str:
    if len(changes) > _FEW:
        return text.translate({ord(character): plain for character, plain in changes.items()})
    for character, plain in changes.items():
        text = text.replace(character, plain)
    return text


def _moves(text: str, resized: Mapping[str, int]) -> "tuple[array[int], array[int], bytearray]":
    """Where each piece begins in the changed text and in the text, and whether it is the same in both."""
    starts, sources, same = array("Q"), array("Q"), bytearray()

    def add(start: int, source: int, is_same: bool) -> None:
        starts.append(start)
        sources.append(source)
        same.append(is_same)

    start = done = 0
    for place in _places(text, resized):
        if done < place:
            add(start, done, True)
            start += place - done
        # A dropped character leaves no piece; the span around it covers it all the same.
        if length := resized[text[place]]:
            add(start, place, False)
            start += length
        done = place + 1
    if done < len(text):
        add(start, done, True)
    return starts, sources, same


def _places(text: str, characters: Collection[str]) -> Iterable[int]:
    if len(characters) > _FEW:
        return (place for place, character in enumerate(text) if character in characters)
    return sorted(place for character in characters for place in _occurrences(text, character))


def _occurrences(text: str, character: str) -> Iterator[int]:
    place = text.find(character)
    while place >= 0:
        yield place
        place = text.find(character, place + 1)
