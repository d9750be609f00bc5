"""The root command: where the node's home is, and the commands on the node itself."""

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from hive_node import __version__
from hive_node.cli import (
    admin,
    advice,
    agents,
    care,
    charters,
    deltas,
    experiments,
    guards,
    mcp,
    opening,
    peers,
    projects,
    scan,
    service,
    simulate,
    skills,
    task_events,
)
from hive_node.cli.client import Refusal, Unreachable
from hive_node.cli.context import JsonFlag, client_of, home_of
from hive_node.cli.output import NO, UNREACHABLE, USAGE, count, end, number_of_bytes, say, show, warn
from hive_node.config.home import ENVIRONMENT, Home
from hive_node.config.toml import ConfigError

app = typer.Typer(
    name="hive-node", no_args_is_help=True, add_completion=True, pretty_exceptions_enable=False, rich_markup_mode=None,
    help="Improves what you already have, behind two gates, and learns with the nodes of your team.",
)  # fmt: skip
app.add_typer(charters.app, name="hive")
app.add_typer(projects.app, name="project")
app.add_typer(experiments.app, name="experiment")
app.add_typer(deltas.app, name="delta")
app.add_typer(agents.app, name="agent")
app.add_typer(advice.app, name="advise")
app.add_typer(skills.app, name="skill")
app.add_typer(task_events.app, name="event")
app.add_typer(guards.constitution, name="constitution")
app.add_typer(admin.api, name="api")
app.add_typer(service.app, name="service")


def run() -> None:
    """Run the command line; every expected fault ends in one sentence and its exit code."""
    try:
        app(standalone_mode=True)
    except Unreachable as error:
        warn(f"hive-node: {error}")
        sys.exit(UNREACHABLE)
    except Refusal as error:
        warn(f"hive-node: {error} [{error.code}]")
        sys.exit(NO)
    except ConfigError as error:
        warn(f"hive-node: {error}")
        sys.exit(USAGE)
    except BrokenPipeError:
        sys.exit(NO)


def _version(wanted: bool) -> None:
    if wanted:
        say(f"hive-node {__version__}")
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    home: Annotated[
        Path | None, typer.Option(help=f"The node's folder; else {ENVIRONMENT}, else the platform's.")
    ] = None,
    _version_flag: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True)] = False,
) -> None:
    """Where the node lives."""
    context.obj = Home.choose(home)


@app.command()
def init(
    context: typer.Context,
    name: Annotated[str | None, typer.Option(help="How peers see this machine.")] = None,
    owner: Annotated[str | None, typer.Option(help="The person; several nodes of one owner have one vote.")] = None,
    listen: Annotated[str, typer.Option(help="Where the peer port opens once this node is in a hive.")] = "0.0.0.0",  # noqa: S104
    peer_port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes any free port.")] = 7740,
    api_port: Annotated[
        int, typer.Option(min=0, max=65535, help="Admin API on 127.0.0.1; 0 takes any free port.")
    ] = 7741,
    mdns: Annotated[str, typer.Option(help='Interfaces for discovery: "all", or an address.')] = "all",
    as_json: JsonFlag = False,
) -> None:
    """Make a node: its folder, key and settings. Opens nothing."""
    import getpass

    from hive_node.adapters.clock import SystemChance
    from hive_node.adapters.homefolder import create_home
    from hive_node.ports import FatalError

    home = home_of(context)
    try:
        key = create_home(
            home,
            # Not the host's name: it would be in the charter of whatever hive this node joins.
            name=name or f"node-{SystemChance().token_bytes(2).hex()}",
            owner=owner or getpass.getuser(),
            listen=listen,
            peer_port=peer_port,
            api_port=api_port,
            mdns=mdns,
        )
    except FatalError as error:
        end(str(error), NO)
    tree = {"home": str(home.root), "id": key.node_id, "config": str(home.config)}

    def words(_tree: Any) -> None:
        say(f"Made node {key.node_id[:12]}… in {home.root}")
        say(f"Settings: {home.config}")
        say("Next: `hive-node run`, and in another terminal `hive-node project add PATH`.")

    show(tree, as_json, words)


