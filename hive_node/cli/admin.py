"""`api …` and `doctor`: what one needs to script against this node, and to find out why it does not work."""

from typing import Annotated

import typer

from hive_node.cli.context import JsonFlag, client_of, home_of
from hive_node.cli.output import NO, end, json_text, say, show, show_checks

api = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="For programs that use the admin API.")


@api.command()
def token(
    context: typer.Context,
    renew: Annotated[
        bool, typer.Option("--renew", help="Make another; the node takes it from its next start on.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Print the token that the admin API takes on 127.0.0.1. Keep it as a password."""
    from hive_node.adapters.clock import SystemChance
    from hive_node.adapters.keyfile import KeyFileError, create_token, load_token

    path = home_of(context).token
    try:
        if renew:
            path.unlink(missing_ok=True)
            create_token(path, SystemChance())
        tree = {"token": load_token(path)}
    except KeyFileError as error:
        end(f"{error} [{error.code}]", NO)
    show(tree, as_json, lambda tree: say(tree["token"]))


@api.command()
def spec(context: typer.Context) -> None:
    """Print the running node's OpenAPI 3.1 document."""
    say(json_text(client_of(context).get("/openapi.json")))


def doctor(
    context: typer.Context,
    ask_model: Annotated[
        bool, typer.Option("--ask-model", help="Reach the language model too; nothing is spent.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Try everything that this node needs of the machine, and say what would help. Exit code 1 where something fails."""
    from hive_node.cli.doctoring import examine

    findings = examine(home_of(context), asks_model=ask_model)
    tree = {
        "ok": all(one.state != "fail" for one in findings),
        "items": [{"check": one.check, "state": one.state, "found": one.found, "fix": one.fix} for one in findings],
    }

    show_checks(tree, as_json)
