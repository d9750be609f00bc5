"""A file as the rules see it: what was added and removed, and the passages around it. Pure.

Whole texts and the hunks of a diff both become this one shape, so that each rule is written once.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from guardrails.constitution.change import FileChange
from guardrails.constitution.diff import DiffFile


@dataclass(frozen=True, slots=True)
class Line:
    """`number` counts from 1: in the text after for an added line, before for a removed one."""

    number: int
    text: str


@dataclass(frozen=True, slots=True)
class Passage:
    """A run of lines as they stand in the file. A whole file is one passage from line 1."""

    first_line: int
    text: str


@dataclass(frozen=True, slots=True)
class Edited:
    """is_whole: the passages are the whole file. marks: what a diff says of the file itself: `binary`, `link`, `submodule`."""

    path: str
    before: tuple[Passage, ...]
    after: tuple[Passage, ...]
    added: tuple[Line, ...]
    removed: tuple[Line, ...]
    is_created: bool
    is_whole: bool
    marks: tuple[str, ...] = ()

    @property
    def added_text(self) -> str:
        return "\n".join(line.text for line in self.added)


def from_texts(file: FileChange) -> Edited:
    """Lines that only moved are neither added nor removed."""
    before, after = file.before or "", file.after or ""
    old, new = Counter(_lines(before)), Counter(_lines(after))
    return Edited(
        path=file.path,
        before=(Passage(1, before),),
        after=(Passage(1, after),),
        added=tuple(_more_often(after, old)),
        removed=tuple(_more_often(before, new)),
        is_created=file.before is None and file.after is not None,
        is_whole=True,
    )


def from_diff(file: DiffFile) -> Iterator[Edited]:
    """The file's hunks; a renamed file is judged under its old name too."""
    yield Edited(
        path=file.path,
        before=tuple(Passage(hunk.old_start, "\n".join(hunk.before)) for hunk in file.hunks),
        after=tuple(Passage(hunk.new_start, "\n".join(hunk.after)) for hunk in file.hunks),
        added=tuple(Line(number, text) for number, text in file.added),
        removed=tuple(Line(number, text) for number, text in file.removed),
        is_created=file.is_created or file.old_path is not None,
        is_whole=file.is_created,
        marks=file.marks,
    )
    if file.old_path is not None:
        yield Edited(file.old_path, (), (), (), (), is_created=False, is_whole=False)


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.split("\n")] if text else []


def _more_often(text: str, elsewhere: Counter[str]) -> Iterator[Line]:
    seen: Counter[str] = Counter()
    for number, line in enumerate(_lines(text), start=1):
        seen[line] += 1
        if seen[line] > elsewhere[line]:
            yield Line(number, line)
