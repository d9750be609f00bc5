"""`hive-node demo`: real daemons on this machine make a hive, improve one project, and learn from each other.

Nothing is told to a node but an invite: it finds its peers over mDNS on loopback. Every figure shown is read off the nodes'
own APIs at the end; the exit code is 0 only if all that the demo promises really happened.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

from hive_node.adapters.clock import SystemChance, SystemClock
from hive_node.cli.client import Client, Refusal, Unreachable
from hive_node.cli.output import say, table, warn
from hive_node.config.home import Home
from hive_node.config.shipped import shipped

EXAMPLE: Final = "lz-window"
_LEAST_GAIN: Final = 0.05
_LOOPBACK: Final = "127.0.0.1"
_ITERATIONS: Final = 400
_STOP_S: Final = 15.0
_CLOCK: Final = SystemClock()


class DemoFailed(Exception):
    """Something that the demo promises did not happen."""


@dataclass(slots=True)
class DemoNode:
    """One daemon of the demo: its folder, its process, its API."""

    number: int
    folder: Path
    client: Client
    process: subprocess.Popen[bytes] | None = None
    experiment: str = ""
    identity: str = ""

    @property
    def owner(self) -> str:
        return f"owner-{self.number}"

    @property
    def log(self) -> Path:
        return self.folder / "node.log"

    @property
    def repository(self) -> Path:
        return self.folder / EXAMPLE


@dataclass(slots=True)
class Demo:
    """The whole play."""

    nodes: list[DemoNode]
    deadline: float
    tell: Callable[[str], None]
    began: float = field(default_factory=_CLOCK.monotonic)
    planted: list[str] = field(default_factory=list)

    def play(self) -> dict[str, Any]:
        """Everything, in order. Raises DemoFailed."""
        for node in self.nodes:
            self._start(node)
        for node in self.nodes:
            self._wait(f"node {node.number} to answer", partial(_answers, node))
            node.identity = str(node.client.get("/v1/status")["id"])
        self._make_hive()
        self._meet()
        for node in self.nodes:
            node.client.post("/v1/projects", {"path": str(node.repository)})
        for node in self.nodes[1:]:
            self._experiment(node)
        self._plant(self.nodes[0])
        self._experiment(self.nodes[0])
        self._wait("a recipe adopted by a node that did not write it, and a gain of 5 %", self._has_learned)
        for node in self.nodes:
            node.client.post(f"/v1/experiments/{node.experiment}/stop", {"reason": "demo over"})
        self._wait("the same feed heads on every node", self._heads_equal)
        self._nothing_leaked()
        return self._result()

    def _start(self, node: DemoNode) -> None:
        home = node.client.home
        _command(home, "init", "--owner", node.owner, "--name", f"demo-{node.number}", "--listen", _LOOPBACK,
                 "--peer-port", "0", "--api-port", "0", "--mdns", _LOOPBACK)  # fmt: skip
        with node.log.open("wb") as log:
            node.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "hive_node", "--home", str(home.root), "run"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip

    def _make_hive(self) -> None:
        first = self.nodes[0]
        first.client.post("/v1/hive", {"name": "demo"})
        for node in self.nodes[1:]:
            token = first.client.post("/v1/hive/invites")["token"]
            node.client.post("/v1/hive/join", {"token": token})
        self.tell(f"hive made: {len(self.nodes)} nodes joined by one-time invites")

    def _meet(self) -> None:
        def all_found() -> bool:
            return all(_discovered(node) == len(self.nodes) - 1 for node in self.nodes)

        self._wait("every node to find every other over mDNS", all_found)
        self.tell("every node found every other over mDNS")

    def _experiment(self, node: DemoNode) -> None:
        wanted = {"project": EXAMPLE, "operator": "auto", "iterations": _ITERATIONS, "seed": 1000 + node.number}
        node.experiment = str(node.client.post("/v1/experiments", wanted)["id"])

    def _plant(self, node: DemoNode) -> None:
        """Two ideas that are good and hold an invented secret: one in its words, one in the code itself."""
        experiment = str(node.client.post("/v1/experiments", {"project": EXAMPLE, "stepwise": True})["id"])
        node.client.post(f"/v1/experiments/{experiment}/run")
        self._try(
            node, experiment, "LENGTH_BITS = 4", "LENGTH_BITS = 6", self._secret("Longer matches; push with "), ""
        )
        self._try(
            node, experiment, "WINDOW_BITS = 12", "WINDOW_BITS = 14", "Look further back", self._secret("  # token: ")
        )
        node.client.post(f"/v1/experiments/{experiment}/finalize")
        guard = node.client.get("/v1/status")["scope_guard"]
        self.tell(
            f"planted secrets stopped by the scope guard: {guard['redacted']} redacted, {guard['blocked']} blocked"
        )
        if not guard["redacted"] or not guard["blocked"]:
            raise DemoFailed(f"the scope guard let a planted secret pass: {guard}")

    def _try(self, node: DemoNode, experiment: str, search: str, replace: str, words: str, comment: str) -> None:
        edit = {"path": "src/codec.py", "search": f"{search}\n", "replace": f"{replace}{comment}\n"}
        node.client.post(f"/v1/experiments/{experiment}/edit", {"idea": words, "edits": [edit]})
        node.client.post(f"/v1/experiments/{experiment}/run")
        decided = node.client.post(f"/v1/experiments/{experiment}/decide")
        if decided["state"] != "promoted":
            raise DemoFailed(f"a planted idea was not promoted: {decided['last_rejection']}")

    def _secret(self, before: str) -> str:
        # Shaped like a source host's token; made anew each time, and good for nothing.
        secret = "gh" + "p_" + SystemChance().token_bytes(18).hex()
        self.planted.append(secret)
        return before + secret

    def _has_learned(self) -> bool:
        gains = [_gain(node) for node in self.nodes]
        adopted = [recipe for recipe in self._recipes() if _is_adopted(recipe)]
        trials = [int(_experiment(node)["trials"]) for node in self.nodes]
        self.tell(
            f"{_CLOCK.monotonic() - self.began:5.0f} s  {sum(trials):3d} trials  best gain {max(gains):+.1%}  "
            f"recipes adopted by others: {len(adopted)}"
        )
        return bool(adopted) and max(gains) >= _LEAST_GAIN and min(trials) > 0

    def _recipes(self) -> list[dict[str, Any]]:
        """Every recipe, with the replications that were published and the nodes that promoted it."""
        entries = _all_deltas(self.nodes[0])
        owners = {node.identity: node.owner for node in self.nodes}
        adopters = {node.identity: _adopted(node) for node in self.nodes}
        replications = [entry for entry in entries if entry["kind"] == "replication"]
        return [
            {
                "id": entry["id"],
                "author": entry["author"],
                "gain": entry["body"]["evidence"]["gain"],
                "replications": [
                    {"owner": owners[one["author"]], "outcome": one["body"]["outcome"]}
                    for one in replications
                    if one["body"]["recipe"] == entry["id"]
                ],
                "adopted_by": [node for node, recipes in adopters.items() if entry["id"] in recipes],
            }
            for entry in entries
            if entry["kind"] == "recipe"
        ]

    def _heads_equal(self) -> bool:
        return len({node.client.get("/v1/status")["have"] for node in self.nodes}) == 1

    def _nothing_leaked(self) -> None:
        for node in self.nodes:
            told = node.client.text("GET", "/v1/export/deltas")
            if any(secret in told for secret in self.planted):
                raise DemoFailed("a planted secret is in a feed")

    def _result(self) -> dict[str, Any]:
        experiments = [_experiment(node) for node in self.nodes]
        statuses = [node.client.get("/v1/status") for node in self.nodes]
        best = min(float(one["best"]) for one in experiments)
        project = self.nodes[0].client.get(f"/v1/projects/{EXAMPLE}")
        return {
            "seconds": round(_CLOCK.monotonic() - self.began, 1),
            "project": {
                "task": project["task"],
                "metric": project["metric"],
                "direction": project["direction"],
                "baseline": experiments[0]["baseline"],
                "best": best,
            },
            "nodes": [
                {
                    "id": node.identity,
                    "owner": node.owner,
                    "peers": status["peers"],
                    "discovered_by": "mdns" if _discovered(node) == len(self.nodes) - 1 else "other",
                    **_totals(node),
                    "deltas": {name: status["deltas"][name] for name in ("sent", "received", "refused")},
                }
                for node, status in zip(self.nodes, statuses, strict=True)
            ],
            "recipes": self._recipes(),
            "scope_guard": {
                name: sum(status["scope_guard"][name] for status in statuses)
                for name in ("scanned", "redacted", "blocked")
            },
            "heads_equal": self._heads_equal(),
        }

    def _wait(self, what: str, holds: Callable[[], bool]) -> None:
        while not holds():
            for node in self.nodes:
                if node.process is not None and node.process.poll() is not None:
                    raise DemoFailed(f"node {node.number} ended with {node.process.returncode}: see {node.log}")
            if _CLOCK.monotonic() > self.deadline:
                raise DemoFailed(f"time is up while waiting for {what}")
            time.sleep(0.5)


def run_demo(*, nodes: int, seconds: int, as_json: bool, keep: bool) -> int:
    """Play the demo. Returns the exit code."""
    tell = warn if as_json else say
    with _stage(nodes, keep, tell) as players:
        demo = Demo(players, _CLOCK.monotonic() + seconds, tell)
        try:
            result = demo.play()
        except (DemoFailed, Refusal, Unreachable) as error:
            warn(f"hive-node demo: {error}")
            return 1
    left = [node.number for node in players if node.process is not None and node.process.returncode != 0]
    if left:
        warn(f"hive-node demo: nodes {left} did not stop cleanly")
        return 1
    sys.stdout.write(json.dumps(result, indent=2) + "\n") if as_json else _show(result)
    return 0 if _is_complete(result) else 1


@contextmanager
def _stage(count: int, keep: bool, tell: Callable[[str], None]) -> Iterator[list[DemoNode]]:
    root = Path(tempfile.mkdtemp(prefix="hive-demo-"))
    nodes = [DemoNode(n, root / f"node-{n}", Client(Home(root / f"node-{n}" / "home"))) for n in range(1, count + 1)]
    try:
        for node in nodes:
            node.folder.mkdir()
            _clone_example(node.repository)
        yield nodes
    finally:
        for node in nodes:
            _stop(node)
        if keep:
            tell(f"kept: {root}")
        else:
            shutil.rmtree(root)


def example_folder(name: str) -> Path:
    """Where an example project lies."""
    folder = shipped("configs", "examples", name)
    if not folder.is_dir():
        raise DemoFailed(f"the example project {name} is not installed")
    return folder


def _clone_example(target: Path) -> None:
    shutil.copytree(example_folder(EXAMPLE), target, ignore=shutil.ignore_patterns("__pycache__"))
    # The same author and date everywhere: every node begins from the same commit.
    who = {"NAME": "hive-node demo", "EMAIL": "demo@localhost", "DATE": "2026-01-01T00:00:00Z"}
    environment = {
        **os.environ,
        **{f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in who.items()},
    }
    for arguments in (
        ("init", "--quiet"),
        ("add", "--all"),
        ("commit", "--quiet", "--message", "The example as it is shipped"),
    ):
        subprocess.run(
            [shutil.which("git") or "git", "-c", "commit.gpgSign=false", *arguments],
            cwd=target,
            env=environment,
            check=True,
        )


def _command(home: Home, *arguments: str) -> None:
    command = [sys.executable, "-P", "-m", "hive_node", "--home", str(home.root), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise DemoFailed(done.stderr.strip())


def _stop(node: DemoNode) -> None:
    if node.process is None:
        return
    node.process.send_signal(signal.SIGTERM)
    try:
        node.process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        node.process.kill()
        node.process.wait()


def _answers(node: DemoNode) -> bool:
    try:
        return bool(node.client.get("/v1/health")["status"] == "ok")
    except Unreachable:
        return False


def _discovered(node: DemoNode) -> int:
    return sum(peer["discovered_by"] == "mdns" for peer in node.client.get("/v1/peers")["items"])


def _experiment(node: DemoNode) -> dict[str, Any]:
    tree: dict[str, Any] = node.client.get(f"/v1/experiments/{node.experiment}")
    return tree


def _gain(node: DemoNode) -> float:
    one = _experiment(node)
    return (one["baseline"] - one["best"]) / one["baseline"] if one["baseline"] and one["best"] else 0.0


def _totals(node: DemoNode) -> dict[str, Any]:
    every = node.client.get("/v1/experiments")["items"]
    return {
        "trials": sum(one["trials"] for one in every),
        "promotions": sum(one["promotions"] for one in every),
        "rejected": {gate: sum(one["rejected"][gate] for one in every) for gate in ("constitution", "baseline")},
    }


def _adopted(node: DemoNode) -> set[str]:
    ideas = node.client.get(f"/v1/experiments/{node.experiment}/trials", limit=500)["items"]
    return {idea["recipe"] for idea in ideas if idea["recipe"] and idea["outcome"] == "promoted"}


def _all_deltas(node: DemoNode) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    page = node.client.get("/v1/deltas", limit=500)
    while True:
        found += page["items"]
        if page["next"] is None:
            return found
        page = node.client.get("/v1/deltas", limit=500, cursor=page["next"])


def _is_adopted(recipe: dict[str, Any]) -> bool:
    confirmed = any(one["outcome"] == "confirmed" for one in recipe["replications"])
    return confirmed and any(node != recipe["author"] for node in recipe["adopted_by"])


def _is_complete(result: dict[str, Any]) -> bool:
    project = result["project"]
    return (
        bool(result["heads_equal"])
        and (project["baseline"] - project["best"]) / project["baseline"] >= _LEAST_GAIN
        and any(_is_adopted(recipe) for recipe in result["recipes"])
        and all(node["discovered_by"] == "mdns" for node in result["nodes"])
        and result["scope_guard"]["redacted"] > 0
        and result["scope_guard"]["blocked"] > 0
    )


def _show(result: dict[str, Any]) -> None:
    project = result["project"]
    gain = (project["baseline"] - project["best"]) / project["baseline"]
    say("")
    say(
        f"{project['metric']}: {project['baseline']:.0f} to {project['best']:.0f} ({gain:+.1%}) in {result['seconds']} s"
    )
    table(
        ("node", "owner", "peers", "trials", "promoted", "rejected", "sent", "received", "refused"),
        [
            (
                node["id"][:8],
                node["owner"],
                f"{node['peers']} by {node['discovered_by']}",
                node["trials"],
                node["promotions"],
                sum(node["rejected"].values()),
                *node["deltas"].values(),
            )
            for node in result["nodes"]
        ],
        "",
    )
    for recipe in result["recipes"]:
        if _is_adopted(recipe):
            by = ", ".join(node[:8] for node in recipe["adopted_by"])
            say(
                f"recipe {recipe['id'][:8]} of {recipe['author'][:8]} ({recipe['gain']:+.1%}) was measured again and adopted by {by}"
            )
    guard = result["scope_guard"]
    say(f"scope guard: {guard['scanned']} scanned, {guard['redacted']} redacted, {guard['blocked']} blocked")
    say(f"the same feed heads on every node: {'yes' if result['heads_equal'] else 'no'}")
