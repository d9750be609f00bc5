"""`constitution …`: the gate on its own, without a node."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hive_node.cli.context import JsonFlag, home_of
from hive_node.cli.output import NO, USAGE, count, end, say, show, table, warn
from hive_node.config.home import Home

if TYPE_CHECKING:
    from guardrails.constitution import Constitution, Surface

constitution = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="What no change may do.")


@constitution.command(name="show")
def show_(context: typer.Context, as_json: JsonFlag = False) -> None:
    """The rules in force here, with the digest that names them."""
    loaded = _load(home_of(context))
    rules = [
        {"id": rule.id, "reason": rule.reason, "is_shipped": rule.is_shipped, "patterns": rule.patterns}
        for rule in loaded.describe()
    ]

    def words(tree: Any) -> None:
        say(f"constitution {tree['digest']}")
        if tree["own_digest"]:
            say(f"with rules of this node's own, {tree['own_digest']}")
        rows = [(one["id"], one["patterns"], one["reason"]) for one in tree["items"]]
        table(("rule", "patterns", "what it refuses"), rows, "no rules")

    tree = {"digest": loaded.digest, "own_digest": loaded.own_digest, "items": rules, "next": None}
    show(tree, as_json, words)


@constitution.command()
def check(
    context: typer.Context,
    diff: Annotated[str, typer.Argument(help="A unified diff, as `git diff` prints it; - is standard input.")],
    project: Annotated[
        Path | None, typer.Option(help="Folder of the hive.toml that says what may be edited; else this one.")
    ] = None,
    idea: Annotated[str, typer.Option(help="What the change is meant to do; judged as well.")] = "",
    as_json: JsonFlag = False,
) -> None:
    """Judge a diff as a candidate's would be. Exit code 1 at any finding, 2 for what is no diff."""
    from guardrails.constitution import DiffSyntaxError, parse_unified

    text = _read(diff)
    try:
        files = parse_unified(text)
    except DiffSyntaxError as error:
        end(f"{'standard input' if diff == '-' else diff} is no unified diff: {error}", USAGE)
    surface = _surface(project, [path for file in files for path in (file.path, file.old_path) if path])
    loaded = _load(home_of(context))
    found = loaded.judge_diff(files, surface, idea)
    tree = {
        "ok": not found,
        "digest": loaded.digest,
        "items": [{"rule": one.rule, "reason": one.reason, **one.details} for one in found],
    }
    show(tree, as_json, _check_words)
    if found:
        raise typer.Exit(NO)


def _check_words(tree: Any) -> None:
    for one in tree["items"]:
        line = f":{one['line']}" if "line" in one else ""
        where = one.get("path") or one.get("where") or "the change"
        found = f" ({one['found']})" if "found" in one else ""
        say(f"{where}{line}: {one['rule']}: {one['reason']}{found}")
    say(
        "Nothing in this diff is against the constitution."
        if tree["ok"]
        else f"Refused: {count(len(tree['items']), 'finding')}."
    )


def _load(home: Home) -> "Constitution":
    """The shipped rules, with those that this home's config.toml adds, where there is one."""
    from guardrails.constitution import Constitution, ConstitutionError
    from hive_node.config.node import load_node_config

    own = list(load_node_config(home.config).constitution.rule) if home.config.is_file() else []
    try:
        return Constitution.load({"rule": own} if own else None)
    except ConstitutionError as error:
        end(str(error), NO)


def _surface(project: Path | None, touched: list[str]) -> "Surface":
    """What the project's spec opens; without one all that the diff touches, named in full as a spec would."""
    from guardrails.constitution import Surface
    from hive_node.config.project import FILE, load_project_spec

    folder = project or Path()
    if project is None and not (folder / FILE).is_file():
        warn(f"There is no {FILE} here: every path counts as editable. --project DIR names another folder.")
        return Surface(editable=("**", *touched), protected=())
    spec, _ = load_project_spec(folder)
    return Surface(spec.surface.editable, (*spec.surface.protected, *spec.held_out), spec.metric_names)


def _read(source: str) -> str:
    try:
        raw = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
    except OSError as error:
        end(f"{source} cannot be read: {error.strerror}", USAGE)
    # What is no UTF-8 reaches the gate as such, and it refuses it.
    return raw.decode("utf-8", "surrogateescape")
