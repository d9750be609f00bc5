"""Everything that is remembered. Raises StoreError where it cannot be."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol, TypeAlias

from hive_node.domain import Adopted, Arm, Experiment, Idea, IdeaRecord, Promotion, Sample, State, Trial, Verdict, Watch
from protocol.deltas import Delta
from protocol.envelope import Envelope
from protocol.feed import Head
from protocol.ids import EntryId, NodeId
from protocol.limits import ENTRIES_PER_ANSWER
from protocol.sync import Missing
from protocol.wire import JsonValue


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
        watch: Watch | None = None,
    ) -> Experiment: ...

    async def idea(self, experiment: str, number: int) -> IdeaRecord: ...

    async def ideas(self, experiment: str, *, after: int = 0) -> list[IdeaRecord]: ...

    async def samples(self, experiment: str, idea: int) -> list[tuple[Arm, Sample]]: ...

    async def promotions(self, experiment: str) -> list[Promotion]: ...

    async def revert(self, after: Experiment, ideas: Sequence[int], verdict: Verdict) -> Experiment: ...

    async def watches(self, experiment: str) -> list[Watch]: ...

    async def watches_due(self, now: datetime) -> list[Watch]: ...

    async def keep_watch(self, watch: Watch) -> None: ...

    async def adopted(self) -> list[Adopted]: ...

    async def was_tried(self, experiment: Experiment, idea: Idea) -> bool: ...

    async def keep_sample(self, experiment: Experiment, idea: int, arm: Arm, sample: Sample) -> None: ...


# Whether an entry may be shown, or the scope guard quarantined it.
Standing: TypeAlias = Literal["good", "quarantined"]


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """An entry as the store holds it."""

    id: EntryId
    delta: Delta
    envelope: Envelope
    standing: Standing
    received_at: str


@dataclass(frozen=True, slots=True)
class Carried:
    """What may be sent of ranges that somebody lacks, in order.

    withheld: numbers in them that are not here, or not to be shown. has_more: there was no room for all.
    """

    envelopes: list[bytes]
    withheld: list[Missing]
    has_more: bool


class Feed(Protocol):
    """Feeds of every author. Raises StoreError."""

    async def heads(self, epochs: Mapping[NodeId, int], *, shown_only: bool = False) -> dict[NodeId, Head]: ...

    async def holes(self) -> list[Missing]: ...

    async def add(self, arrived: Sequence[tuple[Envelope, Delta, Standing]], *, purpose: str | None = None) -> None: ...

    async def by_purpose(self, purpose: str) -> StoredEntry | None: ...

    async def get(self, identity: str) -> StoredEntry | None: ...

    async def at(self, author: NodeId, epoch: int, seq: int) -> StoredEntry | None: ...

    def all(self) -> AsyncIterator[StoredEntry]: ...

    async def carried(
        self, missing: Sequence[Missing], limit: int = ENTRIES_PER_ANSWER, to: NodeId | None = None
    ) -> Carried: ...

    async def hold(self, delta: Delta, envelope: Envelope) -> bool: ...

    async def holding(self) -> set[NodeId]: ...

    async def trim_held(self, room: Mapping[NodeId, tuple[int, int]]) -> None: ...

    async def release(self, author: NodeId, epoch: int, seq: int) -> bytes | None: ...

    async def keep_proof(self, author: NodeId, epoch: int, first: bytes, second: bytes) -> None: ...

    async def equivocators(self) -> dict[NodeId, int]: ...

    async def proofs(self, authors: Iterable[NodeId]) -> list[tuple[bytes, bytes]]: ...


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
    """The node's diary: events, receipts, counters, single facts."""

    async def tell(self, kind: str, **data: JsonValue) -> None: ...

    async def keep_receipt(self, receipt: Receipt) -> None: ...

    async def count(self, name: str, more: int = 1) -> None: ...

    async def remember(self, name: str, value: JsonValue) -> None: ...

    async def recall(self, name: str) -> JsonValue: ...


@dataclass(frozen=True, slots=True)
class PeerAddress:
    """Where a member was last met. source: mdns, static, invite or inbound. retry_at: since it did not answer, when it is due again."""

    node: NodeId
    host: str
    port: int
    source: str
    last_seen: str | None
    failures: int
    retry_at: datetime | None = None


class Addresses(Protocol):
    """Where members were last met. Raises StoreError."""

    async def addresses(self) -> list[PeerAddress]: ...

    async def met(self, node: NodeId, host: str, port: int, source: str) -> None: ...

    async def failed(self, node: NodeId, retry_at: datetime) -> None: ...
