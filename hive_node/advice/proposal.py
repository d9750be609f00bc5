"""A proposal: one change of a project's hive.toml, why, on what evidence, and what became of it."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, Literal, TypeAlias

from hive_node.advice.changes import Change

# More than a person decides on at one sitting.
MOST_PROPOSALS: Final = 5
MOST_TITLE_CHARS: Final = 120
MOST_RATIONALE_CHARS: Final = 1200
MOST_EVIDENCE: Final = 12


class Confidence(StrEnum):
    """How likely a change helps. Claimed by what was found, corrected by how often such a claim was right here."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Standing(StrEnum):
    """Whether somebody decided on a proposal."""

    OPEN = "open"
    APPLIED = "applied"
    REJECTED = "rejected"


Source: TypeAlias = Literal["rule", "model"]


@dataclass(frozen=True, slots=True)
class Place:
    """An event of an experiment, as evidence. words: what it was, cleaned."""

    experiment: str
    event: str
    words: str = ""

    def __str__(self) -> str:
        return f"{self.experiment}/{self.event}"


@dataclass(frozen=True, slots=True)
class Measure:
    """What a change is meant to make less of, as one number of an experiment; "caught" more of. of: the step or guard that it is about."""

    kind: Literal["failed", "timed-out", "lost", "failed-time", "unused-tolerance", "pairs", "caught"]
    of: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one look at experiments suggests, before anything of it was checked."""

    change: Change
    confidence: Confidence
    title: str
    rationale: str
    evidence: tuple[Place, ...]
    source: Source = "rule"


@dataclass(frozen=True, slots=True)
class Proposal:
    """A finding that passed every check. diff: of hive.toml as it was then. level: what the measure was in the last of its experiments.

    topic: see `changes.topic_of`. measure: None where no later run could tell whether it helped.
    is_new_task: with it, measurements are no longer comparable to earlier ones, nor to those of nodes without it.
    """

    id: str
    project: str
    topic: str
    finding: Finding
    diff: str
    measure: Measure | None
    level: float | None
    is_new_task: bool
    made_at: datetime
    experiments: tuple[str, ...]
    standing: Standing = Standing.OPEN
    decided_at: datetime | None = None
    backup: str | None = None


@dataclass(slots=True)
class Dropped:
    """Findings that came to nothing, by reason. reasons: a rule id to how many."""

    reasons: dict[str, int] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)

    def count(self, rule: str, why: str) -> None:
        """One more."""
        self.reasons[rule] = self.reasons.get(rule, 0) + 1
        self.words.append(f"{rule}: {why}")
