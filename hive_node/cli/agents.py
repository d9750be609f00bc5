"""`agent …`: coding agents whose configuration evolves over your real sessions."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from hive_node.cli.client import Client
from hive_node.cli.context import JsonFlag, at, client_of, home_of
from hive_node.cli.output import USAGE, count, end, say, show, show_checks, table, warn
from hive_node.cli.reports import Form, Output, chosen, give

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Coding agents whose configuration evolves over your sessions."
)
Id = Annotated[
    str | None, typer.Argument(metavar="AGENT", help="As `agent list` shows it; needed where there are several.")
]
Session = Annotated[str | None, typer.Option(help="Which session; the last one unless told.")]
# Of a challenger's words, in a screenful.
_LINES = 4
_LINE_CHARS = 110


@app.command()
def add(
    context: typer.Context,
    kind: Annotated[
        str | None, typer.Argument(help="claude-code, codex, cursor, aider or generic; found out where one was used.")
    ] = None,
    folder: Annotated[Path | None, typer.Option(help="Where it works; this folder unless told.")] = None,
    name: Annotated[str | None, typer.Option(help="How it is called here.")] = None,
    share: Annotated[
        str, typer.Option(help="Whether sums of its contests may leave for the hive: none or summaries.")
    ] = "none",
    model: Annotated[
        str | None, typer.Option(help="The model it uses now, which may be swapped for a neighbour of its family.")
    ] = None,
    max_sessions: Annotated[int | None, typer.Option(min=20, help="Scored sessions that a contest is given.")] = None,
    max_days: Annotated[int | None, typer.Option(min=1, help="Days that a contest is given.")] = None,
    dollars: Annotated[
        float, typer.Option(min=0, help="What a language model that costs money may cost in all.")
    ] = 0.0,
    weight: Annotated[
        list[str] | None, typer.Option(help="How often an operator is drawn, as behavioral_rules=30; can be repeated.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Look after a coding agent. Its files get a part of ours; `agent forget` takes it out again, to the byte."""
    place = None if kind == "generic" else str((folder or Path.cwd()).expanduser().absolute())
    body: dict[str, Any] = {"kind": kind, "folder": place, "name": name, "share": share, "model": model}
    body |= {"max_sessions": max_sessions, "max_days": max_days, "dollars": dollars, "weights": _weights(weight or ())}

    def words(tree: Any) -> None:
        say(f"Added {tree['id']}" + (f" in {tree['folder']}." if tree["folder"] else "."))
        say(tree["next"])
        say(f"Next: work as always; `hive-node agent show {tree['id']}` tells how it goes.")

    show(client_of(context).post(at("agents"), body), as_json, words)


@app.command(name="list")
def list_(context: typer.Context, as_json: JsonFlag = False) -> None:
    """The agents."""

    def words(tree: Any) -> None:
        rows = [
            (
                one["id"],
                one["kind"],
                one["champion"]["idea"],
                one["sessions"]["scored"],
                _contest_in_short(one),
                one["folder"],
            )
            for one in tree["items"]
        ]
        columns = ("id", "kind", "champion", "scored sessions", "contest", "folder")
        table(columns, rows, "No agents yet: `hive-node agent add claude-code` in a repository.")

    show(client_of(context).get(at("agents")), as_json, words)


@app.command(name="show")
def show_(context: typer.Context, agent: Id = None, as_json: JsonFlag = False) -> None:
    """An agent in a screenful: which arm leads, by how much, how sure, and what happens next."""
    client = client_of(context)
    show(client.get(at("agents", _the(client, agent))), as_json, _words)


@app.command()
def sessions(context: typer.Context, agent: Id = None, limit: int = 20, as_json: JsonFlag = False) -> None:
    """Its last sessions, and what each score is made of."""

    def words(tree: Any) -> None:
        rows = [
            (
                one["id"][:12],
                one["started_at"][:16],
                one["arm"] if one["contest"] else "–",
                "open" if one["open"] else _score(one["score"]),
                ", ".join(f"{name} {value:.2g}" for name, value in one["signals"].items()) or "none",
            )
            for one in tree["items"]
        ]
        table(("session", "began", "arm", "score", "signals"), rows, "No sessions yet.")

    client = client_of(context)
    show(client.get(at("sessions"), agent=_the(client, agent), limit=limit), as_json, words)


@app.command()
def report(
    context: typer.Context, agent: Id = None, form: Form = None, output: Output = None, as_json: JsonFlag = False
) -> None:
    """Every contest with its evidence: an HTML page in the node's home, and the same as Markdown here."""
    wanted, client = chosen(form, as_json=as_json), client_of(context)
    identity = client.get(at("agents", _the(client, agent)))["id"]
    page = home_of(context).reports / f"{identity}.html"
    give(client, at("agents", identity, "report"), page, wanted, output)


@app.command()
def good(context: typer.Context, agent: Id = None, session: Session = None, as_json: JsonFlag = False) -> None:
    """Say that a session went well."""
    _judge(context, agent, session, is_good=True, as_json=as_json)


@app.command()
def bad(context: typer.Context, agent: Id = None, session: Session = None, as_json: JsonFlag = False) -> None:
    """Say that a session went badly."""
    _judge(context, agent, session, is_good=False, as_json=as_json)


@app.command()
def roll(context: typer.Context, agent: Id = None, as_json: JsonFlag = False) -> None:
    """Begin a contest with a new challenger now; a running one is aborted."""
    client = client_of(context)
    show(client.post(at("agents", _the(client, agent), "roll")), as_json, _words)


