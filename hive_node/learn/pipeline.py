"""The learn flow. Every envelope that arrives, pushed or fetched, goes through here and nowhere else."""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field

from guardrails.scope import ScopeGuard
from hive_node.hive import Hive
from hive_node.learn.aggregate import Beliefs
from hive_node.learn.equivocation import accusation, convict, proven, told_proofs
from hive_node.learn.outcomes import Arrived, Outcome
from hive_node.learn.receive import receive
from hive_node.learn.standing import blame
from hive_node.learn.store import store
from hive_node.learn.verify import verify
from hive_node.ports import Clock, Feed, Notes, Publisher, Receipt, Spreader
from protocol.errors import Code
from protocol.ids import NodeId
from protocol.limits import ENTRIES_PER_ANSWER
from protocol.messages import Pair
from protocol.sync import Missing
from protocol.verification import Proof

logger = logging.getLogger(__name__)

# What is verified and written together, in one transaction: a disk's flush costs as much as verifying some ten entries. An
# answer of ordinary entries is one piece; the bytes bound what is parsed at a time, which is several times as much memory.
_PIECE = ENTRIES_PER_ANSWER
_PIECE_BYTES = 256 * 1024
# Verifying and scanning an entry takes up to a millisecond, and a request of the API takes some ten turns of the loop.
_BREATH = 4


@dataclass(slots=True)
class Learn:
    """Takes in what other nodes say.

    catch_up: makes memory follow the disk after a write that was cut off. unsaid: proofs found here, not yet passed on.
    """

    hive: Hive
    feed: Feed
    guard: ScopeGuard
    beliefs: Beliefs
    spreader: Spreader
    notes: Notes
    clock: Clock
    publisher: Publisher
    catch_up: Callable[[], Awaitable[None]]
    unsaid: list[Proof] = field(default_factory=list)

    async def learn(
        self, raws: Sequence[bytes], source: NodeId | None, withheld: Sequence[Missing] = ()
    ) -> list[Outcome]:
        """Take in envelopes as they arrived, in order. One outcome each; none of them raises for what a peer sent.

        source: the member that handed them over, who need not be their author. withheld: numbers between them that it says its
        scope guard keeps back. Raises StoreError.
        """
        outcomes: list[Outcome] = []
        async with self.hive.turn:
            await self.catch_up()
            for piece in _pieces(raws):
                outcomes += await self._take_in(piece, source, withheld)
        if refused := Counter(str(one.code) for one in outcomes if one.status == "refused"):
            # One line for all of them: who sends them does not decide how much is written.
            logger.info("entries refused", extra={"peer": source, "codes": dict(refused)})
            await self.notes.count("deltas.refused", refused.total())
            if source is not None:
                await blame(source, outcomes, self.hive, self.notes, self.clock.now())
        await self._accuse()
        return outcomes

    async def prove(self, pairs: Sequence[Pair]) -> int:
        """Act on proofs of equivocation that a peer keeps, however large. Returns how many were news. Raises StoreError."""
        if not pairs:
            return 0
        async with self.hive.turn:
            await self.catch_up()
            membership = receive(self.hive, self.clock.now())
            if isinstance(membership, Code):
                return 0
            proofs = [proven(one, other, membership) for one, other in pairs]
            news = sum([await convict(one, self.feed, self.hive) for one in proofs if one is not None])
        if news:
            self.beliefs.recount()
        return news

    async def _take_in(
        self, raws: Sequence[bytes], source: NodeId | None, withheld: Sequence[Missing]
    ) -> list[Outcome]:
        membership = receive(self.hive, self.clock.now())
        if isinstance(membership, Code):
            return [Outcome(None, "refused", membership) for _ in raws]
        arrived = Arrived(membership, dict(self.hive.heads), dict(self.hive.shown_ends), withheld)
        outcomes = await self._verify(raws, arrived)
        await self._release(arrived)
        await store(arrived, self.feed, self.hive)
        self.beliefs.add(arrived.believed)
        self.spreader.spread(arrived.to_pass_on, source=source)
        for entry, refused in arrived.refusals:
            # Not its places: they name keys, which a stranger may have made of what it wants shown.
            await self.notes.keep_receipt(Receipt("in", entry, "blocked", refused.rule))
        await self._convict(arrived)
        return outcomes

    async def _verify(self, raws: Sequence[bytes], arrived: Arrived) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for number, raw in enumerate(raws, 1):
            outcomes.append(await verify(raw, arrived, self.hive, self.feed, self.guard))
            if number % _BREATH == 0:
                await asyncio.sleep(0)
        return outcomes

    async def _release(self, arrived: Arrived) -> None:
        """Take in entries that waited for the ones that just came."""
        for author in arrived.touched & self.hive.holding:
            while raw := await self.feed.release(author, arrived.heads[author].epoch, arrived.heads[author].seq + 1):
                outcome = await verify(raw, arrived, self.hive, self.feed, self.guard)
                if outcome.status != "accepted" and outcome.code is not Code.SCOPE_REFUSED:
                    break

    async def _convict(self, arrived: Arrived) -> None:
        """Act on the proofs that were found here and those that were told of; the former, others shall hear of."""
        found = [proof for proof in arrived.proofs if await convict(proof, self.feed, self.hive)]
        told = [proof for proof in told_proofs(arrived) if await convict(proof, self.feed, self.hive)]
        self.unsaid += found
        if found or told:
            self.beliefs.recount()

    async def _accuse(self) -> None:
        # Before peers were asked nothing of ours is written, and who is asking them may be waiting for this very call.
        while self.unsaid and self.hive.feed_asked.is_set():
            if news := accusation(self.unsaid.pop()):
                await self.publisher.publish(news)


def _pieces(raws: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """In order, each of one envelope at least."""
    start = size = 0
    for end, raw in enumerate(raws):
        if end > start and (end - start == _PIECE or size + len(raw) > _PIECE_BYTES):
            yield raws[start:end]
            start, size = end, 0
        size += len(raw)
    if raws:
        yield raws[start:]
