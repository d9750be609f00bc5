"""A copy of a database while others write into it: of one moment, whole or not there at all."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from hive_node.adapters.whole_files import make_private, sync_folder

# 16 MiB of 4 KiB pages between two looks at signals: Ctrl-C ends a long copy.
_PAGES: Final = 4096


def copy_database(source: Path, target: Path) -> None:
    """Write `source`, as it is at one moment, over `target` (0600). Blocks. Raises sqlite3.Error, OSError; then `target` is as it was.

    A copy that was cut off leaves `target` + ".partial", which the next one removes. A damaged database is not copied.
    """
    partial = target.with_name(f"{target.name}.partial")
    partial.unlink(missing_ok=True)
    make_private(partial).close()
    try:
        _copy(source, partial)
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(target)
        sync_folder(target.parent)
    finally:
        partial.unlink(missing_ok=True)


def size_of(database: Path) -> int:
    """Bytes of a database with what is written ahead of it; 0 where there is none."""
    files = (database, database.with_name(f"{database.name}-wal"))
    return sum(file.stat().st_size for file in files if file.exists())


def _copy(source: Path, target: Path) -> None:
    address = f"{source.absolute().as_uri()}?mode=rw"
    with (
        closing(sqlite3.connect(address, uri=True, isolation_level=None)) as reading,
        closing(sqlite3.connect(target, isolation_level=None)) as writing,
    ):
        # With its transaction open, what others commit meanwhile is not seen, and no step begins again because of it.
        reading.execute("BEGIN")
        reading.execute("SELECT count(*) FROM sqlite_master").fetchone()
        # Half a copy is of no use to anybody: no journal for it.
        writing.execute("PRAGMA journal_mode=OFF")
        reading.backup(writing, pages=_PAGES, sleep=0)
        # One file, also where the source writes ahead.
        writing.execute("PRAGMA journal_mode=DELETE")
        (found,) = writing.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise sqlite3.DatabaseError(f"{source} is damaged ({found}): restore it from a backup")
