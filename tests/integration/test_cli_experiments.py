"""`experiment …` against a real daemon: watched to its end, driven by hand, stopped, reported."""

import json
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hive_node.cli.client import Refusal


@pytest.fixture(scope="module")
def node(module_daemon: Callable[..., Any]) -> Any:
    return module_daemon()


@pytest.fixture
def knob(node: Any, knob_project: Path) -> Iterator[Path]:
    """The knob project, handed over; let go at the end with its experiments over."""
    assert node.cli("project", "add", str(knob_project)).returncode == 0
    yield knob_project
    for experiment in node.client.get("/v1/experiments", project="knob")["items"]:
        node.client.post(f"/v1/experiments/{experiment['id']}/stop")
    assert node.cli("project", "remove", "knob").returncode == 0


def test_a_watched_experiment_says_how_it_goes_and_ends_in_zero(node: Any, knob: Path) -> None:
    done = node.cli("experiment", "start", "--wait", "--iterations", "3", "--seed", "7")
    assert done.returncode == 0, done.stderr
    assert "/3 knob-" in done.stderr
    assert "finalized (iterations)" in done.stdout


def test_waiting_with_json_prints_the_experiment_and_nothing_else(node: Any, knob: Path) -> None:
    tree = json.loads(node.cli("experiment", "start", "knob", "--wait", "--iterations", "2", "--json").stdout)
    assert tree.keys() >= {
        *("id", "project", "state", "metric", "direction", "baseline", "best", "promotions", "trials"),
        *("rejected", "branch", "stop_reason", "budget"),
    }
    assert (tree["state"], tree["metric"], tree["baseline"]) == ("finalized", "cost", 13.0)
    assert json.loads(node.cli("experiment", "show", tree["id"], "--json").stdout) == tree


def slowed(knob: Path) -> None:
    """A project that is not done with all its ideas before anybody looks."""
    bench = knob / "bench" / "run.py"
    bench.write_text("import time\ntime.sleep(0.5)\n" + bench.read_text())
    who = ("-c", "user.name=Test", "-c", "user.email=test@example.com")
    subprocess.run(["git", *who, "commit", "-q", "-a", "-m", "slower"], cwd=knob, check=True)


