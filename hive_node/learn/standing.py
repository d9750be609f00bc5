"""Standing of peers: kept over restarts, changed by what a peer provably did itself, and never sent (docs/protocol.md §9.3)."""

import logging
from dataclasses import astuple, dataclass
from datetime import datetime
from typing import Final

from guardrails.consensus import Standing
from hive_node.hive import Hive
from hive_node.learn.aggregate import Beliefs
from hive_node.learn.outcomes import Outcome
from hive_node.ports import Clock, News, Notes, Publisher
from protocol.deltas import Replication
from protocol.errors import Code
from protocol.ids import EntryId, NodeId
from protocol.wire import JsonValue

logger = logging.getLogger(__name__)

_FACT: Final = "standings"


async def restore_standings(hive: Hive, notes: Notes) -> None:
    """What was kept. Raises StoreError."""
    kept = await notes.recall(_FACT)
    rows = kept if isinstance(kept, dict) else {}
    hive.standings = {NodeId(node): Standing(*map(float, row)) for node, row in rows.items()}  # type: ignore[arg-type]


async def blame(source: NodeId, outcomes: list[Outcome], hive: Hive, notes: Notes, now: datetime) -> None:
    """Count the invalid signatures among what a peer handed over. Raises StoreError.

    Whether a signature holds depends on nothing but the envelope: who passes on one that does not, made it or did not look.
    The author in whose name it came has no part in it; and every other refusal may be a difference of what two nodes know.
    """
    invalid = sum(one.code is Code.BAD_SIGNATURE for one in outcomes)
    if not invalid:
        return
    moment = now.timestamp()
    hive.standings[source] = hive.standings.get(source, Standing()).after_invalid_signature(moment, invalid)
    await _keep(hive, notes, now)
    if until := hive.shunned_until(source, now):
        fields = {"peer": source, "until": until.isoformat(timespec="seconds")}
        logger.warning("peer left alone: it handed over entries with invalid signatures", extra=fields)


@dataclass(frozen=True, slots=True)
class Crediting:
    """The share flow, with an eye on what it says: a recipe that was confirmed here, for the first time, earns its author credit."""

    publisher: Publisher
    hive: Hive
    beliefs: Beliefs
    notes: Notes
    clock: Clock

    async def publish(self, news: News) -> EntryId | None:
        """As Publisher.publish."""
        author = await self._to_credit(news)
        entry = await self.publisher.publish(news)
        if entry is not None and author is not None:
            now = self.clock.now()
            standing = self.hive.standings.get(author, Standing())
            self.hive.standings[author] = standing.after_confirmation(now.timestamp())
            await _keep(self.hive, self.notes, now)
        return entry

    async def told(self, purpose: str) -> EntryId | None:
        """As Publisher.told."""
        return await self.publisher.told(purpose)

    async def _to_credit(self, news: News) -> NodeId | None:
        body = news.body
        if not isinstance(body, Replication) or body.outcome != "confirmed" or await self.told(news.purpose):
            return None
        belief = self.beliefs.belief(body.task)
        found = next((one for one in belief.recipes if one.id == body.recipe), None) if belief else None
        is_first = found is not None and self.hive.owners().get(self.hive.node) not in {
            found.owner,
            *found.confirmed_by,
        }
        return found.author if found is not None and is_first else None


async def _keep(hive: Hive, notes: Notes, now: datetime) -> None:
    """Write them down, but for those of strangers and those that time has made equal to a stranger's."""
    members = hive.membership.members if hive.membership else {}
    forgotten = [
        node for node, one in hive.standings.items() if node not in members or one.is_forgettable(now.timestamp())
    ]
    for node in forgotten:
        del hive.standings[node]
    rows: dict[str, JsonValue] = {node: list(astuple(one)) for node, one in sorted(hive.standings.items())}
    await notes.remember(_FACT, rows)
