"""The hive's view: a fold over stored entries, kept up to date one entry at a time (docs/protocol.md §9)."""

from collections.abc import Iterable

from guardrails.consensus.claims import Report, Seen, read
from guardrails.consensus.held import Electorate, Held
from guardrails.consensus.tasks import TaskBelief, fold
from protocol.ids import EntryId, NodeId


def believe(entries: Iterable[Seen], electorate: Electorate, task: str) -> TaskBelief | None:
    """What the entries amount to on one task: a function of their set, whatever their order and however often each comes.

    None for a task of which no member reported an experiment or offered a recipe.
    """
    claims = (read(seen) for seen in entries)
    return fold(Held(claim for claim in claims if claim), task, electorate)


class View:
    """The same belief, incrementally: adding is O(1), and a task is folded when it is asked for and has changed.

    Holds claims, not bodies. Not safe for use from several threads.
    """

    def __init__(self, electorate: Electorate) -> None:
        self._electorate = electorate
        self._held = Held()
        self._settled: dict[str, TaskBelief | None] = {}
        # Beliefs that hang on recipes of other tasks, or on some not held yet. Rare, so they are forgotten together.
        self._crossing: dict[str, TaskBelief | None] = {}

    def add(self, seen: Seen) -> None:
        """Take one entry in. One that is held already, or is not aggregated here, changes nothing."""
        claim = read(seen)
        if claim is None or not self._held.add(claim):
            return
        if not isinstance(claim, Report):
            self._crossing.clear()
        if task := self._held.task_of(claim):
            self._settled.pop(task, None)
            self._crossing.pop(task, None)

    def remove_author(self, author: NodeId, after: tuple[int, int] | None = None) -> None:
        """Take out what that node said; with `after`, its (epoch, seq), only what it said later. O(entries)."""
        self._held = self._held.without(author, after)
        self._forget()

    def recount(self, electorate: Electorate) -> None:
        """Go by another electorate from here on: a new charter, with members, owners or f changed."""
        self._electorate = electorate
        self._forget()

    def took_back(self, author: NodeId, entry: EntryId) -> bool:
        """Whether that author, if it is heard, withdrew an entry of that id."""
        return author in self._electorate.owners and self._held.took_back(author, entry)

    def tasks(self) -> list[str]:
        """Tasks there is a belief of; sorted. O(entries)."""
        return self._held.tasks(self._electorate)

    def belief(self, task: str) -> TaskBelief | None:
        """As `believe` over everything added and not removed, byte for byte."""
        for beliefs in (self._settled, self._crossing):
            if task in beliefs:
                return beliefs[task]
        belief = fold(self._held, task, self._electorate)
        if belief is not None:
            (self._crossing if task in self._held.crossing else self._settled)[task] = belief
        return belief

    def _forget(self) -> None:
        self._settled.clear()
        self._crossing.clear()
