"""Taking a node away: what is its own goes, and nothing else that lies in the same folder."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hive_node.config.home import Home

# The settings go last: as long as they are there, a wipe that was cut off can be done again.
_OURS: Final = (
    "worktrees", "reports", "kept", ".restoring", ".restoring.partial", "replaced-[0-9]*T*Z", "admin.sock",
    "backing-up.db*", "hive.schema-*.db*", "hive.db-wal", "hive.db-shm", "hive.db-journal", "hive.db",
    "admin.token", "node.key", "node.lock", "config.toml",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wiping:
    """What a wipe takes away, and what of the node lies elsewhere and stays.

    paths: files and folders of the home, in the order in which they go. written: files of coding agents that hold a part of ours; what
    they were before is known to the database alone. branches: repositories that hold branches named hive/….
    """

    paths: tuple[Path, ...]
    size: int
    others: tuple[Path, ...]
    written: tuple[Path, ...]
    branches: tuple[Path, ...]


def plan_wipe(home: Home) -> Wiping:
    """What a wipe of `home` would do. Raises sqlite3.Error, OSError."""
    ours = tuple(path for pattern in _OURS for path in sorted(home.root.glob(pattern)))
    others = tuple(path for path in sorted(home.root.iterdir()) if path not in ours)
    written = _paths(home.database, "SELECT DISTINCT path FROM agent_files ORDER BY path")
    branches = _paths(home.database, "SELECT path FROM projects ORDER BY path")
    return Wiping(ours, sum(map(size_on_disk, ours)), others, written, branches)


def wipe(home: Home, plan: Wiping) -> None:
    """Do it. The home is the caller's alone. Raises OSError; done again, it goes on."""
    for path in plan.paths:
        if path.is_dir() and not path.is_symlink():
            _open_up(path)
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    if not plan.others:
        home.root.rmdir()


def size_on_disk(path: Path) -> int:
    """Bytes of a file, or of all files in a folder; links are not followed. Raises OSError."""
    return sum(one.lstat().st_size for one in _files(path))


def _files(path: Path) -> Iterator[Path]:
    if path.is_symlink() or not path.is_dir():
        yield path
        return
    for folder, _, names in os.walk(path):
        yield from (Path(folder, name) for name in names)


def _open_up(folder: Path) -> None:
    """Runs may leave folders that their owner cannot write."""
    for inner, _, _ in os.walk(folder):
        Path(inner).chmod(0o700)


def _paths(database: Path, query: str) -> tuple[Path, ...]:
    if not database.is_file():
        return ()
    with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=rw", uri=True)) as connection:
        try:
            return tuple(Path(path) for (path,) in connection.execute(query))
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):  # a schema from before there were any
                return ()
            raise
