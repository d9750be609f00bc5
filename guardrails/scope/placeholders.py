"""Values that stand where a secret would, and are none: placeholders, and references to where the secret is kept."""

import hashlib
from functools import lru_cache
from typing import Any, Final

import re2

from guardrails.scope.randomness import randomness
from guardrails.scope.words import words

# Long enough that chance does not write them into a random token.
_UNMISTAKABLE: Final = (
    "example", "changeme", "change_me", "change-me", "placeholder", "redacted", "*****", "....", "<your", "replace_",
    "replace-", "insert_", "insert-", "notreal", "not-real", "not_a_real", "notasecret", "1234567890", "0123456789",
    "abcdefghij", "abcdef1234", "deadbeefdead",
)  # fmt: skip
# Short enough that a token may hold one: it is for show where the rest of it is written too.
_MISTAKABLE: Final = ("foobar", "dummy", "xxxxx", "your_", "your-", "mock", "fake")
_REAL_NATS: Final = 40.0
_DIGEST_CHARS: Final = 12
# How people show no more than the head of a secret.
_CUT_SHORT: Final = ("...", "***")
# Words that give a weaker value away where they begin it, or are a part of their own.
_BEGINS: Final = (
    "your",
    "my_",
    "my-",
    "enter",
    "insert",
    "replace",
    "sample",
    "fake",
    "mock",
    "todo",
    "some",
    "xxx",
    "***",
    "...",
)
_PARTS: Final = frozenset(
    {
        "your",
        "here",
        "sample",
        "fake",
        "mock",
        "todo",
        "fixme",
        "tbd",
        "invalid",
        "wrong",
        "hidden",
        "masked",
        "removed",
    }
    | {"none", "null", "undefined", "default", "public", "xxx", "example", "test"}
    # "Your" and "here" in other languages.
    | {"sua", "tua", "votre", "ihre", "dein", "deine", "twoje", "jouw", "vashe", "ваш", "твой"}
    | {"aqui", "aquí", "ici", "hier", "tutaj", "zde", "buraya", "здесь", "тут"}
)
# Below it no key wraps what is sealed with it.
_SEALED_CHARS: Final = 300
# Random hexadecimal of any length uses all sixteen of its characters: fewer different ones were typed.
_MONOTONE_LETTERS: Final = 8
_SPLIT: Final = str.maketrans(dict.fromkeys("_-.<>[](){}:/ ", " "))
# What points to a secret kept elsewhere, or is computed: never the secret.
_REFERENCE: Final = (
    r"(?i)^(?:[$#@%]?\{|\$\(|\$[a-z_][a-z0-9_]*$|\$env:|%[a-z_][a-z0-9_]*%|<[^<>]*>?$|!(?:secret|ref|sub|env)|env[:.(]|op://|"
    r"vault:|ref\+|arn:aws|ocid1\.|crn:v|projects/|file:|[a-z][a-z0-9+\-]{1,24}://|git@|data:|"
    r"[a-z0-9_\-]+(?:/[a-z0-9_\-]+)+#[a-z_]+$|process\.env|secretkeyref|valuefrom|base64$|"
    r"(?:sha\d{1,3}|md5)[:\-]|enc[\[(]|\{cipher\}|[a-z0-9.\-]+:[0-9]{2,5}$)"
)
# The same, but by a beginning that a random value may have too.
_LIKE_REFERENCE: Final = (
    r"(?i)^(?:\\?\$[a-z_(]|%[a-z_(]|<|\[|\(|\.{0,2}/|~/|@[a-z]|os\.|sys\.|getenv|secrets?\.|settings\.|config\.|self\.|this\.|"
    r"var\.|local\.|params?\.|args?\.|options?\.|request\.|context\.|steps\.|github\.|inputs\.|kubernetes|azurerm|data\.|"
    r"module\.)|[$#]\{|\{\{|%[sdr](?:[^a-z0-9]|$)|%\(|\{[a-z_0-9.]*\}|<[a-z/][^<>]*>"
)
# Code where a value was looked for: a call, an index, an attribute, an arrow, a type.
_EXPRESSION: Final = (
    r"^(?:[A-Za-z_][A-Za-z0-9_]*(?:(?:\.|->|::|\?\.)[A-Za-z_][A-Za-z0-9_]*)*[?!]?[(\[{<]"
    r"|.*(?:\(\)|\[\w*\]|=>|->|::|\$\{|\{\{|\{\w*\}))"
)
_DOTTED: Final = r"^[&*!]?[A-Za-z_][A-Za-z0-9_]*(?:(?:\.|->|::?)[A-Za-z_][A-Za-z0-9_]*)+[.;,]?$"

# Words and a number: chosen (`saffron.velvet56`), as the names of code seldom end so.
_DOTTED_WORDS: Final = r"^[A-Za-z]+(?:[._\-][A-Za-z]+)+[0-9]{2,}$"


def is_dummy(value: str) -> bool:
    """Whether `value`, in the shape of a provider's token, was written for show."""
    lower = value.lower()
    if _is_monotone(lower) or any(word in lower for word in _UNMISTAKABLE):
        return True
    return any(word in lower and _is_written(lower.replace(word, "")) for word in _MISTAKABLE) or _is_documented(value)


def _is_written(rest: str) -> bool:
    return randomness(rest) < _REAL_NATS


def _is_documented(value: str) -> bool:
    # Keys that everybody copies from a manual; by digest, as a filter would take them for real here.
    return hashlib.sha256(value.encode("utf-8", "replace")).hexdigest()[:_DIGEST_CHARS] in words("documented")


def is_placeholder(value: str) -> bool:
    """Whether `value`, assigned to a key, is a word that people write in a secret's place."""
    lower = value.lower().strip("_-. !?")
    if lower in words("placeholders") or value.endswith(_CUT_SHORT) or is_dummy(value):
        return True
    return lower.startswith(_BEGINS) or not _PARTS.isdisjoint(lower.translate(_SPLIT).split())


def is_reference(value: str) -> bool:
    """Whether `value` says where the secret is, by variable, path, vault or template, quoted or not."""
    return _found(_REFERENCE, value)


def is_sealed(value: str) -> bool:
    """Whether `value` is encrypted for one cluster (Bitnami's Sealed Secrets), and public by design."""
    return len(value) >= _SEALED_CHARS and value.startswith("Ag")


def is_like_reference(value: str) -> bool:
    """Whether `value` reads as a variable, a path or a template; of a random one its beginning says nothing."""
    return _found(_LIKE_REFERENCE, value)


def is_expression(value: str) -> bool:
    """Whether `value`, unquoted, is code that computes or names the secret."""
    return _found(_EXPRESSION, value) or (_found(_DOTTED, value) and not _found(_DOTTED_WORDS, value))


def _is_monotone(lower: str) -> bool:
    return len(set(lower)) <= min(max(3, len(lower) // 12), _MONOTONE_LETTERS)


def _found(pattern: str, value: str) -> bool:
    return _compiled(pattern).search(value.encode("latin-1", "replace")) is not None


@lru_cache(maxsize=8)
def _compiled(pattern: str) -> Any:
    return re2.compile(pattern.encode("ascii"))
