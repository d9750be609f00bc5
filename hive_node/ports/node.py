"""What the flows need of the outside, as small Protocols declared by their user. Adapters satisfy them; app.py joins them.

An adapter turns its library's exceptions into the faults declared here, at its own border.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol, TypeVar

from hive_node.domain import Arm, Experiment, Files, Idea, IdeaRecord, Promotion, Sample, State, Trial, Verdict
from protocol.deltas import Body, Delta, Recipe, ShareLevel
from protocol.envelope import Envelope
from protocol.feed import Head
from protocol.ids import EntryId, NodeId
from protocol.limits import ENTRIES_PER_ANSWER
from protocol.sync import Missing
from protocol.wire import JsonValue

T = TypeVar("T")


class Fault(Exception):
    """Something of this machine failed in a way that a person can act on.

    code: stable and dotted. str(): what happened to what, and the remedy.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class FatalError(Fault):
    """The daemon cannot go on."""


class RepositoryError(Fault):
    """git or the repository said no."""


class StoreError(Fault):
    """The database could not do it: nothing of the transaction was written."""


class NotFound(Fault):
    """There is no such thing here."""


class Clock(Protocol):
    """Time, read once at the edge and handed inwards."""

    def now(self) -> datetime:
        """The present moment, aware, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back."""
        ...

    async def sleep(self, seconds: float) -> None: ...


class Chance(Protocol):
    """Randomness."""

    def token_bytes(self, count: int) -> bytes: ...

    def uniform(self, low: float, high: float) -> float: ...

    def coin(self) -> bool: ...

    def sample(self, population: Sequence[T], count: int) -> list[T]: ...

    def seed(self) -> int: ...


# --- trials -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """A file of a commit: its mode (`100644`, `100755`, `120000` for a link) and its blob's id."""

    mode: str
    blob: str


class Repository(Protocol):
    """A user's repository, read and given branches; its checkout is never touched. Raises RepositoryError."""

    root: Path

    async def head(self) -> str: ...

    async def is_dirty(self) -> bool: ...

    async def entries(self, commit: str) -> dict[str, TreeEntry]: ...

    async def read(self, blobs: Sequence[str]) -> list[bytes]: ...

    async def lay_out(self, folder: Path, commit: str) -> Path: ...

    async def reset(self, folder: Path, git_folder: Path, commit: str) -> None: ...

    async def remove(self, folder: Path) -> None: ...

    async def commit(self, parent: str, files: Mapping[str, bytes], message: str, when: datetime) -> str: ...

    async def is_same_change(self, one: str, other: str) -> bool: ...

    async def branch(self, name: str) -> str | None: ...

    async def move_branch(self, name: str, new: str, old: str | None) -> None: ...


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A recipe that the hive believes in, for a task that is ours too. lower: bound on its relative gain."""

    id: EntryId
    author: NodeId
    owner: str
    recipe: Recipe
    lower: float
    is_corroborated: bool
    ancestors: tuple[Recipe, ...] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """What an operator came up with: whole new texts of editable files, and why."""

    operator: str
    words: str
    files: Files
    recipe: EntryId | None = None
    parameters: Mapping[str, float | int | str | bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Situation:
    """What an operator may look at: the champion's files, the ledger, the spec. Never the holdout, never a protected file.

    start: the base commit's editable files.
    """

    experiment: Experiment
    champion: Files
    start: Files
    ledger: Sequence[IdeaRecord]


class Operator(Protocol):
    """Something that makes ideas."""

    @property
    def name(self) -> str: ...

    async def draft(self, situation: Situation) -> Draft | None:
        """The next idea, or None where there is none left."""
        ...


# --- what is stored -----------------------------------------------------------------------------------------------------


class Ledger(Protocol):
    """Experiments and everything that was tried in them. Raises StoreError, NotFound, WrongState."""

    async def create(self, experiment: Experiment, number: int) -> None: ...

    async def next_number(self, project: str) -> int: ...

    async def get(self, identity: str) -> Experiment: ...

    async def open(self) -> list[Experiment]: ...

    async def move(
        self,
        before: State,
        after: Experiment,
        *,
        idea: Idea | None = None,
        trial: Trial | None = None,
        verdict: Verdict | None = None,
        promotion: Promotion | None = None,
    ) -> Experiment: ...

    async def idea(self, experiment: str, number: int) -> IdeaRecord: ...

    async def ideas(self, experiment: str) -> list[IdeaRecord]: ...

    async def samples(self, experiment: str, idea: int) -> list[tuple[Arm, Sample]]: ...

    async def promotions(self, experiment: str) -> list[Promotion]: ...

    async def was_tried(self, experiment: Experiment, idea: Idea) -> bool: ...

    async def keep_sample(self, experiment: Experiment, idea: int, arm: Arm, sample: Sample) -> None: ...


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """An entry as the store holds it. standing: `good`, or `quarantined` by the scope guard."""

    id: EntryId
    delta: Delta
    envelope: Envelope
    standing: str
    received_at: str


class Feed(Protocol):
    """Feeds of every author. Raises StoreError."""

    async def heads(self) -> dict[NodeId, Head]: ...

    async def add(self, arrived: Sequence[tuple[Envelope, Delta, str]], *, purpose: str | None = None) -> None: ...

    async def by_purpose(self, purpose: str) -> StoredEntry | None: ...

    async def get(self, identity: str) -> StoredEntry | None: ...

    async def at(self, author: NodeId, epoch: int, seq: int) -> StoredEntry | None: ...

    def all(self) -> AsyncIterator[StoredEntry]: ...

    async def envelopes(self, missing: Sequence[Missing], limit: int = ENTRIES_PER_ANSWER) -> list[bytes]: ...

    async def hold(self, delta: Delta, envelope: Envelope) -> bool: ...

    async def release(self, author: NodeId, epoch: int, seq: int) -> bytes | None: ...

    async def keep_proof(self, author: NodeId, first: bytes, second: bytes) -> bool: ...

    async def equivocators(self) -> set[NodeId]: ...


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the scope guard did to something: kinds and places, never values. decision: passed, redacted or blocked."""

    direction: Literal["out", "in"]
    subject: str
    decision: Literal["passed", "redacted", "blocked"]
    rule: str
    places: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened here, for listeners."""

    id: int
    at: str
    kind: str
    data: JsonValue


class Notes(Protocol):
    """The node's diary: events, receipts, counters."""

    async def tell(self, kind: str, **data: JsonValue) -> None: ...

    async def keep_receipt(self, receipt: Receipt) -> None: ...

    async def count(self, name: str, more: int = 1) -> None: ...


