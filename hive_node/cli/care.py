"""`backup`, `restore`, `export`, `wipe`: a node's data in its owner's hands. None of them needs a running daemon."""

import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from hive_node.cli.context import JsonFlag, home_of
from hive_node.cli.output import NO, USAGE, count, end, number_of_bytes, say, show
from hive_node.cli.progress import busy

if TYPE_CHECKING:
    from hive_node.adapters.care.wipe import Wiping


def backup(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The file to make; it must not be there yet.")],
    with_keys: Annotated[
        bool,
        typer.Option(
            "--with-keys", help="Also node.key and admin.token: whoever reads the file can then speak as this node."
        ),
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Save the database of one moment, the settings, kept files and reports, while the node runs or not.

    \b
    hive-node backup ~/hive-monday.tar
    hive-node backup --with-keys /media/safe/hive.tar
    """  # fmt: skip
    from hive_node.adapters.care.backup import make_backup
    from hive_node.adapters.clock import SystemClock

    with _faults(), busy("copying the database"):
        manifest = make_backup(home_of(context), file.absolute(), SystemClock(), with_keys=with_keys)
    size = file.stat().st_size
    tree = {"file": str(file.absolute()), "bytes": size, "has_key": manifest.has_key, **_about(manifest)}

    def words(_tree: Any) -> None:
        say(f"{file}: {count(len(manifest.files), 'file')}, {number_of_bytes(size)}, schema {manifest.database_schema}")
        if not with_keys:
            say(f"Without the node's key: keep a copy of {home_of(context).key} in a safe place, or use --with-keys.")

    show(tree, as_json, words)


def restore(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A file that `hive-node backup` made.")],
    as_json: JsonFlag = False,
) -> None:
    """Put a backup in place; what the home holds now is moved aside, and nothing of it is lost. The daemon must be stopped.

    \b
    hive-node restore ~/hive-monday.tar
    hive-node --home ~/second restore ~/hive-monday.tar
    """  # fmt: skip
    from hive_node.adapters.care.placing import finish_restore
    from hive_node.adapters.care.restore import restore_backup
    from hive_node.adapters.clock import SystemClock

    home = home_of(context)
    with _faults():
        home.root.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _faults(), _held(context), busy("checking the backup"):
        finish_restore(home)  # an earlier one that was cut off
        done = restore_backup(home, file.absolute(), SystemClock())
    tree = {"home": str(home.root), "replaced": str(done.replaced), **_about(done.manifest)}

    def words(_tree: Any) -> None:
        say(f"{home.root} is as it was at {done.manifest.made_at}.")
        say(f"What it replaced is in {done.replaced}; remove that folder once all is well.")
        say("Next: `hive-node run`.")

    show(tree, as_json, words)


def export(
    context: typer.Context,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="A new file (0600); else standard output.")] = None,
) -> None:
    """Print everything that the database holds, a JSON object a line. It is your own data: no scope guard looks at it.

    \b
    hive-node export | jq -c 'select(.table == "ideas").row'
    hive-node export --out everything.ndjson
    """  # fmt: skip
    from hive_node.adapters.care.export import export_lines
    from hive_node.adapters.store.database import schema_of

    database = home_of(context).database
    with _faults():
        schema = schema_of(database)
        if schema is None:
            end(f"{database} is not there: name the node's folder with --home [home.none]", NO)
        with _written(out) as file:
            for line in export_lines(database, schema):
                file.write(line + "\n")


def wipe(
    context: typer.Context,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    leave_agents: Annotated[
        bool, typer.Option("--leave-agents", help="Also where coding agents' files hold a part of ours.")
    ] = False,
) -> None:
    """Say what there is of this node, ask, and remove it for ever: database, key, settings. The daemon must be stopped."""
    from hive_node.adapters.care.wipe import plan_wipe
    from hive_node.adapters.care.wipe import wipe as do

    home = home_of(context)
    if not home.config.is_file():
        end(f"{home.root} holds no node: name its folder with --home [home.none]", NO)
    with _faults(), _held(context):
        plan = plan_wipe(home)
        _tell(plan)
        if plan.written and not leave_agents:
            end(
                "what those files were before is known to this database alone: start the node, run `hive-node agent forget` "
                "for each agent, then wipe; --leave-agents leaves them as they are [wipe.agents]",
                NO,
            )
        if not yes and not _is_meant(home.root):
            end("nothing was removed", NO)
        do(home, plan)
    say(f"Removed, {number_of_bytes(plan.size)}.")


def _tell(plan: "Wiping") -> None:
    say("This goes, and cannot be brought back without a backup:")
    for path in plan.paths:
        say(f"  {path}")
    stays = [
        (path, "a file of a coding agent with a part of ours in it") for path in plan.written
    ] + [(path, "its branches hive/…; `git worktree prune` tidies up there") for path in plan.branches]  # fmt: skip
    stays += [(path, "no file of ours") for path in plan.others]
    if stays:
        say("This stays:")
    for path, why in stays:
        say(f"  {path}: {why}")
    say(
        "A hive goes on listing this node until it leaves: `hive-node hive leave` before this. Its unit: `hive-node service uninstall`."
    )


def _is_meant(root: Path) -> bool:
    if not sys.stdin.isatty():
        end("nobody can be asked here: add --yes where this is meant", USAGE)
    typed: str = typer.prompt(
        f"Type the folder's name, {root.name}, to remove all this", default="", show_default=False
    )
    return typed == root.name


def _about(manifest: Any) -> dict[str, Any]:
    return {
        "node": manifest.node,
        "made_at": manifest.made_at,
        "version": manifest.version,
        "schema": manifest.database_schema,
    }


@contextmanager
def _held(context: typer.Context) -> Iterator[None]:
    from hive_node.adapters.homefolder import hold_home

    with _faults():
        descriptor = hold_home(home_of(context))
    try:
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _written(out: Path | None) -> Iterator[TextIO]:
    if out is None:
        yield sys.stdout
        return
    from hive_node.adapters.whole_files import make_private

    with closing(make_private(out)) as raw, open(raw.fileno(), "w", encoding="utf-8", closefd=False) as file:
        yield file


@contextmanager
def _faults() -> Iterator[None]:
    """What a person can act on ends in a sentence and exit code 1."""
    from hive_node.ports import Fault

    try:
        yield
    except Fault as error:
        end(f"{error} [{error.code}]", NO)
    except FileExistsError as error:
        end(f"{error.filename} is there already: name a new file, or remove it first", NO)
    except BrokenPipeError:
        raise
    except OSError as error:
        end(f"{error.filename or 'the disk'}: {error.strerror}", NO)
    except sqlite3.Error as error:
        end(f"{error} [store.unusable]", NO)
