"""What the store holds, counted; counted again only once something was written."""

from collections import Counter
from dataclasses import dataclass, field

from hive_node.api.parts import Parts
from hive_node.ports.agents import AgentTally


@dataclass(frozen=True, slots=True)
class Counts:
    """experiments: by state. deltas: as `Deltas.counts` has them. receipts: by what the scope guard did.
    agents: contests and sessions of coding agents."""

    experiments: dict[str, int]
    projects: int
    deltas: dict[str, int]
    refused: int
    receipts: dict[str, int]
    agents: AgentTally


@dataclass(slots=True)
class Tally:
    """The counts of one node."""

    parts: Parts
    _written: int = -1
    _counts: Counts | None = field(default=None)

    async def counts(self) -> Counts:
        """As of now. Raises StoreError."""
        written = self.parts.writes()
        if self._counts is None or written != self._written:
            # Numbered by what was written before the first look: what is written meanwhile is counted the next time.
            self._counts, self._written = await self._count(), written
        return self._counts

    async def _count(self) -> Counts:
        parts = self.parts
        return Counts(
            experiments=dict(Counter(one.state.value for one in await parts.experiments.all())),
            projects=len(await parts.projects.shelf.all()),
            deltas=await parts.deltas.counts(parts.hive.node),
            refused=await parts.diary.recall("deltas.refused") or 0,
            receipts=await parts.diary.receipt_counts(),
            agents=await parts.agents.shelf.tally(),
        )
