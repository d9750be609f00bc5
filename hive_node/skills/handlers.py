"""Handlers of one's own: functions marked with a decorator, in a file that `[skills] handlers` names.

Each runs in a process of its own, one event at a time. What it returns (JSON) is kept with the event's delivery, once.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from hive_node.skills.event import Kind

Handle: TypeAlias = Callable[[dict[str, Any]], Any]
F = TypeVar("F", bound=Handle)


@dataclass(frozen=True, slots=True)
class Handler:
    """A function and the kind of event that it is called with."""

    name: str
    kind: Kind
    handle: Handle


_collecting: list[list[Handler]] = []


@contextmanager
def collecting() -> Iterator[list[Handler]]:
    """Every handler that is marked within the block. Outside of one, a decorator marks nothing and the function is as it was."""
    found: list[Handler] = []
    _collecting.append(found)
    try:
        yield found
    finally:
        _collecting.remove(found)


def on_task_failed(handle: F) -> F:
    """Call this function with every task that failed."""
    return _mark(Kind.TASK_FAILED, handle)


def on_task_succeeded(handle: F) -> F:
    """Call this function with every task that succeeded."""
    return _mark(Kind.TASK_SUCCEEDED, handle)


def on_skill_executed(handle: F) -> F:
    """Call this function with every call of a skill."""
    return _mark(Kind.SKILL_EXECUTED, handle)


def _mark(kind: Kind, handle: F) -> F:
    for found in _collecting:
        found.append(Handler(handle.__name__, kind, handle))
    return handle
