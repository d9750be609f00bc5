"""Read a text as a person would: full-width, zero-width and look-alike characters as the plain ones they pass for.

NFKC (Unicode Standard Annex 15) character by character, decimal digits of every script, weightless characters dropped,
and letters that look like Latin ones folded to them. The way back to the original characters is kept.
"""

import unicodedata
from collections.abc import Iterator
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


def normalise(text: str, parent: View | None = None, *, joined: bool = False) -> View:
    """The view of `text`, which is `parent`'s where there is one, that rules read. Pure ASCII is its own view."""
    if text.isascii():
        return View(text, (), parent, joined)
    changes = {character: plain for character in set(text) if (plain := _plain(character)) != character}
    if all(len(plain) == 1 for plain in changes.values()):
        return View(text.translate({ord(character): plain for character, plain in changes.items()}), (), parent, joined)
    return View.of_pieces(list(_pieces(text, changes)), parent, joined=joined)


def _plain(character: str) -> str:
    if character.isascii():
        return character
    if unicodedata.category(character) in _WEIGHTLESS or character in _INVISIBLE:
        return ""
    if unicodedata.decimal(character, None) is not None:
        return str(unicodedata.decimal(character))
    return unicodedata.normalize("NFKC", character).translate(_LOOK_ALIKE)


def _pieces(text: str, changes: dict[str, str]) -> Iterator[Piece]:
    done = 0
    for position, character in enumerate(text):
        if (plain := changes.get(character)) is None:
            continue
        if done < position:
            yield Piece(text[done:position], done, position, exact=True)
        # A dropped character leaves no piece; the span around it covers it all the same.
        if plain:
            yield Piece(plain, position, position + 1)
        done = position + 1
    if done < len(text):
        yield Piece(text[done:], done, len(text), exact=True)
