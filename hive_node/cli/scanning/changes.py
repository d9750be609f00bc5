"""What git says was changed: the new text of each file, and which of its lines are new.

A file is read whole, so that a finding is the same one, at the same place, as in a scan of the file.
"""

import io
import os
import re
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from hive_node.cli.scanning.reading import Bytes
from hive_node.cli.scanning.sources import Problem, Source, of_file

# Names end with NUL, lines come without context, and nothing that a repository's settings name is run.
_DIFF: Final = (
    "diff", "--raw", "--patch", "-z", "--full-index", "--no-abbrev", "--unified=0", "--no-color", "--no-ext-diff",
    "--no-textconv", "--no-renames", "--ignore-submodules=all", "--no-relative",
)  # fmt: skip
_RAW: Final = re.compile(rb":\d{6} (\d{6}) [0-9a-f]+ ([0-9a-f]+) ([A-Z])\d*\0([^\0]+)\0")
_HUNK: Final = re.compile(rb"@@ -\S+ \+(\d+)(?:,(\d+))? @@")
_DELETED: Final = b"D"
_UNMERGED: Final = b"U"
_SUBMODULE: Final = b"160000"


class GitError(Exception):
    """Git does not know what was asked for. The text says what it said."""


@dataclass(frozen=True, slots=True)
class _Change:
    path: str
    blob: str
    # None where git does not say which, since it takes the file for binary: then all count.
    lines: frozenset[int] | None


def changes(range_: str | None, paths: Sequence[str], problems: list[Problem]) -> Iterator[Source]:
    """The files that `git diff RANGE` changes, or that are staged where `range_` is None, below `paths` if any are named.

    Raises GitError where this is no repository, or the range names nothing.
    """
    if range_ is not None and range_.startswith("-"):
        raise GitError(f"{range_} is no range of commits")
    top = Path(os.fsdecode(_git("rev-parse", "--show-toplevel")).removesuffix("\n"))
    what = "--cached" if range_ is None else range_
    found = _changed(_git(*_DIFF, what, "--", *paths), problems)
    with _blobs() as blobs:
        for change in found:
            path = os.path.relpath(top / change.path)
            if set(change.blob) == {"0"}:  # not in git yet: it lies in the folder
                yield replace(of_file(path), lines=change.lines)
            else:
                yield Source(path, partial(blobs, change.blob), 0, change.lines)


def _changed(out: bytes, problems: list[Problem]) -> list[_Change]:
    names = list(_RAW.finditer(out))
    problems += [(os.fsdecode(one[4]), "it is not merged yet") for one in names if one[3] == _UNMERGED]
    # After the names an empty one, then the patches in the same order; what is not merged has none.
    patches = re.split(rb"^(?=diff --git )", out[names[-1].end() + 1 :] if names else b"", flags=re.MULTILINE)[1:]
    merged = [one for one in names if one[3] != _UNMERGED]
    if len(merged) != len(patches):
        raise GitError("what git says of its changes cannot be read")
    return [
        _Change(os.fsdecode(one[4]), one[2].decode(), _new_lines(patch))
        for one, patch in zip(merged, patches, strict=True)
        if one[3] != _DELETED and one[1] != _SUBMODULE
    ]


def _new_lines(patch: bytes) -> frozenset[int] | None:
    lines = patch.split(b"\n")
    if any(line.startswith(b"Binary files ") for line in lines):
        return None
    # What was added or taken away may look like a hunk's head, but begins with its sign.
    hunks = [(int(hunk[1]), int(hunk[2] or 1)) for hunk in map(_HUNK.match, lines) if hunk]
    return frozenset(line for first, count in hunks for line in range(first, first + count))


@contextmanager
def _blobs() -> Iterator[Callable[[str], "nullcontext[Bytes]"]]:
    """A reader of blobs by name: one process for all of them."""
    command = ["git", "cat-file", "--batch"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        asked, told = process.stdin, process.stdout
        if asked is None or told is None:
            raise GitError("git cat-file has no pipes")

        def blob(name: str) -> "nullcontext[Bytes]":
            asked.write(name.encode() + b"\n")
            asked.flush()
            head = told.readline().split()
            if len(head) != 3:
                raise OSError(0, "git no longer has it")
            data = told.read(int(head[2]))
            told.read(1)
            return nullcontext(io.BytesIO(data))

        yield blob


def _git(*arguments: str) -> bytes:
    clean = {name: value for name, value in os.environ.items() if name not in {"GIT_EXTERNAL_DIFF", "GIT_DIFF_OPTS"}}
    clean |= {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1"}
    command = ["git", "--no-pager", *arguments]
    try:
        done = subprocess.run(command, env=clean, capture_output=True, check=False)
    except OSError as error:
        raise GitError(f"git cannot be run: {error.strerror}") from None
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise GitError(said[0] if said else f"git {arguments[0]} failed")
    return done.stdout
