"""Restoring a backup: everything is checked beside the home's files before the first of them is moved."""

import logging
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hive_node.adapters.care.archive import CONFIG, DATABASE, KEY, TOKEN, BackupFault, Manifest, read_manifest, unpack
from hive_node.adapters.care.placing import FILES, commit, finish_restore
from hive_node.adapters.clock import SystemChance
from hive_node.adapters.keyfile import create_token, load_key, load_token
from hive_node.adapters.store.database import HEAD, schema_of
from hive_node.config.home import Home
from hive_node.config.node import load_node_config
from hive_node.ports import Clock

logger = logging.getLogger(__name__)

# Folders, names, the file system's own: what a restore takes beyond the files themselves.
_ROOM_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Restored:
    """replaced: where the files are that the home had before."""

    manifest: Manifest
    replaced: Path


def restore_backup(home: Home, archive: Path, clock: Clock) -> Restored:
    """Put a backup in place of what is in `home`, which the caller holds (`hold_home`). Blocks.

    Cut off at any point the home is as it was, or `finish_restore` makes it as it shall be; the node's start does.
    Raises BackupFault, KeyFileError, ConfigError, OSError; then nothing was changed.
    """
    manifest = read_manifest(archive)
    _require_known(archive, manifest)
    _require_room(home, manifest)
    staged = home.root / f"{home.restoring.name}.partial"
    shutil.rmtree(staged, ignore_errors=True)
    try:
        files = staged / FILES
        files.mkdir(mode=0o700, parents=True)
        # Read again with its files: what was looked at first may be another file by now.
        manifest = unpack(archive, files)
        _require_known(archive, manifest)
        _require_usable(archive, manifest, files)
        _require_identity(home, manifest, files)
        commit(home, staged, f"replaced-{clock.now():%Y%m%dT%H%M%S.%fZ}")
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    replaced = finish_restore(home)
    if replaced is None:
        raise BackupFault("restore.lost", f"{home.restoring} went away while it was put in place: restore again")
    return Restored(manifest, replaced)


def _require_known(archive: Path, manifest: Manifest) -> None:
    if manifest.database_schema > HEAD:
        raise BackupFault(
            "store.newer",
            f"{archive} has schema {manifest.database_schema}, this program knows {HEAD}: "
            f"use hive-node {manifest.version} or a newer one",
        )


def _require_room(home: Home, manifest: Manifest) -> None:
    needed = sum(line.size for line in manifest.files) + _ROOM_BYTES
    if shutil.disk_usage(home.root).free < needed:
        raise BackupFault(
            "restore.disk-full", f"{home.root} needs {needed} bytes more: free some space, then try again"
        )


def _require_usable(archive: Path, manifest: Manifest, files: Path) -> None:
    """What the next start would refuse is refused now, while the old home still stands. Raises BackupFault, ConfigError."""
    database = files / DATABASE
    if not {DATABASE, CONFIG} <= {line.name for line in manifest.files}:
        raise BackupFault("backup.damaged", f"{archive} is damaged: no {DATABASE} or no {CONFIG} in it")
    load_node_config(files / CONFIG)
    try:
        with closing(sqlite3.connect(database)) as connection:
            (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        schema = schema_of(database)
    except sqlite3.Error as error:
        raise BackupFault("backup.damaged", f"{archive} is damaged: {DATABASE}: {error}") from error
    if found != "ok" or schema != manifest.database_schema:
        why = found if found != "ok" else f"schema {schema}, and its manifest says {manifest.database_schema}"
        raise BackupFault("backup.damaged", f"{archive} is damaged: {DATABASE}: {why}")


def _require_identity(home: Home, manifest: Manifest, files: Path) -> None:
    """The database is one node's: with another key its own entries would be a stranger's. A token is made where there is none."""
    key = files / KEY if manifest.has_key else home.key
    if not key.exists():
        raise BackupFault(
            "restore.no-key",
            f"the backup was made without --with-keys, and there is no {home.key}: put the node's key there first",
        )
    if (found := load_key(key).node_id) != manifest.node:
        raise BackupFault(
            "restore.other-node",
            f"the backup is of node {manifest.node[:12]}…, {key} is of {found[:12]}…: name another --home",
        )
    if (files / TOKEN).exists():
        load_token(files / TOKEN)
    elif not home.token.exists():
        create_token(files / TOKEN, SystemChance())
