"""What every command begins with: the home it is about, its node's admin API, and the paths of that API."""

from typing import Annotated, TypeAlias
from urllib.parse import quote

import typer

from hive_node.cli.client import Client
from hive_node.config.home import Home

JsonFlag: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def home_of(context: typer.Context) -> Home:
    """The home that this command is about."""
    found: Home = context.find_root().obj
    return found


def client_of(context: typer.Context) -> Client:
    """The admin API of that home's node."""
    return Client(home_of(context))


def at(*parts: str) -> str:
    """The path of an endpoint. What a person typed is one part of it, whatever it holds."""
    return "/v1/" + "/".join(quote(part, safe="") for part in parts)
