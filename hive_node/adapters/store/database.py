"""The database file: opening, migrating, reading, writing. One writer at a time; every fault becomes a StoreError.

SQLAlchemy's own driver for SQLite, each statement in a thread: docs/adr/0009 says why not its asyncio extension.
"""

import asyncio
import contextlib
import logging
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, TypeVar, cast

from sqlalchemy import URL, Connection, CursorResult, Engine, Executable, Row, create_engine, event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from hive_node.adapters.store.copying import copy_database, size_of
from hive_node.ports import FatalError, StoreError

logger = logging.getLogger(__name__)
_T = TypeVar("_T")
Rows: TypeAlias = CursorResult[*tuple[Any, ...]]
Statement: TypeAlias = "tuple[Executable, Parameters | None]"
Parameters: TypeAlias = Sequence[Mapping[str, Any]] | Mapping[str, Any]
# The newest file in migrations/versions; an architecture test holds the two together.
HEAD: Final = "0009"
# With less than this left, an I/O error of SQLite's is a full disk: its write-ahead log has no other word for it.
_ROOM_BYTES: Final = 1024 * 1024


# A writer, and readers beside it: each holds one connection, and needs a thread only while a statement runs.
_READERS: Final = 2
# An entry that peers may hold must survive a power cut, or its number would be used twice; so must money that was spent.
Survives: TypeAlias = Literal["power cut", "crash"]
_SOON: Final = "NORMAL"
_WAITS: Final[Mapping[Survives, str]] = {"power cut": "FULL", "crash": _SOON}
_ROWS_AT_ONCE: Final = 200


class Transaction:
    """A connection within one transaction, which begins with its first statement. Statements run one after another, in a thread.

    synchronous: SQLite's word for what a commit waits for.
    """

    def __init__(self, engine: Engine, threads: ThreadPoolExecutor, synchronous: str) -> None:
        self._engine = engine
        self._threads = threads
        self._synchronous = synchronous
        self._connection: Connection | None = None
        self._is_over = False

    async def execute(self, statement: Executable, parameters: Parameters | None = None) -> Rows:
        """Run a statement (with each of several rows of parameters). Its rows are all there when this returns."""
        return await self._do(lambda connection: _execute(connection, statement, parameters))

    async def execute_all(self, statements: Sequence[Statement]) -> list[Rows]:
        """Run statements, in order, without coming back in between."""
        return await self._do(lambda connection: [_execute(connection, *statement) for statement in statements])

    async def run(self, work: Callable[[Connection], _T]) -> _T:
        """Do work that asks and writes in turn, without coming back in between. In a thread: it may touch nothing else."""
        return await self._do(work)

    async def stream(self, statement: Executable) -> AsyncIterator[Row[*tuple[Any, ...]]]:
        """The rows of a query, a few hundred in memory at a time."""
        options = {"yield_per": _ROWS_AT_ONCE}
        result = await self._do(lambda connection: connection.execute(statement, execution_options=options))
        while rows := await self._do(lambda _: result.fetchmany(_ROWS_AT_ONCE)):
            for row in rows:
                yield row

    async def end(self, *, commits: bool) -> None:
        """For `Database` alone: make everything true at once, or nothing, and give the connection back. Once."""
        if not self._is_over:
            self._is_over = True
            await in_thread(self._threads, partial(self._end, commits))

    async def _do(self, work: Callable[[Connection], _T]) -> _T:
        if self._is_over:
            raise RuntimeError("a transaction is used outside its block")
        return await in_thread(self._threads, lambda: work(self._begun()))

    def _begun(self) -> Connection:
        if self._connection is None:
            # Kept here, not returned: whoever is cancelled while it opens still closes it.
            self._connection = self._engine.connect()
            driver = self._connection.connection.driver_connection
            if driver is None:
                raise RuntimeError("a connection without its driver")
            driver.execute(f"PRAGMA synchronous={self._synchronous}")
            self._connection.begin()
        return self._connection

    def _end(self, commits: bool) -> None:
        if self._connection is not None:
            try:
                if commits:
                    self._connection.commit()
            finally:
                self._connection.close()  # what was not committed is rolled back


