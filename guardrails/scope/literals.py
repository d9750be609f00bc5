"""A token written as several string literals that code puts together: added, listed and joined, formatted, appended."""

from collections.abc import Iterator
from typing import Any, Final

from guardrails.scope.contexts import key_before
from guardrails.scope.detectors import compile_regex
from guardrails.scope.signs import Sign
from guardrails.scope.views import Piece, View

_QUOTED: Final = r"""(?:"[^"\n]+"|'[^'\n]+'|`[^`\n]+`)"""
_EMPTY: Final = r"""(?:""|''|``)"""
_PIECE: Final = r"[A-Za-z0-9+/_=\-]"
_SPACE: Final = r"[ \t]{0,8}(?:\\?\r?\n[ \t]{0,80})?"
# Between two literals that are one: nothing, or what adds them in some language, over a line end too.
_PLUS: Final = rf"{_SPACE}(?:[+.&^~]|\.\.|\+\+|\|\||<>)?{_SPACE}"
# Or the next of several calls or assignments that add: `.append(`, `.concat(`, `; t += `.
_ADDING: Final = rf"\)?{_SPACE}(?:\.(?:append|concat|Append|Concat)\(|;?{_SPACE}\$?[A-Za-z_][A-Za-z0-9_]{{0,40}}[ \t]{{0,4}}[+.]=){_SPACE}"
# Or, in a list that is joined or formatted, a comma; in a template, the braces around each.
_COMMA: Final = rf"{_SPACE},{_SPACE}"
_LISTED: Final = rf"{_QUOTED}(?:{_COMMA}{_QUOTED})+"
_BRACES: Final = rf"\$?\{{{_QUOTED}\}}"
_FORMAT: Final = rf"""["'`](?:%s|%v|\{{[0-9]?\}}){{2,16}}["'`](?:[ \t]{{0,4}}%[ \t]{{0,4}}\(|\.format\(|{_COMMA})"""
# How joined lists begin, and how they end.
_CALLS: Final = (
    rf"{_EMPTY}\.join\([\[(]{_SPACE}",
    rf"(?:strings\.Join\(\[\]string\{{|String\.join\({_EMPTY}{_COMMA}){_SPACE}",
    rf"(?:[Ss]tring\.)?(?i:concat|paste0|concatenate)\({_SPACE}",
    rf"implode\({_EMPTY}{_COMMA}(?:\[|array\(){_SPACE}",
    _FORMAT,
)
_JOINED_AFTER: Final = rf"{_SPACE},?{_SPACE}\]\.join(?:\({_EMPTY}\)|[^A-Za-z0-9_(]|$)"
# What joins two pieces of a token, and not two phrases.
_JOINT: Final = (
    r"(?:[ \t]{1,8}|[ \t]{0,4}(?:[+.&^~]|\.\.|\+\+|\|\||<>)[ \t]{0,4}(?:\\?\r?\n[ \t]{0,80})?"
    r"|[ \t]{0,8}\\?\r?\n[ \t]{0,80}(?:(?:[+.&^~]|\.\.|\+\+|\|\||<>)[ \t]{0,4})?)?"
)
# Quotes inside a word, which a shell takes away: `abc"def"'ghi'`. Before a quote an equals sign ends the word.
_PLAIN: Final = r"[A-Za-z0-9+/_\-]"
_WORD: Final = r"[A-Za-z0-9+/_=.:@\-]"
# A colon alone between quotes stands between a key and its value, in JSON.
_HELD: Final = rf"(?:[=.:@]*{_PLAIN}{_WORD}*)?"
_INNER: Final = rf"""(?:"{_HELD}"|'{_HELD}')"""
_SHELL: Final = (
    rf"(?:{_WORD}*{_PLAIN}{_INNER}+{_WORD}+|{_INNER}{_WORD}*{_PLAIN}{_INNER}+{_WORD}*|{_WORD}*{_PLAIN}{{3}}{_INNER}+)"
)


_ADDS: Final = r"\.(?:append|concat|Append|Concat)\(|\$?[A-Za-z_][A-Za-z0-9_]*[ \t]*[+.]="


class Literals:
    """Runs of literals as the one literal that they make, with what stands before it."""

    label = "literals"
    sign = Sign(
        (
            # A joint or what adds, in few states: an automaton pays for what it has to count.
            rf"""{_PIECE}["'`][\s\\;)]*["'`]{_PIECE}""",
            rf"""{_PIECE}["'`][\s\\;)]*[+.&^~|<>]{{1,2}}[\s\\]*["'`]{_PIECE}""",
            rf"""{_PIECE}["'`][\s\\;)]*(?:{_ADDS})[\s\\]*["'`]{_PIECE}""",
            r"""["'`]\}[A-Za-z0-9+/_=\-]{0,8}\$?\{["'`]""",
            *(rf"""{call}["'`]""" for call in _CALLS),
            rf"""["'`]{_JOINED_AFTER}""",
            # What is beside the quotes of a word, and not how far the word goes: what begins without a bound never rests.
            rf"{_PLAIN}{_INNER}{_WORD}",
            rf"{_PLAIN}{{3}}{_INNER}",
            rf"{_INNER}{_WORD}*{_PLAIN}{_INNER}",
        ),
        ('"', "'", "`"),
    )

    def __init__(self) -> None:
        added = rf"{_QUOTED}(?:(?:{_PLUS}|{_ADDING}){_QUOTED})+"
        called = rf"(?:{'|'.join(_CALLS)})({_LISTED})"
        listed = rf"({_LISTED}){_JOINED_AFTER}"
        chained = rf"({_QUOTED}\.(?:concat|Concat)\({_SPACE}{_QUOTED}(?:{_COMMA}{_QUOTED})*)"
        braced = rf"({_BRACES}(?:{_PIECE}{{0,8}}{_BRACES})+)"
        self._run = compile_regex(f"{called}|{listed}|{chained}|{braced}|({added})")
        self._shell = compile_regex(_SHELL)
        self._literal = compile_regex(_QUOTED)
        self._unquoted = compile_regex(rf"{_WORD}+")

    def decode(self, view: View) -> Iterator[tuple[Piece, ...]]:
        """Each run, its literals one after another, with the key that they are assigned to."""
        for match in self._run.finditer(view.data):
            start, end = match.span(match.lastindex)
            parts = self._parts(view, start, end, self._literal, 1)
            yield *key_before(view, match.start()), *parts, Piece('"', end - 1, end, label=self.label)
        for match in self._shell.finditer(view.data):
            start, end = match.span()
            parts = self._parts(view, start, end, self._unquoted, 0)
            yield *key_before(view, start)[:1], *parts

    def _parts(self, view: View, start: int, end: int, pattern: Any, quotes: int) -> Iterator[Piece]:
        for match in pattern.finditer(view.data[start:end]):
            first, last = start + match.start() + quotes, start + match.end() - quotes
            yield Piece(view.text[first:last], first, last, exact=True, label=self.label)
