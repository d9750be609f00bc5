"""`experiment …`: start, watch, look at, stop, report. The steps of one driven by hand are in `stepping`."""

from enum import StrEnum
from typing import Annotated, Any

import typer

from hive_node.cli import stepping
from hive_node.cli.client import Client
from hive_node.cli.context import JsonFlag, at, client_of, home_of
from hive_node.cli.output import NO, USAGE, count, end, number, percent, say, show, table, warn
from hive_node.cli.reports import Form, Output, chosen, give

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Runs of the loop: propose, run, gate, promote.")
Id = Annotated[str, typer.Argument(metavar="ID", help="As `experiment list` shows it.")]
OrNewest = Annotated[str | None, typer.Argument(metavar="[ID]", help="As `experiment list` shows it; else the newest.")]
_PAGE = 500


class OperatorName(StrEnum):
    """Who makes the ideas."""

    AUTO = "auto"
    TUNE = "tune"
    RECIPE = "recipe"
    COMBINE = "combine"
    LLM = "llm"


@app.command()
def start(
    context: typer.Context,
    project: Annotated[str | None, typer.Argument(help="May be left out where there is one project.")] = None,
    operator: Annotated[OperatorName, typer.Option(help="Who makes the ideas.")] = OperatorName.AUTO,
    iterations: Annotated[int | None, typer.Option(min=1, max=100_000, help="Ideas at most; else hive.toml's.")] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, max=2**32 - 1, help="Makes the order of trials repeatable.")
    ] = None,
    step: Annotated[
        bool, typer.Option("--step", help="Driven by hand: `experiment run`, `edit`, `decide`, `finalize`.")
    ] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Show how it goes, until it ends.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Start an experiment on the project's last commit. It runs in the node; --wait only watches."""
    if step and wait:
        end("an experiment with --step waits for you: there is nothing to --wait for", USAGE)
    client = client_of(context)
    body: dict[str, Any] = {"project": project or only_project(client), "operator": operator.value, "stepwise": step}
    body |= {name: value for name, value in (("iterations", iterations), ("seed", seed)) if value is not None}
    tree = client.post(at("experiments"), body)
    if wait:
        _wait(client, tree, as_json)
        return

    def words(tree: Any) -> None:
        say(f"Started {tree['id']} ({tree['operator']}): {tree['metric']}, {tree['direction']} is better.")
        say(f"What is promoted is committed on the branch {tree['branch']}; your checkout stays as it is.")
        following = "run {}` measures the baseline." if step else "show {}` tells how it goes."
        say(f"Next: `hive-node experiment {following.format(tree['id'])}")

    show(tree, as_json, words)


