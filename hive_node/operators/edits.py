"""Between whole texts and edits that match exactly once."""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from hive_node.domain import Files
from protocol.deltas import Edit
from protocol.limits import EDIT_CHARS, EDITS, PATH_CHARS

# Above this many comparisons of lines, two texts are told apart at their first and last difference alone.
_COMPARISONS: Final = 1_000_000

Hunk = tuple[int, int, list[str]]
"""Lines [start, end) of the old text become these."""


def edits_between(before: Files, after: Files) -> tuple[Edit, ...] | None:
    """The edits that turn `before` into `after`: each search block occurs exactly once in the text it is applied to.

    Lines that change independently are edits of their own, with no more context than makes them unique, so that one fits
    where another was made already. None where that takes more or larger edits than one recipe may carry, or cannot be
    said in edits: a new file, or one that was empty.
    """
    edits: list[Edit] = []
    for path, text in sorted(changed(before, after).items()):
        found = _edits(path, before.get(path, ""), text) if len(path) <= PATH_CHARS else None
        if found is None or len(edits) + len(found) > EDITS:
            return None
        edits += found
    return tuple(edits)


def apply_edits(files: Files, edits: Iterable[Edit]) -> dict[str, str] | None:
    """`files` after `edits`, one after another; None where a search block does not occur exactly once."""
    result = dict(files)
    for edit in edits:
        text = result.get(edit.path)
        if text is None or not _is_once(edit.search, text):
            return None
        result[edit.path] = text.replace(edit.search, edit.replace, 1)
    return result


def changed(before: Files, after: Mapping[str, str]) -> dict[str, str]:
    """Those files of `after` whose text is not the one in `before`."""
    return {path: text for path, text in after.items() if before.get(path) != text}


def _edits(path: str, before: str, after: str) -> list[Edit] | None:
    lines = before.splitlines(keepends=True)
    edits = []
    # From the last change to the first: what an edit is applied to is old above it, and new below.
    for start, end, new in reversed(list(_hunks(lines, after.splitlines(keepends=True)))):
        found = _unique_block(lines, start, end)
        if found is None:
            return None
        first, last = found
        search = "".join(lines[first:last])
        replace = "".join([*lines[first:start], *new, *lines[end:last]])
        if len(replace) > EDIT_CHARS:
            return None
        edits.append(Edit(path=path, search=search, replace=replace))
        lines[start:end] = new
    return edits


def _hunks(old: list[str], new: list[str]) -> Iterator[Hunk]:
    """Which lines become which, in order. As many lines for as many are as many hunks: constants change one by one."""
    head = _common(old, new)
    tail = _common(old[head:][::-1], new[head:][::-1])
    middle_old, middle_new = old[head : len(old) - tail], new[head : len(new) - tail]
    if len(middle_old) * len(middle_new) > _COMPARISONS:
        yield head, len(old) - tail, middle_new
        return
    matcher = difflib.SequenceMatcher(None, middle_old, middle_new, autojunk=False)
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag == "replace" and i2 - i1 == j2 - j1:
            yield from ((head + i, head + i + 1, [middle_new[j1 + i - i1]]) for i in range(i1, i2))
        elif tag != "equal":
            yield head + i1, head + i2, middle_new[j1:j2]


def _common(one: list[str], other: list[str]) -> int:
    """How many lines two texts begin with in common."""
    pairs = zip(one, other, strict=False)
    return next((count for count, (left, right) in enumerate(pairs) if left != right), min(len(one), len(other)))


def _unique_block(lines: list[str], start: int, end: int) -> tuple[int, int] | None:
    """A block around lines[start:end] that occurs once in the text, found by looking ever further up, then down."""
    text = "".join(lines)
    above, below = 0, 0
    while True:
        first, last = max(0, start - above), min(len(lines), end + below)
        block = "".join(lines[first:last])
        if len(block) > EDIT_CHARS:
            return None
        if _is_once(block, text):
            return first, last
        if first == 0 and last == len(lines):
            return None
        above, below = (above * 2 or 1, below) if first > 0 else (above, below * 2 or 1)


def _is_once(block: str, text: str) -> bool:
    """Occurrences that overlap are two: it would be open which one is meant."""
    first = text.find(block) if block else -1
    return first >= 0 and text.find(block, first + 1) < 0
