"""What a machine knows of itself, on a real daemon: found in what would leave, shown by where it is from, and kept nowhere."""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.conftest import Daemon, make_knob_project

# Never written by anybody into a delta: of these no trace may be anywhere.
SILENT = ("marigold9x", "hyacinth-4")
SECRETS = ("tulip7", "bluebell-5", *SILENT)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with credentials of its own, and a project with a `.env` and an author."""
    home = tmp_path / "home/akowalska"
    home.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("SMTP_PASSWORD", "hyacinth-4")
    (home / ".netrc").write_text("machine api.team.test login a password marigold9x\n")
    project = make_knob_project(home / "knob")
    (project / ".env").write_text("DB_PASSWORD=tulip7\nPORT=8080\nSTAGE=production\n")
    who = ("-c", "user.name=Anna Kowalska", "-c", "user.email=anna@kowalska.pl")
    subprocess.run(["git", *who, "commit", "-q", "--allow-empty", "-m", "x"], cwd=project, check=True)
    return home


class Driven:
    """One experiment, driven by hand."""

    def __init__(self, node: Daemon) -> None:
        self._client = node.client
        started = self._client.post("/v1/experiments", {"project": "knob", "stepwise": True})
        self._path = f"/v1/experiments/{started['id']}"
        self._client.post(f"{self._path}/run")

    def promote(self, idea: str, search: str, replace: str) -> None:
        edits = [{"path": "src/knob.py", "search": search, "replace": replace}]
        self._client.post(f"{self._path}/edit", {"idea": idea, "edits": edits})
        self._client.post(f"{self._path}/run")
        while (state := self._client.post(f"{self._path}/decide")["state"]) == "judged":
            pass
        assert state == "promoted", state

    def finalize(self) -> None:
        self._client.post(f"{self._path}/finalize")


def traces(node: Daemon, text: str) -> list[str]:
    """Where it stands: the home's files, the log, and whatever the API answers."""
    files = [path for path in (node.log, *node.home.root.iterdir()) if path.is_file()]
    found = [str(path) for path in files if text.lower().encode() in path.read_bytes().lower()]
    paths = (
        "/v1/status",
        "/v1/deltas",
        "/v1/receipts",
        "/v1/projects",
        "/v1/experiments",
        "/metrics",
        "/v1/export/deltas",
    )
    return found + [path for path in paths if text.lower() in node.client.text("GET", path).lower()]


def test_own_names_and_secrets_leave_in_no_delta_and_are_kept_nowhere(
    daemon: Callable[..., Daemon], machine: Path
) -> None:
    node = daemon()
    node.client.post("/v1/hive", {"name": "team"})
    node.client.post("/v1/projects", {"path": str(machine / "knob")})
    idea = f"a larger window, as ANNA.KOWALSKA said; Tulip7 opens it, see {str(machine).upper()}/notes on port 8080 in production"
    experiment = Driven(node)
    experiment.promote(idea, "SIZE = 8", "SIZE = 14")

    recipe = next(one for one in node.client.get("/v1/deltas")["items"] if one["kind"] == "recipe")
    assert recipe["body"]["idea"] == (
        "a larger window, as [name] said; [secret] opens it, see [path]/notes on port 8080 in production"
    )
    assert recipe["removed"] == 3
    told = node.cli("delta", "show", recipe["id"][:16], "--receipt")
    assert told.returncode == 0, told.stderr
    assert ".env of project knob" in told.stdout
    assert "git author of knob" in told.stdout
    assert "home folder" in told.stdout
    assert "ulip7" not in told.stdout

    # In code nothing can be taken out: the recipe stays, the summary goes.
    (machine / "knob/.env").write_text("DB_PASSWORD=bluebell-5\nAPI_PASSWORD=tulip7\n")
    experiment.promote("say who", "SIZE = 14", "SIZE = 20\nNAME = 'BLUEBELL-5'")
    experiment.finalize()
    kinds = [one["kind"] for one in node.client.get("/v1/deltas")["items"]]
    assert (kinds.count("recipe"), kinds.count("summary")) == (1, 1)
    blocked = [one for one in node.client.get("/v1/receipts")["items"] if one["decision"] == "blocked"]
    assert [one["rule"] for one in blocked] == ["scope.secret"]
    assert ".env of project knob" in blocked[0]["places"][0]
    assert "It did not leave: scope.secret" in node.cli("delta", "receipts").stdout

    export = node.client.text("GET", "/v1/export/deltas").lower()
    assert not [one for one in (*SECRETS, "kowalska") if one in export]
    for secret in SILENT:
        assert traces(node, secret) == [], secret


def test_a_daemon_that_dies_leaves_no_core(daemon: Callable[..., Daemon], machine: Path) -> None:
    most = resource.getrlimit(resource.RLIMIT_CORE)[1]
    before = resource.getrlimit(resource.RLIMIT_CORE)
    node = daemon(start=False)
    folder = Path.cwd()
    lay_before = {one.name for one in folder.iterdir() if one.name.startswith("core")}
    resource.setrlimit(resource.RLIMIT_CORE, (most, most))
    code = "import os, sys; os.chdir(sys.argv[2]); os.execv(sys.executable, [sys.executable, '-m', 'hive_node.daemon', sys.argv[1]])"
    try:
        environment = os.environ | {"PYTHONPATH": str(folder)}
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(node.home.root), str(machine)], env=environment, stderr=subprocess.DEVNULL
        )
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, before)
    try:
        node.process = _Beside(process)  # type: ignore[assignment]
        node.up()
        limits = Path(f"/proc/{process.pid}/limits").read_text()
        assert [line.split()[4:6] for line in limits.splitlines() if line.startswith("Max core")] == [["0", "0"]]
        process.send_signal(signal.SIGABRT)
        assert process.wait(30) == -signal.SIGABRT
    finally:
        process.kill()
        process.wait()
        node.process = None
    assert [one.name for one in machine.iterdir() if one.name.startswith("core")] == []
    assert {one.name for one in folder.iterdir() if one.name.startswith("core")} == lay_before


class _Beside:
    """A process that is no fork of this one, with the face that Daemon looks at."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process

    def wait(self, timeout: float | None = None) -> int:
        return self._process.wait(timeout)

    def kill(self) -> None:
        self._process.kill()
