"""What a scan looks at: files, folders without their `.git`, and standard input."""

import io
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from hive_node.cli.scanning.reading import Bytes

# A path, and why it was not looked at.
Problem = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Source:
    """Something to look through. size: in bytes, 0 where nobody knows. lines: those that count, None for all."""

    path: str
    open: Callable[[], AbstractContextManager[Bytes]]
    size: int = 0
    lines: frozenset[int] | None = None


def sources(paths: Sequence[str], problems: list[Problem]) -> Iterator[Source]:
    """Everything under the paths, in order; what cannot be looked at goes to `problems`."""
    for path in paths:
        if path == "-":
            yield Source("-", lambda: nullcontext(sys.stdin.buffer))
        elif not os.path.lexists(path):
            problems.append((path, "there is no such file or folder"))
        elif os.path.isdir(path):
            yield from _below(path, problems)
        else:
            yield of_file(path)


def of_file(path: str) -> Source:
    """One file."""
    try:
        size = os.stat(path).st_size
    except OSError:
        size = 0  # opening it will tell why
    return Source(path, lambda: io.FileIO(path), size)


def _below(folder: str, problems: list[Problem]) -> Iterator[Source]:
    def unreadable(error: OSError) -> None:
        problems.append((str(error.filename), str(error.strerror)))

    for where, folders, names in os.walk(folder, onerror=unreadable):
        folders[:] = sorted(set(folders) - {".git"})
        for name in sorted(names):
            path = os.path.join(where, name)
            # A link's target is looked at where it lies; a pipe would wait for ever. `.git` is a file in a worktree.
            if name != ".git" and os.path.isfile(path) and not os.path.islink(path):
                yield of_file(os.path.normpath(path))
