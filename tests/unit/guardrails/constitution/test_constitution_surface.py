"""Only the surface may change, under its one plain name."""

from collections.abc import Callable

import pytest

from guardrails.constitution import Change, Constitution, FileChange, Surface

Ask = Callable[..., set[str]]


def test_an_editable_path_passes(rules_of: Ask) -> None:
    assert rules_of("src/deep/down.py", "A = 2\n") == set()
    assert rules_of("codec.py", "A = 2\n") == set()


def test_a_path_outside_the_surface_is_refused(rules_of: Ask) -> None:
    assert rules_of("lib/a.py", "A = 2\n") == {"surface.outside"}


@pytest.mark.parametrize(
    "path", ["bench/run.py", "bench/deep/run.py", "Bench/run.py", "ｂench/run.py", "tests/a.py", "tools/judge.py"]
)
def test_the_evaluator_is_refused_however_its_name_is_written(path: str, rules_of: Ask) -> None:
    assert rules_of(path, "A = 2\n") & {"surface.protected", "surface.path"}


def test_protected_wins_over_editable(rules_of: Ask) -> None:
    assert rules_of("src/frozen.py", "A = 2\n") == {"surface.protected"}


@pytest.mark.parametrize(
    "path",
    [
        "", "/src/a.py", "src/../bench/a.py", "./src/a.py", "src//a.py", "src/a.py/", "src\\a.py", "C:src/a.py", "src/a.py\0", "src/a\n.py",
        "src/a.py.", "src/a.py ", " src/a.py", "src/a\u200b.py", "src/a\u202e.py", "src/\u0065\u0301.py", "~/src/a.py", "src/~a.py",
        "src/" + "a" * 600, "src/\ud800.py", "src/a.py:stream",
    ],
)  # fmt: skip
def test_a_crooked_path_is_refused(path: str, rules_of: Ask) -> None:
    assert "surface.path" in rules_of(path, "A = 2\n")


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        ("src/hive.toml", "spec"), ("src/HIVE.toml", "spec"), ("src/hіve.toml", "spec"), ("src/.git/config", "repository"),
        ("src/.GIT/hooks/pre-commit", "repository"), ("src/git~1/config", "repository"), ("src/.gitmodules", "repository"),
        ("src/.husky/pre-push", "hooks"), ("src/hooks/pre-commit", "hooks"), ("src/.github/workflows/ci.yml", "ci"),
        ("src/.gitlab-ci.yml", "ci"), ("src/.ci/run", "ci"), ("src/Jenkinsfile", "ci"), ("src/poetry.lock", "lock"),
        ("src/package-lock.json", "lock"), ("src/go.sum", "lock"), ("src/conftest.py", "import-hook"),
        ("src/sitecustomize.py", "import-hook"), ("src/usercustomize/__init__.py", "import-hook"), ("src/x.pth", "import-hook"),
        ("src/__pycache__/a.pyc", "import-hook"), ("src/fast.so", "native"), ("src/.env", "credentials"), ("src/node.key", "node"),
        ("src/hive.db-wal", "node"), ("src/guardrails/constitution/words.toml", "node"), ("src/pyproject.toml", "delicate"),
        ("src/Makefile", "delicate"), ("src/CLAUDE.md", "delicate"),
    ],
)  # fmt: skip
def test_what_decides_guards_or_runs_by_itself_is_closed(path: str, rule: str, rules_of: Ask) -> None:
    assert f"surface.{rule}" in rules_of(path, "a = 2\n")


def test_a_react_hook_is_no_git_hook(rules_of: Ask) -> None:
    assert rules_of("src/hooks/useThing.ts", "export const a = 2\n") == set()


def test_a_delicate_file_is_open_only_when_named_in_full(constitution: Constitution) -> None:
    change = Change("Tune", (FileChange("pyproject.toml", "a = 1\n", "a = 2\n"),))
    assert constitution.judge_all(change, Surface(("pyproject.toml",), ())) == []
    assert constitution.judge_all(change, Surface(("*.toml",), ())) != []


def test_nothing_opens_the_spec(constitution: Constitution) -> None:
    change = Change("Tune", (FileChange("hive.toml", "a = 1\n", "a = 2\n"),))
    assert [r.rule for r in constitution.judge_all(change, Surface(("hive.toml",), ()))] == [
        "constitution.surface.spec"
    ]


@pytest.mark.parametrize("path", ["src/json.py", "json/__init__.py", "src/Json.py", "src/numpy.py", "src/types.pyi"])
def test_a_new_module_may_not_hide_another(path: str, constitution: Constitution) -> None:
    change = Change("Add a module", (FileChange(path, None, "A = 1\n"),))
    assert "constitution.surface.shadow" in {r.rule for r in constitution.judge_all(change, Surface(("**",), ()))}


@pytest.mark.parametrize(
    ("path", "before"),
    [("src/json.py", "A = 0\n"), ("src/json.js", None), ("src/__init__.py", None), ("src/deep.py", None)],
)
def test_an_old_module_or_another_language_hides_nothing(path: str, before: str | None, rules_of: Ask) -> None:
    assert rules_of(path, "A = 1\n", before) == set()


def test_two_spellings_of_one_path_are_refused(constitution: Constitution, surface: Surface) -> None:
    files = (FileChange("src/a.py", "A = 1\n", "A = 2\n"), FileChange("src/A.py", "A = 1\n", "A = 2\n"))
    assert {r.rule for r in constitution.judge_all(Change("Tidy", files), surface)} == {"constitution.surface.path"}


@pytest.mark.parametrize("text", ["A = '\0'\n", "A = '\x1b[0m'\n", "A = '\udcff'\n"])
def test_binary_content_is_refused(text: str, rules_of: Ask) -> None:
    assert "surface.binary" in rules_of("src/a.txt", text)


def test_tabs_and_form_feeds_are_text(rules_of: Ask) -> None:
    assert rules_of("src/a.txt", "a\tb\f\r\n") == set()


def test_creating_and_deleting_stay_inside_the_surface(rules_of: Ask) -> None:
    assert rules_of("src/new.py", "A = 1\n", None) == set()
    assert rules_of("src/old.py", None, "A = 1\n") == set()
    assert rules_of("lib/old.py", None, "A = 1\n") == {"surface.outside"}
    assert rules_of("bench/old.py", None, "A = 1\n") == {"surface.protected", "surface.outside"}


def test_content_that_was_not_decoded_is_refused(rules_of: Ask) -> None:
    assert "surface.binary" in rules_of("src/a.txt", "A = '\N{REPLACEMENT CHARACTER}'\n")
    assert "surface.binary" in rules_of("src/a.txt", "A = '\N{REPLACEMENT CHARACTER}'\n\tB\n")
