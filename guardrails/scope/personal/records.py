"""Rows of people: a number in one line with a person's name or e-mail address, though no label says what it is."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

from guardrails.scope.candidates import Candidate
from guardrails.scope.identity.plausible import is_part_of_number
from guardrails.scope.identity.unlabelled import is_state_number
from guardrails.scope.personal.accounts import is_card
from guardrails.scope.personal.beside import line_around
from guardrails.scope.personal.free_names import is_name_in_row
from guardrails.scope.personal.mail import email

_PERSON: Final = (
    r"[A-Za-z0-9._%+\-]{1,64}@[A-Za-z0-9\-]{1,63}(?:\.[A-Za-z0-9\-]{1,63}){1,5}"
    r"|[A-Z\xc0-\xde?][a-z\x80-\xff?]+,? (?:[a-z]{1,4} ){0,2}[A-Z\xc0-\xde?][A-Za-z\x80-\xff?\x27\-]+"
)


def recorded_number(candidate: Candidate) -> float:
    """A number that some state may have given, beside whom it was given to."""
    if is_part_of_number(candidate.text, candidate.start, candidate.end) or not is_state_number(candidate.value):
        return 0.0
    line = line_around(candidate)
    found = _person().finditer(line.encode("latin-1", "replace"))
    return (
        candidate.confidence
        if any(_is_person(Candidate(line, match.start(), match.end(), 1.0)) for match in found)
        else 0.0
    )


def state_number(candidate: Candidate) -> float:
    """A number that some state may have given, where a path says that it is a person's."""
    value = candidate.value
    return candidate.confidence if is_state_number(value) or (value.isdigit() and is_card(value)) else 0.0


def _is_person(found: Candidate) -> bool:
    return email(found) > 0 if "@" in found.value else is_name_in_row(found)


@lru_cache(maxsize=1)
def _person() -> Any:
    # A validator's module: detectors are made of validators.
    from guardrails.scope.detectors import compile_regex

    return compile_regex(_PERSON)


VALIDATORS: Final[Mapping[str, Callable[[Candidate], float]]] = {
    "recorded-number": recorded_number,
    "state-number": state_number,
}
