"""What the constitution's tests share: one loaded constitution, a surface, and short ways to ask."""

from collections.abc import Callable

import pytest

from guardrails.constitution import Change, Constitution, FileChange, Surface

SUFFIXES = {
    "python": ".py", "javascript": ".js", "shell": ".sh", "go": ".go", "c": ".c", "rust": ".rs", "jvm": ".java", "ruby": ".rb",
    "php": ".php", "dotnet": ".cs", "script": ".lua", "data": ".yaml", "prose": ".md",
}  # fmt: skip


@pytest.fixture(scope="session")
def constitution() -> Constitution:
    return Constitution.load()


@pytest.fixture(scope="session")
def surface() -> Surface:
    return Surface(
        editable=("src/**", "codec.py"),
        protected=("bench/**", "tests/**", "src/frozen.py"),
        metric_names=("compressed_bytes", "seconds"),
        evaluator=("tools/judge.py",),
    )


@pytest.fixture(scope="session")
def rules_of(constitution: Constitution, surface: Surface) -> Callable[..., set[str]]:
    """The ids of every rule that speaks of one file's change, without their common beginning."""

    def ask(path: str, after: str | None, before: str | None = "A = 1\n", idea: str = "Tidy up") -> set[str]:
        found = constitution.judge_all(Change(idea, (FileChange(path, before, after),)), surface)
        return {rejected.rule.removeprefix("constitution.") for rejected in found}

    return ask


@pytest.fixture(scope="session")
def rules_of_code(rules_of: Callable[..., set[str]]) -> Callable[..., set[str]]:
    """The ids of every rule that speaks of newly added code in a language."""

    def ask(language: str, after: str, before: str = "") -> set[str]:
        return rules_of(f"src/part{SUFFIXES[language]}", after, before)

    return ask
