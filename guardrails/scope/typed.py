"""Keys with more than a sign between them and their values: a type in words, the attributes of an element. Both are read
side by side.
"""

from collections.abc import Iterator
from typing import Any, Final

from guardrails.scope.detectors import compile_regex
from guardrails.scope.signs import Sign
from guardrails.scope.views import CONTEXT, Piece, View

_KEYWORDS: Final = ("pass", "pwd", "secret", "token", "key")
_NAMED: Final = rf"(?i:{'|'.join(_KEYWORDS)})"
# `As String =`, `VARCHAR2(30) := `, `PIC X(20) VALUE`, `db`, `by lazy {`; `encoding="plain">`.
_CHARACTERS: Final = (
    r"(?i:as string|as character|n?(?:var)?char2?[ ]?\([0-9a-z ]{1,12}\)(?:[ ]default|[ ]init\()?)[ ]{0,4}(?::?=)?"
)
_PICTURE: Final = r"(?i:pic(?:ture)?[ ]{1,4}[ax9()0-9]{1,12}[ ]{1,8}value(?:[ ]is)?)"
_TYPE: Final = (
    rf"[ ]{{1,24}}(?:{_CHARACTERS}|{_PICTURE}|(?i:db|dc\.b)|by lazy[ ]?\{{|(?i:as character initial))[ ]{{0,8}}"
)
_ATTRIBUTES: Final = r"(?:[ ][A-Za-z:_\-]{1,24}=\"[^\"<>\n]{0,120}\"){1,4}>"
_VALUE_CHARS: Final = 200


class Typed:
    """Such a key and its value as an assignment."""

    label = CONTEXT
    sign = Sign(
        (
            rf"{_NAMED}[A-Za-z0-9_\-]*[ ]+(?:(?i:as string|as character|n?(?:var)?char2?[ ]?\(|pic(?:ture)? |db[ ]+[\"']|dc\.b)|by lazy"
            r"|[A-Za-z:_\-]+=\"[^\"<>\n]*\"[^<>\n]*>[^\s<])",
        ),
        _KEYWORDS,
    )

    def __init__(self) -> None:
        name = rf"([A-Za-z0-9_\-]*{_NAMED}[A-Za-z0-9_\-]*)"
        quoted = rf"[Nn]?(?:\"([^\"\n]{{4,{_VALUE_CHARS}}})\"|'([^'\n]{{4,{_VALUE_CHARS}}})')"
        self._typed: Any = compile_regex(rf"{name}(?:{_TYPE}{quoted}|{_ATTRIBUTES}([^<>\n]{{4,{_VALUE_CHARS}}})<)")

    def decode(self, view: View) -> Iterator[tuple[Piece, ...]]:
        """Each value, with its key before it."""
        for match in self._typed.finditer(view.data):
            (first, last), (start, end) = match.span(1), match.span(match.lastindex)
            yield (
                Piece(view.text[first:last], first, last, exact=True, label=CONTEXT),
                Piece(' = "', last, start, label=CONTEXT),
                Piece(view.text[start:end], start, end, exact=True),
                Piece('"', end - 1, end),
            )
