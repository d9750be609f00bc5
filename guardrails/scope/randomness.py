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
from typing import Final

_SYMBOLS: Final = string.ascii_letters + "0" + "_-+/=."
# All digits are one class, and everything that is in no token is one more: the table stays small and learns numbers
# from few sightings.
_OTHER: Final = len(_SYMBOLS)
CLASSES: Final = _OTHER + 1
_CLASS_OF: Final = {symbol: index for index, symbol in enumerate(_SYMBOLS)} | {
    d: _SYMBOLS.index("0") for d in string.digits
}
_ALPHABETS: Final = (
    (frozenset(string.digits), 10),
    (frozenset(string.digits + "abcdef"), 16),
    (frozenset(string.digits + "ABCDEF"), 16),
    (frozenset(string.digits + string.ascii_lowercase), 36),
    (frozenset(string.digits + string.ascii_uppercase), 36),
    (frozenset(string.digits + string.ascii_letters), 62),
    (frozenset(string.digits + string.ascii_letters + "_-+/="), 64),
)
# Passwords draw from all of printable ASCII.
_PRINTABLE: Final = 94
_DIGIT_NATS: Final = math.log(10)


def class_of(character: str) -> int:
    """The row and column of a character in the bigram table."""
    return _CLASS_OF.get(character, _OTHER)


def randomness(token: str) -> float:
    """Nats by which `token` is likelier random than written. Above +10 chance is the better explanation; below 0 it
    reads as words.
    """
    digits = sum(map(token.count, string.digits))
    classes = [_CLASS_OF.get(character, _OTHER) for character in token]
    table = _table()
    # Before the token stands something that is in no token: a space, a quote.
    written = sum(table[first][second] for first, second in zip([_OTHER, *classes], classes, strict=False)) / 100
    return len(token) * -math.log(_alphabet(token)) - written + digits * _DIGIT_NATS


def _alphabet(token: str) -> int:
    used = frozenset(token)
    return next((size for letters, size in _ALPHABETS if used <= letters), _PRINTABLE)


@lru_cache(maxsize=1)
def _table() -> tuple[tuple[int, ...], ...]:
    rows = json.loads(files("guardrails.scope").joinpath("bigrams.json").read_text(encoding="ascii"))
    return tuple(tuple(row) for row in rows)
