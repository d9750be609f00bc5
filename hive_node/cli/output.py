"""What commands print: JSON for programs, words and tables for people; and how they end."""

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn

import typer

NO = 1
USAGE = 2
UNREACHABLE = 3

# Wide enough that nothing is folded for a program that reads lines.
_NO_TERMINAL_COLUMNS = 4096


def show(tree: Any, as_json: bool, words: Callable[[Any], None]) -> None:
    """Print `tree` as JSON, or through `words`."""
    if as_json:
        sys.stdout.write(json_text(tree) + "\n")
    else:
        words(tree)


def json_text(tree: Any) -> str:
    """JSON that a terminal can be shown too: what is no printable character is escaped, and so loses nothing."""
    text = json.dumps(tree, indent=2, ensure_ascii=False)
    return "".join(one if one.isprintable() or one == "\n" else json.dumps(one)[1:-1] for one in text)


def say(text: str) -> None:
    """A line for a person. Text of peers and runs is made harmless to a terminal first."""
    sys.stdout.write(harmless(text) + "\n")


def warn(text: str) -> None:
    """A line on standard error."""
    sys.stderr.write(harmless(text) + "\n")


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], empty: str) -> None:
    """A table that fits the terminal; `empty` where there are no rows. The first column, a name or an id, is not folded."""
    lines = [[harmless("–" if cell is None else str(cell)) for cell in row] for row in rows]
    if not lines:
        say(empty)
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=None, pad_edge=False, header_style="bold")
    for number, column in enumerate(columns):
        drawn.add_column(column, no_wrap=number == 0, overflow="fold")
    for line in lines:
        drawn.add_row(*map(Text, line))  # as text: brackets in it are no markup
    Console(width=None if sys.stdout.isatty() else _NO_TERMINAL_COLUMNS).print(drawn)


def harmless(text: str) -> str:
    """Text without control characters."""
    return "".join(character if character.isprintable() or character == "\n" else "?" for character in text)


def number(value: float | None) -> str:
    """A measured value."""
    return "–" if value is None else f"{value:.8g}"


def percent(value: float | None) -> str:
    """A relative change, with its sign."""
    return "–" if value is None else f"{value:+.2%}"


def count(of: int, noun: str) -> str:
    """`1 file`, `2 files`."""
    return f"{of} {noun}{'' if of == 1 else 's'}"


def number_of_bytes(of: int) -> str:
    """`512 bytes`, `3.2 MiB`."""
    if of < 1024:
        return count(of, "byte")
    scaled = float(of)
    for unit in ("KiB", "MiB", "GiB"):
        scaled /= 1024
        if scaled < 1024:
            return f"{scaled:.1f} {unit}"
    return f"{scaled / 1024:.1f} TiB"


def end(text: str, code: int) -> NoReturn:
    """Say why on standard error, and end with that exit code."""
    warn(f"hive-node: {text}")
    raise typer.Exit(code)


_SIGNS = {"ok": "ok  ", "warn": "WARN", "fail": "FAIL"}


def show_checks(tree: Any, as_json: bool) -> None:
    """What a doctor found: a line each, with its remedy. Exit code 1 where something fails."""

    def words(tree: Any) -> None:
        for one in tree["items"]:
            say(f"{_SIGNS[one['state']]} {one['check']}: {one['found']}")
            if one["fix"]:
                say(f"     {one['fix']}")

    show(tree, as_json, words)
    if not tree["ok"]:
        raise typer.Exit(NO)
