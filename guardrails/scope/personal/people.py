"""Dates of people's birth, and names behind a label."""

import re
from collections.abc import Callable, Mapping
from typing import Final

from guardrails.scope.candidates import Candidate
from guardrails.scope.personal.names import is_code, is_given, name_parts
from guardrails.scope.words import words

_YEARS: Final = (range(1880, 2031), range(2440, 2575), range(1300, 1420))  # ours, Buddhist, Persian
_EPOCHS: Final = frozenset({"19700101", "19000101", "01011970", "01011900"})
# Quotes, and what a JSON tree is written down with (documents.py).
_QUOTES: Final = frozenset("\"'`\x02\x03")
# In a record its members follow one another: by them `name` is a person's.
_MEMBERS_CHARS: Final = 120
_MEMBERS: Final = (
    "dob", "birth", "geburt", "naissance", "nacimiento", "phone", "mobile", "telefon", "email", "e-mail", "surname",
    "last_name", "lastname", "family_name", "familyname", "nachname", "ssn", "curp", "passport", "iban", "gender",
)  # fmt: skip


def birth_date(candidate: Candidate) -> float:
    """A day that is in a calendar, in any order and in words too; not the day that clocks begin with."""
    numbers = [int(part) for part in re.findall(r"[0-9]+", candidate.value)]
    digits = "".join(filter(str.isdigit, candidate.value))
    if digits in _EPOCHS or not numbers:
        return 0.0
    if len(numbers) == 1:
        return candidate.confidence if _is_compact_date(digits) else 0.0
    year = max(numbers, key=lambda number: (number > 31, number))
    others = list(numbers)
    others.remove(year)
    has_year = any(year in years for years in _YEARS) or year < 100
    is_day = all(1 <= other <= 31 for other in others) and (len(others) < 2 or min(others) <= 12)
    return candidate.confidence if has_year and is_day else 0.0


def _is_compact_date(digits: str) -> bool:
    orders = ((digits[:4], digits[4:6], digits[6:]), (digits[4:], digits[2:4], digits[:2]))
    if len(digits) != 8:
        return False
    return any(
        any(int(year) in years for years in _YEARS)
        and any(1 <= int(one) <= 12 for one in (month, day))
        and 1 <= int(month) <= 31
        and 1 <= int(day) <= 31
        for year, month, day in orders
    )


def full_name(candidate: Candidate) -> float:
    """Two or more words that a person is called, after a label that says so."""
    parts = name_parts(candidate)
    if not parts or is_code(candidate) or (len(parts) == 1 and _is_another_label(candidate)):
        return 0.0
    return candidate.confidence if len(parts) > 1 or not candidate.value.isascii() or is_given(parts[0]) else 0.0


def _is_another_label(candidate: Candidate) -> bool:
    # `Клиент Георгий Попов (ИНН 7727...)`: initials, or what stands behind the name itself.
    is_behind = candidate.before(2).rstrip(" ")[-1:] in {",", "("}
    return is_behind or (candidate.value.isupper() and not candidate.value.isascii())


def known_name(candidate: Candidate) -> float:
    """Two or more words of which the first, or the one after a comma, is a given name."""
    parts = name_parts(candidate)
    if len(parts) < 2 or is_code(candidate):
        return 0.0
    is_known = is_given(parts[0]) or ("," in candidate.value and is_given(parts[-1]))
    return candidate.confidence if is_known or _is_in_record(candidate) else 0.0


def _is_in_record(candidate: Candidate) -> bool:
    """Whether a person's other members follow, each as a key."""
    following = candidate.text[candidate.end : candidate.end + _MEMBERS_CHARS].lower()
    return any(_is_key(following, following.find(member), len(member)) for member in _MEMBERS if member in following)


def _is_key(text: str, start: int, length: int) -> bool:
    # `dob: 1992`, `"phone_no": "`, `<birthDate>1957`: a short way to what parts a key from its value.
    rest = text[start + length : start + length + 12].lstrip("abcdefghijklmnopqrstuvwxyz_-\"' ")
    return rest[:1] in {":", "=", ">"}


def given_name(candidate: Candidate) -> float:
    """One word that a person is called: in quotes, or a known given name."""
    parts = name_parts(candidate)
    if not parts or is_code(candidate) or (not _is_quoted(candidate) and _is_another_label(candidate)):
        return 0.0
    is_name = _is_quoted(candidate) or is_given(parts[0]) or not parts[0].isascii() or _is_in_record(candidate)
    return candidate.confidence if is_name else 0.0


def surname(candidate: Candidate) -> float:
    """A family's name: in quotes, or with the rest of its line empty."""
    parts = name_parts(candidate)
    if not parts or is_code(candidate):
        return 0.0
    is_alone = _is_quoted(candidate) or candidate.after(2).strip(" \r,;<|") == ""
    return candidate.confidence if is_alone else 0.0


def filed_name(candidate: Candidate) -> float:
    """A surname and a given name, as a visiting card keeps them: parted by a semicolon."""
    surname, given = candidate.value.lower().split(";")
    is_nobody = f"{given}-{surname}" in words("nobodys-names") or {surname, given} & words("no-names")
    is_words = any(map(str.isalpha, surname)) and any(map(str.isalpha, given))
    return candidate.confidence if is_words and not is_nobody else 0.0


def _is_quoted(candidate: Candidate) -> bool:
    return candidate.text[candidate.end : candidate.end + 1] in _QUOTES


VALIDATORS: Final[Mapping[str, Callable[[Candidate], float]]] = {
    "birth-date": birth_date,
    "filed-name": filed_name,
    "full-name": full_name,
    "given-name": given_name,
    "known-name": known_name,
    "surname": surname,
}
