"""`advise EXPERIMENT…`: what runs suggest for hive.toml, and your decision on it. Nothing is applied by itself."""

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from hive_node.cli.context import JsonFlag, at, client_of
from hive_node.cli.experiments import newest
from hive_node.cli.output import USAGE, count, end, number, say, show, table, warn
from hive_node.cli.progress import busy

_DEFAULT = "about"


class _AboutExperiments(TyperGroup):
    """`advise lz-1` is `advise about lz-1`: what is no command of the group is an experiment."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args[:1] != ["--help"] and (not args or args[0] not in self.commands):
            args = [_DEFAULT, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_AboutExperiments,
    rich_markup_mode=None,
    help="What the runs of an experiment suggest for hive.toml: `hive-node advise EXPERIMENT…`. You decide; nothing is applied by itself.",
)
Id = Annotated[str, typer.Argument(metavar="ID", help="As `advise list` shows it.")]


@app.command(name=_DEFAULT)
def about(
    context: typer.Context,
    experiments: Annotated[
        list[str] | None,
        typer.Argument(metavar="[EXPERIMENT]…", help="Of one project; of several, what recurs. Else the newest."),
    ] = None,
    model: Annotated[
        bool, typer.Option("--model/--no-model", help="Whether a language model may be asked, within [budget].")
    ] = True,
    as_json: JsonFlag = False,
) -> None:
    """What these experiments suggest: at most five changes, each checked, with its evidence. The word `about` may be left out."""
    client = client_of(context)
    body = {"experiments": experiments or [newest(client)], "model": model}
    with busy("Reading every run"):
        tree = client.post(at("advice"), body)
    show(tree, as_json, _advised)
    if model and tree["unasked"] and not as_json:
        warn(f"No language model was asked: {tree['unasked']}")


@app.command(name="list")
def list_(
    context: typer.Context,
    project: Annotated[str | None, typer.Argument(help="Only this project's.")] = None,
    standing: Annotated[str | None, typer.Option(help="open, applied or rejected.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """The proposals, oldest first, and how often each confidence class was right here."""

    def words(tree: Any) -> None:
        rows = [
            (one["id"], one["project"], one["standing"], one["confidence"], _helped(one["effect"]), one["title"])
            for one in tree["items"]
        ]
        columns = ("id", "project", "standing", "confidence", "helped", "title")
        table(columns, rows, "No proposals yet: `hive-node advise EXPERIMENT`.")
        _records(tree)

    show(client_of(context).get(at("advice"), project=project, standing=standing), as_json, words)


@app.command(name="show")
def show_(context: typer.Context, proposal: Id, as_json: JsonFlag = False) -> None:
    """One proposal as Markdown: why, on what evidence, and its diff."""
    client = client_of(context)
    if as_json:
        show(client.get(at("advice", proposal)), as_json, say)
    else:
        say(client.text("GET", f"{at('advice', proposal)}?format=markdown").rstrip())


@app.command()
def event(
    context: typer.Context,
    evidence: Annotated[str, typer.Argument(metavar="EXPERIMENT/EVENT", help="As a proposal cites it.")],
    as_json: JsonFlag = False,
) -> None:
    """What a piece of evidence is: one run, verdict or end of an experiment."""
    experiment, _, name = evidence.rpartition("/")
    if not experiment:
        end("an event is written as in parser-1/run-17", USAGE)
    show(client_of(context).get(at("experiments", experiment, "events", name)), as_json, _event_words)


@app.command()
def apply(context: typer.Context, proposal: Id, as_json: JsonFlag = False) -> None:
    """Make a proposal's change in hive.toml, checked against the file as it is now. A copy of it is kept."""

    def words(tree: Any) -> None:
        say(f"Changed hive.toml of {tree['project']}: {tree['title']}")
        say(f"As it was: {tree['backup']}" if tree["backup"] else "It said so already.")
        if tree["is_measured"]:
            say("The next experiments tell whether it helped: `hive-node advise list`.")

    show(client_of(context).post(at("advice", proposal, "apply")), as_json, words)


@app.command()
def reject(context: typer.Context, proposal: Id, as_json: JsonFlag = False) -> None:
    """Turn a proposal down: the same is not proposed again."""

    def words(tree: Any) -> None:
        say(f"Turned down: {tree['title']}. It is not proposed again.")

    show(client_of(context).post(at("advice", proposal, "reject")), as_json, words)


def _advised(tree: Any) -> None:
    say(tree["markdown"].rstrip())
    dropped = sum(tree["dropped"].values())
    if dropped:
        reasons = ", ".join(f"{times} {rule}" for rule, times in sorted(tree["dropped"].items()))
        warn(f"{count(dropped, 'finding')} not shown: {reasons}")
    if tree["items"]:
        say(f"\nNext: `hive-node advise apply {tree['items'][0]['id']}`, or `reject`.")


def _event_words(tree: Any) -> None:
    say(f"{tree['id']} ({tree['kind']})" + (f" at {tree['at']}" if tree["at"] else ""))
    if tree["kind"] != "end":
        say(f"of idea {tree['idea']}" + (f", {tree['arm']}" if tree["arm"] else ""))
    for step in tree["steps"]:
        code = "" if step["exit_code"] is None else f" with {step['exit_code']}"
        say(f"step {step['name']}: {step['ending']}{code} after {step['wall_s']:.2f} s")
    for name, value in tree["metrics"].items():
        say(f"{name} = {number(value)}")
    for key in ("outcome", "rule", "said"):
        if tree[key]:
            say(f"{key}: {tree[key]}")


def _helped(effect: Any) -> str:
    return "–" if effect is None else {True: "yes", False: "no", None: "not known yet"}[effect["helped"]]


def _records(tree: Any) -> None:
    for one in tree["records"]:
        told = f"right in {one['helped']} of {one['told']} that runs have told of"
        say(f"{one['claimed']} ({one['source']}): {one['applied']} applied, {told}")
