"""How often a coding agent's equal challenger is promoted, how soon a better or a worse one is decided on; what its hook takes."""

import json
import subprocess
import sys
import time
from collections.abc import Sequence

from benchmarks.daemons import Daemon, hive
from benchmarks.row import Effort, Figure, Row, percentile
from benchmarks.sessions import KINDS, Draw, Played, better, equal, one_look, worse
from guardrails.evidence.coin import ArmsEnd


def measure(effort: Effort) -> Row:
    """Contests over simulated sessions, a look after each; scores that pass or fail, and graded ones."""
    runs = effort.choose(4000, 1000)
    figures: list[Figure] = []
    notes = [f"{runs} contests each, up to 200 scored sessions of both arms together"]
    for kind, draw in KINDS.items():
        same, good, bad = (play(draw, runs=runs) for play in (equal, better, worse))
        figures += [
            Figure(f"equal arms promoted, {kind}", _promoted(same), "%", 5),
            _power(kind, draw, good, runs),
            Figure(f"own sessions of a worse one (0.55), {kind}", bad.own, "sessions", 40),
        ]
        notes.append(
            f"{kind}: sessions until a decision, median: {good.sessions:.0f} for a better challenger, {same.sessions:.0f} for an equal one"
        )
    return Row("agents", (*figures, *_hook(effort.choose(60, 20))), tuple(notes))


def _power(kind: str, draw: Draw, good: Played, runs: int) -> Figure:
    what, limit = f"0.70 against 0.85 promoted in 200, {kind}", 100 * one_look(draw, runs)
    return Figure(what, _promoted(good), "%", 80, "at least", limit, "one look, at the 200th")


def _promoted(played: Played) -> float:
    return 100 * played.share(ArmsEnd.PROMOTED)


def _hook(times: int) -> tuple[Figure, Figure]:
    """The hook as an agent runs it, with a contest running, from start to end; beside an interpreter that does nothing."""
    with hive(1) as (node,):
        node.client.post("/v1/agents", {"kind": "claude-code", "folder": str(node.folder), "name": "it"})
        node.client.post("/v1/agents/it/roll")
        took = [_run(_hook_command(node), node, f"s{number}") for number in range(times)]
        bare = [_run([sys.executable, "-c", ""], node, "") for _ in range(times)]
    limit, limit_is = percentile(bare, 0.5), "python -c '', median"
    return (
        Figure("hook, median", percentile(took, 0.5), "ms", None, limit=limit, limit_is=limit_is),
        Figure("hook, worst", max(took), "ms", 2000),
    )


def _hook_command(node: Daemon) -> list[str]:
    return [sys.executable, "-m", "hive_node", "--home", str(node.home.root), "agent", "hook", "SessionStart"]


def _run(command: Sequence[str], node: Daemon, session: str) -> float:
    told = {"session_id": session, "cwd": str(node.folder), "hook_event_name": "SessionStart", "source": "startup"}
    began = time.perf_counter()
    subprocess.run(command, input=json.dumps(told).encode(), stdout=subprocess.DEVNULL, check=True)
    return 1000 * (time.perf_counter() - began)
