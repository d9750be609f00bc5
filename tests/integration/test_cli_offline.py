"""Commands without a daemon: those that need none do their work anywhere, the others say so with exit code 3."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.integration import processes

ROOT = Path(__file__).resolve().parents[2]
DIFF = """\
--- a/src/knob.py
+++ b/src/knob.py
@@ -1 +1 @@
-SIZE = 8
+SIZE = 9
"""
HOSTILE_DIFF = """\
--- a/src/knob.py
+++ b/src/knob.py
@@ -1 +1,2 @@
-SIZE = 8
+import socket
+SIZE = len(socket.gethostname())
"""
# Put together here, so that this file holds no such thing itself.
PASSWORD = "xK9" + "vQ2pLm8Zr7wT4n"


def hive_node(
    *arguments: str, home: Path, stdin: str | None = None, cwd: Path | None = None
) -> "subprocess.CompletedProcess[str]":
    clean = dict(os.environ) | {"HIVE_NODE_HOME": str(home), "PYTHONPATH": str(ROOT)}
    return processes.hive_node(*arguments, stdin=stdin, environment=clean, folder=cwd or home)


@pytest.mark.parametrize(
    "arguments",
    [
        ["status"],
        ["peers"],
        ["hive", "create", "team"],
        ["hive", "invite"],
        ["hive", "join", "token"],
        ["hive", "members"],
        ["hive", "revoke", "somebody"],
        ["hive", "leave", "--yes"],
        ["hive", "halt", "reason"],
        ["hive", "resume"],
        ["project", "add", "."],
        ["project", "list", "--json"],
        ["project", "check", "x"],
        ["project", "remove", "x"],
        ["project", "view", "x"],
        ["experiment", "start"],
        ["experiment", "list"],
        ["experiment", "show", "x"],
        ["experiment", "stop", "x"],
        ["experiment", "report", "x"],
        ["experiment", "trials", "x"],
        ["experiment", "edit", "x", "--idea", "i", "--file", "f", "--search", "s", "--replace", "r"],
        ["experiment", "run", "x"],
        ["experiment", "decide", "x"],
        ["experiment", "finalize", "x"],
        ["agent", "add", "codex"],
        ["agent", "list"],
        ["agent", "show", "x"],
        ["agent", "show"],
        ["agent", "good"],
        ["agent", "bad", "x"],
        ["agent", "roll", "x"],
        ["agent", "abort", "x"],
        ["agent", "rollback", "x"],
        ["agent", "report", "x"],
        ["agent", "sessions", "x"],
        ["agent", "doctor", "x"],
        ["agent", "forget", "x"],
        ["delta", "list"],
        ["delta", "show", "x"],
        ["delta", "export"],
        ["api", "spec"],
    ],
    ids=" ".join,
)
def test_a_command_that_needs_the_daemon_says_that_it_is_not_there(tmp_path: Path, arguments: list[str]) -> None:
    done = hive_node(*arguments, home=tmp_path)
    assert done.returncode == 3, done.stderr
    assert done.stdout == ""
    assert "hive-node run" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["project"],
        ["project", "add"],
        ["hive", "halt", "why", "--local", "--minutes", "5"],
        ["hive", "leave"],
        ["experiment", "start", "p", "--operator", "magic"],
        ["experiment", "start", "p", "--iterations", "0"],
        ["experiment", "start", "p", "--step", "--wait"],
        ["experiment", "edit", "x"],
        ["experiment", "edit", "x", "--idea", "i"],
        ["experiment", "edit", "x", "--idea", "i", "--file", "f"],
        ["experiment", "edit", "x", "--idea", "i", "--edits", "nothing-there.json"],
        ["experiment", "report", "x", "--json", "--format", "html"],
        ["agent", "add", "codex", "--weight", "response_style=much"],
        ["agent", "add", "codex", "--max-sessions", "3"],
        ["agent", "report", "x", "--json", "--format", "html"],
        ["agent", "hook"],
        ["delta", "list", "--limit", "0"],
        ["delta", "verify", "nothing-there.ndjson"],
        ["scan", "nothing-there.txt"],
        ["constitution", "check", "nothing-there.diff"],
        ["constitution", "check", "-", "--project", "nothing-there"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_two_before_anything_is_asked_or_done(tmp_path: Path, arguments: list[str]) -> None:
    done = hive_node(*arguments, home=tmp_path, stdin="")
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_edits_that_are_no_list_are_wrong_usage(tmp_path: Path) -> None:
    for stdin in ("", "{}", "nonsense"):
        done = hive_node("experiment", "edit", "x", "--idea", "i", "--edits", "-", home=tmp_path, stdin=stdin)
        assert done.returncode == 2, done.stderr


def test_scan_names_place_and_kind_and_never_the_value(tmp_path: Path) -> None:
    (tmp_path / "settings.py").write_text(f'# here\npassword = "{PASSWORD}"\n')
    done = hive_node("scan", home=tmp_path)
    assert done.returncode == 1
    assert done.stdout.startswith("settings.py:2: password (")
    assert PASSWORD not in done.stdout + done.stderr
    tree = json.loads(hive_node("scan", "--json", str(tmp_path), home=tmp_path).stdout)
    assert [(one["line"], one["kind"]) for one in tree["items"]] == [(2, "secret")]


def test_scan_of_a_clean_folder_and_of_clean_input_is_zero(tmp_path: Path) -> None:
    (tmp_path / "clean.txt").write_text("all is well\n")
    assert hive_node("scan", ".", home=tmp_path).returncode == 0
    assert hive_node("scan", "-", home=tmp_path, stdin="all is well\n").returncode == 0
    assert hive_node("scan", "-", home=tmp_path, stdin=f'password = "{PASSWORD}"\n').returncode == 1


def test_scan_shows_a_hostile_file_name_as_text(tmp_path: Path) -> None:
    (tmp_path / "a\x1b[2Jb.py").write_text(f'password = "{PASSWORD}"\n')
    done = hive_node("scan", home=tmp_path)
    assert "\x1b" not in done.stdout
    assert "a?[2Jb.py:1:" in done.stdout


def test_the_constitution_is_shown_with_the_digest_that_names_it(tmp_path: Path) -> None:
    tree = json.loads(hive_node("constitution", "show", "--json", home=tmp_path).stdout)
    assert len(tree["digest"]) == 64
    assert any(rule["id"] == "constitution.code.network" for rule in tree["items"])
    assert tree["digest"] in hive_node("constitution", "show", home=tmp_path).stdout


def test_a_nodes_own_rules_are_shown_and_judge(tmp_path: Path) -> None:
    home = tmp_path / "n"
    assert hive_node("--home", str(home), "init", home=tmp_path).returncode == 0
    with (home / "config.toml").open("a") as file:
        file.write('[[constitution.rule]]\nid = "sizes-stay"\nreason = "sizes stay"\nadded = ["SIZE = 9"]\n')
    tree = json.loads(hive_node("constitution", "show", "--json", home=home).stdout)
    assert tree["own_digest"]
    assert any(rule["reason"] == "sizes stay" and not rule["is_shipped"] for rule in tree["items"])
    assert "sizes stay" in hive_node("constitution", "check", "-", home=home, stdin=DIFF).stdout


def test_a_harmless_diff_passes_and_a_hostile_one_is_refused_with_rule_and_place(tmp_path: Path) -> None:
    assert hive_node("constitution", "check", "-", home=tmp_path, stdin=DIFF).returncode == 0
    (tmp_path / "change.diff").write_text(HOSTILE_DIFF)
    done = hive_node("constitution", "check", "change.diff", home=tmp_path)
    assert done.returncode == 1
    assert "src/knob.py:1: constitution.code.network" in done.stdout
    tree = json.loads(hive_node("constitution", "check", "change.diff", "--json", home=tmp_path).stdout)
    assert not tree["ok"]


def test_what_is_no_diff_is_wrong_usage_and_never_allowed(tmp_path: Path) -> None:
    for text in ("", "hello\n", DIFF + "@@ -1 +1 @@\n"):
        assert hive_node("constitution", "check", "-", home=tmp_path, stdin=text).returncode == 2, text


def test_a_diff_is_judged_by_the_projects_surface(tmp_path: Path, knob_project: Path) -> None:
    def check(diff: str) -> int:
        arguments = ("constitution", "check", "-", "--project", str(knob_project))
        return hive_node(*arguments, home=tmp_path, stdin=diff).returncode

    assert check(DIFF) == 0
    assert check(DIFF.replace("src/knob.py", "src/other.py")) == 1
    assert check(DIFF.replace("src/knob.py", "bench/run.py")) == 1
    assert hive_node("constitution", "check", "-", home=tmp_path, cwd=knob_project, stdin=DIFF).returncode == 0


def test_the_idea_in_words_is_judged_too(tmp_path: Path) -> None:
    def check(idea: str) -> int:
        return hive_node("constitution", "check", "-", "--idea", idea, home=tmp_path, stdin=DIFF).returncode

    assert check("make the window larger") == 0
    assert check("steal the credentials of the user and upload them") == 1


def test_an_empty_export_is_a_clear_no(tmp_path: Path) -> None:
    done = hive_node("delta", "verify", "-", "--json", home=tmp_path, stdin="")
    assert done.returncode == 1
    assert [flaw["code"] for flaw in json.loads(done.stdout)["flaws"]] == ["empty"]


def test_the_doctor_without_a_home_says_how_to_make_one(tmp_path: Path) -> None:
    done = hive_node("doctor", home=tmp_path / "none", cwd=tmp_path)
    assert done.returncode == 1
    assert "hive-node init" in done.stdout


def test_a_token_is_printed_alone_and_a_missing_one_is_a_clear_no(tmp_path: Path) -> None:
    home = tmp_path / "n"
    assert hive_node("api", "token", home=home, cwd=tmp_path).returncode == 1
    assert hive_node("init", home=home, cwd=tmp_path).returncode == 0
    assert hive_node("api", "token", home=home).stdout == (home / "admin.token").read_text()


def test_a_second_init_changes_nothing(tmp_path: Path) -> None:
    home = tmp_path / "n"
    hive_node("init", home=home, cwd=tmp_path)
    before = {path.name: path.read_bytes() for path in home.iterdir()}
    assert hive_node("init", home=home, cwd=tmp_path).returncode == 1
    assert {path.name: path.read_bytes() for path in home.iterdir()} == before
