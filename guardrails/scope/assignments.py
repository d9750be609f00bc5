"""Secrets that only their key gives away: `password = …` in code of any language, configuration, headers and command
lines.

The value is weighed against the strength of its key. Recall comes from here, not from more provider rules.
"""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from guardrails.scope import notations
from guardrails.scope.detectors import compile_regex
from guardrails.scope.findings import Finding
from guardrails.scope.key_names import ends_phrase, is_letter, strength_of
from guardrails.scope.signs import Sign
from guardrails.scope.values import Place, confidence_of
from guardrails.scope.views import View

# How many nested keys may claim one run of text: `key=key=key=…` stays linear.
CLAIMS: Final = 8
# How far a name goes on before and after the word that was seen in it.
_NAME_CHARS: Final = 40
_NAME_MARKS: Final = frozenset("_-.")
# A name so short may be but the last word of it: `key`.
_SHORT_NAME: Final = 4
# A longer separator has words in it: a field, a type.
_SHORT_SEPARATOR: Final = 4


# Of such a key everything counts that somebody took the trouble to hide.
_UNSURE: Final = frozenset({"likely", "weak"})
# Each character of the value was written as an escape, `\x41` at least: none of them needed it.
_ESCAPE_CHARS: Final = 4


class _Value(NamedTuple):
    start: int
    end: int
    place: Place


class AssignmentDetector:
    """Keys that promise a secret, and values that keep the promise."""

    joinable = False
    sign = Sign((notations.SIGN,), notations.SPELLINGS)

    def __init__(self) -> None:
        self._promise: Any = compile_regex(notations.PROMISE)
        self._head: Any = compile_regex(notations.HEAD)
        self._rest: Any = compile_regex(notations.REST)
        self._word: Any = compile_regex(notations.WORD)

    def find(self, view: View, first: int = 0, last: int | None = None) -> Iterator[Finding]:
        """What it finds, at offsets of the view."""
        last = len(view.text) if last is None else last
        position, claimed, claims = first, 0, 0
        while named := self._next(view, position, last):
            seen, match = named
            name_start, name_end = _name_around(view.text, seen, match.end())
            strength = strength_of(_whole_name(view.text, name_start, name_end))
            start = opened = match.end(match.lastindex)
            end = match.end()
            if strength is not None:
                start, end, place = self._value(view, name_start, name_end, opened)
                value = view.text[start:end]
                if strength in _UNSURE and _is_hidden(view, start, end):
                    strength = "password"
                if confidence := confidence_of(value, strength, place):
                    entity = "password" if strength == "password" else "token"
                    yield Finding("secret", entity, f"assignment.{strength}", start, end, confidence)
                    position = end
                    continue
            # The value may itself be an assignment (`args = "--token=..."`), but a run of text is claimed by few keys
            # only.
            claims = claims + 1 if start < claimed else 1
            claimed = max(claimed, end) if claims == 1 else claimed
            position = max(start, claimed) if claims >= CLAIMS else start

    def _next(self, view: View, position: int, last: int) -> tuple[int, Any] | None:
        """Where the next key has its word, and what leads from there to its value: to try each word that is sought is a third
        of seeking all of that.
        """
        while promise := self._promise.search(view.letters, position, last):
            if match := self._head.match(view.data, promise.end(), last):
                return promise.start(), match
            position = promise.start() + 1
        return None

    def _value(self, view: View, name_start: int, name_end: int, opened: int) -> _Value:
        text = view.text
        if closer := notations.QUOTES.get(text[opened]):
            end = _closed(text, opened, closer)
            if end > 0:
                return _Value(opened + 1, end, "quoted")
            opened += 1
        separator = text[name_end:opened].strip("\\\"'`])}*\x1f")
        has_line = _line_head(text, name_start) in notations.LINE_HEADS
        pattern = self._rest if has_line or _is_tag(separator) else self._word
        match = pattern.match(view.data, opened)
        end = _trimmed(text, opened, match.end() if match else opened)
        return _Value(opened, end, _place(separator, has_line, text[opened:end].isalpha()))


def _is_hidden(view: View, start: int, end: int) -> bool:
    if view.is_source or start == end:
        return False
    first, last, label = view.source_span(start, end)
    return label == "escape" and last - first >= _ESCAPE_CHARS * (end - start)


def _is_tag(separator: str) -> bool:
    """Whether the value is what an element holds: up to the next one."""
    return separator == ">" or (separator.endswith(">") and "<" in separator)


def _name_around(text: str, start: int, end: int) -> tuple[int, int]:
    """The whole identifier that the word at `start` is a part of; `end` is where its notation ends."""
    first = start
    while first > max(0, start - _NAME_CHARS) and _is_in_name(text[first - 1]):
        first -= 1
    last = start
    while last < end and _is_in_name(text[last]):
        last += 1
    return first, last


def _whole_name(text: str, start: int, end: int) -> str:
    """The name with the word before it, where that says whose key it is or makes a name of it: `API key`."""
    name = text[start:end]
    if start and text[start - 1] == " " and (len(name) <= _SHORT_NAME or ends_phrase(name)):
        first = last = start - 1
        while first > max(0, start - _NAME_CHARS) and is_letter(text[first - 1]):
            first -= 1
        return f"{text[first:last]}_{name}" if first < last else name
    return name


def _place(separator: str, has_line: bool, is_word: bool) -> Place:
    """Where an unquoted value stands; letters alone may be a variable's name wherever code can be."""
    if separator.endswith("("):
        return "called"
    if has_line or len(separator) > _SHORT_SEPARATOR:
        return "set"
    return "set" if separator in notations.SETS and not is_word else "code"


def _line_head(text: str, name_start: int) -> str | None:
    """What stands in its line before a name, or None where that is long."""
    first = text.rfind("\n", max(0, name_start - _NAME_CHARS), name_start) + 1
    is_long = not first and name_start > _NAME_CHARS
    return None if is_long else text[first:name_start].strip(" \t\"'")


def _is_in_name(character: str) -> bool:
    return character.isalnum() or character in _NAME_MARKS or is_letter(character)


def _closed(text: str, opened: int, closer: str) -> int:
    """Where the literal that is opened there ends, or -1: at its quote, which no backslash escapes that the opening one
    had not.
    """
    is_escaped = text[opened - 1 : opened] == "\\"
    end = text.find(closer, opened + 1, opened + 2 + notations.VALUE_CHARS)
    while end > 0 and not is_escaped and text[end - 1] == "\\" and text[end - 2] != "\\":
        end = text.find(closer, end + 1, opened + 2 + notations.VALUE_CHARS)
    if end < 0 or (closer != "\x03" and "\n" in text[opened:end]):
        return -1
    return end - is_escaped if text[end - 1] == "\\" else end


def _trimmed(text: str, start: int, end: int) -> int:
    # What closes the code or sentence around a value is none of it.
    while end > start and text[end - 1] in ".,;:)]}\\":
        end -= 1
    return end
