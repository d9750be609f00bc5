"""What a value that was put together or decoded is assigned to: the key before it, less the call that makes the value."""

from typing import Final

from guardrails.scope.detectors import compile_regex
from guardrails.scope.views import CONTEXT, Piece, View

# No key is further away.
_CONTEXT_CHARS: Final = 64
_INDENT_CHARS: Final = 80
# After a key: calls, brackets and an opening quote, which are none of the value: `= bytes.fromhex("`.
_OPENED: Final = (
    r"""(?:(?:(?:new|await)[ \t]{1,4})?[A-Za-z0-9_.:$]{0,61}[ \t]{0,4}[(\[{][ \t]{0,4}|[A-Za-z]{0,2}["'`])+$"""
)
_AFTER_KEY: Final = compile_regex(rf"[=:(,>][ \t]{{0,4}}({_OPENED})")


def key_before(view: View, start: int) -> tuple[Piece, ...]:
    """The plain text before `start` in its line, or in the line before where nothing else is, and an opening quote."""
    text = view.text
    end = _without_indent(text, start)
    least = max(0, end - _CONTEXT_CHARS)
    head = max(text.rfind("\n", least, end) + 1, least)
    # What begins in the middle of a word would begin another word.
    if head and head == least and (space := text.find(" ", least, end)) >= 0:
        head = space + 1
    if opened := _AFTER_KEY.search(view.data[head:end]):
        end = head + opened.start(1)
    if head == end:
        return ()
    return Piece(text[head:end], head, end, exact=True, label=CONTEXT), Piece('"', end, start, label=CONTEXT)


def _without_indent(text: str, start: int) -> int:
    before = text[max(0, start - _INDENT_CHARS) : start]
    line = before.rpartition("\n")[2]
    return start if line.strip() or line == before else start - len(before) + len(before.rstrip())
