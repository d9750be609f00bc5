"""`project …` against a real daemon."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def node(module_daemon: Callable[..., Any]) -> Any:
    return module_daemon()


def test_a_repository_is_handed_over_looked_at_and_let_go(node: Any, knob_project: Path) -> None:
    added = json.loads(node.cli("project", "add", str(knob_project), "--json").stdout)
    assert (added["id"], added["metric"], added["share"]) == ("knob", "cost", "recipes")
    assert "knob" in node.cli("project", "list").stdout
    assert json.loads(node.cli("project", "list", "--json").stdout)["items"][0]["path"] == str(knob_project)
    assert node.cli("project", "check", "knob").returncode == 0
    assert "said nothing" in node.cli("project", "view", "knob").stdout
    again = node.cli("project", "add", str(knob_project))
    assert (again.returncode, "project.exists" in again.stderr) == (1, True)
    assert node.cli("project", "remove", "knob").returncode == 0
    assert node.cli("project", "remove", "knob").returncode == 1
    assert "project add" in node.cli("project", "list").stdout


def test_a_relative_path_is_meant_from_where_the_person_stands(
    node: Any, knob_project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(knob_project.parent)
    assert node.cli("project", "add", "knob").returncode == 0
    assert node.cli("project", "remove", "knob").returncode == 0


def test_uncommitted_changes_are_warned_of_and_do_not_hinder(node: Any, knob_project: Path) -> None:
    (knob_project / "src" / "knob.py").write_text("SIZE = 9\n")
    done = node.cli("project", "add", str(knob_project))
    assert (done.returncode, "warning: the checkout has uncommitted changes" in done.stderr) == (0, True)
    assert json.loads(node.cli("project", "check", "knob", "--json").stdout)["warnings"]
    assert node.cli("project", "remove", "knob").returncode == 0


def test_what_cannot_be_improved_is_a_clear_no_and_changes_nothing(
    node: Any, tmp_path: Path, knob_project: Path
) -> None:
    spec = knob_project / "hive.toml"
    for path, text in ((tmp_path / "nothing", None), (tmp_path, None), (knob_project, "[project]\nnam = 'x'\n")):
        if text is not None:
            spec.write_text(text)
        done = node.cli("project", "add", str(path))
        assert (done.returncode, done.stdout) == (1, ""), path
        assert "Traceback" not in done.stderr
    assert "hive.toml" in done.stderr
    assert json.loads(node.cli("project", "list", "--json").stdout)["items"] == []


def test_a_repository_without_a_commit_is_told_what_it_lacks(node: Any, tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    assert node.cli("project", "add", str(tmp_path)).returncode == 1


def test_an_id_that_looks_like_a_path_is_only_an_unknown_id(node: Any) -> None:
    for identity in ("../hive", "a/b", "x?y=1", "%2e%2e", " "):
        assert node.cli("project", "check", identity).returncode == 1, identity


def test_a_check_measures_the_project_against_itself(node: Any, knob_project: Path) -> None:
    assert node.cli("project", "add", str(knob_project)).returncode == 0
    words = node.cli("project", "check", "knob", "--runs", "3").stdout
    assert "in each of 3 runs: deterministic" in words
    assert "a trial about" in words
    tree = json.loads(node.cli("project", "check", "knob", "--runs", "2", "--json").stdout)["check"]
    assert (tree["runs"], tree["mean"], tree["noise"], tree["suggested_pairs"]) == (2, 13.0, 0.0, 2)
    assert json.loads(node.cli("project", "check", "knob", "--runs", "0", "--json").stdout)["check"] is None
    assert node.cli("project", "remove", "knob").returncode == 0
