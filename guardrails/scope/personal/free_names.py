"""Names of people in prose: behind a title, a greeting or a word about people, in a header, above a street."""

from collections.abc import Callable, Mapping
from typing import Final

from guardrails.scope.candidates import Candidate
from guardrails.scope.personal.beside import is_cell, is_related, is_spoken_of, stands_beside_datum
from guardrails.scope.personal.names import (
    EASTERN_CHARS,
    has_family_ending,
    is_code,
    is_eastern,
    is_given,
    name_parts,
    place_behind_role,
    place_of_given,
)
from guardrails.scope.words import words

# Where ideographs begin; kana, of which words between names are, stand before them.
_EASTERN: Final = "\u3400"
_HONOURS: Final = ("様", "さん", "氏", "殿", "先生", "님", "씨")
# A name that a free text is full of, where a person is spoken of.
_BESIDE_PEOPLE: Final = 0.6
_OF_A_STRANGER: Final = 0.45
_CODE_BEFORE: Final = frozenset("/\\_.$#@-=<")


def free_name(candidate: Candidate) -> float:
    """A given name and a surname in prose: a guess, but where what stands beside it is a person's or speaks of one."""
    # Cheapest first: most of what has the shape is a heading.
    value = candidate.value
    place = place_of_given(value)
    is_known = place is not None or has_family_ending(value) or is_eastern(value.split(" ")[1:])
    offset = place_behind_role(value) if place is None else place
    name = candidate._replace(start=candidate.start + offset) if offset else candidate
    is_stranger = not is_known and is_related(name)
    if not (is_known or is_stranger or is_cell(candidate)) or not _is_free_name(name):
        return 0.0
    if stands_beside_datum(name) or (is_known and is_spoken_of(name)):
        return _BESIDE_PEOPLE
    if is_stranger:
        return _OF_A_STRANGER
    is_guess = place is not None and not _is_ambiguous(name.value)
    return candidate.confidence if is_guess else 0.0


def told_name(candidate: Candidate) -> float:
    """The same without the guesses, which are sought by a rule of their own."""
    return free_name(candidate._replace(confidence=0.0))


def is_name_in_row(candidate: Candidate) -> bool:
    """Whether it is a name that is known, or is built as surnames are."""
    place = place_of_given(candidate.value)
    name = candidate._replace(start=candidate.start + (place or place_behind_role(candidate.value)))
    return (place is not None or has_family_ending(candidate.value)) and _is_free_name(name)


def _is_free_name(name: Candidate) -> bool:
    parts = name_parts(name)
    is_name = (len(parts) > 1 and parts[-1].lower() not in words("no-surnames")) or is_eastern(parts)
    return is_name and name.before(1) not in _CODE_BEFORE and not is_code(name)


def _is_ambiguous(name: str) -> bool:
    return name.partition(" ")[0].lower() in words("ambiguous-names")


def titled_name(candidate: Candidate) -> float:
    """What stands after a title."""
    parts = name_parts(candidate)
    return candidate.confidence if parts and len(parts[0].rstrip(".")) > 1 and not is_code(candidate) else 0.0


def greeted_name(candidate: Candidate) -> float:
    """What stands after a greeting: a given name, or more than one word."""
    parts = name_parts(candidate)
    is_name = len(parts) > 1 or (parts and is_given(parts[0]))
    return candidate.confidence if is_name and not is_code(candidate) else 0.0


def headed_name(candidate: Candidate) -> float:
    """Who sends or gets a letter: in a header, with an address behind it or a name that is known."""
    parts = name_parts(candidate)
    is_addressed = candidate.after(3).lstrip(' "')[:1] == "<" or not candidate.value.isascii()
    is_name = len(parts) > 1 and (is_addressed or is_given(parts[0]) or has_family_ending(candidate.value))
    return candidate.confidence if is_name else 0.0


def honoured_name(candidate: Candidate) -> float:
    """What stands before `様` or `님`, in the scripts of the east."""
    family, _, given = candidate.value.partition(" ")
    place = min((place for honour in _HONOURS if (place := given.find(honour)) >= 0), default=-1)
    is_korean = place == 0 and len(family) in EASTERN_CHARS and is_eastern([family])
    is_japanese = 0 < place < max(EASTERN_CHARS) and all(character >= _EASTERN for character in family)
    return candidate.confidence if is_korean or is_japanese else 0.0


def addressed_name(candidate: Candidate) -> float:
    """What stands above a street and a town."""
    return candidate.confidence if len(name_parts(candidate)) > 1 and not is_code(candidate) else 0.0


VALIDATORS: Final[Mapping[str, Callable[[Candidate], float]]] = {
    "addressed-name": addressed_name,
    "free-name": free_name,
    "greeted-name": greeted_name,
    "headed-name": headed_name,
    "honoured-name": honoured_name,
    "titled-name": titled_name,
    "told-name": told_name,
}
