"""`experiment setup|edit|run|decide|finalize|status`: the loop one step at a time, so that a person or another program is the operator."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from hive_node.cli.context import JsonFlag, at, client_of
from hive_node.cli.output import NO, USAGE, count, end, number, say, show
from hive_node.cli.progress import busy

_Id = Annotated[str, typer.Argument(metavar="ID", help="Of an experiment that was started with --step.")]
_NEXT = {
    "created": "`hive-node experiment run {id}` measures the baseline",
    "baselined": "`hive-node experiment edit {id}` proposes a change",
    "proposed": "`hive-node experiment run {id}` measures it",
    "tried": "`hive-node experiment decide {id}` lets the gates judge it",
    "judged": "`hive-node experiment decide {id}` carries out what the gates said",
    "promoted": "`hive-node experiment edit {id}` proposes the next change, `finalize` ends it",
    "rejected": "`hive-node experiment edit {id}` proposes another change, `finalize` ends it",
}


def register(app: typer.Typer) -> None:
    """Add the steps to the `experiment` group."""
    for step in (setup, edit, run, decide, finalize, status):
        app.command()(step)


def setup(
    context: typer.Context,
    project: Annotated[str, typer.Argument(help="As `project list` shows it.")],
    iterations: Annotated[int | None, typer.Option(min=1, max=100_000, help="Ideas at most; else hive.toml's.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Begin an experiment that you drive: start it, and measure its baseline."""
    client = client_of(context)
    body = {"project": project, "stepwise": True} | ({"iterations": iterations} if iterations else {})
    started = client.post(at("experiments"), body)
    with busy("Measuring the baseline"):
        tree = client.post(at("experiments", started["id"], "run"))
    _answer(tree, as_json)


def edit(
    context: typer.Context,
    experiment: _Id,
    idea: Annotated[str, typer.Option(help="What the change is meant to do, in a sentence.")],
    file: Annotated[
        list[str] | None, typer.Option(help="A file, relative to the repository; with --search and --replace.")
    ] = None,
    search: Annotated[
        list[str] | None, typer.Option(help="Text that occurs exactly once in the champion's file.")
    ] = None,
    replace: Annotated[list[str] | None, typer.Option(help="What stands there instead.")] = None,
    edits: Annotated[
        str | None, typer.Option(metavar="FILE", help="JSON list of {path, search, replace}; - is standard input.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Propose a change of the champion. Several --file --search --replace go together in order."""
    inline = _inline(file or [], search or [], replace or [])
    if bool(inline) == (edits is not None):
        end("say the change either by --file, --search and --replace, or by --edits", USAGE)
    body = {"idea": idea, "edits": _from_json(edits) if edits is not None else inline}
    _answer(client_of(context).post(at("experiments", experiment, "edit"), body), as_json)


def run(context: typer.Context, experiment: _Id, as_json: JsonFlag = False) -> None:
    """Measure what is next: the baseline, or the change that was proposed."""
    _answer(client_of(context).post(at("experiments", experiment, "run")), as_json)


def decide(context: typer.Context, experiment: _Id, as_json: JsonFlag = False) -> None:
    """Let the gates judge what was run, and promote it if both pass. Exit code 1 where they do not."""
    _answer(client_of(context).post(at("experiments", experiment, "decide")), as_json)


def finalize(context: typer.Context, experiment: _Id, as_json: JsonFlag = False) -> None:
    """End the experiment, and tell the hive its summary."""
    _answer(client_of(context).post(at("experiments", experiment, "finalize")), as_json)


def status(context: typer.Context, experiment: _Id, as_json: JsonFlag = False) -> None:
    """Where the experiment stands, what it has cost, what protects this machine from it, and what may be done next."""

    def words(tree: Any) -> None:
        _words(tree)
        rejected, costs = tree["rejected"], tree["costs"]
        say(f"idea {tree['iteration']} of {tree['budget']['iterations']}, {count(tree['promotions'], 'promotion')}")
        say(
            f"rejected by the constitution {rejected['constitution']}, by the baseline-delta gate {rejected['baseline']}"
        )
        if tree["last_rejection"]:
            say(f"last rejection: {tree['last_rejection']}")
        say(
            f"cost: {count(costs['trials'], 'trial')}, {costs['wall_s']:.1f} s of measuring, {costs['dollars']:.6f} dollars"
        )
        say(f"measured in: {tree['protections'].get('sandbox', 'nothing yet')}")
        for what, by in (tree["protections"].get("limits") or {}).items():
            say(f"  {what}: {by}")

    show(client_of(context).get(at("experiments", experiment, "status")), as_json, words)


def _answer(tree: Any, as_json: bool) -> None:
    show(tree, as_json, _words)
    if tree["state"] == "rejected":
        raise typer.Exit(NO)


def _words(tree: Any) -> None:
    say(f"{tree['id']}: {tree['state']}")
    if tree["state"] == "rejected":
        say(f"because: {tree['last_rejection']}")
    else:
        say(f"{tree['metric']}, {tree['direction']} is better: {number(tree['baseline'])} → {number(tree['best'])}")
    following = _NEXT.get(tree["state"], "`hive-node experiment report {id}`")
    say(f"Next: {following.format(id=tree['id'])}.")


def _inline(files: Sequence[str], searches: Sequence[str], replaces: Sequence[str]) -> list[dict[str, str]]:
    if not len(files) == len(searches) == len(replaces):
        end("each --file has one --search and one --replace", USAGE)
    return [
        {"path": path, "search": old, "replace": new} for path, old, new in zip(files, searches, replaces, strict=True)
    ]


def _from_json(source: str) -> Any:
    try:
        text = sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8")
        found = json.loads(text)
    except (OSError, ValueError) as error:
        end(f"{source}: no JSON list of edits ({error})", USAGE)
    if not isinstance(found, list):
        end(f"{source}: a JSON list of {{path, search, replace}} is expected", USAGE)
    return found
