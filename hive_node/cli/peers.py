"""`peers`: the other members, and how each is doing."""

from collections import Counter
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import typer

from hive_node.adapters.clock import SystemClock
from hive_node.cli.context import JsonFlag, at, client_of
from hive_node.cli.hive import NONE
from hive_node.cli.output import count, say, show, table

_FOUND_BY: Final = {
    "mdns": "the network",
    "static": "config.toml",
    "invite": "its invite",
    "inbound": "it called us",
    "stored": "memory",
}
# As a person would list them: who is there first.
_STATES: Final = ("in step", "behind", "ahead", "away", "never met", "quarantined", "shunned")
_JUST_NOW_S: Final = 10
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86_400


def peers(
    context: typer.Context,
    wide: Annotated[
        bool, typer.Option("--wide", help="With addresses, entries, standing with this node, and ids.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """The other members: who is there, who is behind, who is away since when, who is not heard and why."""
    client = client_of(context)

    def words(tree: Any) -> None:
        items, now = tree["items"], SystemClock().now()
        is_alone = not items and client.get(at("hive"))["id"] is not None
        empty = (
            "No other members yet: `hive-node hive invite`, once for each node that is to join." if is_alone else NONE
        )
        columns = ("name", "owner", "state", "last seen", "found by")
        more = ("address", "entries", "standing", "id") if wide else ()
        table((*columns, *more), [_row(one, now, is_wide=wide) for one in items], empty)
        _notes(items)

    show(client.get(at("peers")), as_json, words)


def ago(then: str | None, now: datetime) -> str:
    """A moment as people say it: how long ago, and the day where that is long."""
    if then is None:
        return "never"
    seconds = (now - datetime.strptime(then, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)).total_seconds()
    if seconds < _JUST_NOW_S:
        return "just now"
    if seconds < _MINUTE_S:
        return f"{seconds:.0f} s ago"
    if seconds < _HOUR_S:
        return f"{seconds // _MINUTE_S:.0f} min ago"
    if seconds < 2 * _DAY_S:
        return f"{seconds // _HOUR_S:.0f} h ago"
    return f"{seconds // _DAY_S:.0f} days ago"


def state_in_words(one: Any) -> str:
    """The state, with how far behind."""
    if one["state"] == "behind" and one["behind_by"]:
        return (
            f"behind by {count(one['behind_by'], 'entry')}"
            if one["behind_by"] == 1
            else f"behind by {one['behind_by']} entries"
        )
    if one["state"] == "ahead":
        return "has news for us"
    return str(one["state"])


def _row(one: Any, now: datetime, *, is_wide: bool) -> tuple[object, ...]:
    found = _FOUND_BY.get(one["discovered_by"], one["discovered_by"])
    more = (one["address"], one["entries"], f"{one['standing']:+g}", one["node"][:16]) if is_wide else ()
    return (one["name"], one["owner"], state_in_words(one), ago(one["seen_at"], now), found, *more)


def _notes(items: Any) -> None:
    """How many are how; and of each that needs a word, the word."""
    if not items:
        return
    states = Counter(one["state"] for one in items)
    counted = ", ".join(f"{states[state]} {state}" for state in _STATES if states[state])
    say("")
    say(f"{count(len(items), 'other member')}: {counted}.")
    for one in items:
        if one["why"]:
            say(f"{one['name']} of {one['owner']} is {one['state']}: {one['why']}.")
