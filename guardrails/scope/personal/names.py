"""What a person's name is: words with capitals, of which one is known or built as names are, and none is another thing's."""

from functools import lru_cache
from typing import Final

from guardrails.scope.candidates import Candidate
from guardrails.scope.identity.labels import fold
from guardrails.scope.labels import labels
from guardrails.scope.personal.beside import as_read
from guardrails.scope.words import words

_NAME_LISTS: Final = (
    "given-name", "surname", "full-name", "full-name-latin", "full-name-scripts", "name", "username",
)  # fmt: skip
# After a name in code stands none of these: `name: Some(...)`, `author: Author.objects`.
_CODE_AFTER: Final = frozenset("([{=_<$")
# Shorter words have the endings of surnames by chance.
_FAMILY_CHARS: Final = 5
# How long Chinese and Korean names are.
EASTERN_CHARS: Final = range(2, 5)


def name_parts(candidate: Candidate) -> list[str]:
    """The words of a name, or none where it is not one: words of code, of organisations, of forms, of nobody."""
    value = candidate.value
    if "?" in value or "_" in value or "  " in value.strip():
        return []
    parts = value.replace(",", " ").split()
    lower = value.lower().strip(" .").replace(" ", "-")
    is_nobody = lower in words("nobodys-names") or value.lower() in _label_words()
    is_words = all(_is_name_word(part) for part in parts)
    is_other = any(part.lower().strip(".,'") in words("no-names") for part in parts)
    return [] if is_nobody or is_other or not is_words else parts


def is_code(candidate: Candidate) -> bool:
    """Whether what stands behind says that it is code: a call, an index, a member."""
    after = candidate.after(2)
    # `</` ends what a tag holds.
    return (after[:1] in _CODE_AFTER and after != "</") or (after[:1] in {".", ":", "-"} and after[1:2].isalpha())


def is_given(part: str) -> bool:
    """Whether a word is a given name, or begins with one before a hyphen."""
    # Asked of every two words with capitals: most are plain.
    lower = part.lower()
    if lower in _given_names():
        return True
    if lower.isascii() and lower.isalpha():
        return False
    folded = _unmarked(lower.strip(".'"))
    return folded in _given_names() or folded.partition("-")[0] in _given_names()


def place_of_given(value: str) -> int | None:
    """Where in `value` a given name begins that is not its last word: before it may stand a word that begins a sentence."""
    offset = 0
    first, _, rest = value.partition(" ")
    while rest:
        if is_given(first):
            return offset
        offset += len(first) + 1
        first, _, rest = rest.partition(" ")
    return None


def place_behind_role(value: str) -> int:
    """Behind what people are to one another: `Patient`, `Kunde`."""
    role, _, rest = value.partition(" ")
    return len(role) + 1 if " " in rest and role.lower() in as_read("before-people") else 0


def has_family_ending(value: str) -> bool:
    """Whether its last word ends as surnames do in some language, and hardly another word."""
    family = value[value.rfind(" ") + 1 :]
    family = family.lower() if family.isascii() else _unmarked(family)
    ends = (family[-2:], family[-3:], family[-4:], family[-5:], family[-6:], family[-7:], family[-8:])
    return len(family) >= _FAMILY_CHARS and not _family_endings().isdisjoint(ends)


def _unmarked(text: str) -> str:
    return fold(text).decode("latin-1")


def is_eastern(parts: list[str]) -> bool:
    """A surname of one character and what follows it, as Chinese and Koreans write their names."""
    return (
        len(parts) == 1
        and not parts[0].isascii()
        and len(parts[0]) in EASTERN_CHARS
        and parts[0][0] in words("eastern-surnames")
    )


def _is_name_word(part: str) -> bool:
    is_capital = part[0].isalpha() and not part[0].islower()
    return is_capital or part.lower().rstrip(".") in words("name-particles")


@lru_cache(maxsize=1)
def _family_endings() -> frozenset[str]:
    return frozenset(map(_unmarked, as_read("family-endings")))


@lru_cache(maxsize=1)
def _given_names() -> frozenset[str]:
    return frozenset(map(_unmarked, as_read("given-names")))


@lru_cache(maxsize=1)
def _label_words() -> frozenset[str]:
    # A translation's value is the label in another language: `"last_name": "Nachname"`.
    return frozenset(label.lstrip("=") for name in _NAME_LISTS for label in labels(name))
