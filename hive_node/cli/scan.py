"""`scan`: the scope guard on its own. Kept apart from the other commands, because it is run at every commit: it starts quickly."""

import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from guardrails.scope.findings import TOLD_AT
from hive_node.adapters.clock import SystemChance
from hive_node.adapters.secrecy import keep_memory_private
from hive_node.cli.output import NO, USAGE, count, end, json_text, say, show, table, warn
from hive_node.cli.scanning.baseline import SALT_BYTES, Baseline, BaselineError
from hive_node.cli.scanning.changes import GitError, changes
from hive_node.cli.scanning.found import Scan
from hive_node.cli.scanning.knowledge import Scanner, rules_tree
from hive_node.cli.scanning.lines import answer_lines
from hive_node.cli.scanning.sarif import sarif
from hive_node.cli.scanning.sources import Source, sources
from hive_node.cli.scanning.walk import Walk


def scan(
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="PATH…", help="Files and folders; - is standard input; else this folder."),
    ] = None,
    diff: Annotated[
        str | None, typer.Option(metavar="RANGE", help="Lines that `git diff RANGE` adds, such as main..HEAD.")
    ] = None,
    staged: Annotated[bool, typer.Option("--staged", help="Lines that the next commit would add.")] = False,
    ndjson: Annotated[
        bool, typer.Option("--ndjson", help='Answer each {"id", "text"} on standard input with {"id", "findings"}.')
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    as_sarif: Annotated[bool, typer.Option("--sarif", help="Print SARIF 2.1.0.")] = False,
    baseline: Annotated[Path | None, typer.Option(metavar="FILE", help="Findings that were accepted.")] = None,
    write_baseline: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Accept what is found: write it there, as hashes.")
    ] = None,
    least: Annotated[
        float,
        typer.Option(
            "--min-confidence", min=0, max=1, help="Leave out what is less sure than this; 0 tells guesses too."
        ),
    ] = TOLD_AT,
    local: Annotated[
        bool, typer.Option("--local/--no-local", help="Whether this machine's own names and secrets are sought too.")
    ] = True,
    explain: Annotated[bool, typer.Option("--explain", help="Say what each was found by.")] = False,
    rules: Annotated[bool, typer.Option("--rules", help="List the rules.")] = False,
) -> None:
    """Find secrets and personal data. Says where and what, never the value. Exit code 1 where something is found.

    hive-node scan src notes.md, hive-node scan --staged, git log -p | hive-node scan -
    """
    keep_memory_private()
    _at_most_one({"--json": as_json, "--sarif": as_sarif, "--ndjson": ndjson})
    _at_most_one({"--diff": diff is not None, "--staged": staged, "--ndjson": ndjson, "--rules": rules})
    if rules:
        show(rules_tree(), as_json, _rules_words)
    elif ndjson:
        _answer(Scanner.of(["."], local=local), least)
    else:
        named = paths or []
        found, accepting = Scan(), _accepting(write_baseline)
        walk = Walk(
            Scanner.of(named or ["."], local=local),
            found,
            least=least,
            is_explained=explain,
            accepted=_accepted(baseline),
            accepting=accepting,
        )
        if staged or diff is not None:
            _over_changes(walk, changes(diff, named, found.unread))
        else:
            _over(walk, lambda: sources(named or ["."], found.unread))
        if as_sarif:
            say(json_text(sarif(found)))
        else:
            show(found.tree(), as_json, _words)
        _finish(found, named, write_baseline, accepting)


def run() -> None:
    """Run it without the other commands, as `main.run` would."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    app.command(name="hive-node scan")(scan)
    try:
        app(args=sys.argv[2:], prog_name="hive-node scan")
    except BrokenPipeError:
        sys.exit(NO)


def _at_most_one(given: Mapping[str, bool]) -> None:
    if sum(given.values()) > 1:
        end(f"give one of {', '.join(name for name, is_given in given.items() if is_given)}", USAGE)


def _accepted(file: Path | None) -> Baseline | None:
    try:
        return Baseline.read(file) if file else None
    except BaselineError as error:
        end(str(error), USAGE)


def _accepting(file: Path | None) -> Baseline | None:
    return Baseline.anew(file, SystemChance().token_bytes(SALT_BYTES)) if file else None


def _over_changes(walk: Walk, changed: Iterable[Source]) -> None:
    try:
        walk.over(changed, lambda _bytes: None)
    except GitError as error:
        end(str(error), USAGE)


def _over(walk: Walk, look_at: Callable[[], Iterable[Source]]) -> None:
    if not sys.stderr.isatty():
        walk.over(look_at(), lambda _bytes: None)
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=sum(source.size for source in look_at()) or None)
        walk.over(look_at(), lambda done: progress.advance(task, done))


def _words(tree: Any) -> None:
    for one in tree["items"]:
        under = f", under {one['decoded_from']}" if one["decoded_from"] else ""
        why = f": {one['why']}" if "why" in one else ""
        say(f"{one['path']}:{one['line']}: {one['entity']} ({one['rule']}{under}){why}")
    passed_over = f", {count(tree['binary'], 'binary file')} passed over" if tree["binary"] else ""
    accepted = f", {tree['accepted']} accepted" if tree["accepted"] else ""
    warn(f"{count(tree['files'], 'file')}, {count(len(tree['items']), 'finding')}{accepted}{passed_over}")


def _finish(found: Scan, named: Sequence[str], file: Path | None, accepting: Baseline | None) -> None:
    for path, problem in found.unread:
        warn(f"hive-node: {path} was not looked at: {problem}")
    if accepting is not None and file is not None:
        try:
            accepting.write(file)
        except OSError as error:
            end(f"{file} cannot be written: {error.strerror}", USAGE)
        warn(
            f"Accepted in {file}. Look through what is listed above: `--baseline {file}` is silent about it from now on."
        )
    if any(path != "-" and not os.path.lexists(path) for path in named):
        raise typer.Exit(USAGE)
    if found.unread or (found.items and accepting is None):
        raise typer.Exit(NO)


def _answer(scanner: Scanner, least: float) -> None:
    flagged, bad = answer_lines(
        scanner, sys.stdin.buffer, sys.stdout.buffer, lambda text: warn(f"hive-node: {text}"), least
    )
    if bad:
        raise typer.Exit(USAGE)
    if flagged:
        raise typer.Exit(NO)


def _rules_words(tree: Any) -> None:
    rows = [(one["id"], one["provider"], one["kind"], one["entity"], one["field"]) for one in tree["items"]]
    table(("rule", "of", "kind", "stands for", "field"), rows, "no rules")
    say(
        f"{count(len(rows), 'rule')}: secrets of {tree['providers']} providers, {tree['identifiers']} kinds of personal data."
    )
