"""This machine's own names and secrets: found exactly, without pattern or model, because they are known.

Pure: the values are handed in; reading them off the machine, again when it changes, is an adapter's work.

One automaton seeks all of them in one pass, and sees no letters: a text is first *veiled*, each character replaced by one
of a few classes that a key of chance decides. Where a veiled end of a secret stands, the characters before it are hashed;
where a veiled part of a name stands, it is read.
"""

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, NoReturn, TypeAlias

import ahocorasick

from guardrails.scope.findings import Finding
from guardrails.scope.normalise import normalise
from guardrails.scope.spellings import NameKind, Spelling, is_apart, lower
from guardrails.scope.views import View
from guardrails.scope.words import words

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
# Below it a value is a word, a port or a flag, and hiding it would hide half of every text.
_LEAST_SECRET_CHARS: Final = 6
# From here a value is told from ordinary text without a boundary on either side.
_SURE_SECRET_CHARS: Final = 12
_LEAST_NAME_CHARS: Final = 3
_LEAST_PART_CHARS: Final = 2
# Last characters by which a secret is sought, veiled: many begin alike, and a stranger knows how.
_TAIL_CHARS: Final = 8
# Enough that few places of a text look like a tail; few enough that a tail does not tell its letters.
_CLASSES: Final = 16
_HASH_BYTES: Final = 16
# Below it a value may stand in base64 that is too short to be taken for it by its look.
_SHORT_SECRET_BYTES: Final = 15
# Redacted in free text, and no reason to refuse code: a password that is a word of the language.
_DOUBTFUL: Final = 0.5

FactKind: TypeAlias = NameKind | Literal["secret"]


@dataclass(frozen=True, slots=True, repr=False)
class Fact:
    """One thing that this machine must not say of itself. Its value is in no repr.

    source: where it is known from, in words that its user may be shown: `.env of project lz`; None where nobody will ask.
    """

    kind: FactKind
    value: str
    source: str | None = None


class _Behind(NamedTuple):
    """What a veiled anchor may stand for: secrets of these lengths, names by the part that it veils."""

    anchor_chars: int
    lengths: tuple[int, ...]
    names: Mapping[str, tuple[Spelling, ...]]


class _Known(NamedTuple):
    """Where a secret is known from, the hash of it as it is spelled, and whether it is one inside base64."""

    source: str | None
    exact: bytes
    is_encoded: bool = False


@dataclass(frozen=True, slots=True, repr=False)
class LocalFacts:
    """What this machine must not say about itself. Shows no value: not in its repr, nor in what it finds."""

    _names: int
    _secrets: Mapping[bytes, _Known]
    _key: bytes
    _veil: bytes
    _automaton: "ahocorasick.Automaton | None" = field(compare=False)

    @classmethod
    def build(cls, names: Iterable[tuple[NameKind, str]], secrets: Iterable[str], key: bytes) -> "LocalFacts":
        """As `of`, where nobody will ask for sources."""
        told = [Fact(kind, value) for kind, value in names]
        return cls.of([*told, *(Fact("secret", value) for value in secrets)], key)

    @classmethod
    def of(cls, facts: Iterable[Fact], key: bytes) -> "LocalFacts":
        """What is known, from plain values, which are not kept: of secrets a hash under `key` (16 to 64 bytes of
        chance) and a veiled tail, of names their parts. Of several sources of one value the first is told.

        Names that many machines have and values under six characters are left out: they tell nothing apart.
        Raises ValueError for a key of another length.
        """
        if not 16 <= len(key) <= 64:
            raise ValueError("the key has 16 to 64 bytes")
        veil = _veil_of(key)
        spellings: dict[tuple[FactKind, tuple[str, ...]], Spelling] = {}
        secrets: dict[bytes, _Known] = {}
        lengths: dict[str, set[int]] = {}
        for fact in facts:
            value = normalise(fact.value.strip()).text
            if fact.kind == "secret":
                for spelled, is_encoded in _spelled(value) if _is_secret(value) else ():
                    folded = lower(spelled)
                    secrets.setdefault(_hash(folded, key), _Known(fact.source, _hash(spelled, key), is_encoded))
                    lengths.setdefault(_veiled(folded[-_TAIL_CHARS:], veil), set()).add(len(spelled))
            elif _tells(value):
                spelling = Spelling.of(fact.kind, value, fact.source)
                spellings.setdefault((fact.kind, spelling.parts), spelling)
        sought = [one for one in spellings.values() if len(one.parts[one.pivot]) >= _LEAST_PART_CHARS]
        return cls(len(sought), secrets, key, veil, _automaton(lengths, sought, veil))

    def __repr__(self) -> str:
        secrets = sum(not known.is_encoded for known in self._secrets.values())
        return f"LocalFacts(names={self._names}, secrets={secrets})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("what a machine knows of itself is never stored")

    def find(self, view: View) -> Iterator[Finding]:
        """Own secrets and own names in the view. Each finding's `source` says where its value is known from."""
        text = view.text
        for last, behind in self._anchors(text):
            start = last + 1 - behind.anchor_chars
            for spelling in behind.names.get(lower(text[start : last + 1]), ()) if behind.names else ():
                if found := spelling.at(text, start):
                    yield _named(spelling, *found)
            yield from self._secrets_at(text, last + 1, behind.lengths)

    def find_secrets(self, view: View) -> Iterator[Finding]:
        """Own secrets alone: what is sought even where only a digest can stand."""
        for last, behind in self._anchors(view.text):
            yield from self._secrets_at(view.text, last + 1, behind.lengths)

    def _anchors(self, text: str) -> "Iterable[tuple[int, _Behind]]":
        return self._automaton.iter(_veiled(text, self._veil)) if self._automaton is not None else ()

    def _secrets_at(self, text: str, end: int, lengths: tuple[int, ...]) -> Iterator[Finding]:
        for length in lengths:
            start = end - length
            if start < 0:
                continue
            value = text[start:end]
            known = self._secrets.get(_hash(lower(value), self._key))
            if known is not None and self._stands(known, text, start, end):
                confidence = _DOUBTFUL if self._may_be_a_word(value, known) else 1.0
                yield Finding("secret", "secret", "local.secret", start, end, confidence, source=known.source)

    def _stands(self, known: _Known, text: str, start: int, end: int) -> bool:
        """Whether a short one stands alone; in base64, which runs on, whether it is spelled exactly."""
        if known.is_encoded:
            return _hash(text[start:end], self._key) == known.exact
        return end - start >= _SURE_SECRET_CHARS or is_apart(text, start, end)

    def _may_be_a_word(self, value: str, known: _Known) -> bool:
        """Whether a person who never saw the secret could have written it: a word of the language, or one in other case."""
        if known.is_encoded or len(value) >= _SURE_SECRET_CHARS or not value.isalpha():
            return False
        return lower(value) in words("ordinary-words") or _hash(value, self._key) != known.exact


