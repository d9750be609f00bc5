"""`project …`: hand repositories over, list them, let them go; and what the hive believes of one."""

from pathlib import Path
from typing import Annotated, Any

import typer

from hive_node.cli.context import JsonFlag, at, client_of
from hive_node.cli.output import count, number, percent, say, show, table, warn
from hive_node.cli.progress import busy

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
    """What the hive believes of the project's task, and how far that can be trusted."""
    show(client_of(context).get(at("projects", project, "view")), as_json, _view_words)


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


def _view_words(tree: Any) -> None:
    belief = tree["belief"]
    if belief is None:
        say(f"{tree['project']}: the hive has said nothing of this task yet (task {tree['task'][:12]}…).")
        return
    metric = belief["metric"]
    say(f"{tree['project']}: {metric['name']}, {metric['direction']} is better (task {tree['task'][:12]}…)")
    say(
        f"Owners with a part in it: {', '.join(belief['owners'])}. Figures must withstand f = {belief['f']} of them lying."
    )
    say(f"Typical gain of an experiment: {_figure(belief['typical_gain'])}")
    say(f"Best gain of an experiment: {_figure(belief['best_gain'])}")
    _operator_words(belief["operators"])
    _recipe_words(belief["recipes"])
    _suggestion_words(tree["suggestions"])


def _figure(figure: Any, write: Any = percent) -> str:
    if figure["value"] is None:
        return f"unknown: {figure['n']} usable claims, {figure['needed']} owners are needed"
    left_out = f", without {', '.join(figure['left_out'])}" if figure["left_out"] else ""
    return f"{write(figure['value'])} ({figure['rule']}, n = {figure['n']}, withstands f = {figure['f']}{left_out})"


def _operator_words(operators: Any) -> None:
    if operators:
        rows = [
            (
                name,
                _figure(one["ideas"], number),
                *(_part(one["shares"].get(fate)) for fate in ("promoted", "not_better", "rejected")),
            )
            for name, one in operators.items()
        ]
        say("")
        table(("operator", "ideas of one owner", "promoted", "not better", "rejected"), rows, "")


def _part(figure: Any) -> str:
    return "–" if figure is None or figure["value"] is None else f"{figure['value']:.0%}"


def _recipe_words(recipes: Any) -> None:
    if recipes:
        rows = [
            (
                one["id"][:16],
                one["owner"],
                one["operator"],
                one["standing"],
                _figure(one["gain"]),
                f"at least {percent(one['lower'])}",
                ", ".join(one["confirmed_by"]),
                ", ".join(one["refuted_by"]),
            )
            for one in recipes
        ]
        say("")
        table(("recipe", "owner", "operator", "standing", "gain", "bound", "confirmed by", "refuted by"), rows, "")


def _suggestion_words(suggestions: Any) -> None:
    say("")
    if not suggestions:
        say("Nothing to try from others now.")
        return
    say("To be tried next by the `recipe` operator, each behind this node's own gates:")
    for one in suggestions:
        standing = "corroborated" if one["corroborated"] else "one owner's word"
        say(f"  {one['recipe'][:16]} of {one['owner']}: at least {percent(one['lower'])}, {standing}")
