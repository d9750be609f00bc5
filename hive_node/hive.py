"""What this node knows of its hive right now, in memory: the charter in force, the heads of all feeds, why it is silent."""

import asyncio
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from guardrails.consensus import Standing
from hive_node.ports import Cut
from protocol.charter import Member, Revocation
from protocol.deltas import Delta
from protocol.errors import Code
from protocol.feed import Head
from protocol.holes import Holes
from protocol.ids import EntryId, NodeId
from protocol.limits import INTEGER_MAX
from protocol.sync import Missing, have_digest
from protocol.verification import Membership

# After so long a node that just started goes by the charters of those who answered; before it, only if everybody did. Where nobody
# is found it looks a little longer: mDNS takes one to three seconds.
WAKING_S: Final = 3.0
ALONE_S: Final = 5.0
# How long our peers may take to hand our own feed back before we go on writing it: mDNS and a first exchange take two.
FIRST_WORD_S: Final = 10.0

# Stands in the have-digest for what a quarantined author wrote.
NO_ENTRY: Final = EntryId("")
# An epoch, and a last number in it.
Room: TypeAlias = tuple[int, int]


@dataclass(slots=True)
class Hive:
    """The one mutable view that the flows share; every change of it was written to the store before.

    local_halt: why the user of this machine stopped promotions and sends here; needs no admin.
    equivocators: authors of whom a proof is kept, and the epoch that it is of.
    standings: what peers have earned with this node and done wrong (docs/protocol.md §9.3); never sent.
    rules: digest of the constitution that this node judges by; None before it is known.
    fork: why another charter than ours, which a peer holds, is refused; None where there is none.
    holding: authors of whom entries may be held that came ahead of their place.
    held_under: the room that what is held was last looked at under.
    shown_ends: of authors whose last entries our scope guard refused the one before those; None where there is none.
    holes: numbers below the heads that others' guards withheld from us.
    turn: who has it, and nobody else, changes feeds or the charter.
    is_waking: just started, and still asking peers for newer charters: nothing is accepted or sent (docs/protocol.md §2.9).
    is_unsure: a write was begun whose end was not seen, so the disk may know more than these fields.
    charter_asked, feed_asked: set once peers had their chance to tell of newer charters, and to hand back what we wrote before
    (docs/protocol.md §5.7).
    """

    node: NodeId
    membership: Membership | None = None
    heads: dict[NodeId, Head] = field(default_factory=dict)
    equivocators: dict[NodeId, int] = field(default_factory=dict)
    standings: dict[NodeId, Standing] = field(default_factory=dict)
    local_halt: str | None = None
    rules: str | None = None
    fork: str | None = None
    holding: set[NodeId] = field(default_factory=set)
    held_under: Mapping[NodeId, Room] = field(default_factory=dict)
    shown_ends: dict[NodeId, Head | None] = field(default_factory=dict)
    holes: Holes = field(default_factory=Holes)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    is_waking: bool = False
    is_unsure: bool = False
    charter_asked: asyncio.Event = field(default_factory=asyncio.Event)
    feed_asked: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def own_head(self) -> Head | None:
        """The last entry of our own feed, in our present epoch."""
        head = self.heads.get(self.node)
        return head if head is not None and head.epoch == self.own_epoch else None

    @property
    def own_epoch(self) -> int:
        """Our epoch by the charter; 1 before there is one."""
        member = self.membership.members.get(self.node) if self.membership else None
        return member.epoch if member else 1

    @property
    def is_admin(self) -> bool:
        """Whether this node may issue charters."""
        return self.membership is not None and self.node in self.membership.charter.admins.ids

    @property
    def quarantined(self) -> Set[NodeId]:
        """Authors who signed two entries at one number of the epoch that the charter gives them, and did not begin another."""
        membership = self.membership
        if membership is None:
            return set()
        return {author for author, epoch in self.equivocators.items() if epoch >= (membership.epoch(author) or 0)}

    def shunned_until(self, node: NodeId, now: datetime) -> datetime | None:
        """Until when this node seeks nothing but charters from that peer, or None. What it asks is answered all the same."""
        standing = self.standings.get(node, Standing())
        moment = now.timestamp()
        return now + timedelta(seconds=standing.shunned_s(moment)) if standing.is_shunned(moment) else None

    def owners(self) -> Mapping[NodeId, str]:
        """Whose vote each node's word is; a revoked node's only where its history was kept."""
        membership = self.membership
        if membership is None:
            return {}
        kept = [node for node, revoked in membership.revoked.items() if revoked.keep_history]
        # A chain may revoke somebody whom it never listed: there is no owner then, and nothing was ever believed.
        heard = {node: membership.owners[node] for node in kept if node in membership.owners}
        return heard | {node: member.owner for node, member in membership.members.items()}

    def epochs(self) -> Mapping[NodeId, int]:
        """Of every member and revoked node the one epoch of its feed that is accepted, carried and counted."""
        membership = self.membership
        if membership is None:
            return {}
        known: dict[NodeId, Member | Revocation] = {**membership.revoked, **membership.members}
        return {node: one.epoch for node, one in known.items()}

    def room(self) -> Mapping[NodeId, Room]:
        """Of each author that is heard now the epoch and the last number that could be taken in."""
        membership, shunned = self.membership, self.quarantined
        if membership is None:
            return {}
        ends = {node: revoked.last_seq for node, revoked in membership.revoked.items()}
        return {
            node: (epoch, ends.get(node, INTEGER_MAX)) for node, epoch in self.epochs().items() if node not in shunned
        }

    def counts(self, delta: Delta) -> bool:
        """Whether an entry that is held is of the epoch that its author is heard in."""
        return self.membership is not None and self.membership.epoch(delta.author) == delta.header.epoch

    def have(self) -> dict[NodeId, Head]:
        """The have-vector: what is held of every author's present epoch. Others would refuse the rest."""
        membership = self.membership
        if membership is None:
            return {}
        return {author: head for author, head in self.heads.items() if head.epoch == membership.epoch(author)}

    def digest(self) -> str:
        """Over everything that we could show, and who is quarantined: equal exactly when two nodes show the same feeds.

        What our guard refused at a feed's end is not in it: whoever asks us alone never gets so far, and is in step with us. What
        quarantined authors wrote is not either, but that they are, is: who does not know it yet must find that it differs.
        """
        return have_digest(self._shown())

    def entries_shown(self) -> int:
        """How many entries that digest stands for."""
        return sum(head.seq for head in self._shown().values())

    def _shown(self) -> dict[NodeId, Head]:
        ends = ((author, self.shown_ends.get(author, head)) for author, head in self.have().items())
        shown = {author: head for author, head in ends if head is not None}
        caught = ((author, self.membership.epoch(author)) for author in self.quarantined) if self.membership else ()
        return shown | {author: Head(epoch, 0, NO_ENTRY) for author, epoch in caught if epoch is not None}

    def lacking(self) -> list[Missing]:
        """Numbers that were withheld from us and that somebody else may have."""
        if not self.holes:
            return []
        epochs, shunned = self.epochs(), self.quarantined
        return [one for one in self.holes if epochs.get(one.author) == one.epoch and one.author not in shunned]

    def beyond(self, membership: Membership) -> list[Cut]:
        """Where feeds are held farther than they count by that charter: of revoked authors, after their last number."""
        return [
            (author, revoked.epoch, revoked.last_seq)
            for author, revoked in membership.revoked.items()
            if (head := self.heads.get(author)) and head.epoch == revoked.epoch and head.seq > revoked.last_seq
        ]

    async def ask_for_charter(self) -> None:
        """Wait, once after a start and for a bounded time, until a peer could tell of newer charters than ours.

        An admin restored from a backup would else issue a version that there is already.
        """
        await self._hear_first(self.charter_asked)

    async def ask_for_feed(self) -> None:
        """The same for what this node wrote and lost: it would else sign a second entry at a used number."""
        await self._hear_first(self.feed_asked)

    def peers_were_asked(self) -> None:
        """There is nobody to ask, nothing to ask for, or no time left."""
        self.wake()
        self.feed_asked.set()

    def wake(self) -> None:
        """Peers told of their charters: entries flow from now on."""
        self.is_waking = False
        self.charter_asked.set()

    async def _hear_first(self, asked: asyncio.Event) -> None:
        if asked.is_set() or self.membership is None or len(self.membership.members) == 1:
            return
        try:
            async with asyncio.timeout(FIRST_WORD_S):
                await asked.wait()
        except TimeoutError:
            asked.set()

    def refusal(self, now: datetime) -> Code | None:
        """What every entry is answered now, and why none is sent; None while entries flow. Charters flow always."""
        if self.membership is None or self.node not in self.membership.members:
            return Code.NOT_A_MEMBER
        if self.membership.charter.is_expired(now):
            return Code.CHARTER_EXPIRED
        if self.why_halted(now):
            return Code.HALTED
        return Code.UNAVAILABLE if self.is_waking else None

    def why_silent(self, now: datetime) -> str | None:
        """Why nothing of this node counts with others now, or None."""
        if self.membership is None:
            return "this node is in no hive"
        if self.node not in self.membership.members:
            return "this node was revoked"
        if self.rules is not None and self.rules != self.membership.charter.constitution:
            return (
                "this node judges by another constitution than the hive's, so nothing it finds is shared: run the version of "
                "hive-node, and the [[constitution.rule]], that the hive goes by, or let an admin adopt this one's: "
                "`hive-node hive constitution`"
            )
        if self.membership.charter.is_expired(now):
            return "the hive's charter has expired: an admin node renews it when it is online"
        if self.node in self.quarantined:
            return (
                "this node signed two entries at one number, as one restored from an old backup does, and the others refuse it: "
                "`hive-node hive leave`, then join by a new invite"
            )
        return None

    def why_halted(self, now: datetime) -> str | None:
        """Why nothing is promoted or sent now, or None."""
        if self.local_halt is not None:
            return f"halted on this node: {self.local_halt}"
        halt = self.membership.charter.halt if self.membership else None
        if self.membership and halt and self.membership.charter.is_halted(now):
            return f"halted by an admin of the hive: {halt.reason}"
        return None
