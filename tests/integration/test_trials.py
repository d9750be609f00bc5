"""Steps that do whatever a stranger's program may do, run by a real daemon in the real sandbox: each ends as a clear reason, and the node is well."""

import os
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hive_node.cli.client import Refusal
from tests.integration.conftest import repository

# What the step does is the one constant that may change.
KNOB = 'MODE = "honest"\nSIZE = 8\n'
BENCH = r"""
import os, re, subprocess, sys, time
text = open("src/knob.py").read()
mode = re.search(r'^MODE = "(.*)"$', text, re.M)[1]
size = int(re.search(r"^SIZE = (\d+)$", text, re.M)[1])
token = "hive-trial-" + mode
match mode:
    case "silent": print("nothing to see")
    case "twice": print("METRIC cost=1\nMETRIC cost=1")
    case "nan": print("METRIC cost=nan")
    case "inf": print("METRIC cost=inf")
    case "middle": print("so METRIC cost=1")
    case "flood":
        for _ in range(50): sys.stdout.write("x" * 1_000_000 + "\n")
        print("METRIC cost=1")
    case "endless": time.sleep(600)
    case "busy":
        while True: pass
    case "crash": sys.exit("the reason \x1b[31mwhy\x07")
    case "signal": os.kill(os.getpid(), 11)
    case "daemons":
        for _ in range(3):
            subprocess.Popen(["python3", "-I", "-c", "import time, sys; time.sleep(600)", token], start_new_session=True,
                             stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        print("METRIC cost=1")
    case "hoard":
        hoard = [bytearray(64 << 20) for _ in range(200)]
    case "fork":
        while True: os.fork()
    case _: print(f"METRIC cost={abs(size - 20) + 1}")
"""
SPEC = """
[project]
name = "{name}"
[surface]
editable = ["src/knob.py"]
protected = ["bench/**"]
[[step]]
name = "bench"
run = ["{program}", "-I", "bench/run.py"]
timeout_s = 2
[metric]
name = "cost"
direction = "lower"
[tune]
"src/knob.py:SIZE" = {{ low = 1, high = 64 }}
[budget]
iterations = {iterations}
[share]
level = "none"
"""
RULES = {
    "silent": "trial.no-metric", "middle": "trial.no-metric", "twice": "trial.repeated-metric", "nan": "trial.bad-metric", "inf": "trial.bad-metric",
    "flood": "trial.limit", "endless": "trial.timed-out", "busy": "trial.timed-out", "crash": "trial.step-failed", "signal": "trial.step-failed",
    "hoard": "trial.", "fork": "trial.",
}  # fmt: skip


