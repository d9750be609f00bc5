"""`project …`: hand repositories over, list them, let them go; and what the hive believes of one."""

from pathlib import Path
from typing import Annotated, Any

import typer

from hive_node.cli.context import JsonFlag, at, client_of
from hive_node.cli.output import count, number, say, show, table, warn
from hive_node.cli.progress import busy
from hive_node.cli.views import view_words

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Repositories that this node may improve.")
Id = Annotated[str, typer.Argument(metavar="ID", help="As `project list` shows it.")]


@app.command()
def add(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(help="A git repository with a hive.toml at its root.")],
    as_json: JsonFlag = False,
) -> None:
    """Hand a repository over. Checks its spec; runs and changes nothing."""

    def words(tree: Any) -> None:
        say(
            f"Added {tree['id']}: {tree['metric']}, {tree['direction']} is better; the hive is told: {_told(tree['share'])}."
        )
        _warnings(tree)
        say(f"Next: `hive-node experiment start {tree['id']}`.")

    show(client_of(context).post(at("projects"), {"path": str(path.expanduser().absolute())}), as_json, words)


@app.command(name="list")
def list_(context: typer.Context, as_json: JsonFlag = False) -> None:
    """The projects."""

    def words(tree: Any) -> None:
        rows = [(one["id"], one["metric"], one["direction"], one["share"], one["path"]) for one in tree["items"]]
        table(("id", "metric", "better", "shares", "path"), rows, "No projects yet: `hive-node project add PATH`.")

    show(client_of(context).get(at("projects")), as_json, words)


@app.command()
def check(
    context: typer.Context,
    project: Id,
    runs: Annotated[int, typer.Option(min=0, max=200, help="How often it is measured; 0: it is only read.")] = 6,
    as_json: JsonFlag = False,
) -> None:
    """Read the project's hive.toml and last commit again, and measure it against itself: its noise, and what a trial costs."""

    def words(tree: Any) -> None:
        say(f"{tree['id']} is well: {tree['metric']}, {tree['direction']} is better; task {tree['task'][:12]}…")
        if tree["check"]:
            _check_words(tree["metric"], tree["check"])
        _warnings(tree)

    client = client_of(context)
    with busy(f"Measuring the unchanged project {count(max(runs, 2), 'time')}" if runs else "Reading the project"):
        tree = client.post(at("projects", project, "check"), {"runs": runs})
    show(tree, as_json, words)


@app.command()
def remove(context: typer.Context, project: Id, as_json: JsonFlag = False) -> None:
    """Let a project go; its repository and the branches in it stay."""

    def words(tree: Any) -> None:
        say(f"Let {tree['removed']} go. Its repository and the branches in it stay as they are.")

    show(client_of(context).delete(at("projects", project)), as_json, words)


@app.command()
def view(context: typer.Context, project: Id, as_json: JsonFlag = False) -> None:
    """What the hive believes of the project's task: from how many owners, by which rule, and what stands."""
    show(client_of(context).get(at("projects", project, "view")), as_json, view_words)


def _told(share: str) -> str:
    return {"none": "nothing", "summaries": "results in numbers", "recipes": "results and the edits themselves"}.get(
        share, share
    )


def _warnings(tree: Any) -> None:
    for warning in tree.get("warnings", []):
        warn(f"warning: {warning}")


def _check_words(metric: str, check: Any) -> None:
    if check["deterministic"]:
        say(
            f"{metric} = {number(check['mean'])} in each of {check['runs']} runs: deterministic, a candidate takes two runs."
        )
    else:
        say(
            f"{metric} = {number(check['mean'])}, and varies by {check['noise']:.2%} from run to run ({check['runs']} runs)."
        )
        table(("a gain of", "shows after about"), [_gain_row(*one) for one in check["pairs_by_gain"].items()], "")
    for name, guard in check["guards"].items():
        say(f"guard {name} = {number(guard['mean'])}, varies by {guard['noise']:.2%}")
    say(
        f"A run takes {check['run_s']:.2f} s ({check['cpu_s']:.2f} s of processor), a trial about {check['trial_s']:.1f} s."
    )
    say(f"Measured in: {check['sandbox']}.")


def _gain_row(gain: str, pairs: int | None) -> tuple[str, str]:
    return f"{float(gain):.0%}", count(pairs, "pair") if pairs else "more pairs than a trial may take"
