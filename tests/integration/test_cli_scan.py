"""`scan` as a developer meets it: as a commit's hook, in a pipe, and asked for reasons."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.improving import git
from tests.integration.test_cli_offline import hive_node
from tests.unit.cli.scanning.looking import LINE, SECRET

ROOT = Path(__file__).parents[2]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "-q")
    return folder


def test_a_hook_stops_the_commit_that_would_hold_a_secret(repository: Path) -> None:
    hook = repository / ".git" / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\nexec {sys.executable} -m hive_node scan --staged\n")
    hook.chmod(0o755)
    (repository / "settings.py").write_text(LINE)
    git(repository, "add", "settings.py")
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = ["git", "-c", "user.name=T", "-c", "user.email=t@example.com", "commit", "-m", "settings"]

    refused = subprocess.run(command, cwd=repository, env=environment, capture_output=True, text=True)

    assert refused.returncode == 1
    assert "settings.py:1: password" in refused.stdout + refused.stderr
    assert SECRET not in refused.stdout + refused.stderr
    (repository / "settings.py").write_text("PASSWORD = os.environ['DB_PASSWORD']\n")
    git(repository, "add", "settings.py")
    assert subprocess.run(command, cwd=repository, env=environment, capture_output=True).returncode == 0


def test_what_was_accepted_lets_the_rest_pass(repository: Path) -> None:
    (repository / "settings.py").write_text(LINE)
    accepted = repository / "accepted.json"
    assert hive_node("scan", "--write-baseline", str(accepted), home=repository).returncode == 0
    assert hive_node("scan", "--baseline", str(accepted), home=repository).returncode == 0
    (repository / "more.py").write_text(LINE)
    done = hive_node("scan", "--baseline", str(accepted), home=repository)
    assert (done.returncode, done.stdout) == (1, "more.py:1: password (assignment.password)\n")


def test_each_finding_says_what_it_was_found_by_and_never_the_value(repository: Path) -> None:
    (repository / ".env").write_text("DB_PASSWORD=tulip7\n")
    (repository / "notes.md").write_text("we all know TULIP7\n" + LINE)
    done = hive_node("scan", "--explain", "notes.md", home=repository)
    lines = done.stdout.splitlines()
    assert lines[0].startswith("notes.md:1: secret (local.secret): this machine knows it from ")
    assert lines[1].startswith(
        "notes.md:2: password (assignment.password): it is assigned to a key that promises a secret"
    )
    assert "tulip7" not in done.stdout.lower()
    assert SECRET not in done.stdout


def test_what_this_machine_knows_is_left_out_where_that_is_asked_for(repository: Path) -> None:
    (repository / ".env").write_text("DB_PASSWORD=tulip7\n")
    (repository / "notes.md").write_text("we all know tulip7\n")
    assert hive_node("scan", "notes.md", home=repository).returncode == 1
    assert hive_node("scan", "--no-local", "notes.md", home=repository).returncode == 0


def test_lines_are_answered_one_by_one_while_the_other_side_waits(repository: Path) -> None:
    command = [sys.executable, "-m", "hive_node", "scan", "--ndjson"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, cwd=repository, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for identity, text, flagged in [(1, "well", 0), (2, LINE, 1)]:
            process.stdin.write(json.dumps({"id": identity, "text": text}) + "\n")
            process.stdin.flush()
            answer = json.loads(process.stdout.readline())
            assert (answer["id"], len(answer["findings"])) == (identity, flagged)
        process.stdin.close()
        assert process.wait(20) == 1


def test_rules_are_listed_with_whom_they_are_of(repository: Path) -> None:
    tree = json.loads(hive_node("scan", "--rules", "--json", home=repository).stdout)
    assert tree["providers"] >= 150
    assert tree["identifiers"] >= 60
    assert {"id", "provider", "kind", "entity", "field"} == tree["items"][0].keys()
    assert "aws.access-key-id" in hive_node("scan", "--rules", home=repository).stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--json", "--sarif"], "give one of --json, --sarif"),
        (["--staged", "--diff", "HEAD"], "give one of --diff, --staged"),
        (["--diff", "nothing..HEAD"], "nothing..HEAD"),
        (["--baseline", "missing.json"], "missing.json cannot be read: No such file"),
    ],
)
def test_what_cannot_be_done_is_said_and_is_two(repository: Path, arguments: list[str], said: str) -> None:
    done = hive_node("scan", *arguments, home=repository)
    assert done.returncode == 2
    assert said in done.stderr


def test_outside_a_repository_nothing_is_staged(tmp_path: Path) -> None:
    done = hive_node("scan", "--staged", home=tmp_path)
    assert done.returncode == 2
    assert "not a git repository" in done.stderr
