"""What is told by what people call it, at work on a view: find a label, then what follows it."""

from collections.abc import Iterator
from typing import Any, Final

from guardrails.scope.catalogue import Rule
from guardrails.scope.detectors import RuleDetector, compiled_rule
from guardrails.scope.labels import WORDS
from guardrails.scope.views import View

# No label has its value farther behind it.
_REACH: Final = 256
_NO_DIGITS: Final = bytes(byte for byte in range(256) if chr(byte) not in "0123456789")


class CalledDetector(RuleDetector):
    """One rule with labels of its own (`Rule.called`). One regex for both its many labels and all that may follow them would
    take ten times as long.
    """

    def _leads(self, view: View) -> Iterator[tuple[Any, bytes, Any, bool]]:
        """A regex for labels and where to seek them, one for what follows them, and whether they end where their word does."""
        long, short, whole = self.rule.leads
        for lead, data, between, is_word in (
            (long, view.letters, WORDS, False),
            (short, view.data, WORDS, True),
            (whole, view.letters, "", False),
        ):
            if lead:
                yield compiled_rule(lead), data, compiled_rule(between + self.rule.regex), is_word

    def spans(self, view: View, first: int, last: int) -> Iterator[tuple[int, int]]:
        for lead, data, rest, is_word in self._leads(view):
            position = first
            while label := lead.search(data, position, last):
                position = label.start() + 1
                if (is_word and _goes_on(view.text, label.end())) or not self._may_follow(view.data, label.end()):
                    continue
                if match := rest.match(view.data, label.end(), last):
                    start, end = match.span(1)
                    if start < end and self._is_value(view.text, label.start(), start, end):
                        yield start, end
                        position = end

    def _may_follow(self, data: bytes, end: int) -> bool:
        """Whether a digit is near, where the value has some: quicker asked than the regex of what follows."""
        return self.rule.needs != "digits" or bool(data[end : end + _REACH].translate(None, _NO_DIGITS))


def _goes_on(text: str, end: int) -> bool:
    """Whether the word of a short label goes on: `tel` is none in `telemetry`."""
    after = text[end : end + 1]
    return after.islower() or after > "\x7f"


def detector_of(rule: Rule) -> RuleDetector:
    """The detector for a rule without `labels`."""
    return CalledDetector(rule) if rule.leads else RuleDetector(rule)
