"""The learn flow. Every envelope that arrives, pushed or fetched, goes through here and nowhere else."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from guardrails.scope import ScopeGuard
from hive_node.hive import Hive
from hive_node.learn.aggregate import Beliefs
from hive_node.learn.outcomes import Arrived, Outcome
from hive_node.learn.receive import receive
from hive_node.learn.store import store
from hive_node.learn.verify import verify
from hive_node.ports import Clock, Feed, Notes, Spreader
from protocol.errors import Code
from protocol.ids import NodeId

# Verifying and scanning an entry takes some tenths of a millisecond: after so many the loop gets its turn.
_PIECE = 16


@dataclass(slots=True)
class Learn:
    """Takes in what other nodes say. turn: shared with the share flow, so that nothing else changes a feed meanwhile."""

    hive: Hive
    feed: Feed
    guard: ScopeGuard
    beliefs: Beliefs
    spreader: Spreader
    notes: Notes
    clock: Clock
    turn: asyncio.Lock

    async def learn(self, raws: Sequence[bytes], source: NodeId | None) -> list[Outcome]:
        """Take in envelopes as they arrived, in order. One outcome each; none of them raises for what a peer sent.

        source: the member that handed them over, who need not be their author.
        """
        async with self.turn:
            outcomes: list[Outcome] = []
            for start in range(0, len(raws), _PIECE):
                outcomes += await self._take_in(raws[start : start + _PIECE], source)
                await asyncio.sleep(0)
        return outcomes

    async def _take_in(self, raws: Sequence[bytes], source: NodeId | None) -> list[Outcome]:
        membership = receive(self.hive, self.clock.now())
        if isinstance(membership, Code):
            return [Outcome(None, "refused", membership) for _ in raws]
        arrived = Arrived(membership, dict(self.hive.heads))
        outcomes = [await verify(raw, arrived, self.hive, self.feed, self.guard) for raw in raws]
        outcomes += await self._release(arrived)
        await store(arrived, self.feed, self.hive, self.notes)
        self.beliefs.add(arrived.believed)
        self.spreader.spread(arrived.to_pass_on, source=source)
        return outcomes[: len(raws)]

    async def _release(self, arrived: Arrived) -> list[Outcome]:
        """Entries that waited for the ones that just came."""
        outcomes: list[Outcome] = []
        for author in list(arrived.touched):
            while raw := await self.feed.release(author, arrived.heads[author].epoch, arrived.heads[author].seq + 1):
                outcomes.append(await verify(raw, arrived, self.hive, self.feed, self.guard))
                if outcomes[-1].status != "accepted":
                    break
        return outcomes
