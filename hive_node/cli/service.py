"""`service`: the node as a unit of the user's own systemd."""

import os
import sys
from pathlib import Path
from typing import Any

import typer

from hive_node.cli.context import JsonFlag, home_of
from hive_node.cli.output import NO, end, say, show

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="The node as a unit of your own systemd: one file, no root."
)


@app.command()
def install(context: typer.Context, as_json: JsonFlag = False) -> None:
    """Write the unit file, and no other; print what starts it. Done again, it is brought up to date."""
    from hive_node.adapters.user_unit import install_unit, unit_state, unit_text
    from hive_node.ports import Fault

    try:
        text = unit_text(home_of(context), _program())
        path = install_unit(text)
    except Fault as error:
        end(f"{error} [{error.code}]", NO)
    except OSError as error:
        end(f"{error.filename}: {error.strerror}", NO)
    manager = unit_state(text).manager

    def words(_tree: Any) -> None:
        say(f"Wrote {path}")
        if not home_of(context).config.is_file():
            say(f"There is no node in {home_of(context).root} yet: `hive-node init` makes one.")
        if manager is None:
            say(
                "No systemd of your own answers here: log in to a session that has one, or run `hive-node run` yourself."
            )
        say("Next: systemctl --user daemon-reload && systemctl --user enable --now hive-node")
        say("To go on without you logged in: loginctl enable-linger. Its log: journalctl --user -u hive-node")

    show({"unit": str(path), "manager": manager}, as_json, words)


@app.command()
def uninstall(as_json: JsonFlag = False) -> None:
    """Take the unit file away again. The node's home stays."""
    from hive_node.adapters.user_unit import uninstall_unit
    from hive_node.ports import Fault

    try:
        path = uninstall_unit()
    except Fault as error:
        end(f"{error} [{error.code}]", NO)
    except OSError as error:
        end(f"{error.filename}: {error.strerror}", NO)
    show({"unit": str(path)}, as_json, lambda _: say(f"Removed {path}. Next: systemctl --user daemon-reload"))


@app.command()
def status(context: typer.Context, as_json: JsonFlag = False) -> None:
    """Whether the unit is there, up to date, enabled and running. Exit code 1 where it is not there."""
    from hive_node.adapters.user_unit import unit_state, unit_text
    from hive_node.ports import Fault

    try:
        found = unit_state(unit_text(home_of(context), _program()))
    except Fault as error:
        end(f"{error} [{error.code}]", NO)

    def words(_tree: Any) -> None:
        if not found.is_there:
            say(f"{found.path} is not there: `hive-node service install` writes it")
            return
        origin = "written by hive-node" if found.is_ours else "not written by hive-node"
        changed = (
            "" if found.is_current or not found.is_ours else ", not as this program would write it: install it again"
        )
        say(f"{found.path}: {origin}{changed}")
        say(f"enabled: {'yes' if found.is_enabled else 'no'}; systemd says: {found.manager or 'there is none here'}")

    tree = {
        "unit": str(found.path),
        "is_there": found.is_there,
        "is_ours": found.is_ours,
        "is_current": found.is_current,
        "is_enabled": found.is_enabled,
        "manager": found.manager,
    }
    show(tree, as_json, words)
    if not found.is_there:
        raise typer.Exit(NO)


def _program() -> tuple[str, ...]:
    """How this very program is started again."""
    script = Path(sys.argv[0]).absolute()
    if script.name == "hive-node" and os.access(script, os.X_OK):
        return (str(script),)
    return (sys.executable, "-P", "-m", "hive_node")
