"""What became of an envelope that arrived, and what a batch of them adds up to before it is written."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from guardrails.scope import InScope
from guardrails.verdict import Refused
from hive_node.ports import Standing
from protocol.deltas import Delta
from protocol.envelope import Envelope
from protocol.errors import Code
from protocol.feed import Head
from protocol.ids import EntryId, NodeId
from protocol.sync import Missing
from protocol.verification import Membership, Proof, Verified

Row: TypeAlias = tuple[Envelope, Delta, Standing]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer to one envelope, as it travels back."""

    id: EntryId | None
    status: Literal["accepted", "duplicate", "gap", "refused"]
    code: Code | None = None


@dataclass(slots=True)
class Arrived:
    """One batch: what to write, what to believe, what to pass on. heads, shown_ends: as they will be once it is written.

    withheld: numbers that whoever handed this over says it may not show. opened, filled: holes in feeds, which
    are opened before they are filled. proofs: found here of authors who signed two entries at one number.
    refusals: of the scope guard, by entry.
    """

    membership: Membership
    heads: dict[NodeId, Head]
    shown_ends: dict[NodeId, Head | None]
    withheld: Sequence[Missing] = ()
    rows: list[Row] = field(default_factory=list)
    believed: list[InScope[Verified[Delta]]] = field(default_factory=list)
    to_pass_on: list[bytes] = field(default_factory=list)
    touched: set[NodeId] = field(default_factory=set)
    opened: list[Missing] = field(default_factory=list)
    filled: list[Missing] = field(default_factory=list)
    proofs: list[Proof] = field(default_factory=list)
    refusals: list[tuple[EntryId, Refused]] = field(default_factory=list)

    def take(self, envelope: Envelope, delta: Delta, standing: Standing) -> None:
        """Add an entry that is next in its feed, or that fills a hole in it."""
        self.rows.append((envelope, delta, standing))
        self.touched.add(delta.author)
        last, head = self.last(delta), Head(delta.header.epoch, delta.header.seq, envelope.id)
        if last and head.seq < last.seq:
            self._fill(delta.author, head, standing)
            return
        self._open(delta.author, last, head)
        if standing == "good":
            self.shown_ends.pop(delta.author, None)
        else:
            self.shown_ends[delta.author] = self.shown_ends.get(delta.author, last) if last else None
        self.heads[delta.author] = head

    def last(self, delta: Delta) -> Head | None:
        """The last entry held of its author in its epoch."""
        held = self.heads.get(delta.author)
        return held if held and held.epoch == delta.header.epoch else None

    def may_skip_to(self, delta: Delta) -> bool:
        """Whether all between the last entry held and this one was withheld, by the word of who handed it over."""
        last = self.last(delta)
        first = last.seq + 1 if last else 1
        return any(
            (one.author, one.epoch) == (delta.author, delta.header.epoch)
            and one.first <= first
            and delta.header.seq - 1 <= one.last
            for one in self.withheld
        )

    def _fill(self, author: NodeId, place: Head, standing: Standing) -> None:
        self.filled.append(Missing(author, place.epoch, place.seq, place.seq))
        if standing == "good" and author in self.shown_ends:
            end = self.shown_ends[author]
            self.shown_ends[author] = place if end is None or end.seq < place.seq else end

    def _open(self, author: NodeId, last: Head | None, head: Head) -> None:
        first = last.seq + 1 if last else 1
        if first < head.seq:
            self.opened.append(Missing(author, head.epoch, first, head.seq - 1))
