"""Without a sandbox, by the user's own written word: it works, it ends, and every receipt says so."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hive_node.adapters.unprotected import Unprotected
from hive_node.ports import MissingCommand, RunLimits, SandboxedCommand

LIMITS = RunLimits(wall_s=20, cpu_s=20, memory_bytes=1, processes=1, file_bytes=1, output_bytes=1000)


def command(tmp_path: Path, *argv: str, wall_s: float = 20) -> SandboxedCommand:
    return SandboxedCommand(argv=argv, workdir=tmp_path, limits=replace(LIMITS, wall_s=wall_s))


async def test_output_exit_code_and_backend_are_reported(tmp_path: Path) -> None:
    outcome = await Unprotected().run(command(tmp_path, "sh", "-c", "echo said; echo loud >&2; exit 3"))
    assert (outcome.exit_code, outcome.ending, outcome.backend) == (3, "exited", "none")
    assert (outcome.stdout, outcome.stderr) == (b"said\n", b"loud\n")
    assert "not enforced" in outcome.limits["everything else"]


async def test_a_run_that_never_ends_is_killed_with_its_children(tmp_path: Path) -> None:
    outcome = await Unprotected().run(command(tmp_path, "sh", "-c", "sleep 1000 & echo $! > pid; wait", wall_s=1))
    assert (outcome.exit_code, outcome.ending) == (None, "timed-out")
    child = int((tmp_path / "pid").read_text())
    assert not Path(f"/proc/{child}").exists() or "Z" in Path(f"/proc/{child}/stat").read_text().split()[2]


async def test_a_flood_of_output_is_clipped_and_said_to_be(tmp_path: Path) -> None:
    outcome = await Unprotected().run(command(tmp_path, "sh", "-c", "head -c 5000000 /dev/zero"))
    assert outcome.stdout_truncated
    assert len(outcome.stdout) == 1000


async def test_the_environment_of_the_daemon_is_not_handed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "not-for-trials")
    outcome = await Unprotected().run(command(tmp_path, "env"))
    assert b"SOME_API_KEY" not in outcome.stdout


def test_a_missing_command_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingCommand, match="no-such-program"):
        Unprotected().resolve("no-such-program", tmp_path)


def test_an_experiment_without_a_sandbox_says_so_in_its_report(daemon: Callable[..., Any], knob_project: Path) -> None:
    node = daemon(start=False)
    text = node.home.config.read_text()
    node.home.config.write_text(text.replace('backend = "auto"', 'backend = "none"'))
    (knob_project / "hive.toml").write_text((knob_project / "hive.toml").read_text().replace('"python"', '"python3"'))
    node.start()
    node.client.post("/v1/projects", {"path": str(knob_project)})
    experiment = node.client.post("/v1/experiments", {"project": "knob", "operator": "tune", "iterations": 1})["id"]
    for event in node.client.events(after=0):
        if event["kind"] == "experiment" and event["data"]["state"] in {"finalized", "failed"}:
            break
    assert node.client.get(f"/v1/experiments/{experiment}/report")["protections"]["sandbox"] == "none"
    assert "UNPROTECTED" in node.log.read_text()
