"""Values that their label makes personal: all rules with labels at once."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import islice
from typing import Any, Final

from guardrails.scope.catalogue import Rule
from guardrails.scope.detectors import RuleDetector, compile_regex
from guardrails.scope.findings import Finding
from guardrails.scope.identity.labels import Lexicon, Prepared, fold
from guardrails.scope.identity.places import Place, Side, places
from guardrails.scope.identity.plausible import is_part_of_number, is_shown
from guardrails.scope.signs import DIGITS, Sign
from guardrails.scope.views import View

# Every digit as `0`, so that whether a place has one is asked without an expression: of labels alone a text may be full.
_DIGITS: Final = bytes(0x30 if 0x30 <= byte <= 0x39 else 0x20 for byte in range(256))
# What may stand between a label and the value that it holds, or that holds it: no other number, and no other thing's
# name.
_BETWEEN: Final[dict[Side, Any]] = {
    "after": compile_regex(r"[^0-9\n{};]{0,48}"),
    "before": compile_regex(
        r"""["'`\x03]?(?: ?[(\[]| is (?:my|the|his|her|your|our|their) | as | for |["'`\x03]?,? ?["']?[a-z_]{0,10}"""
        r"""(?:type|kind|label|name|title|system)["'\x1f]? ?[:=] ?)["'\x02]?"""
    ),
    "below": compile_regex(
        r"""["'`\x1f\x03\])}:=>,.*|\s]{0,8}\n(?:[^0-9\n]{0,64}\n)?[\s"'`*|<\-]{0,32}"""
        r"""(?:[a-z_ ]{0,16}(?:number|value|id|no|nr|code|text|string|numero|nummer|numer)["'`\x1f]?[ \t]?[:=>][ \t]?)?["'`\x02]?"""
    ),
}
# Whoever asks for it gets it in the next line: `your passport number?`, `[10:31] customer: sure, it is ...`.
_ANSWERED: Final = compile_regex(
    r"[^0-9\n]{0,12}\?[^0-9\n]{0,8}\n(?:[\[(]?[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?[\])]?)?[^0-9\n]{0,48}"
)
_OTHER_THING: Final = compile_regex(
    r"(?:^|[^a-z])(?:version|length|digits|char|rfc|iso|expir|birth|valid|line|page|port\b|since|until|year|http|phone|"
    r"e-?mail|count|total|size|max|min|time|stamp|hash|price|amount|rate|score|step|error|status|wage|cost|budget|base)|date\b|_at\b|_on\b"
)
# A number with a wrong check digit, where its label stands: mistyped more often than invented, but never sure.
_MISTYPED: Final = 0.45
# Two letters are a label only for what has its right check digit: `ci`, `cc`.
_NAME_CHARS: Final = 3
# A value that begins like one and is none: read on, but not for ever.
_SPANS: Final = 4


class LabelledDetector:
    """Finds labels, and where a label's value may stand what its rules say of the value."""

    joinable = False

    def __init__(self, rules: Sequence[Rule], known: Prepared) -> None:
        self._rules = [RuleDetector(rule) for rule in rules]
        self._known = known
        self.sign = Sign(tuple(known.signs), tuple(known.keywords), needs=DIGITS, beside=DIGITS)

    @cached_property
    def _lexicon(self) -> Lexicon:
        return Lexicon(self._known)

    def find(self, view: View, first: int = 0, last: int | None = None) -> Iterator[Finding]:
        """What it finds in text[first:last], at offsets of the view."""
        part = view.part(first, len(view.text) if last is None else last)
        for one in self._found(part):
            yield replace(one, start=one.start + first, end=one.end + first)

    def _found(self, view: View) -> Iterator[Finding]:
        folded, digits = fold(view.text), view.data.translate(_DIGITS)
        for place in places(view.text, view.data, self._lexicon.find(view.text, folded)):
            if digits.find(b"0", place.start, place.end) >= 0:
                for index in place.label.rules:
                    yield from _found(self._rules[index], view, folded, place)


def _found(detector: RuleDetector, view: View, folded: bytes, place: Place) -> Iterator[Finding]:
    must_be_held = detector.rule.reach == "held" or place.side == "below"
    for start, end in islice(detector.spans(view, place.start, place.end), _SPANS):
        is_held = not is_part_of_number(view.text, start, end) and _is_held(folded, place, start, end)
        if is_held or not (must_be_held or is_part_of_number(view.text, start, end)):
            found = list(detector.judged(view, start, end))
            is_named = place.label.end - place.label.start >= _NAME_CHARS
            yield from found or (_mistyped(detector.rule, view.text, start, end) if is_held and is_named else ())
        if is_held:
            return


def _mistyped(rule: Rule, text: str, start: int, end: int) -> Iterator[Finding]:
    if rule.reach == "near" and rule.validators and not is_shown("".join(filter(str.isdigit, text[start:end]))):
        yield Finding(rule.kind, rule.entity, rule.id, start, end, _MISTYPED)


def _is_held(folded: bytes, place: Place, start: int, end: int) -> bool:
    if place.side == "cell":
        return (start, end) == (place.start, place.end)
    first, last = (end, place.label.start) if place.side == "before" else (place.label.end, start)
    if place.side == "below" and _ANSWERED.fullmatch(folded, first, last):
        return True
    between = _BETWEEN[place.side].fullmatch(folded, first, last)
    return between is not None and _OTHER_THING.search(folded, first, last) is None
