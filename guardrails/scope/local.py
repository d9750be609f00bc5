"""This machine's own names and secrets: found exactly, without pattern or model, because they are known.

Pure: the values are handed in at start; reading them off the machine is an adapter's work.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, NoReturn, TypeAlias

import ahocorasick

from guardrails.scope.findings import Finding
from guardrails.scope.normalise import normalise
from guardrails.scope.views import View
from guardrails.scope.words import words

NameKind: TypeAlias = Literal["user", "host", "home", "git_name", "git_email", "remote_host", "address"]

# The word that may stand in a name's place.
_ENTITY: Final[Mapping[NameKind, str]] = {
    "user": "name",
    "host": "host",
    "home": "path",
    "git_name": "name",
    "git_email": "email",
    "remote_host": "host",
    "address": "ip",
}
# Of these a person's own spelling may differ; a path, an address or an e-mail is itself or nothing.
_FOLDED: Final[frozenset[NameKind]] = frozenset({"user", "host", "git_name", "remote_host"})
_SEPARATORS: Final = "-_. "
_CONFIDENCE: Final = 0.95
# Below it a value is a word, a port or a flag, and hiding it would hide half of every text.
_LEAST_SECRET_CHARS: Final = 6
# From here a value is told from ordinary text without a boundary on either side.
_SURE_SECRET_CHARS: Final = 12
_LEAST_NAME_CHARS: Final = 3
# A shorter name of one word is a word of the language too often: it counts only where a name stands, in a path or an
# address.
_SURE_NAME_CHARS: Final = 5
# First characters by which a secret is looked for; the rest is known only as a keyed hash.
_ANCHOR_CHARS: Final = 3
_HASH_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class _Name:
    kind: NameKind
    folded: str
    # Where in the folded text a separator may stand.
    joints: frozenset[int]


@dataclass(frozen=True, slots=True, repr=False)
class LocalFacts:
    """What this machine must not say about itself. Shows no value: not in its repr, nor in what it finds."""

    _names: tuple[_Name, ...]
    _literals: tuple[tuple[str, NameKind], ...]
    _anchors: Mapping[str, tuple[int, ...]]
    _hashes: frozenset[bytes]
    _key: bytes
    _automaton: "ahocorasick.Automaton | None" = field(compare=False)

    @classmethod
    def build(cls, names: Iterable[tuple[NameKind, str]], secrets: Iterable[str], key: bytes) -> "LocalFacts":
        """Facts from plain values, which are not kept: names folded, secrets as hashes under `key` (16 to 64 bytes of
        chance).

        Names that many machines have and values under six characters are left out: they tell nothing apart.
        Raises ValueError for a key of another length.
        """
        if not 16 <= len(key) <= 64:
            raise ValueError("the key has 16 to 64 bytes")
        told = {(kind, plain) for kind, value in names if _tells(plain := normalise(value.strip()).text)}
        values = {plain for value in secrets if _is_secret(plain := normalise(value.strip()).text)}
        anchors: dict[str, set[int]] = {}
        for value in values:
            anchors.setdefault(value[:_ANCHOR_CHARS], set()).add(len(value))
        return cls(
            tuple(
                sorted((_named(kind, value) for kind, value in told if kind in _FOLDED), key=lambda name: name.folded)
            ),
            tuple(sorted((_lower(value).rstrip("/"), kind) for kind, value in told if kind not in _FOLDED)),
            {anchor: tuple(sorted(lengths)) for anchor, lengths in anchors.items()},
            frozenset(_hash(value, key) for value in values),
            key,
            _automaton(anchors),
        )

    def __repr__(self) -> str:
        return f"LocalFacts(names={len(self._names) + len(self._literals)}, secrets={len(self._hashes)})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("what a machine knows of itself is never stored")

    def find(self, view: View) -> Iterator[Finding]:
        """Own secrets and own names in the view."""
        yield from self.find_secrets(view)
        yield from self._find_literals(view.text)
        yield from self._find_names(view.text)

    def find_secrets(self, view: View) -> Iterator[Finding]:
        """Own secrets alone: what is sought even where only a digest can stand."""
        if self._automaton is None:
            return
        text = view.text
        for last, anchor in self._automaton.iter(text):
            start = last - _ANCHOR_CHARS + 1
            for length in self._anchors[anchor]:
                if self._is_own_secret(text, start, start + length):
                    yield Finding("secret", "secret", "local.secret", start, start + length, 1.0)

    def _is_own_secret(self, text: str, start: int, end: int) -> bool:
        if end > len(text) or (end - start < _SURE_SECRET_CHARS and not _is_apart(text, start, end)):
            return False
        return _hash(text[start:end], self._key) in self._hashes

    def _find_literals(self, text: str) -> Iterator[Finding]:
        lower = _lower(text)
        for literal, kind in self._literals:
            for start in _occurrences(lower, literal):
                if _is_apart(text, start, start + len(literal)):
                    yield _finding(kind, start, start + len(literal))

    def _find_names(self, text: str) -> Iterator[Finding]:
        folded = _lower(text).translate(_UNSEPARATED)
        places: list[int] | None = None
        for name in self._names:
            for start in _occurrences(folded, name.folded):
                # Made once, and only for a text that seems to hold a name.
                places = places or [place for place, character in enumerate(text) if character not in _SEPARATORS]
                span = places[start : start + len(name.folded)]
                if _is_name(text, span, name):
                    yield _finding(name.kind, span[0], span[-1] + 1)


_UNSEPARATED: Final = str.maketrans("", "", _SEPARATORS)


def _tells(value: str) -> bool:
    return len(value) >= _LEAST_NAME_CHARS and value.lower() not in words("common-names")


def _is_secret(value: str) -> bool:
    return len(value) >= _LEAST_SECRET_CHARS and value.lower() not in words("common-values") and len(set(value)) > 2


def _named(kind: NameKind, value: str) -> _Name:
    joints, length = set(), 0
    for previous, character in zip("." + value, value, strict=False):
        if character in _SEPARATORS:
            continue
        if previous in _SEPARATORS or (previous.islower() and character.isupper()):
            joints.add(length)
        length += 1
    return _Name(kind, _lower(value).translate(_UNSEPARATED), frozenset(joints))


def _is_name(text: str, span: list[int], name: _Name) -> bool:
    gaps = {index for index in range(1, len(span)) if span[index] != span[index - 1] + 1}
    if not gaps <= name.joints or not _is_apart(text, span[0], span[-1] + 1):
        return False
    if len(name.folded) >= _SURE_NAME_CHARS or len(name.joints) > 1:
        return True
    before, after = text[max(0, span[0] - 1) : span[0]], text[span[-1] + 1 : span[-1] + 2]
    return (before in {"/", "\\", "~", "@"} and before != "") or after == "@"


def _is_apart(text: str, start: int, end: int) -> bool:
    """Whether text[start:end] is no part of a longer word. A capital after a small letter begins a word."""
    before, first, last, after = (
        text[start - 1 : start] if start else "",
        text[start],
        text[end - 1],
        text[end : end + 1],
    )
    is_free_before = not (before.isalnum() and first.isalnum()) or (before.islower() and first.isupper())
    return is_free_before and (not (after.isalnum() and last.isalnum()) or (last.islower() and after.isupper()))


def _occurrences(text: str, part: str) -> Iterator[int]:
    start = text.find(part)
    while start >= 0:
        yield start
        start = text.find(part, start + 1)


def _lower(text: str) -> str:
    # The one capital whose small form has two characters would move every place after it.
    return text.replace("\u0130", "I").lower()


def _finding(kind: NameKind, start: int, end: int) -> Finding:
    return Finding("pii", _ENTITY[kind], f"local.{kind.replace('_', '-')}", start, end, _CONFIDENCE)


def _hash(value: str, key: bytes) -> bytes:
    return hashlib.blake2b(value.encode("utf-8", "surrogatepass"), digest_size=_HASH_BYTES, key=key).digest()


def _automaton(anchors: Iterable[str]) -> "ahocorasick.Automaton | None":
    automaton = ahocorasick.Automaton()
    for anchor in anchors:
        automaton.add_word(anchor, anchor)
    if not len(automaton):
        return None
    automaton.make_automaton()
    return automaton
