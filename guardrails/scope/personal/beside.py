"""What stands beside a candidate in its line, and makes it a person's: another personal datum, or words about people."""

import string
from functools import lru_cache
from itertools import islice
from typing import Any, Final

from guardrails.scope.candidates import Candidate
from guardrails.scope.identity.unlabelled import is_state_number
from guardrails.scope.normalise import normalise
from guardrails.scope.personal.checksums import mod97
from guardrails.scope.personal.mail import email
from guardrails.scope.personal.phones import is_dialled
from guardrails.scope.words import words

# A row of a table or a sentence: so far the two may stand apart.
_REACH_CHARS: Final = 96
# More numbers in so short a line are figures.
_MOST_DATA: Final = 5
# A sentence says within a few words what a person does.
_SPEECH_CHARS: Final = 32
_SPEECH_WORDS: Final = 3
# The longest word for a relative, and a space.
_RELATION_CHARS: Final = 20
# Where a cell of a table, an item of a list or a literal begins and ends.
_EDGES: Final = frozenset(",;|\t\"'`\x02\x03\n/")

# A number that one of these joins to something is a part of that: of a path, a version, a range.
_JOINTS: Final = frozenset("/#._-")
_DATUM: Final = (
    r"[A-Za-z0-9._%+\-]{1,64}@[A-Za-z0-9\-]{1,63}(?:\.[A-Za-z0-9\-]{1,63}){1,5}"
    r"|\+[1-9][0-9 ().\-/]{6,20}[0-9]|[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?"
    r"|[0-9](?:[ .\-/]?[0-9]){8,17}|[A-Z]{1,6}[0-9][A-Z0-9]{6,14}|[0-9]{8}[A-Z]"
)
_MARKS: Final = str.maketrans(dict.fromkeys(string.punctuation.replace("'", "").replace("-", "") + "\x02\x03\t", " "))


def stands_beside_datum(candidate: Candidate) -> bool:
    """Whether its line has an e-mail address, a telephone's number with its country, a bank's account number, or a
    number that some state may have given.
    """
    line = line_around(candidate)
    found = _datum().finditer(line.encode("latin-1", "replace"))
    first = islice(found, _MOST_DATA)
    return any(_is_datum(Candidate(line, match.start(), match.end(), 1.0)) for match in first)


def line_around(candidate: Candidate) -> str:
    """The candidate with what stands near it in its line."""
    text, start, end = candidate.text, candidate.start, candidate.end
    before = text[max(0, start - _REACH_CHARS) : start].rpartition("\n")[2]
    return before + text[start:end] + text[end : end + _REACH_CHARS].partition("\n")[0]


def _is_datum(found: Candidate) -> bool:
    value = found.value
    if "@" in value:
        return email(found) > 0
    if value[0] == "+":
        return is_dialled(value)
    if value[0].isalpha():
        account = "".join(filter(str.isalnum, value))
        return mod97(account[4:] + account[:4]) == 1 or is_state_number(value)
    is_part = any(one.isalnum() or one in _JOINTS for one in (found.before(1), found.after(1)) if one)
    return not is_part and is_state_number(value)


@lru_cache(maxsize=1)
def _datum() -> Any:
    # A validator's module: detectors are made of validators.
    from guardrails.scope.detectors import compile_regex

    return compile_regex(_DATUM)


def is_spoken_of(candidate: Candidate) -> bool:
    """Whether the words before it or behind it say what people say, do and are."""
    before = _words_before(candidate)
    # What begins with a capital there is another name: `Green and Red Hat`.
    behind = candidate.text[candidate.end : candidate.end + _SPEECH_CHARS].partition("\n")[0]
    after = _words(behind)[:_SPEECH_WORDS]
    return not as_read("before-people").isdisjoint(before) or not as_read("after-people").isdisjoint(after)


def is_related(candidate: Candidate) -> bool:
    """Whether the word before it says whose relative, neighbour or patient somebody is: whatever he is called."""
    # Asked of every two words with capitals.
    before = candidate.text[max(0, candidate.start - _RELATION_CHARS) : candidate.start].rstrip(" :")
    return before[before.rfind(" ") + 1 :].lower() in as_read("before-strangers")


def _words_before(candidate: Candidate) -> list[str]:
    said = _words(candidate.before(2 * _SPEECH_CHARS))
    # `signed by Anna Kowalska and Jan Nowak`: what is said of one is said of the other.
    is_second = said[-1:] and said[-1] in words("and-words")
    return said[-2 * _SPEECH_WORDS :] if is_second else said[-_SPEECH_WORDS:]


@lru_cache(maxsize=8)
def as_read(name: str) -> frozenset[str]:
    """A list of words as the engine reads them: letters of other scripts that look like Latin ones are, in either case."""
    return frozenset(
        normalise(form).text.lower()
        for word in words(name)
        for form in ({word} if word.isascii() else {word, word.title()})
    )


def is_cell(candidate: Candidate) -> bool:
    """Whether it is all of a cell, an item or a literal."""
    text, start, end = candidate.text, candidate.start, candidate.end
    before, after = text[max(0, start - 2) : start].rstrip(" "), text[end : end + 2].lstrip(" ")
    return (not before or before[-1] in _EDGES) and (not after or after[0] in _EDGES)


def _words(text: str) -> list[str]:
    return text.translate(_MARKS).split()