@app.command(name="list")
def list_(
    context: typer.Context,
    project: Annotated[str | None, typer.Argument(help="Only this project's.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """The experiments, oldest first."""

    def words(tree: Any) -> None:
        rows = [
            (
                one["id"],
                one["state"],
                one["metric"],
                number(one["baseline"]),
                number(one["best"]),
                one["promotions"],
                one["trials"],
            )
            for one in tree["items"]
        ]
        columns = ("id", "state", "metric", "baseline", "best", "promotions", "trials")
        table(columns, rows, "No experiments yet: `hive-node experiment start`.")

    show(client_of(context).get(at("experiments"), project=project), as_json, words)


@app.command(name="show")
def show_(context: typer.Context, experiment: OrNewest = None, as_json: JsonFlag = False) -> None:
    """One experiment: where it stands, and what it has come to."""
    client = client_of(context)
    show(client.get(at("experiments", experiment or newest(client))), as_json, outcome_words)


@app.command()
def stop(
    context: typer.Context,
    experiment: Id,
    reason: Annotated[str, typer.Option(help="What its report will say.")] = "user",
    as_json: JsonFlag = False,
) -> None:
    """End an experiment now. What was promoted stays on its branch."""
    show(client_of(context).post(at("experiments", experiment, "stop"), {"reason": reason}), as_json, outcome_words)


@app.command()
def rollback(
    context: typer.Context,
    experiment: Id,
    idea: Annotated[int | None, typer.Option(min=1, help="Its number; else the last promotion.")] = None,
    reason: Annotated[str, typer.Option(help="What the commit and the hive are told.")] = "user",
    as_json: JsonFlag = False,
) -> None:
    """Take a promotion back, and all that were built on it: a commit on the branch, and a retraction in the hive."""
    body = {"reason": reason} | ({"idea": idea} if idea else {})
    show(client_of(context).post(at("experiments", experiment, "rollback"), body), as_json, outcome_words)


@app.command()
def trials(context: typer.Context, experiment: OrNewest = None, as_json: JsonFlag = False) -> None:
    """Every idea of an experiment, and what became of it."""

    def words(tree: Any) -> None:
        rows = [
            (one["number"], one["operator"], one["outcome"], number(one["value"]), one["idea"], one["rule"] or "")
            for one in tree["items"]
        ]
        table(("#", "operator", "outcome", "value", "idea", "why not"), rows, "Nothing was tried yet.")

    client = client_of(context)
    show(_all_trials(client, experiment or newest(client)), as_json, words)


@app.command()
def report(
    context: typer.Context,
    experiment: OrNewest = None,
    form: Form = None,
    output: Output = None,
    as_json: JsonFlag = False,
) -> None:
    """The report: an HTML page in the node's home, and the same as Markdown here."""
    wanted, client = chosen(form, as_json=as_json), client_of(context)
    identity = client.get(at("experiments", experiment or newest(client)))["id"]
    page = home_of(context).reports / f"{identity}.html"
    give(client, at("experiments", identity, "report"), page, wanted, output)


stepping.register(app)


def newest(client: Client) -> str:
    """The experiment that was started last."""
    items = client.get(at("experiments"))["items"]
    if not items:
        end("there is no experiment yet: `hive-node experiment start`", NO)
    return str(max(items, key=lambda one: str(one["created_at"]))["id"])


def only_project(client: Client) -> str:
    """The one project that there is."""
    found = [str(one["id"]) for one in client.get(at("projects"))["items"]]
    if not found:
        end("there is no project yet: `hive-node project add PATH`", NO)
    if len(found) > 1:
        end(f"which project? One of {', '.join(found)}", USAGE)
    return found[0]


def outcome_words(tree: Any) -> None:
    """An experiment for a person."""
    why = f" ({tree['stop_reason']})" if tree["stop_reason"] else ""
    say(f"{tree['id']}: {tree['state']}{why}")
    gain = f" ({percent(tree['gain'])} beside one another)" if tree["promotions"] else ""
    say(f"{tree['metric']}, {tree['direction']} is better: {number(tree['baseline'])} → {number(tree['best'])}{gain}")
    rejected, costs = tree["rejected"], tree["costs"]
    if tree["waiting"]:
        say(f"waits: {tree['waiting']}")
    say(
        f"{count(tree['iteration'], 'idea')}, {count(tree['trials'], 'trial')}, {count(tree['promotions'], 'promotion')};"
        " rejected by the constitution"
        f" {rejected['constitution']}, by the baseline-delta gate {rejected['baseline']}"
    )
    if tree["reverted"]:
        say(f"taken back: {count(tree['reverted'], 'promotion')}")
    money = f", {costs['tokens']} tokens, {costs['dollars']:.6f} dollars" if costs["tokens"] else ""
    say(f"cost: {costs['wall_s']:.1f} s of measuring, {costs['cpu_s']:.1f} s of processor{money}")
    say(f"measured in: {tree['protections'].get('sandbox', 'nothing yet')}")
    if tree["last_rejection"]:
        say(f"last rejection: {tree['last_rejection']}")
    say(f"branch: {tree['branch']}")


def _wait(client: Client, tree: Any, as_json: bool) -> None:
    from hive_node.cli.progress import follow

    if halted := client.get(at("status"))["halted"]:
        warn(f"{halted}: the experiment waits for `hive-node hive resume`.")
    ended = follow(client, tree, is_silent=as_json)
    show(ended, as_json, outcome_words)
    if not as_json:
        say(f"Next: `hive-node experiment report {ended['id']}`.")
    if ended["state"] != "finalized":
        raise typer.Exit(NO)


def _all_trials(client: Client, experiment: str) -> dict[str, Any]:
    items: list[Any] = []
    cursor: str | None = None
    while True:
        page = client.get(at("experiments", experiment, "trials"), limit=_PAGE, cursor=cursor)
        items += page["items"]
        cursor = page["next"]
        if cursor is None:
            return {"items": items, "next": None}
