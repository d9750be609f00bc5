"""One reconciliation with one peer: newer charters first, then the entries that either side lacks (docs/protocol.md §7.2)."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
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
from protocol.limits import ENTRIES_PER_ANSWER, REQUEST_BYTES, WANTED
from protocol.messages import SyncRequest, SyncTail
from protocol.proposals import Offer
from protocol.sync import HaveVector, Missing, asking_for, lacks_the_end, missing, shared_places
from protocol.wire import JsonValue

logger = logging.getLogger(__name__)

# What one peer hands over before what waits for it meanwhile is done: 10 000 entries, a quarter of a minute's work.
ANSWERS: Final = 50


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
    """What this node does with a peer at a time. backfill: whoever has it fetches more than one answer, and nobody else does."""

    hive: Hive
    feed: Feed
    learn: Learn
    charters: CharterReader
    proposals: ProposalDesk
    clock: Clock
    backfill: asyncio.Lock = field(default_factory=asyncio.Lock)

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
        """Take in what we lack. Returns the feeds that the peer can show, and how much was new.

        Of many who would hand over the same at once, to a newcomer or to who slept long, each gives one answer and one of them
        goes on: the others would send it all again, each in its share of our time. A peer that stalls has its turn until it is
        given up, and the others' first answers go on meanwhile.
        """
        theirs, total, goes_on = await self._take_answer(contact, caller)
        if not goes_on or self.backfill.locked():
            return theirs, total
        async with self.backfill:
            for _ in range(ANSWERS - 1):
                theirs, gained, goes_on = await self._take_answer(contact, caller)
                total += gained
                if not goes_on:
                    break
            else:
                contact.want()
        return theirs, total

    async def _take_answer(self, contact: Contact, caller: Caller) -> tuple[HaveVector, int, bool]:
        """One answer: the feeds that the peer can show, how much was new, and whether another is worth asking for."""
        wanted = self._wanted(contact)
        asked = SyncRequest(self.hive.have(), wanted, frozenset(self.hive.quarantined))
        answer = await caller.sync(*contact.where, contact.node, asked)
        gained = await self.learn.prove(answer.tail.proofs)
        outcomes = await self.learn.learn(answer.envelopes, contact.node, answer.tail.withheld)
        gained += sum(one.status == "accepted" or one.code is Code.SCOPE_REFUSED for one in outcomes)
        theirs = _shown(self.hive.have(), answer.tail)
        if not answer.tail.has_more:
            contact.was_asked_for(wanted, self.clock.monotonic())
        is_well = bool(gained) and self._is_open() and not self._shuns(contact)
        return theirs, gained, is_well and (answer.tail.has_more or bool(self._wanted(contact)))

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

        No more than one request: a peer that lacks more takes it at its own pace, from one of us. Returns how many entries it took.
        """
        given = 0
        shunned = self.hive.quarantined
        for lacking in missing(self.hive.have(), theirs):
            if lacking.author in shunned or given >= ENTRIES_PER_ANSWER or not self._is_open():
                continue
            for batch in _batches(_following(lacking, await self.feed.carried([lacking]))):
                given += (await self.push(contact, caller, batch)).count("accepted")
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
