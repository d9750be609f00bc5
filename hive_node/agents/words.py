"""What a user's message and a command's output say of a session, as counts. The text is looked at and let go."""

import re
from dataclasses import dataclass
from typing import Final

from hive_node.agents.signals import TestState

# What follows is no judgement of a session, but material: a pasted log, a file. Judgements come first, and are short.
_JUDGED_CHARS: Final = 300
_OUTPUT_CHARS: Final = 20_000

_THANKS: Final = re.compile(
    r"\b(?:thanks|thank you|thx|perfect|great|excellent|awesome|lovely|well done|good job|nice|works now|that works"
    r"|exactly right|danke|merci|gracias)\b",
    re.IGNORECASE,
)
_CORRECTION: Final = re.compile(
    r"\A\s*(?:no|nope|wrong|stop|wait)\b(?!\s+(?:problem|worries))"
    r"|\b(?:that'?s (?:not|wrong)|not what i|you (?:broke|missed|forgot|ignored|misunderstood)"
    r"|still (?:fails|failing|broken|wrong)|does(?:n'?t| not) work|i (?:said|asked|told you)|why did you|don'?t do that|try again)\b",
    re.IGNORECASE,
)
_UNDO: Final = re.compile(
    r"\A\s*/(?:undo|rewind)\b|<command-name>/?(?:undo|rewind)</command-name>"
    r"|\b(?:undo|revert|roll ?back|take back) (?:that|this|it|your|the last|everything|all)\b",
    re.IGNORECASE,
)
_RUNS_TESTS: Final = re.compile(
    r"(?:^|[;&|(]|\s)(?:\S*/)?(?:pytest|py\.test|tox|nox|vitest|jest|mocha|rspec|phpunit|ctest|nextest"
    r"|python3? -m (?:pytest|unittest)|go test|cargo (?:test|nextest)|(?:npm|yarn|pnpm|bun|deno)(?: run)? test"
    r"|make (?:check|test|unit)|mvn\b.*\b(?:test|verify)|gradlew?\b.*\btest|dotnet test|rails test|mix test)(?=$|[\s:;&|)])"
)
_FAILED: Final = re.compile(
    r"\b[1-9][0-9]* (?:failed|failing|failures?|errors?)\b|\bfailures?: [1-9]|\btests? failed\b|^FAILED\b|^FAIL\b|^--- FAIL"
    r"|\bFAILED \(|test result: FAILED",
    re.IGNORECASE | re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Spoken:
    """What one message of the user is."""

    thanks: bool
    correction: bool
    undo: bool


def heard(message: str) -> Spoken:
    """The message's kind, by its beginning. A correction that thanks is a correction."""
    text = message[:_JUDGED_CHARS]
    correction, undo = _CORRECTION.search(text) is not None, _UNDO.search(text) is not None
    return Spoken(_THANKS.search(text) is not None and not correction and not undo, correction, undo)


def runs_tests(command: str) -> bool:
    """Whether a shell command runs a project's tests."""
    return _RUNS_TESTS.search(command[:_OUTPUT_CHARS]) is not None


def how_tests_ended(output: str, *, is_error: bool) -> TestState:
    """How a run of tests ended. What it printed counts beside its exit code, which a pipe hides."""
    return "red" if is_error or _FAILED.search(output[-_OUTPUT_CHARS:]) else "green"
