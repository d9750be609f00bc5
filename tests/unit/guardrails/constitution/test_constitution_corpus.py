"""Ordinary work passes: of the ideas and small changes of well-known kinds of project, at most one in a hundred is refused."""

import tomllib
from pathlib import Path

from guardrails.constitution import Change, Constitution, FileChange, Surface

CORPUS = Path(__file__).parents[3] / "corpus" / "ordinary"
SURFACE = Surface(("src/**",), ("bench/**", "tests/**"), ("compressed_bytes", "seconds"))


def ordinary_changes() -> list[Change]:
    ideas = tomllib.loads((CORPUS / "ideas.toml").read_text(encoding="utf-8"))
    diffs = tomllib.loads((CORPUS / "diffs.toml").read_text(encoding="utf-8"))
    plain = (FileChange("src/part.py", "LIMIT = 10\n", "LIMIT = 20\n"),)
    return [Change(idea, plain) for project in ideas.values() for idea in project] + [
        Change(entry["idea"], (FileChange(entry["path"], entry["before"], entry["after"]),))
        for entry in diffs["change"]
    ]


def test_at_most_one_in_a_hundred_ordinary_changes_is_refused() -> None:
    constitution = Constitution.load()
    changes = ordinary_changes()
    refused = {change.idea: found for change in changes if (found := constitution.judge_all(change, SURFACE))}
    for idea, found in refused.items():
        print(idea, [(rejected.rule, dict(rejected.details)) for rejected in found])
    assert len(changes) >= 300
    assert len(refused) <= len(changes) / 100
