"""What the name of a key promises of its value: a password, a token, perhaps a secret, or nothing.

A name is read word by word in any spelling: `dbPassword`, `DB_PASSWORD`, `db.password`, `dbpassword`. A word after the
secret's own may take the promise back: a password's hash, length or field is no password.
"""

import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final, Literal, TypeAlias

from guardrails.scope.normalise import normalise
from guardrails.scope.words import words

# likely: a key of something that has a name (`mailgun_key`). weak: a key of whatever, a session, a signature.
Strength: TypeAlias = Literal["password", "secret", "likely", "weak"]

_MARKS: Final = frozenset("_-.")
# Names come back over and over, and a text brings few new ones.
_REMEMBERED: Final = 4096
# How words that are run together end: `PGPASSWORD`, `zugangstoken`.
_PASSWORD_ENDINGS: Final = (
    "password",
    "passwd",
    "passwort",
    "passphrase",
    "passcode",
    "kennwort",
    "pwd",
    "pass",
    "psw",
)
_SECRET_ENDINGS: Final = ("secret", "token")
# From here on scripts write words without any mark between them.
_FIRST_UNSPACED: Final = "\u2e80"
# Before it no script writes vowels beside its letters that are no letters themselves.
_FIRST_ABUGIDA: Final = "\u0900"
_SHORT_STEM: Final = 3
_KEY: Final = "key"


@lru_cache(maxsize=_REMEMBERED)
def strength_of(name: str) -> Strength | None:
    """What a key of this name holds, or None. Case tells where words begin: the name as it is written."""
    promised: Strength | None = None
    parts = ("", *_parts(name), "")
    for before, part, after in zip(parts, parts[1:], parts[2:], strict=False):
        role = "password" if f"{before}_{part}" in _folded("key-phrases") else _role(part, before, after)
        if role is not None and promised in {None, "weak"}:
            promised = role
        elif role is not None:
            promised = role if role in {"password", "secret"} else promised
        elif part in words("key-about"):
            promised = None
    return promised if words("key-otherwise").isdisjoint(parts) else None


def key_words() -> tuple[str, ...]:
    """Texts, lower case, of which any name that promises something has at least one in it."""
    lists = ("key-passwords", "key-secrets", "key-keys", "key-weak")
    known = {word for name in lists for word in _folded(name)} | {"pass", "pwd", "psw"}
    unknown = {phrase for phrase in _folded("key-phrases") if not any(word in phrase for word in known)}
    return tuple(sorted(known | {_last_word(phrase) for phrase in unknown}))


def ends_phrase(name: str) -> bool:
    """Whether the name is the last word of one that has two."""
    return name.lower() in _phrase_ends()


def is_letter(character: str) -> bool:
    """Whether names may have it in their words, in any script."""
    return character.isalpha() or (character >= _FIRST_ABUGIDA and unicodedata.category(character) == "Mc")


def stems(spellings: Iterable[str]) -> tuple[str, ...]:
    """Those that no other one is a part of: what finds them finds all."""
    every = frozenset(spellings)
    parts = frozenset(one for one in every if not is_short(one))
    return tuple(sorted(one for one in every if not any(part in one for part in parts if part != one)))


def is_short(stem: str) -> bool:
    """Whether longer words may begin with it that mean something else: two characters of an eastern script are a word."""
    return len(stem) <= _SHORT_STEM and stem.isalpha() and stem != _KEY and max(stem) <= "\xff"


def _role(part: str, before: str, after: str) -> Strength | None:
    if part in _folded("key-passwords") or _ends_as(part, _PASSWORD_ENDINGS + _unspaced("key-passwords")):
        return "password"
    if part == "auth" and before in words("key-servers"):
        return "password"
    if part in _folded("key-secrets") or _ends_as(part, _SECRET_ENDINGS + _unspaced("key-secrets")):
        return "secret"
    if part in _folded("key-keys"):
        if before in words("key-owners") or after in words("key-owners"):
            return "secret"
        return "likely" if before else "weak"
    if _ends_as(part, (_KEY,)):
        return "secret" if part.removesuffix(_KEY) in words("key-owners") else "likely"
    if part in {"cookie", "session"} and before:
        return "likely"
    return "weak" if part in _folded("key-weak") or _ends_as(part, ("cookie", "webhook")) else None


def _ends_as(part: str, endings: tuple[str, ...]) -> bool:
    return part.endswith(endings) and part not in words("key-otherwise")


def _parts(name: str) -> Iterator[str]:
    """The words of a name, in lower case."""
    start = 0
    for index in range(1, len(name) + 1):
        if index < len(name) and not _is_border(name, index):
            continue
        part = name[start:index].lower()
        start = index
        if all(map(is_letter, part)):
            yield part


def _is_border(name: str, index: int) -> bool:
    before, here = name[index - 1], name[index]
    if before in _MARKS or here in _MARKS or before.isdigit() != here.isdigit():
        return True
    if (before < _FIRST_UNSPACED) != (here < _FIRST_UNSPACED):
        return True
    if not here.isupper():
        return False
    return before.islower() or name[index + 1 : index + 2].islower()


@lru_cache(maxsize=8)
def _folded(name: str) -> frozenset[str]:
    # As a name reads once its text is normalised: look-alike letters are folded there.
    return frozenset(normalise(word).text.lower() for word in words(name))


@lru_cache(maxsize=1)
def _phrase_ends() -> frozenset[str]:
    return frozenset(map(_last_word, _folded("key-phrases")))


def _last_word(phrase: str) -> str:
    return phrase.rpartition("_")[2]


@lru_cache(maxsize=8)
def _unspaced(name: str) -> tuple[str, ...]:
    return tuple(word for word in _folded(name) if word[0] >= _FIRST_UNSPACED)
