"""Protected files, hashed before and after each step. A file is read again only where its change time says that it was touched.

Nobody inside the sandbox can put a change time back, and the files are read-only there; this is the second wall.
"""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

_Touch: TypeAlias = tuple[int, int, int, int]


@dataclass(slots=True)
class Seals:
    """The digests of one tree's protected files. Blocks: for a thread."""

    paths: Sequence[str]
    _seen: dict[str, tuple[_Touch, str]] = field(default_factory=dict)

    def digests(self, tree: Path) -> list[str]:
        """One for each path; empty for what is no plain file reached by plain folders: a link to the same bytes is not the same file."""
        root = tree.resolve()
        return [self._digest(root / path, path) for path in self.paths]

    def _digest(self, full: Path, path: str) -> str:
        if os.path.realpath(full) != str(full) or not full.is_file():
            return ""
        touch = _touch(full)
        seen = self._seen.get(path)
        if seen is None or seen[0] != touch:
            with full.open("rb") as file:
                seen = self._seen[path] = (touch, hashlib.file_digest(file, "sha256").hexdigest())
        return seen[1]


def _touch(path: Path) -> _Touch:
    status = path.lstat()
    return status.st_dev, status.st_ino, status.st_size, status.st_ctime_ns
