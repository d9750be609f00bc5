"""Making a backup: the database of one moment, and the files beside it, while the node runs or not."""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from hive_node import __version__
from hive_node.adapters.care.archive import (
    CONFIG,
    DATABASE,
    FOLDERS,
    FORMAT,
    KEY,
    TOKEN,
    BackupFault,
    Manifest,
    line_of,
    write_archive,
)
from hive_node.adapters.keyfile import load_key, load_token
from hive_node.adapters.store.copying import copy_database
from hive_node.adapters.store.database import schema_of
from hive_node.config.home import Home
from hive_node.ports import Clock
from protocol.charter import stamp

_COPY: Final = "backing-up.db"


def make_backup(home: Home, target: Path, clock: Clock, *, with_keys: bool) -> Manifest:
    """Write a backup of `home` at `target` (0600), whole or not at all. Blocks.

    with_keys: the node's key and the admin token too. Raises BackupFault, KeyFileError, OSError.
    """
    if target.exists() or target.is_symlink():
        raise BackupFault("backup.exists", f"{target} is there already: name a new file, or remove it first")
    if not home.config.is_file() or not home.database.is_file():
        raise BackupFault("home.none", f"{home.root} holds no node that ever ran: name its folder with --home")
    node = load_key(home.key).node_id
    with _alone(home):
        files = {**_others(home, with_keys=with_keys), DATABASE: _copied(home)}
        try:
            manifest = Manifest(
                format=FORMAT,
                made_at=stamp(clock.now()),
                version=__version__,
                database_schema=schema_of(files[DATABASE]) or "",
                node=node,
                files=tuple(line_of(name, path) for name, path in sorted(files.items())),
            )
            write_archive(target, manifest, files)
        finally:
            files[DATABASE].unlink(missing_ok=True)
    return manifest


def _others(home: Home, *, with_keys: bool) -> dict[str, Path]:
    files = {CONFIG: home.config}
    if with_keys:
        load_token(home.token)  # one that could not be used again is no backup
        files |= {KEY: home.key, TOKEN: home.token}
    for folder in FOLDERS:
        for path in sorted((home.root / folder).rglob("*")):
            if path.is_file() and not path.is_symlink():
                files[path.relative_to(home.root).as_posix()] = path
    return files


def _copied(home: Home) -> Path:
    copy = home.root / _COPY
    try:
        copy_database(home.database, copy)
    except sqlite3.Error as error:
        raise BackupFault("store.unusable", f"{home.database}: {error}") from error
    return copy


@contextmanager
def _alone(home: Home) -> Iterator[None]:
    """One backup at a time. The folder itself is the lock: nothing is left of one that is killed."""
    descriptor = os.open(home.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise BackupFault("backup.running", f"another backup of {home.root} is being made: wait for it") from error
    finally:
        os.close(descriptor)
