"""`hive …`, for admins: who may issue charters, what others have still to sign, who waits to be let in, policies and rules."""

from typing import Annotated, Any

import typer

from hive_node.cli.context import JsonFlag, at, client_of
from hive_node.cli.hive import app, find_member
from hive_node.cli.output import USAGE, count, end, say, show, table

__all__ = ["app"]

Beginning = Annotated[str, typer.Argument(help="The beginning of the id, four characters or more.")]


@app.command()
def admins(
    context: typer.Context,
    change: Annotated[str | None, typer.Argument(help="`add` or `remove`.")] = None,
    member: Annotated[str | None, typer.Argument(help="The member's name, its id, or the beginning of its id.")] = None,
    threshold: Annotated[int | None, typer.Option(min=1, help="How many admins must sign a change.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Who may issue charters, and how many of them must sign: shown, or changed."""
    client = client_of(context)
    hive = client.get(at("hive"))
    if change is None and threshold is None:
        show(hive, as_json, _admins_words)
        return
    if (change is None) != (member is None) or change not in {None, "add", "remove"}:
        end("write `hive admins add MEMBER`, `hive admins remove MEMBER`, or `hive admins --threshold N`", USAGE)
    body: dict[str, Any] = {} if threshold is None else {"threshold": threshold}
    if member is not None:
        body["add" if change == "add" else "drop"] = find_member(hive, member)["id"]
    show(client.post(at("hive", "admins"), body), as_json, _issued(_admins_words))


@app.command()
def epoch(
    context: typer.Context,
    member: Annotated[str, typer.Argument(help="The member's name, its id, or the beginning of its id.")],
    as_json: JsonFlag = False,
) -> None:
    """Let a member's feed begin again at 1: what it said before counts no more, and a quarantine ends."""
    client = client_of(context)
    found = find_member(client.get(at("hive")), member)

    def words(_tree: Any) -> None:
        say(f"{found['name']} of {found['owner']} begins epoch {found['epoch'] + 1}.")

    show(client.post(at("hive", "members", found["id"], "epoch")), as_json, _issued(words))


@app.command()
def policy(
    context: typer.Context,
    setting: Annotated[str | None, typer.Argument(help="KEY=VALUE, as join=approve or join=open.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """The hive's policies: shown, or one of them set."""
    client = client_of(context)
    if setting is None:
        show(client.get(at("hive")), as_json, _policy_words)
        return
    key, sign, value = setting.partition("=")
    if not key or not sign or not value:
        end("a policy is set as KEY=VALUE, for example join=approve", USAGE)
    show(client.post(at("hive", "policy"), {"key": key, "value": value}), as_json, _issued(_policy_words))


@app.command()
def constitution(
    context: typer.Context,
    adopt: Annotated[bool, typer.Option("--adopt", help="Put the hive under this node's rules.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Which constitution the hive is under, and whether this node goes by it."""
    client = client_of(context)
    if adopt:
        show(client.post(at("hive", "constitution")), as_json, _issued(_constitution_words(client)))
    else:
        show(client.get(at("hive")), as_json, _constitution_words(client))


@app.command()
def proposals(context: typer.Context, as_json: JsonFlag = False) -> None:
    """Changes that admins have still to sign: what each would change, who proposed it, what is missing."""
    client = client_of(context)
    members = {one["id"]: one["name"] for one in client.get(at("hive")).get("members", [])}

    def words(tree: Any) -> None:
        if not tree["items"]:
            say("Nothing is proposed.")
        for one in tree["items"]:
            say(
                f"{one['id'][:12]}  version {one['version']}, by {_names([one['proposer']], members)}, {one['proposed_at']}"
            )
            for change in one["changes"]:
                say(f"    {change}")
            say(f"    in force until {one['expires_at']}")
            said = f"    signed by {_names(one['signers'], members)}; {count(one['lacks'], 'signature')} missing"
            refused = f"; turned down by {_names(one['turned_down'], members)}" if one["turned_down"] else ""
            say(said + refused)

    show(client.get(at("hive", "proposals")), as_json, words)


@app.command()
def sign(
    context: typer.Context,
    proposal: Beginning,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Sign a proposal with this node's key, after it was shown."""
    client = client_of(context)
    seen = [one for one in client.get(at("hive", "proposals"))["items"] if one["id"].startswith(proposal)]
    if len(seen) == 1 and not yes:
        for change in seen[0]["changes"]:
            typer.echo(f"  {change}", err=True)
        if not typer.confirm("Sign this?", err=True):
            end("nothing was signed", 1)

    def words(tree: Any) -> None:
        say(f"Signed: charter {tree['version']} is in force.")

    # By its whole id where one was shown: what is signed is what was read.
    identity = seen[0]["id"] if len(seen) == 1 else proposal
    show(client.post(at("hive", "proposals", identity, "sign")), as_json, _issued(words))


@app.command()
def reject(context: typer.Context, proposal: Beginning, as_json: JsonFlag = False) -> None:
    """Turn a proposal down, or withdraw it where this node proposed it."""

    def words(tree: Any) -> None:
        say(f"Turned down {tree['id'][:12]}; the other admins see that.")

    show(client_of(context).post(at("hive", "proposals", proposal, "reject")), as_json, words)


@app.command()
def invites(context: typer.Context, as_json: JsonFlag = False) -> None:
    """Open invites of this node, and how often somebody guessed wrongly at each."""

    def words(tree: Any) -> None:
        rows = [
            (one["id"], one["expires_at"], one["wrong"], "closed by guesses" if one["is_closed"] else "open")
            for one in tree["items"]
        ]
        table(
            ("invite", "until", "wrong guesses", "state"), rows, "No open invites: `hive-node hive invite` makes one."
        )

    show(client_of(context).get(at("hive", "invites")), as_json, words)


@app.command()
def approve(context: typer.Context, node: Beginning, as_json: JsonFlag = False) -> None:
    """Let in somebody who waits. Compare the id by telephone first: it is the new node's key."""

    def words(tree: Any) -> None:
        say(f"{tree['name']} of {tree['owner']} ({tree['id'][:16]}) is let in; its node hears of it when it asks next.")

    show(client_of(context).post(at("hive", "joiners", node, "approve")), as_json, words)


@app.command()
def deny(context: typer.Context, node: Beginning, as_json: JsonFlag = False) -> None:
    """Turn away somebody who waits to be let in."""

    def words(tree: Any) -> None:
        say(f"{tree['name']} of {tree['owner']} ({tree['id'][:16]}) is turned away.")

    show(client_of(context).post(at("hive", "joiners", node, "deny")), as_json, words)


def _issued(words: Any) -> Any:
    """Words of what was done, or that others have still to sign it."""

    def say_it(tree: Any) -> None:
        if tree["proposed"]:
            say(f"Proposed as {tree['proposed'][:12]}: nothing changes before enough admins signed.")
            say(f"Over there: `hive-node hive sign {tree['proposed'][:12]}`")
        else:
            words(tree)

    return say_it


def _admins_words(tree: Any) -> None:
    names = {one["id"]: one["name"] for one in tree.get("members", [])}
    if tree["id"] is None:
        say("In no hive.")
        return
    rows = [(one[:16], names.get(one, "–")) for one in tree["admins"]]
    table(("id", "admin"), rows, "nobody")
    say(f"{tree['threshold']} of {len(tree['admins'])} must sign a change.")


def _policy_words(tree: Any) -> None:
    found = tree.get("policy", {})
    say(f"join={found.get('join', 'open')}")


def _constitution_words(client: Any) -> Any:
    def words(tree: Any) -> None:
        own = client.get(at("constitution"))["digest"]
        if tree["id"] is None:
            say(f"In no hive. This node goes by {own[:16]}…")
        elif tree["constitution"] == own:
            say(f"The hive is under {own[:16]}…, and this node goes by it.")
        else:
            say(
                f"The hive is under {tree['constitution'][:16]}…, this node goes by {own[:16]}…: what it finds is not shared."
            )

    return words


def _names(ids: list[str], members: dict[str, str]) -> str:
    return ", ".join(f"{members.get(one, 'somebody')} ({one[:16]})" for one in ids)
