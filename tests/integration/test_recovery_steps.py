"""A node that somebody drives step by step dies by SIGKILL, in a step or between two: the next life takes the experiment as it was."""

import json
import signal
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hive_node.cli.client import Refusal, Unreachable
from tests.integration.conftest import make_knob_project
from tests.integration.processes import Forked
from tests.integration.test_recovery import Story, everything, wait_until_nothing_of_it_runs

HOLDOUT = "import runpy\nrunpy.run_path('bench/run.py')\n"
SECTION = '[holdout]\nrun = ["python", "-I", "bench/holdout.py"]\nfiles = ["bench/holdout.py"]\n'
EDIT = {"idea": "try it", "edits": [{"path": "src/knob.py", "search": "SIZE = 8", "replace": "SIZE = 20"}]}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = make_knob_project(tmp_path / "knob")
    (folder / "bench/holdout.py").write_text(HOLDOUT)
    (folder / "hive.toml").write_text((folder / "hive.toml").read_text() + SECTION)
    git = ("git", "-c", "user.name=Test", "-c", "user.email=test@example.com")
    subprocess.run([*git, "add", "-A"], cwd=folder, check=True)
    subprocess.run([*git, "commit", "-q", "-m", "holdout"], cwd=folder, check=True)
    return folder


class Driven:
    """A node with requests that it does not survive, and requests that it answers."""

    def __init__(self, node: Any) -> None:
        self.node = node

    def dies(self, point: str, path: str, body: Any = None) -> None:
        """Ask for something; the node dies at `point` before it can answer."""
        self.node.close()
        log = self.node.log
        self.node.process = Forked(
            "tests.fakes.killing_node", str(self.node.home.root), point, "1", out=log, problems=log
        )
        self.node.up()
        with pytest.raises(Unreachable):
            self._send(path, body)
        assert self.node.process.wait(60) == -signal.SIGKILL, point
        self.node.process = None
        wait_until_nothing_of_it_runs(self.node.home.root)

    def ask(self, path: str, body: Any = None) -> Any:
        """Ask a node that lives."""
        if self.node.process is None:
            self.node.start()
        return self._send(path, body)

    def _send(self, path: str, body: Any) -> Any:
        if path.startswith("DELETE "):
            return self.node.client.delete(path.removeprefix("DELETE "))
        return self.node.client.post(path, *([] if body is None else [body]))

    def state(self) -> str:
        (found,) = self.rows("SELECT state FROM experiments")
        return str(found[0])

    def projects(self) -> list[str]:
        return [str(found[0]) for found in self.rows("SELECT id FROM projects")]

    def rows(self, query: str) -> list[Any]:
        with sqlite3.connect(self.node.home.database) as connection:
            return connection.execute(query).fetchall()


@pytest.fixture
def driven(daemon: Callable[..., Any]) -> Driven:
    return Driven(daemon(start=False))


def test_killed_in_any_step_the_same_step_is_asked_again_and_ends_whole(driven: Driven, project: Path) -> None:
    before = everything(project)
    driven.dies("adding-project", "/v1/projects", {"path": str(project)})
    assert driven.projects() == []
    driven.dies("added-project", "/v1/projects", {"path": str(project)})
    assert driven.projects() == ["knob"]
    steps = driven.ask("/v1/experiments", {"project": "knob", "stepwise": True})["id"]
    steps = f"/v1/experiments/{steps}"
    driven.dies("baseline-run", f"{steps}/run")
    assert driven.state() == "created"
    assert driven.ask(f"{steps}/run")["state"] == "baselined"
    driven.dies("within-proposed", f"{steps}/edit", EDIT)
    assert driven.state() == "baselined"
    driven.dies("proposed", f"{steps}/edit", EDIT)
    assert driven.state() == "proposed"
    driven.dies("holdout-run", f"{steps}/run")
    assert driven.state() == "proposed"
    assert driven.ask(f"{steps}/run")["state"] == "tried"
    for point, state in (("committing", "judged"), ("moving-branch", "judged"), ("branch-moved", "judged")):
        driven.dies(point, f"{steps}/decide")
        assert driven.state() == state, point
    shown = driven.ask(f"{steps}/decide")
    assert (shown["state"], shown["best"], shown["promotions"]) == ("promoted", 1.0, 1)
    driven.dies("before-finalized", f"{steps}/finalize")
    assert driven.state() == "promoted"
    assert driven.ask(f"{steps}/finalize")["state"] == "finalized"
    assert_books(driven)
    commits = subprocess.run(
        ["git", "rev-list", "--count", f"main..{shown['branch']}"],
        cwd=project,
        check=True,
        capture_output=True,
        text=True,
    )
    assert commits.stdout.strip() == "1"
    assert everything(project) == before
    driven.dies("removed-project", "DELETE /v1/projects/knob")
    assert driven.projects() == []


def assert_books(driven: Driven) -> None:
    """Every run of every life, once; a look at the holdout that a death cut short was a look."""
    spent = json.loads(driven.rows("SELECT document FROM experiments")[0][0])["spent"]
    samples = [(arm, json.loads(one)) for arm, one in driven.rows("SELECT arm, document FROM samples")]
    looks = [arm for arm, one in samples if one["steps"][0]["name"] == "holdout" and arm == "candidate"]
    assert spent["wall_s"] == pytest.approx(sum(one["wall_s"] for _, one in samples))
    assert spent["holdout_looks"] == len(looks) == 2
    assert (spent["trials"], spent["iterations"]) == (1, 1)


def test_killed_while_it_stops_an_experiment_it_can_be_stopped_again(driven: Driven, project: Path) -> None:
    driven.ask("/v1/projects", {"path": str(project)})
    steps = f"/v1/experiments/{driven.ask('/v1/experiments', {'project': 'knob', 'stepwise': True})['id']}"
    driven.ask(f"{steps}/run")
    for point in ("removing", "before-stopped", "within-stopped"):
        driven.dies(point, f"{steps}/stop", {"reason": "lunch"})
        assert driven.state() == "baselined", point
    stopped = driven.ask(f"{steps}/stop", {"reason": "lunch"})
    assert (stopped["state"], stopped["stop_reason"]) == ("stopped", "lunch")
    assert list(driven.node.home.worktrees.glob("*")) == []
    with pytest.raises(Refusal):
        driven.ask(f"{steps}/run")


def test_killed_while_it_waits_it_waits_again_and_goes_on_when_it_may(
    daemon: Callable[..., Any], knob_project: Path, tmp_path: Path
) -> None:
    story = Story(daemon(start=False), knob_project)
    story.live("moving-branch")
    story.git("worktree", "add", "-q", str(tmp_path / "mine"), story.branch())
    story.node.start()
    while "experiment waits" not in story.node.log.read_text():
        assert not story.node._is_over(0.05)
    story.node.kill()
    assert story.row() == "judged"
    story.git("worktree", "remove", str(tmp_path / "mine"))
    story.node.start()
    for event in story.node.client.events(0):
        if event["data"].get("state") == "promoted":
            break
    story.node.client.post(f"/v1/experiments/{story.experiment}/stop", {})
    document = json.loads(story.row("document"))
    story.assert_branch(document)
    story.assert_feed(document)
