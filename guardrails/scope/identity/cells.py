"""Values that do not stand beside their labels: in the columns of tables, in the answer to a question, before `as` and
their label. Of the rules that say what people call a thing, by the shapes that these find in a line.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, Final

from guardrails.scope.catalogue import Rule
from guardrails.scope.detectors import RuleDetector, compile_regex
from guardrails.scope.findings import Finding
from guardrails.scope.identity.labels import Lexicon, Prepared, fold
from guardrails.scope.identity.places import Place, places
from guardrails.scope.signs import Sign
from guardrails.scope.views import View

# `INSERT INTO t (a, b) VALUES (`; the line under a Markdown table's head; a line of words over one that begins with a
# number; a question over a number; a quoted value before `as`.
_SIGNS: Final = (
    r"\)\s{0,8}(?i:values)\s{0,8}\(",
    r"\|[ ]?:?-{3}",
    r"[,;\t][\"']?[^\n,;\t0-9]{1,40}[\"']?\r?\n[\"']?[0-9]{1,9}[\"']?[,;\t]",
    r"\?\r?\n[^\n]{0,64}[0-9]",
    r"[0-9a-z][\"'] as [A-Z]",
)
_KEYWORDS: Final = ("values", "--", ",", ";", "\t", "?", " as ")
# All that a column's head may have beside its label.
_BEFORE_HEAD: Final = compile_regex(r"(?:^|[\n,;|\t(])[ ]{0,8}[\"'`\[]?(?:[A-Za-z]{1,16}[ _])?$")
_AFTER_HEAD: Final = compile_regex(r"[A-Za-z_ .#]{0,16}[\"'`\]]?[ ]{0,32}[\r\n,;|\t)]")
_HEAD_CHARS: Final = 32
_ASKED: Final = compile_regex(
    r"[^0-9\n?]{0,12}\?[^0-9\n]{0,8}\n(?:[\[(]?[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?[\])]?)?[^0-9\n]{0,48}"
    r"(?:it'?s|it is|is|:) (?:it'?s |it is )?[\"'`]?"
)
_RULE: Final = compile_regex(r"[^\n]*\n[ |+:]*--")
_NAMED: Final = compile_regex(r"[\"'`] as (?:the |my |his |her |their |your )?")
# A table's head says `user` of roles and of accounts that belong to nobody.
UNTOLD: Final = "username"


class CellDetector:
    """Finds the labels of rules that have names for their value, and the values in columns, answers and before."""

    joinable = False
    sign = Sign(_SIGNS, _KEYWORDS)

    def __init__(self, rules: Sequence[Rule], known: Prepared) -> None:
        self._rules = rules
        self._known = known
        self._detectors = [RuleDetector(rule) for rule in rules]

    @cached_property
    def _lexicon(self) -> Lexicon:
        # Only who sees a table needs it.
        return Lexicon(self._known)

    @cached_property
    def _values(self) -> list[Any]:
        return [compile_regex(f"({rule.value})") for rule in self._rules]

    def find(self, view: View, first: int = 0, last: int | None = None) -> Iterator[Finding]:
        """What it finds in text[first:last], at offsets of the view."""
        part = view.part(first, len(view.text) if last is None else last)
        for one in self._found(part):
            yield replace(one, start=one.start + first, end=one.end + first)

    def _found(self, view: View) -> Iterator[Finding]:
        folded = fold(view.text)
        for place in places(view.text, view.data, self._lexicon.find(view.text, folded)):
            for start, end in _spans(view.data, folded, place):
                for index in place.label.rules:
                    yield from self._judged(view, index, place, start, end)

    def _judged(self, view: View, index: int, place: Place, start: int, end: int) -> Iterator[Finding]:
        value = self._values[index]
        is_whole = place.side in {"cell", "before"}
        match = value.fullmatch(view.data, start, end) if is_whole else value.match(view.data, start, end)
        # Of an answer only what has a digit: a sentence is full of words.
        if match and (place.side == "cell" or any(map(str.isdigit, view.text[start : match.end()]))):
            yield from self._detectors[index].judged(view, start, match.end())


def _spans(data: bytes, folded: bytes, place: Place) -> Iterator[tuple[int, int]]:
    """Where a value of the label begins and ends, or where it may end."""
    label = place.label
    if place.side == "cell":
        # Cut off: for RE2 a text goes on behind the end of a search.
        before = _BEFORE_HEAD.search(data[max(0, label.start - _HEAD_CHARS) : label.start])
        if before and _AFTER_HEAD.match(data, label.end) and _is_head(data, label.end):
            yield place.start, place.end
    elif place.side == "below":
        if asked := _ASKED.match(folded, label.end, place.end):
            yield asked.end(), place.end
    elif place.side == "before":
        quote = max(data.rfind(b'"', place.start, place.end), data.rfind(b"'", place.start, place.end))
        if quote > 0 and _NAMED.fullmatch(data, quote, place.end):
            opened = data.rfind(data[quote : quote + 1], place.start, quote)
            if opened >= 0:
                yield opened + 1, quote


def _is_head(data: bytes, label_end: int) -> bool:
    """Whether the label's line is a head: between bars it is one over a rule, else a row with a label and its value."""
    line_end = data.find(b"\n", label_end)
    is_barred = data.find(b"|", label_end, line_end) >= 0
    return not is_barred or _RULE.match(data, label_end) is not None
