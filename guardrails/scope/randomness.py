"""How much likelier a text is as random characters than as code or prose, in nats.

A log-likelihood ratio under character trigrams against a uniform choice from the alphabet that the text uses. It grows
with length: a camel-case name of 25 letters lies far below zero, a random token of 24 characters near +60. Shannon
entropy cannot tell the two apart.
"""

import math
import string
from functools import lru_cache
from importlib.resources import files
from operator import getitem
from typing import Final

# Classes of characters: each letter, then digits, then these, then other marks, then what is in no token. Digits are
# one class and marks another, so that the table stays small and learns numbers from few sightings.
_LETTERS: Final = string.ascii_letters
_OWN: Final = "_-+/=."
_MARKS: Final = "".join(mark for mark in string.punctuation if mark not in _OWN + "\"'`")
_DIGIT: Final = len(_LETTERS)
_MARK: Final = _DIGIT + 1 + len(_OWN)
_NONE: Final = _MARK + 1
CLASSES: Final = _NONE + 1
# How many steps of the table make a nat.
UNIT: Final = 16
_CLASS_OF: Final = bytes(
    _DIGIT
    if chr(code) in string.digits
    else _MARK
    if chr(code) in _MARKS
    else max((_LETTERS + "0" + _OWN).find(chr(code)), -1) % 256
    for code in range(256)
).replace(b"\xff", bytes([_NONE]))
_ALPHABETS: Final = (
    (frozenset(string.digits), math.log(10)),
    (frozenset(string.digits + "abcdef"), math.log(16)),
    (frozenset(string.digits + "ABCDEF"), math.log(16)),
    (frozenset(string.digits + string.ascii_lowercase), math.log(36)),
    (frozenset(string.digits + string.ascii_uppercase), math.log(36)),
    (frozenset(string.digits + string.ascii_letters), math.log(62)),
    (frozenset(string.digits + string.ascii_letters + "_-+/="), math.log(64)),
)
# Passwords draw from all of printable ASCII.
_PRINTABLE: Final = math.log(94)
_DIGIT_NATS: Final = math.log(10)
_MARK_NATS: Final = math.log(len(_MARKS))
_BEFORE: Final = bytes([_NONE, _NONE])


def classes_of(text: str) -> bytes:
    """The class of each character: the coordinates of the table."""
    return text.encode("latin-1", "replace").translate(_CLASS_OF)


def randomness(token: str) -> float:
    """Nats by which `token` is likelier random than written. Above +10 chance is the better explanation; below 0 it
    reads as words.
    """
    classes = classes_of(token)
    # Before the token stands something that is in no token: a space, a quote.
    contexts = _BEFORE + classes
    rows = map(getitem, map(_table().__getitem__, contexts), contexts[1:])
    unlikelihood = sum(map(getitem, rows, classes))
    written = unlikelihood / UNIT + classes.count(_DIGIT) * _DIGIT_NATS + classes.count(_MARK) * _MARK_NATS
    return written - len(token) * _nats_a_character(token)


def _nats_a_character(token: str) -> float:
    used = frozenset(token)
    for letters, nats in _ALPHABETS:
        if used <= letters:
            return nats
    return _PRINTABLE


@lru_cache(maxsize=1)
def _table() -> tuple[tuple[bytes, ...], ...]:
    raw = files("guardrails.scope").joinpath("trigrams.bin").read_bytes()
    rows = tuple(raw[start : start + CLASSES] for start in range(0, len(raw), CLASSES))
    return tuple(rows[start : start + CLASSES] for start in range(0, len(rows), CLASSES))
