"""`skill …`: small tools that were written from failures; `event …`: what they are learned from."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from hive_node.cli.context import JsonFlag, at, client_of
from hive_node.cli.output import NO, USAGE, count, end, number, say, show, table

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Small tools, written from failures and tried.")
Name = Annotated[str, typer.Argument(metavar="NAME", help="As `skill list` shows it.")]
Agent = Annotated[str | None, typer.Option(help="Of this agent alone.")]
Project = Annotated[str | None, typer.Option(help="Of this project alone.")]
Owner = Annotated[str | None, typer.Option(help="Of this owner alone.")]
Version = Annotated[int | None, typer.Option(min=1, help="Which version; the newest unless told.")]
Given = Annotated[str, typer.Option("--input", help="JSON; `-` reads it from standard input, `@FILE` from a file.")]
Expected = Annotated[str | None, typer.Option("--expected", help="The right answer, as JSON.")]
_SOURCE_LINES = 60


@app.command(name="list")
def list_(
    context: typer.Context,
    every: Annotated[bool, typer.Option("--all", help="Also those that cannot be called yet.")] = False,
    agent: Agent = None,
    project: Project = None,
    owner: Owner = None,
    as_json: JsonFlag = False,
) -> None:
    """The skills that can be called."""

    def words(tree: Any) -> None:
        rows = [
            (one["name"], one["version"], one["state"], one["agent"], one["words"] or one["task"])
            for one in tree["items"]
        ]
        empty = "No skills." if every else "No skills that can be called; `--all` shows those on their way."
        table(("name", "version", "state", "agent", "what it does"), rows, empty)

    query = {"agent": agent, "project": project, "owner": owner, "all": "1" if every else None}
    show(client_of(context).get(at("skills"), **query), as_json, words)


@app.command(name="show")
def show_(context: typer.Context, name: Name, as_json: JsonFlag = False) -> None:
    """One skill: its versions, its source, what it is tried on, and how good it is."""
    show(client_of(context).get(at("skills", name)), as_json, _words)


@app.command()
def call(
    context: typer.Context,
    name: Name,
    given: Given,
    expected: Expected = None,
    agent: Agent = None,
    project: Project = None,
    owner: Owner = None,
    as_json: JsonFlag = False,
) -> None:
    """Call a skill in the sandbox. Prints its answer; exit code 1 where it gave none, or not the expected one."""
    body: dict[str, Any] = {"input": json_of(given), "agent": agent, "project": project, "owner": owner}
    body |= {"expected": json_of(expected)} if expected is not None else {}
    tree = client_of(context).post(at("skills", name, "call"), body)
    show(tree, as_json, lambda one: say(json.dumps(one["answer"], ensure_ascii=False) if one["ok"] else one["problem"]))
    if not tree["ok"]:
        raise typer.Exit(NO)


@app.command()
def approve(context: typer.Context, name: Name, version: Version = None, as_json: JsonFlag = False) -> None:
    """Validate a version again, and promote it."""
    show(client_of(context).post(at("skills", name, "approve"), {"version": version}), as_json, _line)


@app.command()
def reject(
    context: typer.Context,
    name: Name,
    version: Version = None,
    reason: Annotated[str, typer.Option(help="Kept with it.")] = "a person said no",
    as_json: JsonFlag = False,
) -> None:
    """Say no to a version. It is not asked for again."""
    show(client_of(context).post(at("skills", name, "reject"), {"version": version, "reason": reason}), as_json, _line)


@app.command()
def retry(context: typer.Context, name: Name, as_json: JsonFlag = False) -> None:
    """Another attempt, where the last one came to nothing."""
    show(client_of(context).post(at("skills", name, "retry")), as_json, _line)


@app.command()
def mutate(
    context: typer.Context,
    name: Name,
    words: Annotated[str, typer.Option(help="What should get better.")] = "it should be quicker, and as right as it is",
    as_json: JsonFlag = False,
) -> None:
    """Have the promoted version changed; the change must be better by the fitness, and worse in nothing."""
    show(client_of(context).post(at("skills", name, "mutate"), {"words": words}), as_json, _line)


@app.command()
def case(
    context: typer.Context,
    name: Name,
    given: Given,
    expected: Annotated[str, typer.Option("--expected", help="The right answer, as JSON.")],
    as_json: JsonFlag = False,
) -> None:
    """Tell the right answer to an input. Every second case is held out from whoever writes the skill."""

    def words(tree: Any) -> None:
        say("Added." if tree["added"] else "The answer was corrected.")

    body = {"input": json_of(given), "expected": json_of(expected)}
    show(client_of(context).post(at("skills", name, "cases"), body), as_json, words)


@app.command()
def signal(
    context: typer.Context,
    name: Name,
    key: Annotated[str, typer.Option(help="Yours; told twice, it counts once.")],
    objective: Annotated[str, typer.Option(help="performance, accuracy, cost, satisfaction, or one of your own.")],
    value: Annotated[float, typer.Option(min=0, max=1, help="0 to 1, more is better.")],
    as_json: JsonFlag = False,
) -> None:
    """Tell what is known of a skill only later."""

    def words(tree: Any) -> None:
        say("Counted." if tree["counted"] else "That key was told before: nothing changed.")

    body = {"key": key, "objective": objective, "value": value}
    show(client_of(context).post(at("skills", name, "signals"), body), as_json, words)


@app.command()
def lineage(context: typer.Context, name: Name, version: Version = None, as_json: JsonFlag = False) -> None:
    """What a version came from, and what came of it."""

    def words(tree: Any) -> None:
        for one in tree["items"]:
            parent = f" of {one['parent']}" if one["parent"] else ""
            mark = "*" if one["generation"] == 0 else " "
            say(
                f"{mark} {one['generation']:+d}  version {one['version']}{parent}: {one['state']}, {one['engine']}: {one['words'] or '–'}"
            )

    show(client_of(context).get(at("skills", name, "lineage"), version=version), as_json, words)


@app.command()
def levels(context: typer.Context, as_json: JsonFlag = False) -> None:
    """How far each engine is trusted with each agent, and what it earned that by."""

    def words(tree: Any) -> None:
        rows = [
            (
                one["agent"],
                one["project"] or "–",
                one["engine"],
                one["level"],
                one["credit"],
                one["successes"],
                one["failures"],
            )
            for one in tree["items"]
        ]
        columns = ("agent", "project", "engine", "level", "credit", "successes", "failures")
        table(columns, rows, "Nothing was verified yet: every engine is a student.")

    show(client_of(context).get(at("capabilities")), as_json, words)


def json_of(text: str) -> Any:
    """A value as a person gives it: JSON, from a file with `@`, from standard input with `-`."""
    if text == "-":
        text = sys.stdin.read()
    elif text.startswith("@"):
        try:
            text = Path(text[1:]).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            end(f"{text[1:]} cannot be read: {error}", USAGE)
    try:
        return json.loads(text)
    except ValueError as error:
        end(f"not JSON: {error}. Text is written in quotes within quotes, as '\"text\"'", USAGE)


def _line(tree: Any) -> None:
    say(f"{tree['name']} version {tree['version']}: {tree['state']}")
    if tree["reason"]:
        say(f"  {tree['reason']['reason']} [{tree['reason']['rule']}]")


def _words(tree: Any) -> None:
    say(
        f"{tree['name']} of {tree['agent']}"
        + (f" in {tree['project']}" if tree["project"] else "")
        + f": {tree['task']}"
    )
    rows = [
        (one["version"], one["state"], one["engine"], one["parent"], _found(one), one["words"])
        for one in tree["versions"]
    ]
    table(("version", "state", "engine", "from", "cases", "what it does"), rows, "")
    newest = tree["versions"][-1]
    if newest["reason"]:
        say(f"version {newest['version']}: {newest['reason']['reason']} [{newest['reason']['rule']}]")
    held_out = sum(one["held_out"] for one in tree["cases"])
    say(f"{count(len(tree['cases']), 'case')}, {held_out} of them held out")
    if tree["unanswered"]:
        say(
            f"{count(len(tree['unanswered']), 'input')} without a right answer: `hive-node skill case {tree['name']}` tells one"
        )
    fitness = tree["fitness"]
    missing = f"; nothing known of {', '.join(fitness['missing'])}" if fitness["missing"] else ""
    say(f"fitness {number(fitness['value'])}{missing}")
    for line in (newest["source"] or tree["source"]).splitlines()[:_SOURCE_LINES]:
        say(f"  {line}")


def _found(version: Any) -> str:
    tried = version["tried"]
    return f"{tried['passed']} of {tried['cases']}" if tried else "–"