@app.command(name="run")
def run_(context: typer.Context) -> None:
    """Run the node until it is told to stop (Ctrl-C or SIGTERM)."""
    # The same process goes on as the daemon: the command line's 10 MB are not for an idle node to carry.
    # -P: the folder that one stands in, a repository maybe, is no place to import from.
    os.execv(sys.executable, [sys.executable, "-P", "-m", "hive_node.daemon", str(home_of(context).root)])  # noqa: S606


@app.command()
def status(context: typer.Context, as_json: JsonFlag = False) -> None:
    """The node in a screenful."""
    show(client_of(context).get("/v1/status"), as_json, _status_words)


def _status_words(tree: Any) -> None:
    say(
        f"{tree['name']} ({tree['owner']}), node {tree['id'][:12]}…, hive-node {tree['version']} ({tree['build'][:12]})"
    )
    hive = tree["hive"]
    if hive:
        role = "admin" if hive["is_admin"] else "member"
        say(
            f"hive {hive['name']}: {count(hive['members'], 'member')}, {count(tree['peers'], 'peer')} answering, {role},"
            f" charter {hive['version']}"
        )
    else:
        say("in no hive: `hive-node hive create NAME`, or `hive-node hive join TOKEN`")
    states = ", ".join(f"{count} {state}" for state, count in sorted(tree["experiments"].items())) or "none"
    say(f"{count(tree['projects'], 'project')}; experiments: {states}")
    if tree["agents"]["kept"]:
        say(_agents_in_short(tree["agents"]))
    deltas, guard = tree["deltas"], tree["scope_guard"]
    say(f"deltas: {deltas['sent']} sent, {deltas['received']} received, {deltas['refused']} refused")
    say(f"scope guard: {guard['scanned']} scanned, {guard['redacted']} redacted, {guard['blocked']} blocked")
    store = tree["store"]
    say(
        f"database: {number_of_bytes(store['database_bytes'])}, schema {store['database_schema']}; "
        f"{number_of_bytes(store['free_bytes'])} free"
    )
    if tree["undiscovered"]:
        say(
            f"Discovery does not work ({tree['undiscovered']}): members are looked for where they were, and at federation.peers."
        )
    if tree["halted"]:
        say(f"HALTED: {tree['halted']}")
    if hive and tree["silent"]:
        say(f"SILENT: {tree['silent']}")
    for text in hive["warnings"] if hive else ():
        say(f"WARNING: {text}")


def _agents_in_short(agents: Any) -> str:
    states = ", ".join(f"{number} {state}" for state, number in sorted(agents["contests"].items())) or "none"
    given = " and ".join(f"{agents['sessions'].get(arm, 0)} {arm}" for arm in ("champion", "challenger"))
    troubled = f"; in trouble: {', '.join(sorted(agents['troubles']))}" if agents["troubles"] else ""
    return f"{count(agents['kept'], 'coding agent')}; contests: {states}; sessions in them: {given}{troubled}"


@app.command()
def demo(
    nodes: Annotated[int, typer.Option(min=2, max=16, help="How many nodes.")] = 3,
    seconds: Annotated[int, typer.Option(min=10, max=3600, help="How long at most.")] = 90,
    as_json: JsonFlag = False,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the nodes' homes in place.")] = False,
) -> None:
    """A hive on this machine, in a minute and a half: nodes that meet, improve an example, and learn from one another."""
    from hive_node.cli.demo import run_demo

    raise typer.Exit(run_demo(nodes=nodes, seconds=seconds, as_json=as_json, keep=keep))


app.command()(admin.doctor)
app.command()(care.backup)
app.command()(care.restore)
app.command()(care.export)
app.command()(care.wipe)
app.command()(mcp.mcp)
app.command(name="open")(opening.open_)
app.command()(peers.peers)
app.command()(scan.scan)
app.command()(simulate.simulate)