def _tells(value: str) -> bool:
    return len(value) >= _LEAST_NAME_CHARS and value.lower() not in words("common-names")


def _is_secret(value: str) -> bool:
    return len(value) >= _LEAST_SECRET_CHARS and value.lower() not in words("common-values") and len(set(value)) > 2


def _spelled(value: str) -> Iterator[tuple[str, bool]]:
    """The secret, and what of it base64 keeps whatever stands around it, at each of its three places in a group."""
    yield value, False
    raw = value.encode("utf-8", "surrogatepass")
    if len(raw) >= _SHORT_SECRET_BYTES:
        return
    for lead in range(3):
        run = base64.b64encode(bytes(lead) + raw).decode("ascii")
        whole = run[-(-8 * lead // 6) : 8 * (lead + len(raw)) // 6]
        yield whole, True
        if "+" in whole or "/" in whole:
            yield whole.translate(_URL_SAFE), True


def _named(spelling: Spelling, start: int, end: int, confidence: float) -> Finding:
    rule = f"local.{spelling.kind.replace('_', '-')}"
    return Finding("pii", _ENTITY[spelling.kind], rule, start, end, confidence, source=spelling.source)


def _hash(value: str, key: bytes) -> bytes:
    return hashlib.blake2b(value.encode("utf-8", "surrogatepass"), digest_size=_HASH_BYTES, key=key).digest()


_URL_SAFE: Final = str.maketrans("+/", "-_")


def _veil_of(key: bytes) -> bytes:
    """The class of each byte, capitals as small letters."""
    folded = (bytes([byte]).lower() for byte in range(256))
    return bytes(ord("a") + hashlib.blake2b(one, digest_size=1, key=key).digest()[0] % _CLASSES for one in folded)


def _veiled(text: str, veil: bytes) -> str:
    """Each character's class; of those beyond ASCII by the lowest byte of their number."""
    if text.isascii():
        return text.encode("ascii").translate(veil).decode("ascii")
    return lower(text).encode("utf-32-le", "surrogatepass")[::4].translate(veil).decode("ascii")


def _automaton(
    lengths: Mapping[str, set[int]], names: Iterable[Spelling], veil: bytes
) -> "ahocorasick.Automaton | None":
    by_part: dict[str, dict[str, tuple[Spelling, ...]]] = {}
    for spelling in names:
        part = spelling.parts[spelling.pivot]
        parts = by_part.setdefault(_veiled(part, veil), {})
        parts[part] = (*parts.get(part, ()), spelling)
    automaton = ahocorasick.Automaton()
    for anchor in {*lengths, *by_part}:
        behind = _Behind(len(anchor), tuple(sorted(lengths.get(anchor, ()))), by_part.get(anchor, {}))
        automaton.add_word(anchor, behind)
    if not len(automaton):
        return None
    automaton.make_automaton()
    return automaton
