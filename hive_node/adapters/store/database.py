"""The database file: opening, migrating, reading, writing. One writer at a time; every fault becomes a StoreError."""

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Engine, event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from hive_node.ports import FatalError, StoreError

# The newest file in migrations/versions; an architecture test holds the two together.
HEAD: Final = "0002"
# With less than this left, an I/O error of SQLite's is a full disk: its write-ahead log has no other word for it.
_ROOM_BYTES: Final = 1024 * 1024


class Database:
    """An open database. Make one with `Database.open`. writes: grows with each transaction that wrote, or may have."""

    def __init__(self, path: Path, engine: AsyncEngine) -> None:
        self.path = path
        self._engine = engine
        self._writing = asyncio.Lock()
        self.writes = 0

    @classmethod
    async def open(cls, path: Path) -> "Database":
        """The database at `path`, made or brought up to date. Raises FatalError where it cannot be used."""
        try:
            await asyncio.to_thread(migrate, path)
        except (sqlite3.Error, SQLAlchemyError) as error:
            raise FatalError("store.unusable", f"{path}: {_words(error)}") from error
        engine = create_async_engine(URL.create("sqlite+aiosqlite", database=str(path)), pool_size=3, max_overflow=0)
        whole_transactions(engine.sync_engine)
        event.listen(engine.sync_engine, "connect", _on_connect)
        return cls(path, engine)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A consistent view of the data. Raises StoreError."""
        try:
            async with self._engine.connect() as connection:
                yield connection
        except (sqlite3.Error, DBAPIError, PoolTimeout) as error:
            raise _fault(self.path, error) from error

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """One transaction, written whole or not at all, and on disk when this returns. Raises StoreError."""
        try:
            async with self._writing, self._engine.begin() as connection:
                yield connection
        except (sqlite3.Error, DBAPIError, PoolTimeout) as error:
            raise _fault(self.path, error) from error
        finally:
            self.writes += 1  # also where it was cancelled: the commit may have been made

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()


def migrate(path: Path) -> None:
    """Bring the file at `path` to the newest schema. Blocks. Raises FatalError for a newer one than this program knows."""
    found = _version(path)
    if found == HEAD:
        return
    if found is not None and found > HEAD:
        raise FatalError(
            "store.newer",
            f"{path} has schema {found}, this program knows {HEAD}: run the newer hive-node that wrote it",
        )
    # Alembic costs 10 MB and 0.3 s: only when there is something to migrate.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    config.attributes["database"] = str(path)
    command.upgrade(config, "head")
    path.chmod(0o600)


def _version(path: Path) -> str | None:
    if not path.exists():
        return None
    connection = sqlite3.connect(path)
    try:
        has_versions = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone() if has_versions else None
        return str(row[0]) if row else None
    finally:
        connection.close()


def whole_transactions(engine: Engine) -> None:
    """The driver's own transactions begin too late (at the first write, and never for tables): SQLAlchemy's are the only ones."""
    event.listen(engine, "connect", _leave_transactions_alone)
    event.listen(engine, "begin", _on_begin)


def _leave_transactions_alone(connection: Any, _record: Any) -> None:
    connection.isolation_level = None


def _on_connect(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    # FULL: an entry that peers may hold must survive a power cut, or its number would be used twice.
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=10000", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _on_begin(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN")


def _fault(path: Path, error: Exception) -> StoreError:
    text = _words(error)
    if "disk is full" in text or ("disk I/O" in text and shutil.disk_usage(path.parent).free < _ROOM_BYTES):
        return StoreError(
            "store.disk-full", f"{path}: the disk is full; nothing was changed. Free some space, then try again"
        )
    if "readonly" in text or "read-only" in text:
        return StoreError("store.read-only", f"{path} cannot be written: check its permissions")
    if "locked" in text:
        return StoreError("store.locked", f"{path} is locked by another program")
    return StoreError("store.failed", f"{path}: {text}")


def _words(error: Exception) -> str:
    """What SQLite itself said, without the statement: that may hold what must not be logged."""
    return str(error.orig) if isinstance(error, DBAPIError) else str(error)
