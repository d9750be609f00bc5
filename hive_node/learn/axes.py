"""What the hive's contests say of the axes along which an agent's configuration is varied: a weak prior for what to try next."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from guardrails.evidence.pairs import median
from hive_node.hive import Hive
from hive_node.learn.aggregate import Beliefs
from hive_node.ports import Standing, StoredEntry
from hive_node.subjects.agents.sharing import task_of
from protocol.deltas import Arm, ArmEvidence

# The newest entries are enough for a prior that is worth half a weight at most.
_ENTRIES: Final = 500
# An arm of fewer sessions says nothing of which is better.
_LEAST_SESSIONS: Final = 5
# A weight is halved where every owner's challengers lost, and half as much again where all won.
_LEAST_FACTOR: Final = 0.5


class Pages(Protocol):
    """Stored entries, newest first."""

    async def page(
        self,
        *,
        limit: int,
        before: int | None = None,
        kind: str | None = None,
        author: str | None = None,
        standing: Standing = "good",
    ) -> list[tuple[int, StoredEntry]]: ...


@dataclass(frozen=True, slots=True)
class HiveAxes:
    """One vote an owner: the share of its challengers on an axis that did better; then the median of the owners. Our own is not among them."""

    hive: Hive
    beliefs: Beliefs
    pages: Pages

    async def by_axis(self, kind: str) -> Mapping[str, float]:
        """A factor for each axis that anything is known of: from ½ to 1½."""
        votes: dict[str, dict[str, list[bool]]] = defaultdict(lambda: defaultdict(list))
        for _, entry in await self.pages.page(limit=_ENTRIES, kind="arm-evidence"):
            owner, body = self._owner(entry), entry.delta.body
            if owner is None or not isinstance(body, ArmEvidence) or body.task != task_of(kind):
                continue
            if (won := _has_won(body.arms)) is not None:
                votes[body.axis][owner].append(won)
        return {
            axis: _LEAST_FACTOR + median([_share(one) for one in owners.values()]) for axis, owners in votes.items()
        }

    def _owner(self, entry: StoredEntry) -> str | None:
        """Whose vote it is; None for our own, and for what does not count."""
        author = entry.delta.author
        is_heard = self.beliefs.regard(entry.id, entry.delta).standing == "counted"
        owners = self.hive.owners()
        owner = owners.get(author)
        return owner if is_heard and owner != owners.get(self.hive.node) else None


def _has_won(arms: Sequence[Arm]) -> bool | None:
    if len(arms) != 2 or any(arm.n < _LEAST_SESSIONS for arm in arms):
        return None
    champion, challenger = arms
    return challenger.sum / challenger.n > champion.sum / champion.n


def _share(won: list[bool]) -> float:
    return sum(won) / len(won)
