"""Windows over events: the last so many, and those of the last so long. Pure; an event's own time decides, not when it is looked at."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from hive_node.skills.event import TaskEvent

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Window:
    """At most `count` events, none older than `span` before the newest of them. Raises ValueError where it could hold none."""

    count: int
    span: timedelta

    def __post_init__(self) -> None:
        if self.count < 1 or self.span <= timedelta(0):
            raise ValueError("a window holds at least one event and some time")

    def of(self, events: Iterable[TaskEvent]) -> tuple[TaskEvent, ...]:
        """Those in the window that ends with the newest event, oldest first, each once, in whatever order they came."""
        ordered = sorted({event.id: event for event in events}.values(), key=lambda event: (event.at, event.id))
        if not ordered:
            return ()
        since = ordered[-1].at - self.span
        return tuple(event for event in ordered[-self.count :] if event.at >= since)


def grouped(events: Iterable[TaskEvent], key: Callable[[TaskEvent], K | None]) -> Mapping[K, Sequence[TaskEvent]]:
    """Events by their key, each group in the order it came; those without a key are in none."""
    groups: dict[K, list[TaskEvent]] = {}
    for event in events:
        if (found := key(event)) is not None:
            groups.setdefault(found, []).append(event)
    return groups
