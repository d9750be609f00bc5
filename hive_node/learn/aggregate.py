"""Aggregate: the hive's view, a fold over stored entries; rebuilt from the log it is the same."""

from collections.abc import Iterable

from guardrails.consensus import Electorate, Seen, TaskBelief, View
from guardrails.scope import InScope
from hive_node.hive import Hive
from hive_node.ports import Feed
from protocol.deltas import Delta
from protocol.ids import EntryId
from protocol.verification import Verified


class Beliefs:
    """The fold, kept up to date."""

    def __init__(self, hive: Hive) -> None:
        self._hive = hive
        self._view = View(self._electorate())

    async def rebuild(self, feed: Feed) -> None:
        """Fold again from everything stored, own entries included."""
        self._view = View(self._electorate())
        async for entry in feed.all():
            self._take(entry.id, entry.delta)

    def clear(self) -> None:
        """This node left its hive."""
        self._view = View(self._electorate())

    def recount(self) -> None:
        """The charter changed, or somebody was quarantined: others are heard now."""
        self._view.recount(self._electorate())

    def add(self, believed: Iterable[InScope[Verified[Delta]]]) -> None:
        """Take in what arrived."""
        for in_scope in believed:
            self._take(in_scope.value.envelope.id, in_scope.value.value)

    def add_own(self, entry: EntryId, delta: Delta) -> None:
        """Take in what we said ourselves."""
        self._take(entry, delta)

    def belief(self, task: str) -> TaskBelief | None:
        """What the hive believes of a task."""
        return self._view.belief(task)

    def tasks(self) -> list[str]:
        """Tasks that anything is known of."""
        return self._view.tasks()

    def _take(self, entry: EntryId, delta: Delta) -> None:
        if delta.body is not None:
            header = delta.header
            self._view.add(Seen(entry, delta.author, header.epoch, header.seq, delta.body))

    def _electorate(self) -> Electorate:
        owners = {node: owner for node, owner in self._hive.owners().items() if node not in self._hive.quarantined}
        return Electorate.of(owners)
