"""Rules at work on a view: find the exact spans by linear-time regex, then ask the validators."""

from collections.abc import Iterator
from functools import lru_cache, partial
from typing import Any, Final, Protocol

import re2

from guardrails.scope.candidates import Candidate
from guardrails.scope.catalogue import Rule
from guardrails.scope.findings import Finding
from guardrails.scope.labels import is_label
from guardrails.scope.signs import Sign
from guardrails.scope.validators import VALIDATORS
from guardrails.scope.views import View

# What a regex may take for its states. Beyond it RE2 falls back to its slower, still linear, simulation: those that read
# most of what is read have more, and a thousand rules that hardly ever read anything less.
_BYTES: Final = 2 * 1024 * 1024
_RULE_BYTES: Final = 512 * 1024
# So many rules are kept ready. Whoever sends what all of them want to read takes no more memory than these.
_READY_RULES: Final = 256
# Where nothing else is done in the process: more than all corpora together ask for, and 25 MiB more after these.
_READY_IN_SCANS: Final = 1024


class Detector(Protocol):
    """One pattern, and what it finds where the prefilter says that it could."""

    joinable: bool

    @property
    def sign(self) -> Sign:
        """What is there wherever it finds something."""

    def find(self, view: View, first: int = 0, last: int | None = None) -> Iterator[Finding]:
        """What it finds in text[first:last], judged by all that stands around it; at offsets of the view."""


def compile_regex(regex: str, most_bytes: int = _BYTES) -> Any:
    """`regex` over bytes, each one character. Raises ValueError where it is not RE2 syntax."""
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.max_mem = most_bytes
    options.log_errors = False
    try:
        return re2.compile(regex.encode("latin-1"), options)
    except re2.error as error:
        raise ValueError(f"not a linear-time regex: {error}") from error


class _ReadyRules:
    """Parts of rules, compiled: those that were asked for last."""

    def __init__(self, most: int | None) -> None:
        self.keep(most)

    def keep(self, most: int | None) -> None:
        self.compiled = lru_cache(maxsize=most)(partial(compile_regex, most_bytes=_RULE_BYTES))


_READY: Final = _ReadyRules(_READY_RULES)


def compiled_rule(regex: str) -> Any:
    """The same for a part of a rule, kept while it is among those that were asked for last."""
    return _READY.compiled(regex)


def forget_rules() -> None:
    """Let all go that are ready: they are compiled again when they are asked for."""
    _READY.keep(_READY_RULES)


def keep_rules_ready() -> None:
    """Keep more rules ready, for a process that does nothing but scan: compiling them again is half of its time where a
    text is full of secrets.
    """
    _READY.keep(_READY_IN_SCANS)


class RuleDetector:
    """One rule of the catalogue. Raises ValueError for one whose validators do not exist; its regex is compiled when it
    is sought, as most never are.
    """

    def __init__(self, rule: Rule) -> None:
        missing = [name for name in rule.validators if name not in VALIDATORS]
        if missing:
            raise ValueError(f"{rule.id}: no validators {missing}")
        self.rule = rule
        self.sign = rule.cheapest_sign()
        self.joinable = rule.joinable
        self._validators = [VALIDATORS[name] for name in rule.validators]

    def find(self, view: View, first: int = 0, last: int | None = None) -> Iterator[Finding]:
        for start, end in self.spans(view, first, len(view.text) if last is None else last):
            yield from self.judged(view, start, end)

    def spans(self, view: View, first: int, last: int) -> Iterator[tuple[int, int]]:
        """Where the rule's shape is in the view between `first` and `last`."""
        pattern = compiled_rule(self.rule.regex)
        group = min(1, pattern.groups)  # its first one is the span, where it has any
        for match in pattern.finditer(view.data, first, last):
            start, end = match.span(group)
            if start < end and self._is_value(view.text, match.start(), start, end):
                yield start, end

    def _is_value(self, text: str, lead: int, start: int, end: int) -> bool:
        """Whether text[start:end], with what leads to it from `lead` on, is no part of a word, and has its label."""
        if self.rule.bounded and _is_inside_word(text, start, end):
            return False
        return not self.rule.heads or is_label(text[lead:start], self.rule.heads)

    def judged(self, view: View, start: int, end: int) -> Iterator[Finding]:
        """The finding there, if the rule's validators leave one."""
        rule = self.rule
        confidence = self._judge(Candidate(view.text, start, end, rule.confidence))
        if confidence > 0:
            yield Finding(rule.kind, rule.entity, rule.id, start, end, confidence)

    def _judge(self, candidate: Candidate) -> float:
        if self.rule.near and not candidate.is_near(self.rule.near):
            return 0.0
        for validator in self._validators:
            candidate = candidate._replace(confidence=validator(candidate))
            if candidate.confidence <= 0:
                break
        return candidate.confidence


def _is_inside_word(text: str, start: int, end: int) -> bool:
    before, after = text[start - 1 : start], text[end : end + 1]
    if after and (after.isalnum() or after == "_"):
        return True
    if not before or not (before.isalnum() or before == "_"):
        return False
    # The letter of an escape is no letter: `"\nsk-..."` in a source begins a line.
    return not (before in "nrtbf" and text[start - 2 : start - 1] == "\\")