@app.command()
def abort(context: typer.Context, agent: Id = None, as_json: JsonFlag = False) -> None:
    """End the running contest; the champion stays."""
    client = client_of(context)
    show(client.post(at("agents", _the(client, agent), "abort")), as_json, _words)


@app.command()
def rollback(
    context: typer.Context,
    agent: Id = None,
    to: Annotated[str | None, typer.Option(help="The beginning of an earlier champion's digest.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Return to the champion before the present one, or to any earlier one."""
    client = client_of(context)
    show(client.post(at("agents", _the(client, agent), "rollback"), {"to": to}), as_json, _words)


@app.command()
def forget(context: typer.Context, agent: Id = None, as_json: JsonFlag = False) -> None:
    """Take everything of ours out of the agent's files, to the byte, and let it go with all that is known of it."""

    def words(tree: Any) -> None:
        say(f"Forgot {tree['forgotten']}. Its files are as they were without us.")
        for line in tree["kept"]:
            say(line)

    client = client_of(context)
    show(client.delete(at("agents", _the(client, agent))), as_json, words)


@app.command()
def doctor(context: typer.Context, agent: Id = None, as_json: JsonFlag = False) -> None:
    """Try what an agent needs: its files read as it reads them, and its hook run as it runs it. Exit code 1 where something fails."""
    client = client_of(context)
    tree = client.get(at("agents", _the(client, agent), "check"))

    show_checks(tree, as_json)


@app.command(hidden=True)
def hook(event: str) -> None:
    """What a coding agent calls by itself; `hive_node.cli.agent_hook` does it, before anything else is imported."""
    warn(f"hive-node: `agent hook {event}` comes last on the command line")
    raise typer.Exit(USAGE)


def _the(client: Client, agent: str | None) -> str:
    """The agent that was named, or the only one there is."""
    if agent is not None:
        return agent
    known = [one["id"] for one in client.get(at("agents"))["items"]]
    if len(known) != 1:
        end(f"which agent? There are {len(known)}: {', '.join(known) or '`hive-node agent add` makes one'}", USAGE)
    return str(known[0])


def _weights(given: Sequence[str]) -> dict[str, float]:
    try:
        return {name: float(value) for name, _, value in (one.partition("=") for one in given)}
    except ValueError:
        end("a weight is written as in behavioral_rules=30", USAGE)


def _judge(context: typer.Context, agent: str | None, session: str | None, *, is_good: bool, as_json: bool) -> None:
    def words(tree: Any) -> None:
        say(f"Session {tree['session'][:12]} of {tree['agent']}: {tree['good']} good, {tree['bad']} bad.")

    client = client_of(context)
    body = {"good": is_good, "session": session}
    show(client.post(at("agents", _the(client, agent), "verdict"), body), as_json, words)


def _words(tree: Any) -> None:
    sessions, champion = tree["sessions"], tree["champion"]
    say(f"{tree['id']}: {tree['kind']}" + (f" in {tree['folder']}" if tree["folder"] else ""))
    say(
        f"champion {champion['digest'][:12]}: {champion['idea']} (reign {len(tree['reigns'])}, since {tree['reigns'][-1]['since'][:16]})"
    )
    say(
        f"{count(sessions['all'], 'session')}: {sessions['scored']} scored, {sessions['missing']} without a signal, {sessions['open']} open"
    )
    if tree["contest"]:
        _contest_words(tree["contest"])
    say(f"Next: {tree['next']}")
    if len(tree["reigns"]) > 1:
        earlier = ", ".join(dict.fromkeys(one["digest"][:12] for one in tree["reigns"][:-1]))
        say(f"earlier champions: {earlier}")
    if tree["costs"]["cap"]:
        say(f"language model: {tree['costs']['dollars']:.4f} of {tree['costs']['cap']:.2f} dollars")
    if tree["trouble"]:
        warn(f"warning: {tree['trouble']}")


def _contest_words(contest: Any) -> None:
    say(
        f"contest {contest['number']} ({contest['operator']}): {contest['idea']}; challenger {contest['challenger'][:12]}"
    )
    for sign, lines in (("+", contest["says"]["more"]), ("-", contest["says"]["less"])):
        for line in lines[:_LINES]:
            say(f"  {sign} {line[:_LINE_CHARS]}")
    arms = [(name, contest["arms"][name]) for name in ("champion", "challenger")]
    rows = [(name, arm["n"], _score(arm["mean"]), arm["missing"]) for name, arm in arms]
    table(("arm", "scored sessions", "mean score", "without a signal"), rows, "")
    leads = f"The {contest['leads']} leads by {abs(contest['gain']):.3f}" if contest["leads"] else "Nobody leads as yet"
    say(
        f"{leads}. Evidence: {contest['e_value']:.2f} of the {contest['threshold']:.1f} that promote ({_sure(contest)})."
    )


def _sure(contest: Any) -> str:
    """How sure, in words. An e-value below 1 speaks against the challenger."""
    share = contest["e_value"] / contest["threshold"]
    if contest["e_value"] < 1:
        return "against it, so far"
    return "little as yet" if share < 0.15 else "some" if share < 0.5 else "much"


def _contest_in_short(one: Any) -> str:
    contest = one["contest"]
    return f"{contest['operator']}: {contest['e_value']:.2f} of {contest['threshold']:.1f}" if contest else "none"


def _score(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
