"""Learning from what happened, as it is remembered: events, their deliveries, skills. Raises StoreError, NotFound, SkillFault."""

from collections.abc import Awaitable, Callable, Container, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol, TypeAlias

from guardrails.maturity import Asker, Record
from guardrails.verdict import Rejected
from hive_node.ports.faults import Fault
from hive_node.skills.case import Case
from hive_node.skills.engine import Analysis, Guidance
from hive_node.skills.event import Kind, Report, Scope, TaskEvent
from hive_node.skills.fitness import Measures
from hive_node.skills.skill import Kin, State, Tried, Version
from protocol.wire import JsonValue


class SkillFault(Fault):
    """Something asked of skills cannot be done as things are."""


@dataclass(frozen=True, slots=True)
class Stored:
    """Where an event stands. is_new: False for a replay; then the id is the first one's."""

    id: int
    is_new: bool


@dataclass(frozen=True, slots=True)
class Which:
    """A part of all scopes: those whose names are these. None: any."""

    owner: str | None = None
    project: str | None = None
    agent: str | None = None

    def holds(self, scope: Scope) -> bool:
        """Whether a scope is one of them."""
        pairs = ((self.owner, scope.owner), (self.project, scope.project), (self.agent, scope.agent))
        return all(wanted is None or wanted == name for wanted, name in pairs)


class EventLog(Protocol):
    """Events as they were reported, in order."""

    async def store(self, reports: Sequence[Report]) -> list[Stored]:
        """Where each of them stands now. On disk when this returns."""
        ...

    async def page(self, which: Which, *, kind: Kind | None, before: int | None, limit: int) -> list[TaskEvent]:
        """Newest first; fewer than `limit` where there are no more, or where they are large. At least one where there is one."""
        ...

    async def earlier(self, event: TaskEvent, limit: int) -> list[TaskEvent]:
        """The last ones of its scope before it, oldest first."""
        ...


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event on its way to a handler. attempts: those that failed."""

    event: TaskEvent
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class Batch:
    """What is due for a handler. end: when all of `fresh` are done, everything up to here is; None where nothing is fresh."""

    again: tuple[Delivery, ...]
    fresh: tuple[Delivery, ...]
    end: int | None


DeliveryState: TypeAlias = Literal["waiting", "done", "given-up"]


@dataclass(frozen=True, slots=True)
class HandlerLine:
    """How a handler stands. behind: events after its position. waiting, given_up: failures that are tried again, or are not any more."""

    name: str
    handled: int
    behind: int
    waiting: int
    given_up: int
    last_error: str | None


class Deliveries(Protocol):
    """Which handler has come how far. What is written for one delivery is one transaction."""

    async def newest(self) -> int:
        """The last event that is stored; 0 before the first."""
        ...

    async def register(self, names: Sequence[str], after: int) -> None:
        """Each of them gets what is stored after that event; one that is known goes on where it was."""
        ...

    async def due(self, handler: str, kinds: frozenset[Kind], now: datetime, limit: int) -> Batch: ...

    async def next_due(self, handler: str) -> datetime | None:
        """When the next failed delivery is tried again."""
        ...

    async def pass_over(self, handler: str, end: int, *, handled: int) -> None:
        """Everything up to here is done; of so many nothing came."""
        ...

    async def done(self, handler: str, delivery: Delivery, result: JsonValue = None) -> None:
        """With its result, once."""
        ...

    async def failed(self, handler: str, delivery: Delivery, error: str, due_at: datetime | None) -> None:
        """To be tried again then; None: given up, and kept."""
        ...

    async def again(self, handler: str) -> int:
        """Take up everything that was given up. Returns how many."""
        ...

    async def lines(self) -> list[HandlerLine]: ...

    async def results(self, handler: str, limit: int) -> list[dict[str, Any]]: ...


class SkillShelf(Protocol):
    """Skills. Every row that an engine's or an operator's work becomes passes the capability gate in the same transaction."""

    async def learn(self, handler: str, delivery: Delivery, engine: str, analysis: Analysis) -> Rejected | None:
        """Carry out what an engine made of an event, and acknowledge the event, in one transaction. The gate's *no* is kept with it."""
        ...

    async def reopen(self, skill: str, *, by: Asker) -> Version | Rejected:
        """Another attempt at a skill whose newest version came to nothing."""
        ...

    async def mutate(self, skill: str, words: str, *, by: Asker) -> Version | Rejected:
        """A new version of the promoted one."""
        ...

    async def receive(self, parent: Version, source: str, entry: str, words: str) -> Version | Rejected | None:
        """A peer's source as another attempt; None where this entry was one before."""
        ...

    async def move(self, before: State, after: Version) -> Version:
        """Write a version over what it was. Raises SkillFault where it is not in state `before` any more."""
        ...

    async def promote(self, version: Version, tried: Tried, *, by: Asker) -> Version | Rejected:
        """The version takes the place of the promoted one. Passing is a verified success."""
        ...

    async def fail(self, version: Version, tried: Tried) -> Version:
        """A valid version did not hold when it was tried again: refused, and a verified failure."""
        ...

    async def wanted(self) -> list[Version]: ...

    async def versions(self, skill: str) -> list[Version]: ...

    async def all(self, which: Which, states: frozenset[State] | None) -> list[Version]: ...

    async def newest(self, which: Which) -> list[Version]:
        """Of each skill the promoted version, else the newest. Asked for every event: it costs nothing where nothing changed."""
        ...

    async def cases(self, skill: str) -> list[Case]: ...

    async def add_cases(self, skill: str, cases: Sequence[Case]) -> int: ...

    async def errors(self, version: Version) -> list[str]:
        """The error of each event that led to it."""
        ...

    async def unanswered(self, version: Version, known: Container[str]) -> list[dict[str, JsonValue]]:
        """Inputs of the events that led to it that are no case: nobody told what is right. known: digests of inputs that are."""
        ...

    async def lineage(self, skill: str, number: int) -> list[Kin]:
        """Ancestors and descendants, in one query."""
        ...

    async def ask_to_call(self, version: Version) -> Rejected | None:
        """The gate's *no* to a call, if it says no."""
        ...

    async def guidance(self, which: Which) -> list[tuple[Scope, str, Guidance]]: ...

    async def records(self, which: Which) -> list[tuple[Scope, str, Record]]: ...


class SkillCounts(Protocol):
    """What is counted of skills while they are used. Raises StoreError."""

    async def signal(self, skill: str, version: int, key: str, objective: str, value: float) -> bool:
        """Keep what was told of a version later; False where the key was told before, and nothing changes."""
        ...

    async def measures(self, version: Version) -> Measures: ...

    async def verified(self, version: Version, digest: str, *, passed: bool) -> bool:
        """Count a call whose right answer was known; False where this input was counted before."""
        ...


Tell: TypeAlias = Callable[[Sequence[Report]], Awaitable[Sequence[Stored]]]
"""Where a report is taken in, as the API does it."""