def project(folder: Path, *, mode: str = "honest", iterations: int = 200, program: str = "python") -> Path:
    files = {
        "src/knob.py": KNOB.replace("honest", mode),
        "bench/run.py": BENCH,
        "hive.toml": SPEC.format(name=folder.name, iterations=iterations, program=program),
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return repository(folder)


@pytest.fixture(scope="module")
def node(module_daemon: Callable[..., Any]) -> Any:
    made = module_daemon(start=False)
    config = made.home.config
    text = (
        config.read_text()
        .replace("trials_at_once = 1", "trials_at_once = 2")
        .replace("memory_mib = 2048", "memory_mib = 256")
    )
    config.write_text(text.replace("processes = 128", "processes = 24"))
    return made.start()


@pytest.fixture
def start(node: Any, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    def begin(name: str, **body: Any) -> dict[str, Any]:
        options = {key: body.pop(key) for key in ("mode", "iterations", "program") if key in body}
        path = project(tmp_path / name, **options)
        identity = node.client.post("/v1/projects", {"path": str(path)})["id"]
        shown: dict[str, Any] = node.client.post("/v1/experiments", {"project": identity, "seed": 1} | body)
        return shown | {"path": str(path)}

    return begin


def over(node: Any, identity: str) -> dict[str, Any]:
    """The experiment, once it is over."""
    for event in node.client.events(0):
        data = event["data"]
        if (
            event["kind"] == "experiment"
            and data["experiment"] == identity
            and data["state"] in {"finalized", "stopped", "failed"}
        ):
            break
    shown: dict[str, Any] = node.client.get(f"/v1/experiments/{identity}")
    return shown


def processes(word: str) -> list[str]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if word in line and entry.name != str(os.getpid()):
            found.append(line)
    return found


def test_whatever_a_candidate_does_it_is_rejected_by_a_rule_and_the_next_one_is_measured(
    node: Any, start: Callable[..., dict[str, Any]]
) -> None:
    identity = start("candidates", stepwise=True)["id"]
    steps = f"/v1/experiments/{identity}"
    assert node.client.post(f"{steps}/run")["state"] == "baselined"
    for mode, rule in RULES.items():
        edit = {"path": "src/knob.py", "search": '"honest"', "replace": f'"{mode}"'}
        node.client.post(f"{steps}/edit", {"idea": f"try {mode}", "edits": [edit]})
        node.client.post(f"{steps}/run")
        decided = node.client.post(f"{steps}/decide")
        assert decided["state"] == "rejected", mode
        assert decided["last_rejection"].startswith(rule), (mode, decided["last_rejection"])
        assert node.client.get("/v1/health")["status"] == "ok"
    (crash,) = [row for row in node.client.get(f"{steps}/trials")["items"] if "try crash" in row["idea"]]
    assert "the reason" in crash["details"]["said"]
    assert "\x1b" not in str(crash)
    edit = {"path": "src/knob.py", "search": "SIZE = 8", "replace": "SIZE = 20"}
    node.client.post(f"{steps}/edit", {"idea": "after all that", "edits": [edit]})
    node.client.post(f"{steps}/run")
    assert node.client.post(f"{steps}/decide")["state"] == "promoted"
    assert node.client.post(f"{steps}/finalize")["state"] == "finalized"


def test_processes_that_a_step_leaves_running_do_not_outlive_it(
    node: Any, start: Callable[..., dict[str, Any]]
) -> None:
    identity = start("daemons", stepwise=True)["id"]
    steps = f"/v1/experiments/{identity}"
    node.client.post(f"{steps}/run")
    edit = {"path": "src/knob.py", "search": '"honest"', "replace": '"daemons"'}
    node.client.post(f"{steps}/edit", {"idea": "leave some running", "edits": [edit]})
    node.client.post(f"{steps}/run")
    assert processes("hive-trial-daemons") == []
    assert node.client.post(f"{steps}/decide")["state"] == "promoted", "a measurement is what it printed"
    node.client.post(f"{steps}/finalize")


@pytest.mark.parametrize("mode", ["silent", "twice", "nan", "flood", "endless", "crash"])
def test_a_project_that_cannot_be_measured_fails_with_its_rule(
    node: Any, start: Callable[..., dict[str, Any]], mode: str
) -> None:
    shown = over(node, start(f"baseline-{mode}", mode=mode, operator="tune")["id"])
    assert shown["state"] == "failed"
    assert shown["stop_reason"].startswith(f"{RULES[mode]}: the unchanged project cannot be measured")
    assert node.client.get("/v1/health")["status"] == "ok"


def test_a_step_whose_program_is_missing_is_refused_when_the_project_is_added(
    node: Any, start: Callable[..., dict[str, Any]]
) -> None:
    with pytest.raises(Refusal) as error:
        start("missing", program="no-such-program")
    assert error.value.status == 409
    assert error.value.code == "sandbox.missing-command"
    assert "step `bench`" in str(error.value)
    assert "missing" not in [one["id"] for one in node.client.get("/v1/projects")["items"]]


def test_stop_ends_a_run_that_would_not_end(node: Any, start: Callable[..., dict[str, Any]]) -> None:
    identity = start("stopped", stepwise=True)["id"]
    steps = f"/v1/experiments/{identity}"
    node.client.post(f"{steps}/run")
    edit = {"path": "src/knob.py", "search": '"honest"\nSIZE = 8', "replace": '"endless"\nSIZE = 9'}
    node.client.post(f"{steps}/edit", {"idea": "hang", "edits": [edit]})
    answers: list[Any] = []
    thread = threading.Thread(target=lambda: answers.append(_answer(node, f"{steps}/run")))
    thread.start()
    while not processes(f"{node.home.worktrees}/{identity}/candidate"):
        thread.join(0.01)
        assert thread.is_alive(), answers
    stopped = node.client.post(f"{steps}/stop", {"reason": "lunch"})
    thread.join(10)
    assert (stopped["state"], stopped["stop_reason"]) == ("stopped", "lunch")
    assert answers == ["experiment.wrong-state"]
    assert processes(str(node.home.worktrees / identity)) == []
    assert not (node.home.worktrees / identity).exists()
    assert node.client.get(steps)["state"] == "stopped"


def _answer(node: Any, path: str) -> Any:
    try:
        return node.client.post(path)["state"]
    except Refusal as refusal:
        return refusal.code


def test_stop_of_what_the_node_drives_is_at_once_and_told_once(node: Any, start: Callable[..., dict[str, Any]]) -> None:
    begun = start("driven", operator="tune")
    identity = begun["id"]
    for event in node.client.events(0):
        if (
            event["kind"] == "experiment"
            and event["data"]["experiment"] == identity
            and event["data"]["iteration"] >= 2
        ):
            break
    stopped = node.client.post(f"/v1/experiments/{identity}/stop", {})
    assert (stopped["state"], stopped["stop_reason"]) == ("stopped", "user")
    listed = subprocess.run(
        ["git", "worktree", "list"], cwd=begun["path"], capture_output=True, text=True, check=True
    ).stdout
    assert listed.count("\n") == 1
    commits = subprocess.run(
        ["git", "rev-list", "--count", f"main..{stopped['branch']}"],
        cwd=begun["path"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert int(commits) == stopped["promotions"]


def test_two_experiments_at_once_both_end_whole(node: Any, start: Callable[..., dict[str, Any]]) -> None:
    begun = [start(name, operator="tune", iterations=6)["id"] for name in ("one", "other")]
    ended = [over(node, identity) for identity in begun]
    assert [one["stop_reason"] for one in ended] == ["iterations", "iterations"]
    assert [one["best"] for one in ended] == [ended[0]["best"]] * 2, "one seed, one project, one course"
