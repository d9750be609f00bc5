"""`hive …`: found, invite, join, look at, and leave a hive; send a member away; halt."""

import sys
from typing import Annotated, Any

import typer

from hive_node.cli.context import JsonFlag, at, client_of
from hive_node.cli.output import NO, USAGE, count, end, say, show, table, warn

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="The nodes that learn together.")
NONE = "In no hive. `hive-node hive create NAME` founds one, `hive-node hive join TOKEN` joins one."


@app.command()
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="How members see the hive.")],
    as_json: JsonFlag = False,
) -> None:
    """Found a hive, with this node as its first member and admin."""

    def words(tree: Any) -> None:
        say(f"Founded the hive {tree['name']} ({tree['id'][:12]}…). This node is its admin.")
        say("Next: `hive-node hive invite`, once for each node that is to join.")

    show(client_of(context).post(at("hive"), {"name": name}), as_json, words)


@app.command()
def invite(context: typer.Context, as_json: JsonFlag = False) -> None:
    """Open a one-time invite. Prints its token alone on standard output."""
    tree = client_of(context).post(at("hive", "invites"))
    show(tree, as_json, lambda tree: say(tree["token"]))
    warn("For one node, within 24 hours; keep this node running. Over there: `hive-node hive join TOKEN`")


@app.command()
def join(
    context: typer.Context,
    token: Annotated[str, typer.Argument(help="What `hive invite` printed; - reads it from standard input.")],
    as_json: JsonFlag = False,
) -> None:
    """Join the hive that a token is for."""

    def words(tree: Any) -> None:
        if tree["id"] is None:
            say("Asked, and taken note of: an admin of the hive has to let this node in. It goes on asking by itself.")
            say("Let the admin compare this node's id with yours: `hive-node status` shows it.")
            return
        say(f"Joined the hive {tree['name']} ({tree['id'][:12]}…), {count(len(tree['members']), 'member')}.")
        say("Next: `hive-node peers` shows who answers.")

    text = sys.stdin.readline() if token == "-" else token  # noqa: S105
    show(client_of(context).post(at("hive", "join"), {"token": text.strip()}), as_json, words)