# --- other nodes --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PeerAddress:
    """Where a member was last met. source: mdns, static, invite or inbound."""

    node: NodeId
    host: str
    port: int
    source: str
    last_seen: str | None
    failures: int


@dataclass(frozen=True, slots=True)
class Invite:
    """A one-time token's local half. wrong: proofs that failed so far."""

    id: str
    secret: bytes
    expires_at: datetime
    wrong: int
    used_by: NodeId | None


@dataclass(frozen=True, slots=True)
class News:
    """Something worth telling the hive. purpose: what it says, once for ever; a second publication is the first."""

    purpose: str
    body: Body
    level: ShareLevel


class Publisher(Protocol):
    """The share flow, as the improve flow sees it."""

    async def publish(self, news: News) -> EntryId | None:
        """Tell the hive, or None where nothing leaves: no hive, level none, or refused by the guard."""
        ...


class Suggester(Protocol):
    """The learn flow, as operators see it."""

    async def suggestions(self, task: str) -> list[Suggestion]:
        """Recipes for that task, best lower bound first."""
        ...


class Spreader(Protocol):
    """Carries envelopes on to other nodes. Never waits, never raises."""

    def spread(self, envelopes: Sequence[bytes], *, source: NodeId | None) -> None:
        """Push to a few live peers, not back to `source`."""
        ...


class CharterLog(Protocol):
    """Where the charter chain is kept. Raises StoreError."""

    async def charters(self, first: int = 1) -> list[bytes]: ...

    async def add_charter(self, version: int, envelope: bytes) -> None: ...


class Addresses(Protocol):
    """Where members were last met. Raises StoreError."""

    async def addresses(self) -> list[PeerAddress]: ...

    async def met(self, node: NodeId, host: str, port: int, source: str) -> None: ...

    async def failed(self, node: NodeId) -> None: ...


class Invites(Protocol):
    """One-time tokens' local halves. Raises StoreError."""

    async def open_invite(self, invite: Invite) -> None: ...

    async def invite(self, identity: str) -> Invite | None: ...

    async def invites(self) -> list[Invite]: ...

    async def guess_wrong(self, identity: str) -> None: ...

    async def use_invite(self, identity: str, node: NodeId) -> bool: ...


class RepositoryOpener(Protocol):
    """Opens the repository at a path. Raises RepositoryError."""

    async def __call__(self, path: Path) -> Repository: ...


@dataclass(frozen=True, slots=True)
class PeerLine:
    """A peer, in words a person would use. state: in step, behind, away, never met, or quarantined."""

    node: NodeId
    name: str
    owner: str
    state: str
    address: str | None
    discovered_by: str | None
    sources: tuple[str, ...]
    seen_at: str | None
    entries: int
