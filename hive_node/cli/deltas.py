"""`delta …`: what was said and heard, its export, and the verification of an export without any node."""

import sys
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer

from hive_node.cli.client import Client
from hive_node.cli.context import JsonFlag, at, client_of
from hive_node.cli.output import NO, USAGE, count, end, json_text, percent, say, show, table, warn

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Learning deltas: what was told and heard.")
_ID_CHARS = 64
_SEARCHED = 500
_DIRECTIONS = {"out": "to the hive", "in": "from the hive"}


@app.command(name="list")
def list_(
    context: typer.Context,
    kind: Annotated[str | None, typer.Option(help="Only this kind: summary, recipe, replication …")] = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="How many, the newest first.")] = 50,
    quarantined: Annotated[
        bool, typer.Option("--quarantined", help="Those that this node's scope guard refused, and by which rule.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Entries of every author, newest first, and how each counts now."""

    def words(tree: Any) -> None:
        heads = (
            "id",
            "kind",
            "owner",
            "number",
            "issued",
            *(("rule",) if quarantined else ("standing", "removed", "what")),
        )
        nothing = "The scope guard refused nothing." if quarantined else "Nothing was told or heard yet."
        table(heads, [_line(one) for one in tree["items"]], nothing)
        if tree["next"]:
            say("There are more: --limit, or `hive-node delta export` for all.")

    standing = "quarantined" if quarantined else None
    show(client_of(context).get(at("deltas"), kind=kind, limit=limit, standing=standing), as_json, words)


@app.command(name="show")
def show_(
    context: typer.Context,
    entry: Annotated[str, typer.Argument(metavar="ID", help="As `delta list` shows it; its beginning is enough.")],
    receipt: Annotated[
        bool, typer.Option("--receipt", help="What the scope guard took out before it left, by place and kind.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """One entry, with all that it says."""
    client = client_of(context)

    def words(tree: Any) -> None:
        say(f"{tree['kind']} {tree['id']}")
        say(f"of {tree['owner'] or 'one who left'}, node {tree['author']}")
        say(
            f"epoch {tree['epoch']}, number {tree['seq']}, issued {tree['issued_at']}, here since {tree['received_at']}"
        )
        fallen = f", with {tree['fell_with']} that it builds on" if tree["fell_with"] else ""
        say(f"standing: {tree['standing']}{fallen}")
        say(json_text(tree["body"]))

    found = client.get(at("deltas", _whole_id(client, entry)))
    if receipt:
        show(found["receipt"], as_json, _receipt_words)
    else:
        show(found, as_json, words)


@app.command()
def receipts(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, max=500, help="How many, the newest first.")] = 50,
    as_json: JsonFlag = False,
) -> None:
    """What the scope guard did, newest first: to what would leave, and to what arrived. What it blocked never left."""

    def words(tree: Any) -> None:
        for one in tree["items"]:
            say(f"{one['at']}  {_DIRECTIONS[one['direction']]}  {one['subject']}")
            _receipt_words(one)
        if not tree["items"]:
            say("The scope guard was not asked yet.")

    show(client_of(context).get(at("receipts"), limit=limit), as_json, words)


@app.command()
def export(
    context: typer.Context,
    output: Annotated[Path | None, typer.Option(help="Write to this file; else to standard output.")] = None,
) -> None:
    """Every envelope as NDJSON, feed by feed. Anybody can verify it, by `delta verify` or a program of their own."""
    pieces = client_of(context).stream(at("export", "deltas"))
    if output is None:
        for piece in pieces:
            sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()
        return
    # Under another name until it is whole: half an export would verify.
    part = output.with_name(output.name + ".part")
    try:
        with part.open("wb") as file:
            file.writelines(pieces)
        part.replace(output)
    except OSError as error:
        end(f"{output} cannot be written: {error.strerror}", NO)
    finally:
        part.unlink(missing_ok=True)
    warn(f"Wrote {output}. `hive-node delta verify {output}` checks it, on any machine.")


@app.command()
def verify(
    file: Annotated[str, typer.Argument(help="What `delta export` wrote; - is standard input.")],
    as_json: JsonFlag = False,
) -> None:
    """Check every signature and chain of an export. Needs no node. Exit code 1 at any flaw."""
    from hive_node.cli.chains import verify_export

    if file == "-":
        found = verify_export(sys.stdin.buffer)
    else:
        with _open(file) as opened:
            found = verify_export(opened)
    tree = {
        "ok": not found.flaws,
        "hive": found.hive,
        "entries": found.entries,
        "authors": dict(sorted(found.authors.items())),
        "kinds": dict(sorted(found.kinds.items())),
        "flaws": [{"line": one.line, "code": one.code, "detail": one.detail} for one in found.flaws],
    }
    show(tree, as_json, _verify_words)
    if found.flaws:
        raise typer.Exit(NO)


def _verify_words(tree: Any) -> None:
    for flaw in tree["flaws"]:
        say(f"line {flaw['line']}: {flaw['code']}: {flaw['detail']}")
    kinds = ", ".join(f"{count} {kind}" for kind, count in tree["kinds"].items()) or "none"
    if tree["ok"]:
        authors = count(len(tree["authors"]), "author")
        say(f"Whole: {tree['entries']} entries of {authors} ({kinds}), hive {tree['hive']}.")
        say(
            "Each is signed by the author it names, and follows the one before it. What a file cannot show is an end cut off."
        )
    else:
        say(f"NOT whole: {count(len(tree['flaws']), 'flaw')}; {tree['entries']} entries without one ({kinds}).")


def _open(name: str) -> BinaryIO:
    try:
        return Path(name).open("rb")
    except OSError as error:
        end(f"{name} cannot be read: {error.strerror}", USAGE)


def _whole_id(client: Client, text: str) -> str:
    if len(text) >= _ID_CHARS or not text:
        return text
    newest = client.get(at("deltas"), limit=_SEARCHED)["items"]
    found = [str(one["id"]) for one in newest if one["id"].startswith(text)]
    if len(found) > 1:
        end(f"{len(found)} entries begin with {text!r}: write more of the id", NO)
    return found[0] if found else text


def _receipt_words(receipt: Any) -> None:
    if receipt is None:
        say("There is no receipt: another node wrote it, and ours let it in.")
        return
    match receipt["decision"], receipt["direction"]:
        case "passed", _:
            say("  Nothing was taken out.")
        case "redacted", _:
            say("  Taken out before it left:")
        case _, "in":
            say(f"  It arrived, and is kept from everybody: {receipt['rule']}")
        case _:
            say(f"  It did not leave: {receipt['rule']}")
    for place in receipt["places"]:
        say(f"    {place}")


def _line(one: Any) -> tuple[Any, ...]:
    last = (one["standing"], one["removed"] or "", _gist(one)) if "body" in one else (one["rule"] or "unknown",)
    return one["id"][:16], one["kind"], one["owner"] or "(left)", one["seq"], one["issued_at"], *last


def _gist(entry: Any) -> str:
    """An entry's body in a few words. It is a peer's: any field may be missing or of another type in a kind we do not know."""
    body = entry["body"] if isinstance(entry["body"], dict) else {}
    match entry["kind"]:
        case "summary":
            return f"{body['project']}: {percent(body['gain'])} in {body['metric']['name']}"
        case "recipe":
            return f"{body['project']}: {percent(body['evidence']['gain'])} by {body['operator']}: {body['idea'][:80]}"
        case "replication":
            return f"{body['outcome']} recipe {body['recipe'][:16]}"
        case "retract":
            return f"takes back {body['entry'][:16]}"
        case _:
            return ""
