"""`hive export` and `hive verify`: the chain of charters as a file, for a backup and for an audit."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from hive_node.cli.context import JsonFlag, at, client_of
from hive_node.cli.governing import app
from hive_node.cli.output import NO, USAGE, end, say, show

__all__ = ["app"]


@app.command()
def export(context: typer.Context) -> None:
    """Write the whole chain of charters to standard output, one version a line."""
    for piece in client_of(context).stream(at("export", "charters")):
        sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()


@app.command()
def verify(
    file: Annotated[str, typer.Argument(help="What `hive export` wrote; - is standard input.")],
    hive: Annotated[str | None, typer.Option(help="The id of the hive that it should be of.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Check a chain of charters: each version, who signed it, what it changed. Needs no node. Exit code 1 at the first fault."""
    from hive_node.cli.chain_of_charters import verify_charters
    from protocol.ids import HiveId

    expected = HiveId(hive) if hive else None
    try:
        if file == "-":
            chain = verify_charters(sys.stdin.buffer, expected)
        else:
            with Path(file).open("rb") as opened:
                chain = verify_charters(opened, expected)
    except OSError as error:
        end(f"{file} cannot be read: {error.strerror}", USAGE)
    tree = {
        "ok": chain.code is None,
        "hive": chain.tip.hive if chain.tip else None,
        "versions": [
            {
                "version": one.number,
                "digest": one.digest,
                "issued_at": one.issued_at,
                "signers": list(one.signers),
                "changes": list(one.changes),
            }
            for one in chain.versions
        ],
        "code": chain.code,
        "detail": chain.detail,
    }
    show(tree, as_json, _words)
    if chain.code is not None:
        raise typer.Exit(NO)


def _words(tree: Any) -> None:
    for one in tree["versions"]:
        say(f"{one['version']}  {one['issued_at']}  {one['digest'][:12]}  signed by {', '.join(one['signers'])}")
        for change in one["changes"]:
            say(f"    {change}")
    if tree["ok"]:
        say(
            f"Whole: {len(tree['versions'])} versions of the hive {tree['hive']}. What a file cannot show is an end cut off."
        )
    else:
        say(f"line {len(tree['versions']) + 1}: {tree['code']}: {tree['detail']}")
