"""A change is small enough to be judged, and as large as it was announced."""

from collections.abc import Callable

import pytest

from guardrails.constitution import Change, Constitution, FileChange, Surface

Ask = Callable[..., set[str]]


def lines(count: int) -> str:
    return "".join(f"A{number} = {number}\n" for number in range(count))


def test_too_many_lines_are_refused(rules_of: Ask) -> None:
    assert rules_of("src/a.py", lines(1400), "") == set()
    assert rules_of("src/a.py", lines(1600), "") == {"size.lines"}


def test_removed_lines_count_as_well(rules_of: Ask) -> None:
    assert rules_of("src/a.py", "", lines(1600)) == {"size.lines"}


def test_lines_that_only_moved_do_not_count(rules_of: Ask) -> None:
    text = lines(1600)
    assert rules_of("src/a.py", "".join(reversed(text.splitlines(keepends=True))), text) == set()


def test_too_many_bytes_are_refused(rules_of: Ask) -> None:
    assert rules_of("src/a.txt", "".join(f"{number} " + "x" * 990 + "\n" for number in range(140)), "") == {
        "size.bytes"
    }


def test_a_line_too_long_to_read_is_refused(rules_of: Ask) -> None:
    assert rules_of("src/a.txt", "x" * 10_001 + "\n", "") == {"size.line"}


def test_a_file_too_large_to_judge_is_not_read_any_further(rules_of: Ask) -> None:
    assert rules_of("src/a.py", "import socket\n" + "#" * 1_100_000, "") == {"size.file"}
    assert rules_of("src/a.py", "", "#" * 1_100_000) == {"size.file"}


def test_an_idea_of_too_many_words_is_refused(rules_of: Ask) -> None:
    assert rules_of("src/a.py", "A = 2\n", idea="a " * 5000) == {"size.idea"}


def test_too_many_files_are_refused(constitution: Constitution, surface: Surface) -> None:
    files = tuple(FileChange(f"src/a{number}.py", "A = 1\n", "A = 2\n") for number in range(21))
    assert {r.rule for r in constitution.judge_all(Change("Rename", files), surface)} == {"constitution.size.files"}


def test_a_change_without_files_is_not_allowed(constitution: Constitution, surface: Surface) -> None:
    assert [r.rule for r in constitution.judge_all(Change("Tidy", ()), surface)] == ["constitution.size.nothing"]


def test_a_placebo_is_not_allowed(rules_of: Ask) -> None:
    assert rules_of("src/a.py", "A = 1\n", "A = 1\n") == {"size.nothing"}


def test_an_empty_new_file_is_a_change(rules_of: Ask) -> None:
    assert rules_of("src/pkg/__init__.py", "", None) == set()


@pytest.mark.parametrize(
    ("estimate", "is_refused"), [(None, False), (100, False), (60, False), (20, True), (0, True), (-5, True)]
)
def test_a_change_is_held_to_its_estimate(
    estimate: int | None, is_refused: bool, constitution: Constitution, surface: Surface
) -> None:
    change = Change("Small fix", (FileChange("src/a.py", "", lines(200)),), estimate)
    assert bool(constitution.judge_all(change, surface)) is is_refused
