"""Aggregate: the hive's view, a fold over stored entries; rebuilt from the log it is the same."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from guardrails.consensus import Electorate, Seen, TaskBelief, View
from guardrails.scope import InScope
from hive_node.hive import Hive
from hive_node.ports import Feed
from protocol.deltas import Delta, Recipe, Replication, Retract
from protocol.ids import EntryId
from protocol.verification import Verified


@dataclass(frozen=True, slots=True)
class Regard:
    """What one entry is worth here.

    standing: a recipe's own (open, corroborated, refuted, retracted); else counted, retracted, or not counted, as its author is
    not heard or has begun another epoch. fell_with: the recipe that it builds on and that took it along.
    """

    standing: str
    fell_with: EntryId | None = None


class Beliefs:
    """The fold, kept up to date.

    Of each author only the epoch counts that the charter gives it: the entries of an older one are refused everywhere now, so a
    newcomer never gets them, and what is believed may not depend on who heard what in time (docs/protocol.md §9.4).
    changes: grows whenever a recipe may have fallen.
    """

    def __init__(self, hive: Hive) -> None:
        self._hive = hive
        self.changes = 0
        self.clear()

    async def rebuild(self, feed: Feed) -> None:
        """Fold again from everything stored, own entries included."""
        self.clear()
        async for entry in feed.all():
            self._take(entry.id, entry.delta)

    def clear(self) -> None:
        """Nothing is believed: this node left its hive, or everything is folded again."""
        self._view = View(self._electorate())
        self._epochs = dict(self._hive.epochs())
        self.changes += 1

    def recount(self) -> None:
        """The charter changed, or somebody was quarantined: others are heard now, and whoever has a new epoch begins anew."""
        epochs = self._hive.epochs()
        for author, epoch in epochs.items():
            if self._epochs.get(author, epoch) != epoch:
                self._view.remove_author(author)
        self._epochs |= epochs
        self._view.recount(self._electorate())
        self.changes += 1

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

    def why_fallen(self, task: str, recipe: EntryId) -> Literal["retracted", "refuted"] | None:
        """As Repute.why_fallen."""
        belief = self.belief(task)
        found = next((one for one in belief.recipes if one.id == recipe), None) if belief else None
        # By name, so that the type says what is left.
        return found.standing if found and (found.standing == "retracted" or found.standing == "refuted") else None

    def regard(self, entry: EntryId, delta: Delta) -> Regard:
        """How an entry that is held counts now."""
        hive = self._hive
        if not hive.counts(delta) or delta.author in hive.quarantined or delta.author not in hive.owners():
            return Regard("not counted")
        if self._view.took_back(delta.author, entry):
            return Regard("retracted")
        belief = self.belief(delta.body.task) if isinstance(delta.body, Recipe) else None
        recipes = belief.recipes if belief else ()
        return next((Regard(one.standing, one.fell_with) for one in recipes if one.id == entry), Regard("counted"))

    def tasks(self) -> list[str]:
        """Tasks that anything is known of."""
        return self._view.tasks()

    def _take(self, entry: EntryId, delta: Delta) -> None:
        header = delta.header
        if delta.body is not None and self._hive.counts(delta):
            self._view.add(Seen(entry, delta.author, header.epoch, header.seq, delta.body))
            self.changes += isinstance(delta.body, Replication | Retract)

    def _electorate(self) -> Electorate:
        quarantined = dict.fromkeys(self._hive.quarantined, "quarantined")
        return Electorate.of(self._hive.owners(), quarantined)