@app.command()
def members(
    context: typer.Context,
    pending: Annotated[bool, typer.Option("--pending", help="Who waits to be let in at this node.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Who belongs to the hive, and who was sent away; or who waits to be let in."""
    client = client_of(context)
    if pending:
        show(client.get(at("hive", "joiners")), as_json, _pending_words)
    else:
        show(client.get(at("hive")), as_json, _members_words)


@app.command()
def revoke(
    context: typer.Context,
    node: Annotated[str, typer.Argument(help="The member's name, its id, or the beginning of its id.")],
    reason: Annotated[str | None, typer.Option(help="What members will read.")] = None,
    last_seq: Annotated[
        int | None, typer.Option(min=0, help="The last number of its feed that stays; what is held here unless given.")
    ] = None,
    keep_history: Annotated[bool, typer.Option("--keep-history", help="What it said until then counts on.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Send a member away. What it said before leaves the hive's view; what it says from now on is refused."""
    client = client_of(context)
    member = find_member(client.get(at("hive")), node)

    def words(tree: Any) -> None:
        if tree["proposed"]:
            say(f"Proposed as {tree['proposed'][:12]}: it stays a member before enough admins signed.")
            return
        say(f"Revoked {member['name']} of {member['owner']} ({member['id'][:12]}…): charter {tree['version']}.")
        say("Nodes that are online know within a minute, the others before they accept anything.")

    given = {"reason": reason, "last_seq": last_seq, "keep_history": keep_history or None}
    body = {key: value for key, value in given.items() if value is not None}
    show(client.delete(at("hive", "members", member["id"]), body), as_json, words)


@app.command()
def leave(
    context: typer.Context,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Leave the hive: its charter, what was heard in it and its members' addresses are forgotten here."""
    if not yes:
        if not sys.stdin.isatty():
            end("leaving forgets what the hive has said here: add --yes to do it", USAGE)
        if not typer.confirm("Leave the hive, and forget what it has said here?", err=True):
            end("nothing was changed", NO)
    show(
        client_of(context).delete(at("hive")),
        as_json,
        lambda _tree: say("Left the hive. Projects and experiments stay."),
    )


@app.command()
def halt(
    context: typer.Context,
    reason: Annotated[str, typer.Argument(help="What members will read.")],
    minutes: Annotated[
        int | None, typer.Option(min=1, max=43_200, help="Ends by itself; 24 hours unless given.")
    ] = None,
    local: Annotated[
        bool, typer.Option("--local", help="On this node alone; needs no admin, and stays until `resume`.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Stop all promotions and sends, in the whole hive."""
    if local and minutes is not None:
        end("a --local halt has no --minutes: it stays until `hive-node hive resume --local`", USAGE)
    body: dict[str, Any] = {"reason": reason, "local": local}
    if minutes is not None:
        body["minutes"] = minutes

    def words(tree: Any) -> None:
        if tree["proposed"]:
            say(f"Proposed as {tree['proposed'][:12]}: the halt begins when enough admins signed.")
            return
        say(f"Nothing is promoted or sent from now on ({tree['halted']}).")
        say(f"`hive-node hive resume{' --local' if local else ''}` lifts it.")

    show(client_of(context).post(at("hive", "halt"), body), as_json, words)


@app.command()
def resume(
    context: typer.Context,
    local: Annotated[bool, typer.Option("--local", help="Lift this node's own halt.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Lift a halt."""

    def words(tree: Any) -> None:
        if tree["proposed"]:
            say(f"Proposed as {tree['proposed'][:12]}: the halt goes on before enough admins signed.")
            return
        say(f"Lifted, but still {tree['halted']}." if tree["halted"] else "Lifted: promotions and sends go on.")

    show(client_of(context).post(at("hive", "resume"), {"local": local}), as_json, words)


def find_member(hive: Any, text: str) -> dict[str, Any]:
    """The one member that `text` names: by its whole id, else by its name or the beginning of its id."""
    found = hive.get("members", [])
    exact = [one for one in found if one["id"] == text]
    # A name is the member's own choice: one that looks like the beginning of another's id must not take its place.
    named = exact or [one for one in found if text and (one["name"] == text or one["id"].startswith(text))]
    if not found:
        end("this node is in no hive", NO)
    if not named:
        end(f"no member is named {text!r}: `hive-node hive members` lists them", NO)
    if len(named) > 1:
        several = ", ".join(f"{one['name']} {one['id'][:16]}…" for one in named)
        end(f"{text!r} could be any of {several}: write more of the id", NO)
    return dict(named[0])


def _joining_words(joining: Any) -> str:
    if joining["refused"]:
        return f"In no hive: {joining['refused']}. `hive-node hive leave --yes` puts that away."
    return f"In no hive yet: since {joining['since']} this node waits for an admin to let it in, and goes on asking."


def _pending_words(tree: Any) -> None:
    rows = [(one["id"][:16], one["name"], one["owner"], one["asked_at"], one["state"]) for one in tree["items"]]
    table(("id", "name", "owner", "asked", "state"), rows, "Nobody waits to be let in at this node.")
    if rows:
        say("Compare the id by telephone, then `hive-node hive approve ID` or `hive-node hive deny ID`.")


def _members_words(tree: Any) -> None:
    if tree["id"] is None:
        say(_joining_words(tree["joining"]) if tree.get("joining") else NONE)
        return
    say(f"{tree['name']} ({tree['id']}), charter {tree['version']}, in force until {tree['expires_at']}")
    rows = [
        (
            one["id"][:16],
            one["name"],
            one["owner"],
            "admin" if one["id"] in tree["admins"] else "member",
            one["joined_at"],
        )
        for one in tree["members"]
    ]
    table(("id", "name", "owner", "role", "joined"), rows, "nobody")
    for one in tree["revoked"]:
        say(f"revoked {one['at']}: {one['id'][:16]} after entry {one['last_seq']}: {one['reason']}")
    if tree["halt"]:
        say(f"HALTED until {tree['halt']['until']}: {tree['halt']['reason']}")
