"""Everything that a node's database holds, row by row, as JSON. For its owner: nothing is left out but what opens doors."""

import base64
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from hive_node import __version__

FORMAT: Final = 1
# An invite's secret lets a node into the hive: no list of what happened needs it.
_WITHHELD: Final = {"invites": frozenset({"secret"})}


def export_lines(database: Path, schema: str) -> Iterator[str]:
    """A head, then `{"table": name, "row": {column: value}}` for each row, of one moment, a line each.

    JSON columns are JSON, bytes are `{"base64": text}`, what is withheld is null. Raises sqlite3.Error.
    """
    yield _line({"hive_node_export": FORMAT, "version": __version__, "schema": schema})
    with closing(
        sqlite3.connect(f"{database.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None)
    ) as connection:
        connection.execute("BEGIN")
        for table in _tables(connection):
            yield from _rows(connection, table)


def _tables(connection: sqlite3.Connection) -> list[str]:
    query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
    return [name for (name,) in connection.execute(query) if name != "alembic_version"]


def _rows(connection: sqlite3.Connection, table: str) -> Iterator[str]:
    columns = {name: kind for _, name, kind, *_ in connection.execute(f'PRAGMA table_info("{table}")')}
    withheld = _WITHHELD.get(table, frozenset())
    named = ", ".join("NULL" if name in withheld else f'"{name}"' for name in columns)
    for row in connection.execute(f'SELECT {named} FROM "{table}"'):  # noqa: S608  names of our own tables
        pairs = zip(columns.items(), row, strict=True)
        yield _line({"table": table, "row": {name: _value(kind, value) for (name, kind), value in pairs}})


def _value(kind: str, value: Any) -> Any:
    if isinstance(value, bytes):
        return {"base64": base64.b64encode(value).decode("ascii")}
    return json.loads(value) if kind == "JSON" and isinstance(value, str) else value


def _line(tree: dict[str, Any]) -> str:
    return json.dumps(tree, separators=(",", ":"))
