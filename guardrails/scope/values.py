"""Whether a value keeps its key's promise: how sure one is that it is a secret, and not a name, a word or code.

A token is random. A password need not be: it is anything that people choose, and not what they write in its place.
"""

import math
import string
from typing import Final, Literal, TypeAlias

from guardrails.scope.key_names import Strength
from guardrails.scope.placeholders import is_expression, is_like_reference, is_placeholder, is_reference, is_sealed
from guardrails.scope.randomness import randomness
from guardrails.scope.words import words

# quoted: a literal. set: the rest of a line of configuration. code: what stands unquoted in code, prose, commands.
# called: in brackets after its key, where code has arguments.
Place: TypeAlias = Literal["quoted", "set", "code", "called"]

_LEAST_CHARS: Final = 5
# By a key's strength: least nats and characters of a token, and how sure the least token is.
_TOKENS: Final = {"secret": (14.0, 10, 0.65), "likely": (20.0, 16, 0.62), "weak": (40.0, 20, 0.36)}
# Unquoted, a token has to be this much surer: it may be a name.
_MORE_NATS: Final = 8.0
_MORE_CHARS: Final = 4
# Letters alone are more often a name than a token.
_WITHOUT_DIGIT: Final = 12.0
# So random no code or reference is.
_BEYOND_CODE: Final = 36.0
# Letters alone that read as no word of any language.
_LEAST_WORDLESS: Final = 10.0
# A random password of eight characters; arguments of a call, words and versions are below.
_LEAST_CALLED: Final = 20.0
_UUID_CHARS: Final = 36
_HEX: Final = frozenset("0123456789abcdefABCDEF-")
_NAME_MARKS: Final = str.maketrans(dict.fromkeys("_-.:/\\ ,;!?'\"()[]{}<>*", " "))
_DIGITS_APART: Final = str.maketrans(dict.fromkeys(string.digits, " "))
# Words and digits that name a technique, not a password.
_TECHNIQUES: Final = (
    "sha", "md", "utf", "base", "oauth", "ipv", "int", "uint", "float", "aes", "rsa", "des", "x", "http", "ec", "p",
    "latin", "iso", "win", "cp", "v", "level", "step", "argon", "bcrypt", "scrypt", "pbkdf", "ed", "es", "hs", "rs", "ps", "crypt", "url", "mb", "z", "t", "alpha", "beta", "rc", "gb", "ms",
)  # fmt: skip
_PHRASE_WORDS: Final = 3
_PHRASE_WORD_CHARS: Final = 3
# Kana, and the ideographs after it.
_UNSPACED: Final = ("\u3040", "\u9fff")
_PROSE_LETTERS: Final = 4


def confidence_of(value: str, strength: Strength, place: Place) -> float:
    """How sure it is that `value`, under a key of this strength, is a secret: 0.0 is *no*. Not for empty values."""
    if len(value) < _LEAST_CHARS or value.isspace() or is_placeholder(value) or _is_unspaced_prose(value):
        return 0.0
    nats = randomness(value)
    if _is_elsewhere(value, place, nats):
        return 0.0
    if place == "called" and (nats < _LEAST_CALLED or value.isalpha()):
        return 0.0
    if strength == "password":
        return _password(value, nats, place)
    return _token(value, nats, strength, place)


def _is_unspaced_prose(value: str) -> bool:
    first, last = _UNSPACED
    # What a form says of a password in a script that is written without spaces: four such letters are two words.
    return not value.isascii() and sum(first <= character <= last for character in value) >= _PROSE_LETTERS


def _is_elsewhere(value: str, place: Place, nats: float) -> bool:
    if is_reference(value) or is_sealed(value):
        return True
    return nats < _BEYOND_CODE and (is_like_reference(value) or (place != "quoted" and is_expression(value)))


def _token(value: str, nats: float, strength: Strength, place: Place) -> float:
    least_nats, least_chars, sureness = _TOKENS[strength]
    if place in {"code", "called"}:
        least_nats, least_chars = least_nats + _MORE_NATS, least_chars + _MORE_CHARS
    if not any(map(str.isdigit, value)):
        least_nats += _WITHOUT_DIGIT
    if " " in value or len(value) < least_chars or value.isdigit():
        return 0.0
    if nats < least_nats and not _is_uuid(value):
        return 0.0
    if strength == "weak" and _HEX.issuperset(value):
        return 0.0  # a digest is a digest there; under `secret` it is a secret in hexadecimal
    return _surer(nats, sureness)


def _is_uuid(value: str) -> bool:
    return len(value) == _UUID_CHARS and _HEX.issuperset(value) and value.count("-") == 4


def _password(value: str, nats: float, place: Place) -> float:
    if " " in value:
        return 0.6 if place == "quoted" and _is_phrase(value.split(" ")) else 0.0
    digits = sum(map(value.count, string.digits))
    if digits == len(value):
        return 0.0
    if _is_name(value, digits, nats):
        return 0.0
    if place == "code" and nats < _MORE_NATS and not _has_marks(value) and digits < 2:
        return 0.0  # `x = value2`
    if place == "code" and value.islower() and value.isalpha():
        return 0.0  # `x = valstr`
    return _surer(nats, 0.7 if place == "quoted" else 0.6)


def _is_name(value: str, digits: int, nats: float) -> bool:
    """Whether it reads as a name or label, of code or of a person's screen, and not as what somebody chose."""
    lower = value.lower()
    if lower in words("weak-passwords"):
        return False
    parts = lower.translate(_NAME_MARKS).split()
    known = sum(all(map(_is_known, part.translate(_DIGITS_APART).split())) for part in parts)
    if known == len(parts):
        return not (_has_marks(value) and digits)
    if digits:
        return False
    if _has_marks(value):
        return value[-1] in ":?.…" or value[0] == "*"
    if len(parts) >= _PHRASE_WORDS and not known:
        return False
    return nats < _LEAST_WORDLESS


def _is_known(part: str) -> bool:
    return part in words("name-words") or part in _TECHNIQUES


def _is_phrase(parts: list[str]) -> bool:
    """Words put together by chance: none of those that make up a sentence or a label."""
    return (
        len(parts) > _PHRASE_WORDS
        and all(len(part) >= _PHRASE_WORD_CHARS and part.isalnum() for part in parts)
        and words("name-words").isdisjoint(part.lower() for part in parts)
        and ("".join(parts).islower() or all(part.istitle() for part in parts))
    )


def _has_marks(value: str) -> bool:
    return any(not (character.isalnum() or character in "_-. /:,") for character in value)


def _surer(nats: float, least: float) -> float:
    return round(min(0.95, least + 0.25 * (1 - math.exp(-max(nats, 0.0) / 50))), 2)
