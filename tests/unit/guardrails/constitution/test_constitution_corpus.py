"""Ordinary work passes: of the ideas and small changes of well-known kinds of project, at most one in a hundred is refused."""

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from guardrails.constitution import Change, Constitution, FileChange, Surface
from guardrails.verdict import Rejected

CORPUS = Path(__file__).parents[3] / "corpus" / "ordinary"
SURFACE = Surface(("src/**",), ("bench/**", "tests/**"), ("compressed_bytes", "seconds"))


def read(name: str) -> dict[str, Any]:
    return tomllib.loads((CORPUS / name).read_text(encoding="utf-8"))


def refusals_of_ideas(constitution: Constitution) -> dict[str, object]:
    ideas = [idea for project in read("ideas.toml").values() for idea in project]
    verdicts = {idea: constitution.judge_idea(idea) for idea in ideas}
    return {idea: verdict if isinstance(verdict, Rejected) else None for idea, verdict in verdicts.items()}


def refusals_of_diffs(constitution: Constitution) -> dict[str, object]:
    changes = [
        Change(entry["idea"], (FileChange(entry["path"], entry["before"], entry["after"]),))
        for entry in read("diffs.toml")["change"]
    ]
    return {f"{change.idea}: {change.files[0].path}": constitution.judge_all(change, SURFACE) for change in changes}


@pytest.mark.parametrize("verdicts_of", [refusals_of_ideas, refusals_of_diffs])
def test_at_most_one_in_a_hundred_ordinary_changes_is_refused(
    verdicts_of: Callable[[Constitution], dict[str, object]],
) -> None:
    verdicts = verdicts_of(Constitution.load())
    refused = {what: verdict for what, verdict in verdicts.items() if verdict}
    assert len(verdicts) >= 200
    assert len(refused) <= len(verdicts) / 100, refused
