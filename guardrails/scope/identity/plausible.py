"""What a number of a person may look like where no state's rule is known: judged by its shape, under a label."""

import re
from typing import Final

from guardrails.scope.candidates import Candidate

# A date, a moment, a version, a size: never an identifier. Each on a bounded value, each anchored.
_DATE: Final = re.compile(
    r"(?:19|20)\d\d([-/. ]?)(?:0?[1-9]|1[0-2])\1(?:0?[1-9]|[12]\d|3[01])"
    r"|(?:0?[1-9]|[12]\d|3[01])([-/. ])(?:0?[1-9]|[12]\d|3[01])\2(?:19|20)?\d\d"
)
_VERSION: Final = re.compile(r"[vV]?\d{1,2}(?:\.\d{1,2}){1,4}(?:[-.][A-Za-z0-9]+)?")
_SEPARATORS: Final = frozenset("-./+:")
_ASCENDING: Final = "01234567890123456789"
_LEAST_DIGITS: Final = 4
_LEAST_DIGITS_AMONG_CAPITALS: Final = 2
_LEAST_DIGITS_OF_SHORT_CAPITALS: Final = 3
_LONG_CHARS: Final = 8
_LEAST_DIGITS_ALONE: Final = 6
_LEAST_DIGITS_ASSIGNED: Final = 8
_LEAST_CHARS: Final = 6
_MOST_CHARS: Final = 24
# The length of a UUID's last group and more: letters and digits so long are keys of a database.
_MOST_LETTERS: Final = 10


def personal_number(candidate: Candidate) -> float:
    """As documents and authorities number people: digits enough, at most a few letters, and nothing that is written
    like a date, a version or an example.
    """
    value = candidate.value
    compact = "".join(filter(str.isalnum, value))
    digits = "".join(filter(str.isdigit, compact))
    letters = len(compact) - len(digits)
    if not _LEAST_CHARS <= len(compact) <= _MOST_CHARS or letters > _MOST_LETTERS:
        return 0.0
    if len(digits) < _least_digits(compact, letters) or not _is_one_case(compact):
        return 0.0
    if _DATE.fullmatch(value) or _VERSION.fullmatch(value) or is_shown(digits):
        return 0.0
    return candidate.confidence


def _least_digits(compact: str, letters: int) -> int:
    if not letters:
        return _LEAST_DIGITS_ALONE
    # Some number in letters as much as in digits, and then in capitals.
    if not compact.isupper():
        return _LEAST_DIGITS
    return _LEAST_DIGITS_AMONG_CAPITALS if len(compact) >= _LONG_CHARS else _LEAST_DIGITS_OF_SHORT_CAPITALS


def record_number(candidate: Candidate) -> float:
    """As a school, employer or insurer numbers people: a plain number is one only where it is written as a text is, for
    a bare one behind `=` is a key of some database.
    """
    value = candidate.value
    is_assigned = value.isdigit() and candidate.before(4).rstrip().endswith(("=", '":', "':"))
    return 0.0 if is_assigned and len(value) < _LEAST_DIGITS_ASSIGNED else personal_number(candidate)


def plate_number(candidate: Candidate) -> float:
    """As vehicles are numbered: few digits, letters among them or groups, and no word in small letters."""
    value = candidate.value
    compact = "".join(filter(str.isalnum, value))
    digits = sum(map(str.isdigit, compact))
    is_plate = 4 <= len(compact) <= 10 and 1 <= digits < len(compact) and value.upper() == value
    return candidate.confidence if is_plate and not _VERSION.fullmatch(value) else 0.0


def apart(candidate: Candidate) -> float:
    """No part of a longer number."""
    return 0.0 if is_part_of_number(candidate.text, candidate.start, candidate.end) else candidate.confidence


def is_part_of_number(text: str, start: int, end: int) -> bool:
    """Whether digits go on behind a separator: a decimal, a moment, a longer number."""
    before, after = text[max(0, start - 2) : start], text[end : end + 2]
    return (after[:1] in _SEPARATORS and after[1:].isdigit()) or (before[1:] in _SEPARATORS and before[:1].isdigit())


def is_shown(digits: str) -> bool:
    """Whether digits are written for show: 123456789, 000000, 987654321, 111223333."""
    if len(digits) < _LEAST_DIGITS_ALONE:
        return False
    runs = "".join(digit for digit, before in zip(digits, "x" + digits, strict=False) if digit != before)
    return len(set(digits)) < 3 or (runs in _ASCENDING and len(runs) in {3, len(digits)}) or digits in _ASCENDING[::-1]


def _is_one_case(compact: str) -> bool:
    return compact.upper() == compact or (compact.lower() == compact and sum(map(str.isalpha, compact)) <= 3)
