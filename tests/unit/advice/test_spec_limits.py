"""No change of hive.toml that makes a gate weaker is ever proposed, whoever thought of it."""

import tomllib
from typing import Any

import pytest

from hive_node.advice.limits import _JUDGES, Ground, judge_change
from hive_node.config.project import ProjectSpec

SPEC = """
project = { name = "p" }
surface = { editable = ["src/*.py"], protected = ["bench/**", "tests/**"] }
step = [
  { name = "test", run = ["python", "-I", "tests/check.py"], timeout_s = 60 },
  { name = "bench", run = ["python", "-I", "bench/run.py"], timeout_s = 60 },
  { name = "last", run = ["true"], timeout_s = 60 },
]
metric = { name = "cost", direction = "lower", min_effect = 0.01 }
guard = [{ metric = "seconds", direction = "lower", tolerance = 0.1 }]
holdout = { run = ["python", "-I", "bench/holdout.py"], files = ["held/**"], looks = 5 }
tune = { "src/a.py:SIZE" = { low = 1, high = 9, step = 1 } }
watch = { after_s = [600, 3600] }
budget = { dollars = 1.0 }
share = { level = "summaries" }
"""
GROUND = Ground(
    protected=frozenset({"tests/check.py", "tests/more.py", "bench/run.py", "bench/holdout.py", "held/cases.json"}),
    held_out=frozenset({"held/cases.json"}),
    slowest={"test": 10.0, "bench": 2.0, "last": 0.0},
    timed_out=frozenset({"bench"}),
)


def judged(change: Any) -> str | None:
    """The rule that refuses the spec after `change`, or None."""
    tree = tomllib.loads(SPEC)
    before = ProjectSpec.model_validate(tree)
    change(tree)
    refused = judge_change(before, ProjectSpec.model_validate(tree), GROUND)
    return refused.rule if refused else None


def setting(*path: Any) -> Any:
    """A change that sets the last of `path` at the place that the others name."""

    def change(tree: Any) -> None:
        *place, key, value = path
        for part in place:
            tree = tree.setdefault(part, {}) if isinstance(tree, dict) else tree[part]
        tree[key] = value

    return change


def step(*run: str, timeout_s: float = 30.0) -> Any:
    return lambda tree: tree["step"].insert(0, {"name": "new", "run": list(run), "timeout_s": timeout_s})


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (setting("share", "level", "recipes"), "advice.forbidden"),
        (lambda tree: tree.pop("share"), "advice.forbidden"),
        (setting("budget", "dollars", 2.0), "advice.forbidden"),
        (setting("budget", "iterations", 1000), "advice.forbidden"),
        (setting("project", "name", "q"), "advice.forbidden"),
        (setting("surface", "editable", ["**"]), "advice.forbidden"),
        (setting("surface", "verbatim", True), "advice.forbidden"),
        (setting("surface", "protected", ["bench/**"]), "advice.loosened"),
        (setting("metric", "name", "other"), "advice.forbidden"),
        (setting("metric", "direction", "higher"), "advice.forbidden"),
        (setting("metric", "pattern", r"(\d+)"), "advice.forbidden"),
        (setting("metric", "min_effect", 0.0), "advice.loosened"),
        (setting("metric", "min_effect", 0.9), "advice.loosened"),
        (setting("guard", 0, "tolerance", 0.11), "advice.loosened"),
        (setting("guard", 0, "direction", "higher"), "advice.loosened"),
        (lambda tree: tree.pop("guard"), "advice.loosened"),
        (lambda tree: tree.pop("holdout"), "advice.forbidden"),
        (setting("holdout", "run", ["true"]), "advice.forbidden"),
        (setting("holdout", "looks", 6), "advice.loosened"),
        (setting("holdout", "files", []), "advice.loosened"),
        (setting("holdout", "timeout_s", 6000), "advice.loosened"),
        (setting("watch", "after_s", [600]), "advice.loosened"),
        (setting("watch", "after_s", []), "advice.loosened"),
        (lambda tree: tree.pop("tune"), "advice.forbidden"),
        (setting("tune", "src/a.py:SIZE", {"choices": [1, 2]}), "advice.forbidden"),
        (setting("step", 0, "run", ["python", "-I", "tests/easy.py"]), "advice.forbidden"),
        (lambda tree: tree["step"].pop(0), "advice.forbidden"),
        (lambda tree: tree["step"].reverse(), "advice.forbidden"),
        (setting("step", 0, "timeout_s", 120), "advice.loosened"),  # unchanged code ended in time
        (setting("step", 1, "timeout_s", 6000), "advice.loosened"),  # by a hundred times
        (setting("step", 0, "timeout_s", 11), "advice.too-tight"),
        (setting("step", 2, "timeout_s", 1), "advice.too-tight"),  # no run of it ever ended by itself
    ],
)
def test_what_would_loosen_a_gate_or_is_its_owners_to_change_is_refused(change: Any, rule: str) -> None:
    assert judged(change) == rule


