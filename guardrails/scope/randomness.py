"""How much likelier a text is as random characters than as code or prose, in nats.

A log-likelihood ratio under character bigrams against a uniform choice from the alphabet that the text uses. It grows
with length: a camel-case name of 25 letters lies far below zero, a random token of 24 characters near +65. Shannon
entropy cannot tell the two apart.
"""

import json
import math
import string
from functools import lru_cache
from importlib.resources import files
from operator import getitem
from typing import Final

_SYMBOLS: Final = string.ascii_letters + "0" + "_-+/=."
# All digits are one class, and everything that is in no token is one more: the table stays small and learns numbers
# from few sightings.
_OTHER: Final = len(_SYMBOLS)
CLASSES: Final = _OTHER + 1
_CLASS_OF: Final = {symbol: index for index, symbol in enumerate(_SYMBOLS)} | {
    d: _SYMBOLS.index("0") for d in string.digits
}
# By byte of a text in Latin-1; what is beyond it is in no token.
_CLASSES: Final = bytes(_CLASS_OF.get(chr(byte), _OTHER) for byte in range(256))
_BEFORE: Final = bytes([_OTHER])
_DIGIT: Final = _SYMBOLS.index("0")
_ALPHABETS: Final = tuple(
    (letters.encode("ascii"), math.log(len(letters)))
    for letters in (
        string.digits,
        string.digits + "abcdef",
        string.digits + "ABCDEF",
        string.digits + string.ascii_lowercase,
        string.digits + string.ascii_uppercase,
        string.digits + string.ascii_letters,
    )
)
# Base64 and base64url are two alphabets of 64, and one text keeps to one of them.
_BASE64: Final = (string.digits + string.ascii_letters + "_-+/=").encode("ascii")
_BASE64_NATS: Final = math.log(64)
# Passwords draw from all of printable ASCII.
_PRINTABLE_NATS: Final = math.log(94)
_DIGIT_NATS: Final = math.log(10)


def class_of(character: str) -> int:
    """The row and column of a character in the bigram table."""
    return _CLASS_OF.get(character, _OTHER)


def randomness(token: str) -> float:
    """Nats by which `token` is likelier random than written. Above +10 chance is the better explanation; below 0 it
    reads as words.
    """
    raw = token.encode("latin-1", "replace")
    classes = raw.translate(_CLASSES)
    # Before the token stands something that is in no token: a space, a quote. No loop of Python's own: this is asked
    # of every run that looks like a token.
    written = sum(map(getitem, map(_table().__getitem__, _BEFORE + classes), classes)) / 100
    return classes.count(_DIGIT) * _DIGIT_NATS - len(raw) * _nats_of_alphabet(raw) - written


def _nats_of_alphabet(raw: bytes) -> float:
    for letters, nats in _ALPHABETS:
        if not raw.translate(None, letters):
            return nats
    return _PRINTABLE_NATS if raw.translate(None, _BASE64) else _BASE64_NATS


@lru_cache(maxsize=1)
def _table() -> tuple[tuple[int, ...], ...]:
    rows = json.loads(files("guardrails.scope").joinpath("bigrams.json").read_text(encoding="ascii"))
    return tuple(tuple(row) for row in rows)
