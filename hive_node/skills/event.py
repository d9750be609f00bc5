"""What agents and tools report: a task that succeeded or failed, a skill that was called."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from pydantic import JsonValue

from protocol.ids import sha256_hex
from protocol.wire import dump_json


class Kind(StrEnum):
    """What happened."""

    TASK_SUCCEEDED = "task_succeeded"
    TASK_FAILED = "task_failed"
    SKILL_EXECUTED = "skill_executed"


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose it is. What happened in one scope is never seen in another: not by an engine, in a prompt, or in a list."""

    owner: str
    project: str
    agent: str

    @property
    def digest(self) -> str:
        """SHA-256, hex, over the three names; no two scopes share one."""
        return sha256_hex(dump_json([self.owner, self.project, self.agent]))


@dataclass(frozen=True, slots=True)
class Report:
    """An event as it was reported.

    key: the reporter's own; within a scope, a second one of the same key is a replay. error: the trace. outcome: in a word or two.
    seconds, tokens: what it took. io: `input` and `expected` (the right answer), each where it was told; null is a value too.
    skill: which one was called. passed: how the call ended; None for a task.
    """

    kind: Kind
    scope: Scope
    key: str
    task: str
    episode: str = ""
    error: str = ""
    outcome: str = ""
    skill: str = ""
    seconds: float | None = None
    tokens: int | None = None
    passed: bool | None = None
    io: Mapping[str, JsonValue] = field(default_factory=dict)
    metadata: Mapping[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TaskEvent:
    """A report with its place in the order of all that were stored. id: grows, and is never given out twice."""

    id: int
    at: datetime
    report: Report

    @property
    def scope(self) -> Scope:
        return self.report.scope

    def tree(self) -> dict[str, JsonValue]:
        """The event as handlers get it and lists show it: JSON, with `input` and `expected` where they were told."""
        report = self.report
        return {
            "id": self.id,
            "at": self.at.isoformat(),
            "kind": report.kind.value,
            "owner": self.scope.owner,
            "project": self.scope.project,
            "agent": self.scope.agent,
            "key": report.key,
            "task": report.task,
            "episode": report.episode,
            "error": report.error,
            "outcome": report.outcome,
            "skill": report.skill,
            "seconds": report.seconds,
            "tokens": report.tokens,
            "passed": report.passed,
            "metadata": dict(report.metadata),
            **report.io,
        }
