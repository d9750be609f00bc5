"""What the flows say to one another, and to other nodes."""

from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from hive_node.ports.trials import Suggestion
from protocol.deltas import Body, Recipe, ShareLevel
from protocol.ids import EntryId, NodeId


@dataclass(frozen=True, slots=True)
class News:
    """Something worth telling the hive. purpose: what it says, once for ever; a second publication is the first."""

    purpose: str
    body: Body
    level: ShareLevel


class Publisher(Protocol):
    """The share flow, as the improve flow sees it."""

    async def publish(self, news: News) -> EntryId | None:
        """Tell the hive, or None where nothing leaves: no hive, level none, or refused by the guard."""
        ...

    async def told(self, purpose: str) -> EntryId | None:
        """The entry that said this, if it was told."""
        ...


class Suggester(Protocol):
    """The learn flow, as operators see it."""

    async def suggestions(self, task: str, *, besides: Container[EntryId] = ()) -> list[Suggestion]:
        """Some recipes for that task but for those `besides`, most worth trying first; none where no more are left."""
        ...

    async def ancestors(self, suggestion: Suggestion) -> tuple[Recipe, ...]:
        """What its author had adopted or found before it, oldest first; nothing where one of them is not known here."""
        ...


class Repute(Protocol):
    """What became of recipes in the hive's eyes, as the improve flow asks for it."""

    @property
    def changes(self) -> int:
        """Grows whenever a recipe may have fallen, or risen again."""
        ...

    def why_fallen(self, task: str, recipe: EntryId) -> Literal["retracted", "refuted"] | None:
        """`retracted` by its author, or `refuted` by as many owners as it takes, itself or what it builds on; None where it stands."""
        ...


class Spreader(Protocol):
    """Carries envelopes on to other nodes. Never waits, never raises."""

    def spread(self, envelopes: Sequence[bytes], *, source: NodeId | None) -> None:
        """Push to a few live peers, not back to `source`."""
        ...

    def ask(self, source: NodeId) -> None:
        """It handed over entries that do not follow what is held here: ask it for those between."""
        ...


@dataclass(frozen=True, slots=True)
class PeerLine:
    """A peer, in words a person would use.

    state: in step, behind (it lacks entries of ours), ahead (we lack some of its), asleep (it said goodbye), away, never met,
    through others (in a hive of more than 13: it is no neighbour of ours), quarantined, or shunned.
    behind_by: how many entries it lacks at most, where that is known. why: what a person should know of the state.
    standing: what its recipes earned here, less the square of its invalid signatures; never told to others.
    """

    node: NodeId
    name: str
    owner: str
    state: str
    address: str | None
    discovered_by: str | None
    sources: tuple[str, ...]
    seen_at: str | None
    entries: int
    behind_by: int | None = None
    why: str | None = None
    standing: float = 0.0
