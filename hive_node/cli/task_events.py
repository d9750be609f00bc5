"""`event …`: report what happened, and see who handles it."""

from typing import Annotated, Any

import typer

from hive_node.cli.context import JsonFlag, at, client_of
from hive_node.cli.output import count, say, show, table
from hive_node.cli.skills import Agent, Owner, Project, json_of

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="What agents report, and who handles it.")
_WORDS_CHARS = 60


@app.command()
def send(
    context: typer.Context,
    kind: Annotated[str, typer.Argument(help="task_succeeded, task_failed or skill_executed.")],
    agent: Annotated[str, typer.Option(help="Whose it is.")],
    task: Annotated[str, typer.Option(help="What was to be done.")],
    project: Annotated[str, typer.Option(help="Where.")] = "",
    key: Annotated[str | None, typer.Option(help="Yours: the same event sent twice counts once.")] = None,
    error: Annotated[str, typer.Option(help="The trace.")] = "",
    given: Annotated[
        str | None, typer.Option("--input", help="What the task was given, as JSON, `-` or `@FILE`.")
    ] = None,
    expected: Annotated[str | None, typer.Option(help="The right answer, as JSON, where it is known.")] = None,
    skill: Annotated[str, typer.Option(help="Which skill was called.")] = "",
    seconds: Annotated[float | None, typer.Option(min=0)] = None,
    tokens: Annotated[int | None, typer.Option(min=0)] = None,
    as_json: JsonFlag = False,
) -> None:
    """Report one event. It is on disk when this returns."""
    body: dict[str, Any] = {"kind": kind, "agent": agent, "project": project, "task": task, "error": error}
    body |= {"skill": skill, "key": key, "seconds": seconds, "tokens": tokens}
    body |= {"input": json_of(given)} if given is not None else {}
    body |= {"expected": json_of(expected)} if expected is not None else {}

    def words(tree: Any) -> None:
        say(f"Event {tree['ids'][0]} " + ("was there already." if tree["duplicates"] else "is stored."))

    show(client_of(context).post(at("events"), body), as_json, words)


@app.command(name="list")
def list_(
    context: typer.Context,
    agent: Agent = None,
    project: Project = None,
    owner: Owner = None,
    kind: Annotated[str | None, typer.Option(help="Of this kind alone.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=500)] = 20,
    as_json: JsonFlag = False,
) -> None:
    """The last events, newest first."""

    def words(tree: Any) -> None:
        rows = [
            (one["id"], one["at"][:19], one["kind"], one["agent"], one["task"][:_WORDS_CHARS], _last_line(one["error"]))
            for one in tree["items"]
        ]
        table(("id", "at", "kind", "agent", "task", "error"), rows, "No events yet.")

    query: dict[str, str | int | None] = {
        "agent": agent,
        "project": project,
        "owner": owner,
        "kind": kind,
        "limit": limit,
    }
    show(client_of(context).get(at("events", "reported"), **query), as_json, words)


@app.command()
def handlers(context: typer.Context, as_json: JsonFlag = False) -> None:
    """How far each handler has come, and what it could not handle."""

    def words(tree: Any) -> None:
        rows = [
            (one["name"], one["handled"], one["behind"], one["waiting"], one["given_up"], one["last_error"])
            for one in tree["items"]
        ]
        columns = ("handler", "handled", "behind", "tried again", "given up", "last error")
        table(columns, rows, "No handlers: name some under [skills] in config.toml.")

    show(client_of(context).get(at("handlers")), as_json, words)


@app.command()
def retry(
    context: typer.Context,
    handler: Annotated[str, typer.Argument(help="As `event handlers` shows it.")],
    as_json: JsonFlag = False,
) -> None:
    """Hand a handler again what it gave up."""

    def words(tree: Any) -> None:
        say(f"{count(tree['again'], 'event')} for {tree['handler']} again.")

    show(client_of(context).post(at("handlers", handler, "retry")), as_json, words)


@app.command()
def guidance(
    context: typer.Context,
    agent: Agent = None,
    project: Project = None,
    owner: Owner = None,
    as_json: JsonFlag = False,
) -> None:
    """What an agent should be told of errors that come again."""

    def words(tree: Any) -> None:
        for one in tree["items"]:
            say(f"{one['agent']}, {one['at'][:19]}: {one['text']}")
        if not tree["items"]:
            say("Nothing to tell.")

    show(client_of(context).get(at("guidance"), agent=agent, project=project, owner=owner), as_json, words)


def _last_line(error: str) -> str:
    lines = [line for line in error.splitlines() if line.strip()]
    return lines[-1][:_WORDS_CHARS] if lines else ""
