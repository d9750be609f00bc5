"""`open`: the node's web page in a browser, signed in by a link that works once."""

import os
from typing import Annotated

import typer

from hive_node.cli.context import JsonFlag, at, client_of
from hive_node.cli.output import say, show


def open_(
    context: typer.Context,
    print_: Annotated[bool, typer.Option("--print", help="Print the link; open nothing.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Open the node's page in the browser. The link signs in once, within a minute, and only a browser of this user."""
    link = client_of(context).post(at("page", "links"))
    is_open = not print_ and not as_json and _browse(link["url"])

    def words(_tree: object) -> None:
        if is_open:
            say("Opened the node's page in the browser.")
        else:
            say(link["url"])

    show(link, as_json, words)


def _browse(url: str) -> bool:
    """Hand the link to a browser with a window; False where there is none, or no screen."""
    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return False
    import webbrowser

    return webbrowser.open(url)
