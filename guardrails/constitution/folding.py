"""Fold a text to plain Latin letters, so that no look-alike, invisible or decorated letter hides a word. Pure."""

import re
import unicodedata
from collections.abc import Mapping

_FOREIGN = re.compile(r"[^\x00-\x7f]+")
# Unicode names what is a Latin letter in disguise: small capitals, strokes and hooks, squared and regional letters.
_NAMED_LATIN = re.compile(
    r"(?:LATIN (?:SMALL |CAPITAL )?LETTER (?:SMALL CAPITAL |DOTLESS |SCRIPT |LONG |OPEN |TURNED |REVERSED |INSULAR )?"
    r"|(?:NEGATIVE )?(?:SQUARED|CIRCLED) LATIN CAPITAL LETTER |REGIONAL INDICATOR SYMBOL LETTER )([A-Z])(?: WITH .*)?"
)
_INVISIBLE = frozenset("\u115f\u1160\u3164\uffa0\u2800\u17b4\u17b5")
_APOSTROPHES = frozenset("\u2018\u2019\u02bc\u2032")
# Before it is decomposed: a letter in brackets would become a letter between brackets.
_BRACKETED = {first + step: 97 + step for first in (0x249C, 0x1F110) for step in range(26)}
_TAG_BLOCK = range(0xE0020, 0xE007F)  # invisible copies of ASCII: text that a model reads and a person does not see


def fold(text: str, lookalikes: Mapping[int, str]) -> str:
    """Text with foreign letters folded to the Latin ones they pass for. ASCII is left as it is, line breaks are kept."""
    if text.isascii():
        return text
    return _FOREIGN.sub(lambda run: "".join(_fold_letters(run.group(), lookalikes)), text)


def is_invisible(letter: str) -> bool:
    """Marks, format characters and blanks that draw nothing between two letters."""
    return letter in _INVISIBLE or unicodedata.category(letter) in {"Mn", "Me", "Cf"}


def _fold_letters(run: str, lookalikes: Mapping[int, str]) -> list[str]:
    return [_fold_letter(letter, lookalikes) for letter in unicodedata.normalize("NFKD", run.translate(_BRACKETED))]


def _fold_letter(letter: str, lookalikes: Mapping[int, str]) -> str:
    code = ord(letter)
    if code in lookalikes:
        return lookalikes[code]
    if code in _TAG_BLOCK:
        return chr(code - 0xE0000)
    if letter in _APOSTROPHES:
        return "'"
    if is_invisible(letter):
        return ""
    named = _NAMED_LATIN.fullmatch(unicodedata.name(letter, ""))
    return named.group(1).lower() if named else letter
