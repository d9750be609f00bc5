"""Secrets that only their key gives away: `password = …` in code of any language, configuration, headers and command
lines.

The value is weighed against the strength of its key. Recall comes from here, not from more provider rules.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from guardrails.scope.detectors import compile_regex
from guardrails.scope.findings import Finding
from guardrails.scope.key_names import key_words, strength_of
from guardrails.scope.values import Place, confidence_of
from guardrails.scope.views import View

# Longest run of text that one value may have, and how many nested keys may claim the same one: `key=key=key=…` stays
# linear.
_VALUE_CHARS: Final = 512
CLAIMS: Final = 8
# How far a name goes on before and after the word that was seen in it.
_NAME_CHARS: Final = 40
_NAME_MARKS: Final = frozenset("_-.")
# A longer separator has words in it: a field, a type.
_SHORT_SEPARATOR: Final = 4

# Beyond Latin-1 every letter of a name is a `?` here (views.py); the name itself is judged by its text.
_SPELLINGS: Final = tuple(
    dict.fromkeys(
        word.encode("latin-1", "replace").decode("latin-1") for word in key_words() if word.isascii() or len(word) > 1
    )
)
_WORDS: Final = "|".join(word.replace("?", r"\?") for word in _SPELLINGS)
_NAME: Final = rf"(?i:{_WORDS})[A-Za-z0-9_\-.?\x80-\xff]{{0,24}}"
# What closes a name: quotes and brackets, escaped or not, of an index, of an element.
_CLOSE: Final = r"(?:\[[0-9]{0,5}\])?[\\\"'`\]\x1f)}*]{0,4}(?:</[A-Za-z]{1,12}>)?"
_WS: Final = r"[ \t]{0,8}"
_TYPED: Final = r":[ ]{0,2}[A-Za-z&*?\[\]<>.' |]{2,32}=|[ ][*&]?[A-Za-z][A-Za-z.]{2,20}(?:\[\])?[ ]{0,8}=|\{[ ]?get;[^{}\n]{0,40}\}[ ]?="
_ASSIGN: Final = r":[=\-]|=>|<-|->|\|\|=?|\?\?=?|\?=|={1,3}|!==?|::?|>|\||[ ]or[ ]|[ ](?:-?eq|-?ne)[ ]"
# Name and value in fields of their own: `name: X`, `value: …`; `<key>X</key><string>…`; `variable "x" { default = …`.
_SPLIT: Final = (
    r"(?:[,;]?\s{0,60}(?:[\"']?[a-z]{1,12}[\"']?[ ]?[:=][ ]?[\"']?[A-Za-z0-9]{0,20}[\"']?[,\s]\s{0,40})?"
    r"[\"'<]?(?:[A-Za-z]{0,16}(?:[vV]alue|VALUE)|val|default|string|content)[\"']?[ ]?(?:=>|[:=>])"
    r"|[ ]\{[^{}]{0,200}[ \n]default[ ]{0,20}=)"
)
# What makes a string of a literal, and what marks one: `String::from("`, `SecretStr("`, `r"`, `@"`, `N'`.
_MADE: Final = (
    r"(?:\$\{[^}\n]{0,40}\}[ ])?(?:[(\[{]\s{0,40})?(?:(?:new[ ])?[A-Za-z_\[\]:.]{0,24}"
    r"(?:[Ss]tring|[Ss]tr|from|From|bytes?|Buffer|decode|Some|Text|Secret|Password|atob|fromhex|lit)!?\([ ]?)?"
    r"[bruRBUNL@&]{0,2}#{0,2}\\?"
)
_CALLED: Final = rf"(?:\.?(?:equals|Equals|eql\?|compareTo|is))?{_WS}[,(]{_WS}\s{{0,40}}{_MADE}"
_QUOTE: Final = r"()[\"'`\x02][^\"'`\n\x03]{3}"
# Unquoted, what is no plain word: a digit or a mark is in it.
_PLAIN: Final = r"()[^\s\"'`<>|,;(){}\[\]\x02\x03][^\s\"'`<>|\x02\x03]{0,40}[0-9!@#%^*+~$&?-]"
_HEAD: Final = (
    rf"{_NAME}{_CLOSE}(?:(?:{_WS}(?:{_TYPED}|{_ASSIGN})\s{{0,40}}{_MADE}|{_SPLIT}{_WS}|{_CALLED}|[ \t]{{1,8}}){_QUOTE}"
    rf"|(?:{_WS}(?:{_ASSIGN})|{_SPLIT}){_WS}{_PLAIN}|,{_PLAIN})"
)
# The same in short, for the prefilter: whose automaton would be too large with all of it.
_SIGN: Final = (
    r"(?i:" + _WORDS + r")[A-Za-z0-9_\-.?\x80-\xff]{0,24}"
    r"(?:[^A-Za-z0-9_\s]{0,5}[ \t]{0,8}(?:[:=<>|?!,(.{\"'`\x02]|or |-?eq |-?ne |[A-Za-z.\[\]*&]{2,20} {0,8}=)|\s{1,60}[A-Za-z\"']{0,16}(?:[vV]al|VAL))"
)
_QUOTES: Final = {'"': '"', "'": "'", "`": "`", "\x02": "\x03"}
# How far an unquoted value goes: to the end of a word in a line that says nothing else, of a parameter, of an element.
_SET: Final = rf"[^\s\"'`<>\x02\x03]{{1,{_VALUE_CHARS}}}"
_CODE: Final = rf"[^\s\"'`,;<>&|\x02\x03]{{1,{_VALUE_CHARS}}}"
# Separators of configuration, where `x: value2` is a value; elsewhere it is as likely a variable.
_SETS: Final = frozenset({"=", ":-", ":", ": ", ">", "?=", ":  ", "|", " | "})
# What stands before a name that has its line to itself.
_LINE_HEADS: Final = frozenset({"", "-", "+", "export", "ENV", "ARG", "set", "SET", "setx", "Environment=", "-e", "--"})


class _Value(NamedTuple):
    start: int
    end: int
    place: Place


class AssignmentDetector:
    """Keys that promise a secret, and values that keep the promise."""

    keywords: Sequence[str] = _SPELLINGS
    joinable = False
    sign = _SIGN

    def __init__(self) -> None:
        self._head: Any = compile_regex(_HEAD)
        self._set: Any = compile_regex(_SET)
        self._code: Any = compile_regex(_CODE)

    def find(self, view: View) -> Iterator[Finding]:
        """What it finds, at offsets of the view."""
        position, claimed, claims = 0, 0, 0
        while match := self._head.search(view.data, position):
            name_start, name_end = _name_around(view.text, match.start(), match.end())
            strength = strength_of(view.text[name_start:name_end])
            start = opened = match.end(match.lastindex)
            end = match.end()
            if strength is not None:
                start, end, place = self._value(view, name_start, name_end, opened)
                value = view.text[start:end]
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

    def _value(self, view: View, name_start: int, name_end: int, opened: int) -> _Value:
        text = view.text
        if closer := _QUOTES.get(text[opened]):
            end = _closed(text, opened, closer)
            if end > 0:
                return _Value(opened + 1, end, "quoted")
            opened += 1
        separator = text[name_end:opened].strip("\\\"'`])}*\x1f")
        has_line = text[text.rfind("\n", 0, name_start) + 1 : name_start].strip(" \t\"'") in _LINE_HEADS
        is_set = has_line or separator in _SETS or len(separator) > _SHORT_SEPARATOR
        pattern = self._set if has_line or separator == ">" else self._code
        match = pattern.match(view.data, opened)
        end = match.end() if match else opened
        return _Value(opened, _trimmed(text, opened, end), "set" if is_set else "code")


def _name_around(text: str, start: int, end: int) -> tuple[int, int]:
    """The whole identifier that the word at `start` is a part of; `end` is where its notation ends."""
    first = start
    while first > max(0, start - _NAME_CHARS) and _is_in_name(text[first - 1]):
        first -= 1
    last = start
    while last < end and _is_in_name(text[last]):
        last += 1
    return first, last


def _is_in_name(character: str) -> bool:
    return character.isalnum() or character in _NAME_MARKS


def _closed(text: str, opened: int, closer: str) -> int:
    """Where the literal that is opened there ends, or -1: at its quote, which no backslash escapes that the opening one
    had not.
    """
    is_escaped = text[opened - 1 : opened] == "\\"
    end = text.find(closer, opened + 1, opened + 2 + _VALUE_CHARS)
    while end > 0 and not is_escaped and text[end - 1] == "\\" and text[end - 2] != "\\":
        end = text.find(closer, end + 1, opened + 2 + _VALUE_CHARS)
    if end < 0 or (closer != "\x03" and "\n" in text[opened:end]):
        return -1
    return end - is_escaped if text[end - 1] == "\\" else end


def _trimmed(text: str, start: int, end: int) -> int:
    # What closes the code or sentence around a value is none of it.
    while end > start and text[end - 1] in ".,;:)]}\\":
        end -= 1
    return end
