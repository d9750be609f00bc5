"""A learning engine: the extension point. Three steps from what happened to a change that holds (entry-point group `hive_node.engines`)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from guardrails.verdict import Rejected
from hive_node.skills.case import Case
from hive_node.skills.event import Scope, TaskEvent
from hive_node.skills.skill import Tried, Version


@dataclass(frozen=True, slots=True)
class Episode:
    """One event, with what the engine may know of it: earlier events and the skills of the same scope, and of no other.

    event: the newest, whole. earlier: oldest first, the last few hundred, without inputs, answers and metadata. versions: of each skill
    the promoted one, else the newest.
    """

    event: TaskEvent
    earlier: tuple[TaskEvent, ...] = ()
    versions: tuple[Version, ...] = ()

    @property
    def scope(self) -> Scope:
        return self.event.scope


@dataclass(frozen=True, slots=True)
class Guidance:
    """Something the agent should be told now. signature: what it is about; a second one takes the first one's place."""

    signature: str
    text: str
    events: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A version that should be written. skill: of which it is a new version; None for a new skill.

    events: those of the scope that led to it; their inputs with right answers become its cases. cases: others, if any.
    """

    task: str
    signature: str
    events: tuple[int, ...]
    cases: tuple[Case, ...] = ()
    skill: str | None = None
    parent: int | None = None
    words: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """More cases for a skill that is there; nothing new is asked for."""

    skill: str
    cases: tuple[Case, ...]


Analysis: TypeAlias = Guidance | Wanted | Evidence | None
"""What one episode comes to; None: nothing to learn."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a proposal is to be made for.

    cases: those that may be shown. parent: the version to be changed, or that failed. known: promoted versions of the same scope.
    """

    version: Version
    cases: tuple[Case, ...]
    errors: tuple[str, ...] = ()
    parent: Version | None = None
    known: tuple[Version, ...] = ()


@dataclass(frozen=True, slots=True)
class Proposal:
    """The source of a version. tokens: what writing it took."""

    source: str
    words: str
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class Unavailable:
    """No proposal could be made, and why. It is no proposal: nothing of it is ever tried, or promoted."""

    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Validation:
    """What validating found. rejected: None where the proposal holds. A promotion needs the node's own trial as well."""

    rejected: Rejected | None
    tried: Tried | None = None


class Model(Protocol):
    """A language model within the node's budget for skills. Whatever it is told was scanned for secrets first."""

    async def ask(self, system: str, material: str, question: str) -> tuple[str, int]:
        """Its answer, and the tokens it took. Raises ModelFault, OverBudget (hive_node.ports)."""
        ...


class Trials(Protocol):
    """Really calls a source's entry point, in the sandbox."""

    async def validate(self, source: str, cases: Sequence[Case]) -> Tried:
        """Every case in a process of its own; the right answers are compared here, and never enter it. Raises SandboxFault."""
        ...


class Engine(Protocol):
    """What learns. name: as it is switched on by in config.toml."""

    @property
    def name(self) -> str: ...

    async def analyze_episode(self, episode: Episode) -> Analysis:
        """What the newest event comes to, in the light of the earlier ones."""
        ...

    async def propose_change(self, order: Order, model: Model | None) -> Proposal | Unavailable:
        """The source that was wanted. model: None where there is none."""
        ...

    async def validate_change(self, proposal: Proposal, cases: Sequence[Case], trials: Trials) -> Validation:
        """Does it hold? The node validates again by itself before anything is promoted."""
        ...
