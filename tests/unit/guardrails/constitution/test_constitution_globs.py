"""Globs mean what a reader of a spec expects."""

import pytest

from guardrails.constitution.globs import covers, has_wildcard, is_valid_glob, matches


@pytest.mark.parametrize(
    ("glob", "path"),
    [
        ("src/a.py", "src/a.py"), ("src/*.py", "src/a.py"), ("src/**", "src/a/b/c.py"), ("**/*.py", "a.py"), ("**/*.py", "x/y/a.py"),
        ("src/**/test/*.py", "src/test/a.py"), ("src/**/test/*.py", "src/x/y/test/a.py"), ("src/", "src/a/b.py"), ("**", "a/b"),
        ("a/**/b/**/c", "a/x/b/b/y/c"), ("src/[ab].py", "src/a.py"), ("src/?.py", "src/a.py"),
    ],
)  # fmt: skip
def test_a_glob_meets_its_path(glob: str, path: str) -> None:
    assert matches(glob, path)


@pytest.mark.parametrize(
    ("glob", "path"),
    [
        ("src/*.py", "src/x/a.py"), ("src", "src/a.py"), ("src/a.py", "src/a.pyc"), ("src/a.py", "xsrc/a.py"), ("*.py", "src/a.py"),
        ("a/**/b", "a/x/c"), ("src/a.py", "src/a.py/x"), ("src/a/b", "src/a"), ("src/a.py", "SRC/a.py"),
    ],
)  # fmt: skip
def test_a_glob_does_not_meet_another_path(glob: str, path: str) -> None:
    assert not matches(glob, path)


def test_a_rule_over_a_folder_covers_what_lies_in_it() -> None:
    assert covers("bench", "bench/run.py")
    assert covers("**/.github", "a/.github/workflows/ci.yml")
    assert covers("a/**/b", "a/x/b/c")
    assert not covers("bench", "workbench/run.py")
    assert not covers("**/.github", "a/github/x")


@pytest.mark.parametrize("glob", ["", "/", "/etc", "a//b", "../x", "a/../b", "./a", "a\\b"])
def test_a_glob_that_climbs_is_an_error_not_a_miss(glob: str) -> None:
    assert not is_valid_glob(glob)
    with pytest.raises(ValueError, match="not a relative glob"):
        matches(glob, "a")


def test_wildcards_are_told_from_plain_names() -> None:
    assert has_wildcard("a/*.py")
    assert not has_wildcard("a/b.py")


def test_many_wildcards_do_not_run_away() -> None:
    assert not matches("/".join(["**", "a"] * 40), "/".join(["a"] * 200 + ["b"]))
