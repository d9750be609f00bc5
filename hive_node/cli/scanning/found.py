"""What a scan found, line by line; never the value."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from guardrails.scope.findings import Finding
from hive_node.cli.scanning.sources import Problem


@dataclass(frozen=True, slots=True)
class Found:
    """Where something stands, and what it is.

    start, end: in characters of the text; line, column and end_column from 1, end_column in the line where it begins.
    why: what it was found by, None where nobody asked.
    """

    path: str
    kind: str
    entity: str
    rule: str
    start: int
    end: int
    line: int
    column: int
    end_line: int
    end_column: int
    confidence: float
    decoded_from: str | None
    why: str | None = None

    def tree(self) -> dict[str, Any]:
        """As JSON."""
        tree = asdict(self)
        if self.why is None:
            del tree["why"]
        return tree


@dataclass(slots=True)
class Scan:
    """What came of it. unread: what was asked for and not looked at, with why. accepted: findings that a baseline lists."""

    items: list[Found] = field(default_factory=list)
    unread: list[Problem] = field(default_factory=list)
    files: int = 0
    binary: int = 0
    accepted: int = 0

    def tree(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "items": [one.tree() for one in self.items],
            "files": self.files,
            "binary": self.binary,
            "accepted": self.accepted,
            "unread": [{"path": path, "problem": problem} for path, problem in self.unread],
        }


def brief(finding: Finding, line: int) -> dict[str, Any]:
    """A finding in a text that has no path."""
    return {
        "kind": finding.kind,
        "entity": finding.entity,
        "rule": finding.rule,
        "start": finding.start,
        "end": finding.end,
        "line": line,
        "confidence": finding.confidence,
        "decoded_from": finding.decoded_from,
    }


def with_lines(text: str, findings: Iterable[Finding]) -> Iterator[tuple[Finding, int]]:
    """Each finding with the line, from 1, in which it begins; they come in order."""
    line, done = 1, 0
    for finding in findings:
        line += text.count("\n", done, finding.start)
        done = finding.start
        yield finding, line
