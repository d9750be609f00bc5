"""What the loop adds to each trial: everything between one rejected idea and the next, less the commands themselves."""

import asyncio
import itertools
import json
import shutil
import sqlite3
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from benchmarks.daemons import Daemon, daemons
from benchmarks.row import Effort, Figure, Row, percentile
from hive_node.adapters.sandbox import BubblewrapSandbox
from hive_node.ports import RunLimits, SandboxedCommand

_COMMAND = ("printf", "METRIC value=1\\n")
_SPEC = """
[project]
name = "nothing"

[surface]
editable = ["src/knob.py"]
protected = ["judge/**"]

[[step]]
name = "measure"
run = ["printf", "METRIC value=1\\\\n"]
timeout_s = 60

[metric]
name = "value"
direction = "lower"

[tune]
"src/knob.py:KNOB" = { low = 1, high = 1000000 }

[budget]
iterations = 1000
"""
_LIMITS = RunLimits(
    wall_s=20, cpu_s=20, memory_bytes=256 * 1024**2, processes=32, file_bytes=1024**2, output_bytes=64 * 1024
)
_REPEATS = 25


def measure(effort: Effort) -> Row:
    """One daemon, one project whose only step prints its metric, an experiment that can find nothing better."""
    ideas = effort.choose(40, 12)
    with tempfile.TemporaryDirectory(prefix="hive-bench-") as folder, daemons(1) as (node,):
        project = _project(Path(folder, "nothing"))
        node.client.post("/v1/projects", {"path": str(project)})
        _experiment(node, 3)  # what is imported at first use is imported now
        moments, experiment = _experiment(node, ideas)
        runs = _runs(node, experiment)
        sandbox_s, bwrap_s = _sandbox_alone(project), _timed(_bare_bubblewrap)
        command_s = _timed(lambda: _silently(_COMMAND))
    trials = [later - earlier for earlier, later in itertools.pairwise(moments)]
    of_runs = runs.per_trial * command_s
    return Row(
        "loop overhead per trial beyond the command itself",
        (
            Figure("a trial less its commands, median", 1000 * (statistics.median(trials) - of_runs), "ms", 60,
                   limit=1000 * sandbox_s, limit_is="one sandbox start alone"),
            Figure("a trial less its commands, p90", 1000 * (percentile(trials, 0.9) - of_runs), "ms"),
            Figure("sandbox start alone, median", 1000 * sandbox_s, "ms", limit=1000 * bwrap_s, limit_is="bwrap true, every namespace"),
        ),
        (
            f"{len(trials)} trials of {runs.per_trial:.1f} runs each; the command alone {1000 * command_s:.1f} ms, "
            f"in the sandbox by its receipts {1000 * runs.wall_s:.1f} ms a run",
            f"a trial is draft, constitution, {runs.per_trial:.0f} × (tree, sandbox), gate, ledger; "
            f"worst {1000 * max(trials):.0f} ms",
        ),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Runs:
    """What the ledger holds of an experiment's runs, the baseline's left out."""

    per_trial: float
    wall_s: float


def _project(folder: Path) -> Path:
    (folder / "src").mkdir(parents=True)
    (folder / "judge").mkdir()
    (folder / "src" / "knob.py").write_text("KNOB = 1000\n", encoding="utf-8")
    (folder / "judge" / "README").write_text("The step needs no file.\n", encoding="utf-8")
    (folder / "hive.toml").write_text(_SPEC, encoding="utf-8")
    who = ("-c", "user.name=bench", "-c", "user.email=bench@localhost", "-c", "commit.gpgSign=false")
    for arguments in (("init", "--quiet"), ("add", "--all"), (*who, "commit", "--quiet", "--message", "First")):
        subprocess.run([_found("git"), *arguments], cwd=folder, check=True)
    return folder


def _experiment(node: Daemon, ideas: int) -> tuple[list[float], str]:
    """Run that many ideas. Returns the moments at which each was done with, and the experiment's id."""
    stream = node.client.events(after=_last_event(node))
    wanted = {"project": "nothing", "operator": "tune", "iterations": ideas, "seed": ideas}
    identity = str(node.client.post("/v1/experiments", wanted)["id"])
    moments: list[float] = []
    for event in stream:
        data = event["data"]
        if event["kind"] != "experiment" or data["experiment"] != identity:
            continue
        if data["state"] in {"rejected", "promoted"}:
            moments.append(time.perf_counter())
        if data["stop_reason"]:
            if len(moments) < ideas:
                raise RuntimeError(f"the experiment ended after {len(moments)} ideas: {data['stop_reason']}")
            return moments, identity
    raise RuntimeError("the event stream ended")


def _last_event(node: Daemon) -> int:
    with _database(node) as connection:
        return int(connection.execute("SELECT coalesce(max(id), 0) FROM events").fetchone()[0])


def _runs(node: Daemon, experiment: str) -> _Runs:
    with _database(node) as connection:
        query = "SELECT idea, document FROM samples WHERE experiment = ? AND idea > 0"
        rows = connection.execute(query, (experiment,)).fetchall()
    return _Runs(
        len(rows) / len({row[0] for row in rows}), statistics.fmean(json.loads(row[1])["wall_s"] for row in rows)
    )


def _database(node: Daemon) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{node.home.database}?mode=ro", uri=True)


def _sandbox_alone(project: Path) -> float:
    command = SandboxedCommand(("true",), project, _LIMITS, (PurePosixPath("judge"),), (PurePosixPath(".git"),))
    sandbox = BubblewrapSandbox()

    async def repeat() -> list[float]:
        await sandbox.run(command)
        taken = []
        for _ in range(_REPEATS):
            began = time.perf_counter()
            await sandbox.run(command)
            taken.append(time.perf_counter() - began)
        return taken

    return statistics.median(asyncio.run(repeat()))


def _bare_bubblewrap() -> None:
    _silently((_found("bwrap"), "--ro-bind", "/", "/", "--unshare-all", "--unshare-user", "--die-with-parent", "true"))


def _timed(act: Callable[[], None]) -> float:
    taken = []
    for _ in range(_REPEATS):
        began = time.perf_counter()
        act()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def _silently(command: Sequence[str]) -> None:
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)


def _found(program: str) -> str:
    path = shutil.which(program)
    if path is None:
        raise FileNotFoundError(f"{program} is not installed")
    return path
