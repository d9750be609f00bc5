"""`tune`: new values for the constants of the editable surface, from everything that was measured so far.

The ledger is its memory: a restart forgets nothing.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from hive_node.domain import Files
from hive_node.operators.axes import Point, axes_of, point_of, values_at
from hive_node.operators.constants import Value, replace_constants
from hive_node.operators.edits import changed
from hive_node.operators.lessons import Lesson, Memory
from hive_node.operators.search import search
from hive_node.operators.space import Space, search_space, widened
from hive_node.ports import Draft, Situation
from protocol.limits import TEXT_CHARS


@dataclass(frozen=True, slots=True)
class Tune:
    """The numeric operator. memory: what it has read of one experiment's ledger, so that it reads each line once."""

    name: str = "tune"
    memory: Memory = field(default_factory=Memory)

    async def draft(self, situation: Situation) -> Draft | None:
        """New values for some constants, or None where there are no constants or no new values."""
        # Optuna is 30 MB and a second to import, and a model takes milliseconds: both beside the event loop.
        return await asyncio.to_thread(_draft, situation, self.memory)


def _draft(situation: Situation, memory: Memory) -> Draft | None:
    hints = situation.experiment.spec.tune
    present = search_space(situation.champion, hints)
    if not present:
        return None
    start = search_space(situation.start, hints)
    space = widened(present, start)
    axes = axes_of(space)
    lessons = memory.read(situation, hints)
    tried = {_signature(values) for values in _tried(situation, present, start, lessons)}

    def is_new(point: Point) -> bool:
        return _signature(values_at(axes, point)) not in tried

    found = (point_of(axes, values) for values in (_best(situation, present, lessons), _values(present)))
    best = next((point for point in found if point), tuple(0.5 for _ in axes))
    for point in search(axes, lessons, best, is_new, situation).points():
        parameters = values_at(axes, point)
        if files := _apply(situation.champion, space, parameters):
            return Draft("tune", _words(space, parameters), files, parameters=parameters)
    return None


def _tried(situation: Situation, present: Space, start: Space, lessons: list[Lesson]) -> list[Mapping[str, Value]]:
    """What need not be proposed: where it began, where it is, and everything that was proposed, measured or not."""
    proposed = [record.idea.parameters for record in situation.ledger]
    return [_values(start), _values(present), *proposed, *(lesson.values for lesson in lessons)]


def _best(situation: Situation, present: Space, lessons: list[Lesson]) -> Mapping[str, Value]:
    """Where steps begin: at the champion, or, where one run tells all, at the best that was measured."""
    baseline = situation.experiment.baseline
    measured = [lesson for lesson in lessons if lesson.gain is not None]
    if baseline is None or not baseline.calibration.deterministic or not measured:
        return _values(present)
    return max(measured, key=lambda lesson: lesson.gain or 0.0).values


def _apply(champion: Files, space: Space, parameters: Mapping[str, Value]) -> dict[str, str] | None:
    result = dict(champion)
    for path in {place.path for place in space}:
        chosen = {place.name: parameters[place.key] for place in space if place.path == path}
        text = replace_constants(champion[path], chosen)
        if text is None:
            return None
        result[path] = text
    return changed(champion, result) or None


def _values(space: Space) -> dict[str, Value]:
    return {place.key: value for place, (value, _) in space.items()}


def _words(space: Space, parameters: Mapping[str, Value]) -> str:
    new = {place: (old, parameters[place.key]) for place, (old, _) in space.items() if parameters[place.key] != old}
    return ("Set " + ", ".join(f"{place.name} {old!r} → {value!r}" for place, (old, value) in new.items()))[:TEXT_CHARS]


def _signature(parameters: Mapping[str, Value]) -> str:
    return repr(sorted(parameters.items()))
