"""One reconciliation with one peer: newer charters first, then the entries that either side lacks (docs/protocol.md §7.2)."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from hive_node.adapters.contacts import Contact
from hive_node.adapters.peer_client import PeerStatus, SyncAnswer
from hive_node.hive import Hive
from hive_node.learn.charters import CharterReader
from hive_node.learn.pipeline import Learn
from hive_node.ports import Carried, Clock, Feed
from hive_node.share.proposals import ProposalDesk
from protocol.errors import Code, RemoteProtocolError
from protocol.feed import Head
from protocol.ids import NodeId
from protocol.limits import REQUEST_BYTES, WANTED
from protocol.messages import SyncRequest, SyncTail
from protocol.proposals import Offer
from protocol.sync import HaveVector, Missing, asking_for, lacks_the_end, missing, shared_places
from protocol.wire import JsonValue

logger = logging.getLogger(__name__)

# A peer that always has more: 200 000 entries, then somebody else's turn comes.
_ROUNDS: Final = 1_000


class Caller(Protocol):
    """Calls to a peer. Raises RemoteProtocolError."""

    async def status(self, host: str, port: int) -> PeerStatus: ...

    async def charters(self, host: str, port: int, node: NodeId, first: int) -> list[bytes]: ...

    async def proposals(self, host: str, port: int, node: NodeId, offer: Offer) -> Offer: ...

    async def sync(self, host: str, port: int, node: NodeId, asked: SyncRequest) -> SyncAnswer: ...

    async def push(
        self, host: str, port: int, node: NodeId, envelopes: Sequence[bytes]
    ) -> list[dict[str, JsonValue]]: ...


@dataclass(frozen=True, slots=True)
class Exchange:
    """What this node does with a peer at a time."""

    hive: Hive
    feed: Feed
    learn: Learn
    charters: CharterReader
    proposals: ProposalDesk
    clock: Clock

    async def reconcile(self, contact: Contact, caller: Caller) -> None:
        """Get in step with a peer, as far as a halt and the charter allow. Raises RemoteProtocolError, StoreError."""
        status = await caller.status(*contact.where)
        if status.node != contact.node:
            raise RemoteProtocolError(Code.PEER_MISBEHAVED, "another member answers at this address now")
        await self._fetch_charters(contact, caller, status)
        await self._compare_proposals(contact, caller)
        if self._is_open() and not self._shuns(contact) and self._is_worth_asking(contact, status.have):
            await self._trade(contact, caller)
        elif status.have == self.hive.digest():
            contact.entries = self.hive.entries_shown()

    async def push(self, contact: Contact, caller: Caller, envelopes: Sequence[bytes]) -> list[str]:
        """Hand entries over, if nothing forbids it by now. Returns what became of each."""
        if not self._is_open() or self._shuns(contact):
            return []
        results = await caller.push(*contact.where, contact.node, envelopes)
        return [str(one.get("status")) for one in results]

    async def _fetch_charters(self, contact: Contact, caller: Caller, status: PeerStatus) -> None:
        async def ask(first: int) -> list[bytes]:
            return await caller.charters(*contact.where, contact.node, first)

        await self.charters.follow(ask, status.charter_version, status.charter)

    async def _compare_proposals(self, contact: Contact, caller: Caller) -> None:
        """Between admins: what is held on both sides, then what either lacks of it."""
        node = contact.node
        if not await self.proposals.is_shared_with(node):
            return
        theirs = await caller.proposals(*contact.where, node, await self.proposals.offer(node))
        await self.proposals.take_in(theirs, node)
        lacking = await self.proposals.offer(node, theirs)
        if lacking.envelopes:
            await caller.proposals(*contact.where, node, lacking)

    async def _trade(self, contact: Contact, caller: Caller) -> None:
        theirs, gained = await self._fetch(contact, caller)
        given = await self._hand_over(contact, caller, theirs)
        contact.entries = (
            sum(head.seq for author, head in theirs.items() if author not in self.hive.quarantined) + given
        )
        proven = await self._look_for_forks(contact, caller, theirs)
        if not gained and not given and not proven:
            contact.settled = (self.hive.digest(), contact.have)

    async def _fetch(self, contact: Contact, caller: Caller) -> tuple[HaveVector, int]:
        """Take in what we lack. Returns the feeds that the peer can show, and how much was new."""
        theirs: HaveVector = {}
        total = 0
        for _ in range(_ROUNDS):
            wanted = self._wanted(contact)
            asked = SyncRequest(self.hive.have(), wanted, frozenset(self.hive.quarantined))
            answer = await caller.sync(*contact.where, contact.node, asked)
            gained = await self.learn.prove(answer.tail.proofs)
            outcomes = await self.learn.learn(answer.envelopes, contact.node, answer.tail.withheld)
            gained += sum(one.status == "accepted" or one.code is Code.SCOPE_REFUSED for one in outcomes)
            theirs = _shown(self.hive.have(), answer.tail)
            total += gained
            if not answer.tail.has_more:
                contact.was_asked_for(wanted, self.clock.monotonic())
            if not gained or not self._is_open() or self._shuns(contact):
                break
            if not answer.tail.has_more and not self._wanted(contact):
                break
        return theirs, total

    def _is_worth_asking(self, contact: Contact, have: str) -> bool:
        """Whether it shows other feeds than we do, or may show what others withheld from us.

        Once after a start in any case: our own feed may have an end that nobody shows but to us (docs/protocol.md §5.7).
        """
        return have != self.hive.digest() or bool(self._wanted(contact)) or not self.hive.feed_asked.is_set()

    def _wanted(self, contact: Contact) -> tuple[Missing, ...]:
        """Numbers that others withheld from us, for a peer that was not asked for them lately."""
        return contact.not_asked_for(self.hive.lacking(), self.clock.monotonic())[:WANTED]

    async def _hand_over(self, contact: Contact, caller: Caller, theirs: HaveVector) -> int:
        """Push what the peer lacks, feed by feed, as far as it follows; what stands behind a hole is for it to ask for.

        Returns how many entries it took.
        """
        given = 0
        shunned = self.hive.quarantined
        for lacking in missing(self.hive.have(), theirs):
            if lacking.author in shunned:
                continue
            rest = lacking
            while self._is_open() and (envelopes := _following(rest, await self.feed.carried([rest]))):
                for batch in _batches(envelopes):
                    given += (await self.push(contact, caller, batch)).count("accepted")
                rest = replace(rest, first=rest.first + len(envelopes))
        return given

    async def _look_for_forks(self, contact: Contact, caller: Caller, theirs: HaveVector) -> int:
        """Fetch entries that should be ours too and are not: their author signed two. Returns how many that proved.

        By now both sides should hold the same. Where our feed is the shorter one still, what they hold at its end must be
        asked for; where theirs is, their head says it.
        """
        shunned = self.hive.quarantined
        doubtful = {
            author: place
            for author, place in shared_places(self.hive.have(), theirs).items()
            if author not in shunned and (place == self.hive.heads.get(author) or await self._is_another(author, place))
        }
        if not doubtful or not self._is_open():
            return 0
        logger.warning("feeds differ at one number", extra={"authors": len(doubtful), "peer": contact.node})
        asked = SyncRequest(asking_for(theirs, doubtful), proven=frozenset(shunned))
        answer = await caller.sync(*contact.where, contact.node, asked)
        outcomes = await self.learn.learn(answer.envelopes, contact.node)
        return sum(one.code is Code.EQUIVOCATION for one in outcomes)

    async def _is_another(self, author: NodeId, head: Head) -> bool:
        stored = await self.feed.at(author, head.epoch, head.seq)
        return stored is not None and stored.id != head.id

    def _shuns(self, contact: Contact) -> bool:
        return self.hive.shunned_until(contact.node, self.clock.now()) is not None

    def _is_open(self) -> bool:
        return self.hive.refusal(self.clock.now()) is None


def _shown(ours: HaveVector, tail: SyncTail) -> HaveVector:
    """A peer's have-vector as far as it bears on ours: a feed whose rest it may not show ends for us where ours does."""
    hidden = {span.author for span in tail.withheld if lacks_the_end(span, ours, tail.have)}
    return {author: ours.get(author, head) if author in hidden else head for author, head in tail.have.items()}


def _following(rest: Missing, found: Carried) -> list[bytes]:
    """Those of the envelopes found that follow one another from the first number on."""
    return found.envelopes[: found.withheld[0].first - rest.first] if found.withheld else found.envelopes


def _batches(envelopes: Sequence[bytes]) -> list[list[bytes]]:
    batches: list[list[bytes]] = [[]]
    for envelope in envelopes:
        if sum(len(one) + 1 for one in batches[-1]) + len(envelope) > REQUEST_BYTES:
            batches.append([])
        batches[-1].append(envelope)
    return batches
