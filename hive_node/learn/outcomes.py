"""What became of an envelope that arrived, and what a batch of them adds up to before it is written."""

from dataclasses import dataclass, field
from typing import Literal

from guardrails.scope import InScope
from protocol.deltas import Delta
from protocol.envelope import Envelope
from protocol.errors import Code
from protocol.feed import Head
from protocol.ids import EntryId, NodeId
from protocol.verification import Membership, Proof, Verified


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer to one envelope, as it travels back."""

    id: EntryId | None
    status: Literal["accepted", "duplicate", "gap", "refused"]
    code: Code | None = None


@dataclass(slots=True)
class Arrived:
    """One batch: what to write, what to believe, what to pass on. heads: as they will be once it is written.

    proofs: found here of authors who signed two entries at one number.
    """

    membership: Membership
    heads: dict[NodeId, Head]
    rows: list[tuple[Envelope, Delta, str]] = field(default_factory=list)
    believed: list[InScope[Verified[Delta]]] = field(default_factory=list)
    to_pass_on: list[bytes] = field(default_factory=list)
    touched: set[NodeId] = field(default_factory=set)
    proofs: list[Proof] = field(default_factory=list)

    def take(self, envelope: Envelope, delta: Delta, standing: str) -> None:
        """Add an entry that is next in its feed."""
        self.rows.append((envelope, delta, standing))
        self.heads[delta.author] = Head(delta.header.epoch, delta.header.seq, envelope.id)
        self.touched.add(delta.author)
