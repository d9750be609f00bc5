"""A skill: a small tool with one entry point, in versions. Each version is an attempt, and knows what it came from."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from guardrails.verdict import Rejected
from hive_node.skills.event import Scope
from protocol.ids import sha256_hex

# What a skill's module defines, and what is called: `def run(value)`, from one JSON value to another.
ENTRY_POINT: Final = "run"
# As much as a `skill` delta holds (protocol: EDIT_CHARS); what is longer is no small tool.
SOURCE_CHARS: Final = 16_000


class State(StrEnum):
    """Where a version stands. WANTED: somebody asks for its source. UNAVAILABLE: nobody could write it."""

    WANTED = "wanted"
    UNAVAILABLE = "unavailable"
    PROPOSED = "proposed"
    REFUSED = "refused"
    VALIDATED = "validated"
    PROMOTED = "promoted"
    REJECTED = "rejected"
    RETIRED = "retired"


TRANSITIONS: Final[Mapping[State, frozenset[State]]] = {
    State.WANTED: frozenset({State.PROPOSED, State.UNAVAILABLE, State.REJECTED}),
    State.UNAVAILABLE: frozenset({State.WANTED, State.REJECTED}),
    State.PROPOSED: frozenset({State.VALIDATED, State.REFUSED, State.REJECTED}),
    State.REFUSED: frozenset({State.REJECTED}),
    State.VALIDATED: frozenset({State.PROMOTED, State.REFUSED, State.REJECTED}),
    State.PROMOTED: frozenset({State.RETIRED}),
    State.REJECTED: frozenset(),
    State.RETIRED: frozenset(),
}
# Versions of these states are waiting for something; while a skill has one, no engine asks for another.
OPEN: Final = frozenset({State.WANTED, State.UNAVAILABLE, State.PROPOSED, State.VALIDATED})


@dataclass(frozen=True, slots=True)
class Tried:
    """What a validation found. seconds: the median of a call; accuracy: the share of all cases that were answered right.

    rejected: None where the version is valid. backend: the sandbox it was tried in.
    """

    cases: int
    passed: int
    held_out: int
    seconds: float
    backend: str
    rejected: Rejected | None = None

    @property
    def accuracy(self) -> float:
        return self.passed / self.cases if self.cases else 0.0


@dataclass(frozen=True, slots=True)
class Version:
    """One attempt at a skill. number: from 1, within the skill. parent: the number of the version that it came from.

    engine: whose work it is (`peer` for a received one). task: in the words of what failed. words: what it does or changes.
    events: those that led to it. entry: the hive's entry that it came from. tokens: what its writing took. is_mutation: it changes a version that works,
    rather than being another attempt at what never did.
    """

    skill: str
    number: int
    scope: Scope
    engine: str
    state: State
    task: str
    at: datetime
    signature: str = ""
    parent: int | None = None
    source: str = ""
    words: str = ""
    reason: Rejected | None = None
    tried: Tried | None = None
    tokens: int = 0
    events: tuple[int, ...] = ()
    entry: str | None = None
    is_mutation: bool = False

    @property
    def digest(self) -> str:
        """SHA-256, hex, of the source."""
        return sha256_hex(self.source.encode("utf-8"))


@dataclass(frozen=True, slots=True)
class Kin:
    """One line of a lineage. generation: 0 for the version asked for, below it its ancestors, above it what came of it."""

    generation: int
    number: int
    parent: int | None
    state: State
    engine: str
    words: str