@pytest.mark.parametrize(
    "run",
    [
        ("bash", "-c", "echo METRIC cost=0"),
        ("sh", "tests/more.py"),  # no step of this project runs sh
        ("python", "tests/more.py"),
        ("python", "-I", "-c", "print('x')", "tests/more.py"),
        ("/usr/bin/python3", "-I", "-c", "print('x')", "tests/more.py"),
        ("python", "-I", "-m", "http.server"),
        ("python", "-I", "src/a.py"),
        ("python", "-I", "./src/../src/a.py"),
        ("python", "-I", "tests/missing.py"),
        ("python", "-I", "bench/run.py"),  # it prints the metric already
        ("python", "-I", "./bench/run.py"),
        ("python", "-I", "tests/more.py", "held/cases.json"),
        ("python", "-I", "tests/more.py", "METRIC cost=0"),
        ("python", "-I", "tests/more.py", "cost=0"),
        ("python", "-I"),
        ("python", "-I", "-m", "py_compile"),
        ("python", "-I", "-m", "py_compile", "-q"),
        ("python", "-I", "-m", "py_compile", "src/a.py", "bench/run.py"),
        ("sha256sum", "--check", "src/list"),
        ("ls", "src"),
        ("env", "python", "-I", "tests/more.py"),
    ],
)
def test_a_step_that_could_speak_for_the_evaluator_is_refused(run: tuple[str, ...]) -> None:
    assert judged(step(*run)) == "advice.forbidden"


def test_a_step_for_hours_is_refused() -> None:
    assert judged(step("python", "-I", "tests/more.py", timeout_s=7200)) == "advice.forbidden"


@pytest.mark.parametrize(
    "change",
    [
        step("python", "-I", "-m", "py_compile", "src/a.py"),
        step("python", "-I", "tests/more.py", "--quick"),
        step("sha256sum", "src/a.py", "bench/run.py"),
        setting("metric", "min_effect", 0.02),
        setting("guard", 0, "tolerance", 0.05),
        lambda tree: tree["guard"].append({"metric": "memory", "direction": "lower", "tolerance": 0.2}),
        setting("surface", "protected", ["bench/**", "tests/**", "data/**"]),
        setting("holdout", "looks", 3),
        setting("holdout", "files", ["held/**", "more/**"]),
        setting("tune", "src/a.py:SIZE", {"low": 2, "high": 6, "step": 2}),
        setting("watch", "after_s", [600, 3600, 9000]),
        setting("auto", "explore", 0.3),
        setting("step", 0, "timeout_s", 25),
        setting("step", 1, "timeout_s", 240),
    ],
)
def test_what_leaves_every_gate_as_strict_may_be_proposed(change: Any) -> None:
    assert judged(change) is None


def test_a_section_that_nobody_thought_of_is_out_of_reach() -> None:
    assert {"project", "budget", "share"} == ProjectSpec.model_fields.keys() - _JUDGES.keys()
