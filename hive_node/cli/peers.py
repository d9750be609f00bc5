"""`peers`: the other members, and how each is doing."""

from typing import Any

import typer

from hive_node.cli.context import JsonFlag, at, client_of
from hive_node.cli.hive import NONE
from hive_node.cli.output import show, table


def peers(context: typer.Context, as_json: JsonFlag = False) -> None:
    """The other members: how each was found, where it is, whether we agree."""
    client = client_of(context)

    def words(tree: Any) -> None:
        is_alone = not tree["items"] and client.get(at("hive"))["id"] is not None
        empty = (
            "No other members yet: `hive-node hive invite`, once for each node that is to join." if is_alone else NONE
        )
        rows = [
            (
                one["name"],
                one["owner"],
                one["state"],
                one["discovered_by"],
                one["address"],
                one["seen_at"],
                one["entries"],
                one["node"][:16],
            )
            for one in tree["items"]
        ]
        table(("name", "owner", "state", "found by", "address", "last seen", "entries", "id"), rows, empty)

    show(client.get(at("peers")), as_json, words)
