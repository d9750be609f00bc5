"""Passwords of a generator that stand alone: letters of both cases, digits and marks, in no order that code has."""

import string
from collections.abc import Iterator
from typing import Final

from guardrails.scope.detectors import compile_regex
from guardrails.scope.findings import Finding
from guardrails.scope.placeholders import is_dummy
from guardrails.scope.randomness import randomness
from guardrails.scope.signs import Sign
from guardrails.scope.views import View

# Shorter ones are too like a pattern, a format or a variable of some language.
_LEAST_CHARS: Final = 16
_MOST_CHARS: Final = 72
_MARKS: Final = frozenset("!@#$%^&*~?")
_LEAST_MARKS: Final = 2
_LEAST_NATS: Final = 48.0
# Where it has but one mark or one digit, the rest has to say so.
_LEAST_NATS_OF_FEW: Final = 60.0
_SURENESS: Final = 0.5
_RUN: Final = r"[A-Za-z0-9!@#$%^&*~?_+=.\-]"
# What may stand beside it, in a sentence or a list; in code it would be a bracket or an operator.
_BESIDE: Final = frozenset(string.whitespace + "\"'`,;\x02\x03")


class MarkedDetector:
    """Runs of letters, digits and marks that chance explains far better than code."""

    sign = Sign((r"[A-Za-z0-9][!#$%^&*~][A-Za-z0-9!@#$%^&*~?]",), ("!", "#", "$", "%", "^", "&", "*", "~"))
    joinable = False

    def __init__(self) -> None:
        self._pattern = compile_regex(f"{_RUN}{{{_LEAST_CHARS},}}")

    def find(self, view: View, first: int = 0, last: int | None = None) -> Iterator[Finding]:
        """What it finds, at offsets of the view."""
        for match in self._pattern.finditer(view.data, first, len(view.text) if last is None else last):
            start, end = match.span()
            if end - start <= _MOST_CHARS and _is_generated(view.text, start, end):
                yield Finding("secret", "password", "bare.password", start, end, _SURENESS)


def _is_generated(text: str, start: int, end: int) -> bool:
    value = text[start:end]
    marks, digits = len(_MARKS.intersection(value)), sum(map(value.count, string.digits))
    if not marks or not digits:
        return False
    has_both_cases = value.lower() != value and value.upper() != value
    stands_alone = {*text[max(0, start - 1) : start], *text[end : end + 1]} <= _BESIDE
    is_wanted = has_both_cases and stands_alone and "=" not in value.strip("=")
    least_nats = _LEAST_NATS if min(marks, digits) >= _LEAST_MARKS else _LEAST_NATS_OF_FEW
    return is_wanted and randomness(value) >= least_nats and not is_dummy(value)
