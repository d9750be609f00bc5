"""Names of people and dates of their birth."""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final

from guardrails.scope.candidates import Candidate
from guardrails.scope.identity.labels import fold
from guardrails.scope.labels import labels
from guardrails.scope.personal.beside import as_read, is_cell, is_spoken_of, stands_beside_datum
from guardrails.scope.words import words

_YEARS: Final = (range(1880, 2031), range(2440, 2575), range(1300, 1420))  # ours, Buddhist, Persian
_EPOCHS: Final = frozenset({"19700101", "19000101", "01011970", "01011900"})
_TWO_DIGIT_YEAR: Final = 2
# Quotes, and what a JSON tree is written down with (documents.py).
_QUOTES: Final = frozenset("\"'`\x02\x03")
_NAME_LISTS: Final = (
    "given-name", "surname", "full-name", "full-name-latin", "full-name-scripts", "name", "username",
)  # fmt: skip
# After a name in code stands none of these: `name: Some(...)`, `author: Author.objects`.
_CODE_AFTER: Final = frozenset("([{=_<$")
# Shorter words have the endings of surnames by chance.
_FAMILY_CHARS: Final = 5
_EASTERN_CHARS: Final = range(2, 5)
# A name that a free text is full of, where a person is spoken of.
_BESIDE_PEOPLE: Final = 0.6
_INITIAL: Final = re.compile(r"[A-Z]\.?")


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
    parts = _name_parts(candidate)
    if not parts or _is_code(candidate) or (len(parts) == 1 and _is_another_label(candidate)):
        return 0.0
    return candidate.confidence if len(parts) > 1 or not candidate.value.isascii() or _is_given(parts[0]) else 0.0


def _is_another_label(candidate: Candidate) -> bool:
    # `Клиент Георгий Попов (ИНН 7727...)`: initials, or what stands behind the name itself.
    is_behind = candidate.before(2).rstrip(" ")[-1:] in {",", "("}
    return is_behind or (candidate.value.isupper() and not candidate.value.isascii())


def known_name(candidate: Candidate) -> float:
    """Two or more words of which the first, or the one after a comma, is a given name."""
    parts = _name_parts(candidate)
    is_known = len(parts) > 1 and (_is_given(parts[0]) or ("," in candidate.value and _is_given(parts[-1])))
    return candidate.confidence if is_known and not _is_code(candidate) else 0.0


def given_name(candidate: Candidate) -> float:
    """One word that a person is called: in quotes, or a known given name."""
    parts = _name_parts(candidate)
    if not parts or _is_code(candidate) or (not _is_quoted(candidate) and _is_another_label(candidate)):
        return 0.0
    return candidate.confidence if _is_quoted(candidate) or _is_given(parts[0]) or not parts[0].isascii() else 0.0


def surname(candidate: Candidate) -> float:
    """A family's name: in quotes, or with the rest of its line empty."""
    parts = _name_parts(candidate)
    if not parts or _is_code(candidate):
        return 0.0
    is_alone = _is_quoted(candidate) or candidate.after(2).strip(" \r,;<|") == ""
    return candidate.confidence if is_alone else 0.0


def free_name(candidate: Candidate) -> float:
    """A given name and a surname in prose: a guess, but where what stands beside it is a person's or speaks of one."""
    # Cheapest first: most of what has the shape is a heading.
    place = _place_of_given(candidate.value)
    is_known = place is not None or _has_family_ending(candidate.value) or _is_eastern(candidate.value.split(" ")[1:])
    if not is_known and not is_cell(candidate):
        return 0.0
    name = candidate._replace(start=candidate.start + (place or _place_behind_role(candidate.value)))
    if not _is_free_name(name):
        return 0.0
    if stands_beside_datum(name) or (is_known and is_spoken_of(name)):
        return _BESIDE_PEOPLE
    is_guess = place is not None and not _is_ambiguous(name.value)
    return candidate.confidence if is_guess else 0.0


def is_name_in_row(candidate: Candidate) -> bool:
    """Whether it is a name that is known, or is built as surnames are."""
    place = _place_of_given(candidate.value)
    name = candidate._replace(start=candidate.start + (place or _place_behind_role(candidate.value)))
    return (place is not None or _has_family_ending(candidate.value)) and _is_free_name(name)


def _is_free_name(name: Candidate) -> bool:
    parts = _name_parts(name)
    is_name = (len(parts) > 1 and parts[-1].lower() not in words("no-surnames")) or _is_eastern(parts)
    return is_name and name.before(1) not in _CODE_BEFORE and not _is_code(name)