def test_whoever_stops_watching_does_not_stop_the_experiment(node: Any, knob: Path) -> None:
    slowed(knob)
    command = [*_command(node), "experiment", "start", "--wait", "--iterations", "500"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as watching:
        assert watching.stderr is not None
        first = watching.stderr.readline()
        watching.send_signal(signal.SIGINT)
        _, said = watching.communicate(timeout=30)
    assert watching.returncode == 1
    assert "goes on" in said
    identity = first.split()[1]
    assert node.client.get(f"/v1/experiments/{identity}")["state"] not in {"stopped", "failed"}


def test_a_watched_experiment_that_is_stopped_ends_in_one(node: Any, knob: Path) -> None:
    slowed(knob)
    command = [*_command(node), "experiment", "start", "--wait", "--iterations", "500"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as watching:
        assert watching.stderr is not None
        identity = watching.stderr.readline().split()[1]
        assert node.cli("experiment", "stop", identity, "--reason", "enough").returncode == 0
        said, _ = watching.communicate(timeout=30)
    assert watching.returncode == 1
    assert "stopped (enough)" in said


def test_an_experiment_is_driven_by_hand_to_a_promotion(node: Any, knob: Path) -> None:
    identity = json.loads(node.cli("experiment", "start", "--step", "--json").stdout)["id"]

    def step(name: str, *more: str, stdin: str | None = None) -> Any:
        done = node.cli("experiment", name, identity, *more, "--json", stdin=stdin)
        return done.returncode, json.loads(done.stdout)["state"] if done.stdout else done.stderr

    def edit(size: int, replacement: str) -> Any:
        change = ("--file", "src/knob.py", "--search", f"SIZE = {size}", "--replace", replacement)
        return step("edit", "--idea", "another size", *change)

    assert step("decide")[0] == 1, "nothing was run yet"
    assert step("run") == (0, "baselined")
    assert edit(99, "SIZE = 20")[0] == 1, "there is no such text"
    assert edit(8, "SIZE = 20") == (0, "proposed")
    assert step("run") == (0, "tried")
    assert step("decide") == (0, "promoted")
    worse = json.dumps([{"path": "src/knob.py", "search": "SIZE = 20", "replace": "SIZE = 3"}])
    assert step("edit", "--idea", "smaller", "--edits", "-", stdin=worse) == (0, "proposed")
    assert step("run") == (0, "tried")
    assert step("decide") == (1, "rejected"), "a gate's no is exit code 1"
    assert edit(20, "import socket\nSIZE = 20") == (0, "proposed")
    assert step("run") == (1, "rejected"), "against the constitution: never run"
    assert step("finalize") == (0, "finalized")
    assert step("run")[0] == 1
    assert _file_of_branch(knob, f"hive/knob/{identity}") == "SIZE = 20\n"
    assert (knob / "src" / "knob.py").read_text() == "SIZE = 8\n", "the checkout is the user's"
    outcomes = [
        one["outcome"] for one in json.loads(node.cli("experiment", "trials", identity, "--json").stdout)["items"]
    ]
    assert outcomes == ["promoted", "rejected", "rejected"]
    assert "constitution.code.network" in node.cli("experiment", "trials", identity).stdout


def test_a_report_is_a_page_in_the_home_and_markdown_here(node: Any, knob: Path, tmp_path: Path) -> None:
    identity = json.loads(node.cli("experiment", "start", "--wait", "--iterations", "1", "--json").stdout)["id"]
    done = node.cli("experiment", "report", identity)
    page = node.home.reports / f"{identity}.html"
    assert done.stdout.splitlines()[0] == str(page)
    assert f"# Experiment {identity}" in done.stdout
    assert page.read_text().startswith("<!doctype html>")
    assert json.loads(node.cli("experiment", "report", identity, "--json").stdout)["id"] == identity
    assert node.cli("experiment", "report", identity, "--format", "html").stdout.startswith("<!doctype html>")
    there = tmp_path / "out" / "report.md"
    assert node.cli("experiment", "report", identity, "--output", str(there)).returncode == 0
    assert there.read_text().startswith("# Experiment")
    assert node.cli("experiment", "report", "nothing-1").returncode == 1
    assert "nothing-1.html" not in [path.name for path in node.home.reports.iterdir()]


def test_text_of_an_idea_does_nothing_to_the_terminal(node: Any, knob: Path) -> None:
    identity = json.loads(node.cli("experiment", "start", "--step", "--json").stdout)["id"]
    node.cli("experiment", "run", identity)
    change = ("--file", "src/knob.py", "--search", "SIZE = 8", "--replace", "SIZE = 9")
    assert node.cli("experiment", "edit", identity, "--idea", "nine\x1b[2J\x9b31m\u202e", *change).returncode == 0
    for arguments in (("trials", identity), ("report", identity), ("trials", identity, "--json")):
        printed = node.cli("experiment", *arguments).stdout
        assert "nine" in printed
        assert not set("\x1b\x9b\u202e") & set(printed), arguments


def test_without_a_project_one_is_told_what_to_do(node: Any) -> None:
    done = node.cli("experiment", "start")
    assert (done.returncode, "project add" in done.stderr) == (1, True)


def test_with_several_projects_one_must_be_named(node: Any, knob: Path, lz_window: Path) -> None:
    assert node.cli("project", "add", str(lz_window)).returncode == 0
    done = node.cli("experiment", "start")
    assert (done.returncode, "knob, lz-window" in done.stderr) == (2, True)
    assert node.cli("project", "remove", "lz-window").returncode == 0


def test_a_project_with_an_open_experiment_is_not_let_go(node: Any, knob: Path) -> None:
    assert node.cli("experiment", "start", "--step").returncode == 0
    done = node.cli("project", "remove", "knob")
    assert (done.returncode, "project.busy" in done.stderr) == (1, True)


def test_a_killed_daemon_ends_the_watch_and_the_experiment_goes_on_after(daemon: Any, knob_project: Path) -> None:
    node = daemon()
    slowed(knob_project)
    node.cli("project", "add", str(knob_project))
    command = [*_command(node), "experiment", "start", "--wait", "--iterations", "500"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as watching:
        assert watching.stderr is not None
        identity = watching.stderr.readline().split()[1]
        node.kill()
        watching.communicate(timeout=30)
    assert watching.returncode == 3
    node.start()
    for _ in node.client.events():
        if node.client.get(f"/v1/experiments/{identity}")["iteration"] >= 2:
            break
    assert node.cli("experiment", "stop", identity).returncode == 0


def _command(node: Any) -> list[str]:
    import sys

    return [sys.executable, "-m", "hive_node", "--home", str(node.home.root)]


def _file_of_branch(repository: Path, branch: str) -> str:
    command = ["git", "show", f"{branch}:src/knob.py"]
    return subprocess.run(command, cwd=repository, check=True, capture_output=True, text=True).stdout


def test_a_driver_sets_up_sees_where_it_stands_and_is_told_the_state_when_out_of_order(node: Any, knob: Path) -> None:
    tree = json.loads(node.cli("experiment", "setup", "knob", "--iterations", "4", "--json").stdout)
    identity = tree["id"]
    assert (tree["state"], tree["next"], tree["baseline"]) == ("baselined", ["edit", "finalize"], 13.0)
    with pytest.raises(Refusal) as refused:
        node.client.post(f"/v1/experiments/{identity}/decide")
    assert (refused.value.status, refused.value.code) == (409, "experiment.wrong-state")
    change = ("--file", "src/knob.py", "--search", "SIZE = 8", "--replace", "import socket\nSIZE = 9")
    assert node.cli("experiment", "edit", identity, "--idea", "open a socket", *change).returncode == 0
    assert node.cli("experiment", "run", identity).returncode == 1
    tree = node.client.get(f"/v1/experiments/{identity}/status")
    assert (tree["iteration"], tree["rejected"]) == (1, {"constitution": 1, "baseline": 0})
    assert tree["costs"].keys() >= {"trials", "wall_s", "cpu_s", "tokens", "dollars", "holdout_looks"}
    assert tree["protections"]["sandbox"].startswith("bubblewrap")
    assert "wall" in tree["protections"]["limits"]
    words = node.cli("experiment", "status", identity).stdout
    assert "idea 1 of 4" in words
    assert "last rejection: constitution.code.network" in words
    assert "wall: " in words


def test_a_promotion_is_taken_back_by_hand(node: Any, knob: Path) -> None:
    identity = json.loads(node.cli("experiment", "setup", "knob", "--json").stdout)["id"]
    change = ("--file", "src/knob.py", "--search", "SIZE = 8", "--replace", "SIZE = 20")
    for step in (("edit", "--idea", "bigger", *change), ("run",), ("decide",)):
        assert node.cli("experiment", step[0], identity, *step[1:]).returncode == 0
    running = node.cli("experiment", "rollback", identity)
    assert (running.returncode, "finalize it first" in running.stderr) == (1, True)
    assert node.cli("experiment", "finalize", identity).returncode == 0
    done = node.cli("experiment", "rollback", identity, "--reason", "it reads badly")
    assert (done.returncode, "taken back: 1 promotion" in done.stdout) == (0, True)
    assert _file_of_branch(knob, f"hive/knob/{identity}") == "SIZE = 8\n"
    report = node.client.get(f"/v1/experiments/{identity}/report")
    assert [(one["idea"], one["state"]) for one in report["watches"]] == [(1, "reverted")]
    assert report["path"][1]["is_reverted"] is True
    assert node.cli("experiment", "rollback", identity).returncode == 1


def test_every_run_of_a_trial_has_its_receipt(node: Any, knob: Path) -> None:
    identity = json.loads(node.cli("experiment", "start", "--wait", "--iterations", "1", "--json").stdout)["id"]
    trial = node.client.get(f"/v1/experiments/{identity}/trials/1")
    assert {run["arm"] for run in trial["runs"]} == {"champion", "candidate"}
    for run in trial["runs"]:
        assert run["sandbox"].startswith("bubblewrap")
        assert run["steps"][0]["argv"] == ["python", "-I", "bench/run.py"]
        assert (run["steps"][0]["exit_code"], list(run["metrics"])) == (0, ["cost"])
    assert len({run["commit"] for run in trial["runs"]}) == 1
    with pytest.raises(Refusal):
        node.client.get(f"/v1/experiments/{identity}/trials/99")
    with pytest.raises(Refusal):
        node.client.get(f"/v1/experiments/{identity}/trials/first")
