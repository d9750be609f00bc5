"""Walk files and folders through the scope guard's engine, with what it should know of this machine."""

import os
import sys
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from guardrails.scope import LocalFacts, ScopeGuard, default_engine
from hive_node.adapters.clock import SystemChance
from hive_node.adapters.dictionary import collect_names, collect_secrets

_KEY_BYTES: Final = 32
# Read whole, since a finding may span lines; what is larger is a data set, and is named as not looked at.
FILE_BYTES: Final = 64 * 1024 * 1024
# As git tells them: a NUL near the beginning.
_SNIFFED_BYTES: Final = 8000


@dataclass(frozen=True, slots=True)
class Found:
    """Where something stands, and what it is; never the value."""

    path: str
    line: int
    kind: str
    entity: str
    rule: str
    confidence: float
    decoded_from: str | None


@dataclass(slots=True)
class Scan:
    """unread: what was asked for and not looked at, with why. is_missing: a path that was named is not there."""

    items: list[Found] = field(default_factory=list)
    unread: list[tuple[str, str]] = field(default_factory=list)
    files: int = 0
    binary: int = 0
    is_missing: bool = False

    def tree(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "items": [asdict(one) for one in self.items],
            "files": self.files,
            "binary": self.binary,
            "unread": [{"path": path, "problem": problem} for path, problem in self.unread],
        }


def scan_paths(paths: Sequence[str]) -> Scan:
    """Look through everything named: files, folders without their `.git`, and `-`."""
    guard, found = _guard(paths), Scan()
    for name in paths:
        if name == "-":
            _scan_bytes(guard, "-", sys.stdin.buffer.read(), found)
        elif not os.path.lexists(name):
            found.unread.append((name, "there is no such file or folder"))
            found.is_missing = True
        elif os.path.isdir(name):
            for path in _files(name, found):
                _scan_file(guard, path, found)
        else:
            _scan_file(guard, name, found)
    return found


def _guard(paths: Sequence[str]) -> ScopeGuard:
    folders = sorted({root for name in paths if name != "-" for root in _repositories(Path(name))})
    # Secrets of the repositories at hand; not their people: these stand in the history of what is looked through.
    secrets = collect_secrets(folders, os.environ, Path.home())
    facts = LocalFacts.build(collect_names([]), secrets, SystemChance().token_bytes(_KEY_BYTES))
    return ScopeGuard(default_engine(), facts)


def _repositories(path: Path) -> list[Path]:
    here = path.absolute()
    return [folder for folder in (here, *here.parents) if (folder / ".git").exists()][:1]


def _files(folder: str, found: Scan) -> Iterator[str]:
    def unreadable(error: OSError) -> None:
        found.unread.append((str(error.filename), str(error.strerror)))

    for where, folders, names in os.walk(folder, onerror=unreadable):
        folders[:] = sorted(set(folders) - {".git"})
        for name in sorted(names):
            path = os.path.join(where, name)
            # A link's target is looked at where it lies; a pipe would wait for ever. `.git` is a file in a worktree.
            if name != ".git" and os.path.isfile(path) and not os.path.islink(path):
                yield os.path.normpath(path)


def _scan_file(guard: ScopeGuard, path: str, found: Scan) -> None:
    try:
        with open(path, "rb") as file:
            raw = file.read(FILE_BYTES + 1)
    except OSError as error:
        found.unread.append((path, str(error.strerror)))
        return
    if b"\0" in raw[:_SNIFFED_BYTES]:
        found.binary += 1
    elif len(raw) > FILE_BYTES:
        found.unread.append((path, f"it is larger than {FILE_BYTES // 1024**2} MiB"))
    else:
        _scan_bytes(guard, path, raw, found)


def _scan_bytes(guard: ScopeGuard, path: str, raw: bytes, found: Scan) -> None:
    text = raw.decode("utf-8", "replace")
    newlines = [at for at, character in enumerate(text) if character == "\n"]
    found.files += 1
    for one in guard.scan_text(text):
        line = bisect_left(newlines, one.start) + 1
        found.items.append(Found(path, line, one.kind, one.entity, one.rule, one.confidence, one.decoded_from))
