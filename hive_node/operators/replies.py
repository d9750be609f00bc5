"""What a model writes, read strictly: one idea and its edits, or the reason why it is none. Pure.

    <idea>
    words
    </idea>
    <edit path="src/a.py">
    <search>
    whole lines, as they stand in the file
    </search>
    <replace>
    whole lines
    </replace>
    </edit>

Each tag stands alone on its line; text outside of them is passed over.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pydantic import ValidationError

from hive_node.domain import Files
from hive_node.operators.edits import apply_edits, changed
from protocol.deltas import Edit
from protocol.limits import EDIT_CHARS, EDITS, TEXT_CHARS

# Everything that a reply may say, twice over: what is longer is not read at all.
_REPLY_CHARS: Final = 2 * (TEXT_CHARS + 2 * EDITS * EDIT_CHARS)
_EDIT: Final = re.compile(r'<edit path="([^"\x00-\x1f\x7f]+)">')


@dataclass(frozen=True, slots=True)
class Reply:
    """An idea in words, and its edits in order; at least one, each within the limits of a recipe."""

    words: str
    edits: tuple[Edit, ...]


@dataclass(frozen=True, slots=True)
class Unfit:
    """Why a reply is no idea: a sentence for its writer. It quotes nothing but a path."""

    reason: str


class _Wrong(Exception):
    """Found while reading."""


def parse_reply(text: str) -> Reply | Unfit:
    """The idea that `text` spells. Any text ends in one of the two."""
    if len(text) > _REPLY_CHARS:
        return Unfit("The answer is too long.")
    if "\0" in text or not _is_unicode(text):
        return Unfit("The answer holds characters that no source file does.")
    try:
        return _reply(iter(text.split("\n")))
    except _Wrong as wrong:
        return Unfit(str(wrong))


def fit(reply: Reply, champion: Files) -> dict[str, str] | Unfit:
    """The files that the reply changes on `champion`; or which of its edits matches nothing, or more than one place."""
    files = dict(champion)
    for number, edit in enumerate(reply.edits, 1):
        text = files.get(edit.path)
        if text is None:
            return Unfit(f"Edit {number}: there is no editable file {edit.path!r}.")
        applied = apply_edits(files, [_at_the_end(edit, text)])
        if applied is None:
            found = "occurs more than once" if edit.search.removesuffix("\n") in text else "does not occur"
            return Unfit(f"Edit {number}: its search block {found} in {edit.path!r}; it must occur exactly once.")
        files = applied
    return changed(champion, files) or Unfit("These edits change nothing.")


def _reply(lines: Iterator[str]) -> Reply:
    words: str | None = None
    edits: list[Edit] = []
    for line in lines:
        tag = line.strip()
        if tag.startswith("<idea>"):
            if words is not None:
                raise _Wrong("There are two ideas; give one.")
            words = _words(tag, lines)
        elif tag.startswith("<edit"):
            edits.append(_edit(tag, len(edits) + 1, lines))
    if not words:
        raise _Wrong("There is no <idea> with words in it.")
    if not edits:
        raise _Wrong("There is no <edit>.")
    return Reply(words, tuple(edits))


def _words(tag: str, lines: Iterator[str]) -> str:
    said = [tag.removeprefix("<idea>")]
    while not said[-1].endswith("</idea>"):
        if (line := next(lines, None)) is None:
            raise _Wrong("</idea> is missing.")
        said.append(line.strip())
    return " ".join(" ".join(said).removesuffix("</idea>").split())[:TEXT_CHARS]


def _edit(tag: str, number: int, lines: Iterator[str]) -> Edit:
    opened = _EDIT.fullmatch(tag)
    if opened is None:
        raise _Wrong(f'Edit {number}: it begins with <edit path="…"> on a line of its own.')
    if number > EDITS:
        raise _Wrong(f"There are more than {EDITS} edits.")
    _expect("<search>", number, lines)
    search = _block("</search>", lines)
    _expect("<replace>", number, lines)
    replace = _block("</replace>", lines)
    _expect("</edit>", number, lines)
    if not search.strip("\n"):
        raise _Wrong(f"Edit {number}: its search block is empty.")
    try:
        return Edit(path=opened[1], search=search, replace=replace)
    except ValidationError:
        raise _Wrong(f"Edit {number}: its path or a block of it is longer than may be.") from None


def _expect(tag: str, number: int, lines: Iterator[str]) -> None:
    for line in lines:
        if line.strip() == tag:
            return
        if line.strip():
            break
    raise _Wrong(f"Edit {number}: {tag} is missing, or something stands before it.")


def _block(end: str, lines: Iterator[str]) -> str:
    return "".join(f"{line}\n" for line in _until(end, lines))


def _until(end: str, lines: Iterator[str]) -> list[str]:
    found: list[str] = []
    for line in lines:
        if line.strip() == end:
            return found
        found.append(line)
    raise _Wrong(f"{end} is missing.")


def _at_the_end(edit: Edit, text: str) -> Edit:
    """Blocks are whole lines; the last line of a file may have no end of its own."""
    last = edit.search.removesuffix("\n")
    if edit.search in text or not last or not text.endswith(last):
        return edit
    return Edit(path=edit.path, search=last, replace=edit.replace.removesuffix("\n"))


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