def _is_eastern(parts: list[str]) -> bool:
    """A surname of one character and what follows it, as Chinese and Koreans write their names."""
    return len(parts) == 1 and len(parts[0]) in _EASTERN_CHARS and parts[0][0] in words("eastern-surnames")


def _is_ambiguous(name: str) -> bool:
    return name.partition(" ")[0].lower() in words("ambiguous-names")


def _place_of_given(value: str) -> int | None:
    """Where in `value` a given name begins that is not its last word: before it may stand a word that begins a sentence."""
    offset = 0
    for part in value.split(" ")[:-1]:
        if _is_given(part):
            return offset
        offset += len(part) + 1
    return None


def _place_behind_role(value: str) -> int:
    """Behind what people are to one another: `Patient`, `Kunde`."""
    role, _, rest = value.partition(" ")
    return len(role) + 1 if " " in rest and role.lower() in as_read("before-people") else 0


def _has_family_ending(value: str) -> bool:
    family = fold(value.rpartition(" ")[2])
    return len(family) >= _FAMILY_CHARS and family.endswith(_family_endings())


@lru_cache(maxsize=1)
def _family_endings() -> tuple[bytes, ...]:
    return tuple(map(fold, as_read("family-endings")))


@lru_cache(maxsize=1)
def _given_names() -> frozenset[bytes]:
    return frozenset(map(fold, as_read("given-names")))


_CODE_BEFORE: Final = frozenset("/\\_.$#@-=<")


def titled_name(candidate: Candidate) -> float:
    """What stands after a title."""
    parts = _name_parts(candidate)
    return candidate.confidence if parts and len(parts[0].rstrip(".")) > 1 and not _is_code(candidate) else 0.0


def greeted_name(candidate: Candidate) -> float:
    """What stands after a greeting: a given name, or more than one word."""
    parts = _name_parts(candidate)
    is_name = len(parts) > 1 or (parts and _is_given(parts[0]))
    return candidate.confidence if is_name and not _is_code(candidate) else 0.0


def headed_name(candidate: Candidate) -> float:
    """Who sends or gets a letter: in a header, with an address behind it or a name that is known."""
    parts = _name_parts(candidate)
    is_addressed = candidate.after(3).lstrip(' "')[:1] == "<" or not candidate.value.isascii()
    is_name = len(parts) > 1 and (is_addressed or _is_given(parts[0]) or _has_family_ending(candidate.value))
    return candidate.confidence if is_name else 0.0


def addressed_name(candidate: Candidate) -> float:
    """What stands above a street and a town."""
    return candidate.confidence if len(_name_parts(candidate)) > 1 and not _is_code(candidate) else 0.0


def filed_name(candidate: Candidate) -> float:
    """A surname and a given name, as a visiting card keeps them: parted by a semicolon."""
    surname, given = candidate.value.lower().split(";")
    is_nobody = f"{given}-{surname}" in words("nobodys-names") or {surname, given} & words("no-names")
    is_words = any(map(str.isalpha, surname)) and any(map(str.isalpha, given))
    return candidate.confidence if is_words and not is_nobody else 0.0


def _name_parts(candidate: Candidate) -> list[str]:
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


def _is_name_word(part: str) -> bool:
    is_capital = part[0].isalpha() and not part[0].islower()
    return is_capital or part.lower().rstrip(".") in words("name-particles")


def _is_given(part: str) -> bool:
    folded = fold(part.strip(".'"))
    return any(piece in _given_names() for piece in (folded, *folded.split(b"-")[:1]))


def _is_quoted(candidate: Candidate) -> bool:
    return candidate.text[candidate.end : candidate.end + 1] in _QUOTES


def _is_code(candidate: Candidate) -> bool:
    after = candidate.after(2)
    # `</` ends what a tag holds.
    return (after[:1] in _CODE_AFTER and after != "</") or (after[:1] in {".", ":", "-"} and after[1:2].isalpha())


@lru_cache(maxsize=1)
def _label_words() -> frozenset[str]:
    # A translation's value is the label in another language: `"last_name": "Nachname"`.
    return frozenset(label.lstrip("=") for name in _NAME_LISTS for label in labels(name))


VALIDATORS: Final[Mapping[str, Callable[[Candidate], float]]] = {
    "birth-date": birth_date,
    "full-name": full_name,
    "known-name": known_name,
    "given-name": given_name,
    "surname": surname,
    "addressed-name": addressed_name,
    "filed-name": filed_name,
    "headed-name": headed_name,
    "free-name": free_name,
    "titled-name": titled_name,
    "greeted-name": greeted_name,
}
