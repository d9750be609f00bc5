"""Between whole texts and edits that match exactly once."""

import difflib
from collections.abc import Iterable, Mapping

from hive_node.domain import Files
from protocol.deltas import Edit
from protocol.limits import EDIT_CHARS, EDITS


def edits_between(before: Files, after: Files) -> tuple[Edit, ...] | None:
    """The edits that turn `before` into `after`: each search block occurs exactly once in the text it is applied to.

    None where that takes more or larger edits than one recipe may carry.
    """
    edits: list[Edit] = []
    for path, text in sorted(changed(before, after).items()):
        small = _edits(path, before.get(path, ""), text)
        whole = [Edit.model_construct(path=path, search=before.get(path, ""), replace=text)]
        edits += small if apply_edits(before, small) == {**before, path: text} else whole
    is_small = len(edits) <= EDITS and all(max(len(edit.search), len(edit.replace)) <= EDIT_CHARS for edit in edits)
    return tuple(edits) if is_small and apply_edits(before, edits) == {**before, **after} else None


def apply_edits(files: Files, edits: Iterable[Edit]) -> dict[str, str] | None:
    """`files` after `edits`, one after another; None where a search block does not occur exactly once."""
    result = dict(files)
    for edit in edits:
        text = result.get(edit.path)
        if text is None or not edit.search or text.count(edit.search) != 1:
            return None
        result[edit.path] = text.replace(edit.search, edit.replace)
    return result


def changed(before: Files, after: Mapping[str, str]) -> dict[str, str]:
    """Those files of `after` whose text is not the one in `before`."""
    return {path: text for path, text in after.items() if before.get(path) != text}


def _edits(path: str, before: str, after: str) -> list[Edit]:
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    edits: list[Edit] = []
    current = before
    # From the last change to the first: an edit never moves the lines of one that is still to come.
    for tag, i1, i2, j1, j2 in reversed(difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()):
        if tag != "equal":
            start = _unique_start(old, i1, i2, current)
            lead = "".join(old[start:i1])
            edit = Edit.model_construct(path=path, search="".join(old[start:i2]), replace=lead + "".join(new[j1:j2]))
            edits.append(edit)
            current = current.replace(edit.search, edit.replace, 1)
    return edits


def _unique_start(lines: list[str], start: int, end: int, text: str) -> int:
    """The nearest line at or above `start` from which lines[start:end] occur once in `text`; 0 where none does."""
    while start > 0 and (start == end or text.count("".join(lines[start:end])) != 1):
        start -= 1
    return start
