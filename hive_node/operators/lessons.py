"""What an experiment's ledger says of points of the space: the memory of the numeric operator, read line by line."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from hive_node.config.project import TuneHint
from hive_node.domain import IdeaRecord, State
from hive_node.operators.constants import Value
from hive_node.operators.space import search_space
from hive_node.ports import Situation

# A *no* to what was measured in full: how much better or worse it was still counts.
_MEASURED: Final = frozenset({"baseline.not-better", "baseline.too-small", "baseline.worse"})
_NO_LESSON: Final = frozenset({"trial.champion-failed"})


@dataclass(frozen=True, slots=True)
class Lesson:
    """gain: relative to the pinned baseline, positive is better; None where it crashed or a guard, or the holdout, said no."""

    values: Mapping[str, Value]
    gain: float | None


@dataclass(slots=True)
class Memory:
    """The lessons of one experiment. A new one, told the same ledger, holds the same: nothing is remembered but the ledger.

    Each gain is what was measured beside the champion of that moment, added to what that champion had gained: a machine that
    has become slower since then changes nothing.
    """

    lessons: list[Lesson] = field(default_factory=list)
    _of: tuple[str, int] = ("", 0)
    _files: dict[str, str] = field(default_factory=dict)
    _level: float = 0.0

    def read(self, situation: Situation, hints: Mapping[str, TuneHint]) -> list[Lesson]:
        """Every lesson up to now, the start first. hints: of the constants that are looked at."""
        identity, count = self._of
        if identity != situation.experiment.id or count > len(situation.ledger):
            self.lessons, self._files, self._level = [], dict(situation.start), 0.0
            self.lessons.append(Lesson(self._values(hints), 0.0))
            count = 0
        for record in situation.ledger[count:]:
            if record.outcome is None:
                break  # still open: its lesson comes with its outcome
            self._take(record, hints)
            count += 1
        self._of = (situation.experiment.id, count)
        return self.lessons

    def _take(self, record: IdeaRecord, hints: Mapping[str, TuneHint]) -> None:
        is_known, gain = _gain(record)
        is_promoted = record.outcome is State.PROMOTED
        if is_known:
            values = record.idea.parameters or self._values(hints, record)
            self.lessons.append(Lesson(values, None if gain is None else self._level + gain))
        if is_promoted:
            self._files.update(record.idea.files)
            self._level += gain or 0.0

    def _values(self, hints: Mapping[str, TuneHint], record: IdeaRecord | None = None) -> dict[str, Value]:
        """The constants of the champion of that moment; of the idea on it, where there is one: another operator's counts too."""
        files = {**self._files, **record.idea.files} if record else self._files
        return {place.key: value for place, (value, _) in search_space(files, hints).items()}


def _gain(record: IdeaRecord) -> tuple[bool, float | None]:
    """Whether there is anything to learn, and what was measured beside the champion."""
    trial = record.trial
    rejected = record.verdict.rejected if record.verdict else None
    if trial is None or (trial.failure and trial.failure.rule in _NO_LESSON):
        return False, None
    if trial.failure or (rejected and rejected.rule not in _MEASURED):
        return True, None
    return True, trial.evidence.gain if trial.evidence else None
