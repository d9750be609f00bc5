"""What commands print: JSON for programs, words and tables for people; and how they end."""

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn

import typer

NO = 1
USAGE = 2
UNREACHABLE = 3


def show(tree: Any, as_json: bool, words: Callable[[Any], None]) -> None:
    """Print `tree` as JSON, or through `words`."""
    if as_json:
        sys.stdout.write(json.dumps(tree, indent=2, ensure_ascii=False) + "\n")
    else:
        words(tree)


def say(text: str) -> None:
    """A line for a person. Text of peers and runs is made harmless to a terminal first."""
    sys.stdout.write(harmless(text) + "\n")


def warn(text: str) -> None:
    """A line on standard error."""
    sys.stderr.write(harmless(text) + "\n")


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], empty: str) -> None:
    """A table that fits the terminal; `empty` where there are no rows."""
    lines = [[harmless("–" if cell is None else str(cell)) for cell in row] for row in rows]
    if not lines:
        say(empty)
        return
    from rich.console import Console
    from rich.table import Table

    drawn = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for line in lines:
        drawn.add_row(*(cell.replace("[", "\\[") for cell in line))
    Console(soft_wrap=False).print(drawn)


def harmless(text: str) -> str:
    """Text without control characters."""
    return "".join(character if character.isprintable() or character == "\n" else "?" for character in text)


def end(text: str, code: int) -> NoReturn:
    """Say why on standard error, and end with that exit code."""
    warn(f"hive-node: {text}")
    raise typer.Exit(code)
