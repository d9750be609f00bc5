"""How a report comes to a person: an HTML page in the node's home and Markdown in the terminal, or one form where it was asked for."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from hive_node.cli.client import Client
from hive_node.cli.output import NO, USAGE, end, json_text, say


class Format(StrEnum):
    """How a report is written."""

    MARKDOWN = "markdown"
    HTML = "html"
    JSON = "json"


Form: TypeAlias = Annotated[Format | None, typer.Option("--format", help="Print this form instead.")]
Output: TypeAlias = Annotated[Path | None, typer.Option(help="Write it to this file instead.")]


def chosen(form: Format | None, *, as_json: bool) -> Format | None:
    """The form that was asked for, before anything is asked of the node; None where none was."""
    if as_json and form not in {None, Format.JSON}:
        end("--json and --format say different things", USAGE)
    return Format.JSON if as_json else form


def give(client: Client, where: str, page: Path, wanted: Format | None, output: Path | None) -> None:
    """The report at `where` of the API. page: where the HTML goes if nothing else was asked for."""
    if wanted is None and output is None:
        _write(page, client.text("GET", f"{where}?format=html"))
        say(f"{page}\n\n{client.text('GET', f'{where}?format=markdown').rstrip()}")
        return
    wanted = wanted or _form_of(output)
    text = (
        json_text(client.get(where)) if wanted is Format.JSON else client.text("GET", f"{where}?format={wanted.value}")
    )
    if output is None:
        say(text.rstrip())
    else:
        _write(output, text)
        say(str(output))


def _form_of(output: Path | None) -> Format:
    suffix = output.suffix if output else ""
    return {".md": Format.MARKDOWN, ".json": Format.JSON}.get(suffix, Format.HTML)


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        end(f"{path} cannot be written: {error.strerror}", NO)