class Database:
    """An open database. Make one with `Database.open`. writes: grows with each transaction that wrote, or may have."""

    def __init__(self, path: Path, engine: Engine) -> None:
        self.path = path
        self._engine = engine
        self._threads = ThreadPoolExecutor(1 + _READERS, thread_name_prefix="store")
        self._writing = asyncio.Lock()
        self._reading = asyncio.Semaphore(_READERS)
        self.writes = 0

    @classmethod
    async def open(cls, path: Path) -> "Database":
        """The database at `path`, made or brought up to date. Raises FatalError where it cannot be used."""
        try:
            await asyncio.to_thread(migrate, path)
        except (sqlite3.Error, SQLAlchemyError, OSError) as error:
            raise FatalError("store.unusable", f"{path}: {_words(error)}") from error
        engine = create_engine(URL.create("sqlite", database=str(path)), pool_size=1 + _READERS, max_overflow=0)
        whole_transactions(engine)
        event.listen(engine, "connect", _on_connect)
        return cls(path, engine)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Transaction]:
        """A consistent view of the data. Raises StoreError."""
        async with self._reading, self._transaction(_SOON) as transaction:
            yield transaction

    @asynccontextmanager
    async def write(self, *, survives: Survives = "power cut") -> AsyncIterator[Transaction]:
        """One transaction, written whole or not at all. Raises StoreError.

        survives: what it survives once this returns. One that survives only a crash of this process is spared the wait for the
        disk, and is on it with the next that does wait; a power cut in between takes it back as a whole, and all after it.
        """
        try:
            async with self._writing, self._transaction(_WAITS[survives]) as transaction:
                yield transaction
                await transaction.end(commits=True)
        finally:
            self.writes += 1  # also where it was cancelled: the commit may have been made

    def size(self) -> dict[str, str | int]:
        """Schema, and bytes: of the database, and free on its disk. A few calls of stat(2). Raises OSError."""
        free = shutil.disk_usage(self.path.parent).free
        return {"database_schema": HEAD, "database_bytes": size_of(self.path), "free_bytes": free}

    async def close(self) -> None:
        """Close every connection."""
        await in_thread(self._threads, self._engine.dispose)
        self._threads.shutdown()

    @asynccontextmanager
    async def _transaction(self, synchronous: str) -> AsyncIterator[Transaction]:
        transaction = Transaction(self._engine, self._threads, synchronous)
        try:
            try:
                yield transaction
            finally:
                await transaction.end(commits=False)
        except (sqlite3.Error, DBAPIError, PoolTimeout) as error:
            raise _fault(self.path, error) from error


async def in_thread(threads: ThreadPoolExecutor, work: Callable[[], _T]) -> _T:
    """Do blocking work in one of these threads. Cancelled, it waits to the end first: nothing goes on behind anybody's back."""
    job = asyncio.get_running_loop().run_in_executor(threads, work)
    try:
        return await asyncio.shield(job)
    except asyncio.CancelledError:
        while not job.done():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait([job])
        job.exception()
        raise


def migrate(path: Path) -> None:
    """Bring the file at `path` to the newest schema. Blocks. Raises FatalError for a newer one than this program knows."""
    found = schema_of(path)
    if found == HEAD:
        return
    if found is not None and found > HEAD:
        raise FatalError(
            "store.newer",
            f"{path} has schema {found}, this program knows {HEAD}: run the newer hive-node that wrote it",
        )
    if found is not None:
        _leave_aside(path, found)
    # Alembic costs 10 MB and 0.3 s: only when there is something to migrate.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    config.attributes["database"] = str(path)
    command.upgrade(config, "head")
    path.chmod(0o600)
    if found is not None:
        logger.info("database brought up to date", extra={"before": found, "schema": HEAD})


def _leave_aside(path: Path, schema: str) -> None:
    """The file as it is, under another name beside it, before the first statement: an older program can go back to it."""
    old = path.with_name(f"{path.stem}.schema-{schema}{path.suffix}")
    if shutil.disk_usage(path.parent).free < size_of(path) + _ROOM_BYTES:
        raise FatalError(
            "store.disk-full",
            f"{path} is to be brought from schema {schema} to {HEAD}, and there is no room for a copy of it as it is: "
            f"free {size_of(path) + _ROOM_BYTES} bytes, then start again",
        )
    copy_database(path, old)
    logger.info("the database as it was is kept", extra={"schema": schema, "file": old})


def schema_of(path: Path) -> str | None:
    """The schema of the file at `path`; None where there is none. Raises sqlite3.Error."""
    if not path.exists():
        return None
    connection = sqlite3.connect(path)
    try:
        has_versions = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone() if has_versions else None
        return str(row[0]) if row else None
    finally:
        connection.close()


def _execute(connection: Connection, statement: Executable, parameters: Parameters | None) -> Rows:
    result = connection.execute(statement, parameters)
    if result.returns_rows:
        # Fetched here, in the thread, and not row by row by who reads them.
        return cast(Rows, result.freeze()())
    return result


def whole_transactions(engine: Engine) -> None:
    """The driver's own transactions begin too late (at the first write, and never for tables): SQLAlchemy's are the only ones."""
    event.listen(engine, "connect", _leave_transactions_alone)
    event.listen(engine, "begin", _on_begin)


def _leave_transactions_alone(connection: Any, _record: Any) -> None:
    connection.isolation_level = None


def _on_connect(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "busy_timeout=10000", "foreign_keys=ON"):
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
