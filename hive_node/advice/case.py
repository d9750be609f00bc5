"""One experiment as a rule looks at it, and what a rule finds. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from guardrails.evidence import Direction
from guardrails.evidence.pairs import median, relative_gain
from hive_node.advice.changes import Change, plain
from hive_node.advice.history import History, RunEvent, evenly
from hive_node.advice.proposal import MOST_EVIDENCE, Confidence, Finding, Place
from hive_node.config.project import GuardSection
from hive_node.domain import Experiment, IdeaRecord

# As many files as one command names.
MOST_FILES = 16


@dataclass(frozen=True, slots=True)
class Case:
    """One experiment and all that was seen of it. Of the ideas' holdouts nothing is read.

    editable: files that a candidate may write. files: every path of the project's commit. most_pairs: what a comparison may take.
    """

    experiment: Experiment
    history: History
    ideas: Sequence[IdeaRecord]
    editable: Sequence[str] = ()
    files: frozenset[str] = frozenset()
    most_pairs: int = 1

    @property
    def sources(self) -> tuple[str, ...]:
        """Editable Python files, as many as a command names."""
        return tuple(path for path in self.editable if path.endswith(".py"))[:MOST_FILES]


@dataclass(frozen=True, slots=True)
class Found:
    """A finding, and every failure that it explains; its evidence names some of them."""

    finding: Finding
    explains: frozenset[str] = frozenset()


def found(
    case: Case,
    change: Change,
    confidence: Confidence,
    title: str,
    rationale: str,
    events: Sequence[RunEvent],
) -> Found:
    """What a rule found, with those events as its evidence."""
    evidence = tuple(Place(case.experiment.id, event.id, event.line()) for event in evenly(events, MOST_EVIDENCE))
    finding = Finding(change, confidence, title, rationale, evidence)
    return Found(finding, frozenset(event.id for event in events))


def worst_change(case: Case, guard: GuardSection) -> dict[int, float]:
    """By idea: how much worse than the pinned baseline a guard metric was, as the gate reads it; negative is better."""
    measured = {one.idea.number: one.trial.guards.get(guard.metric) for one in case.ideas if one.trial}
    return {number: _worsening(pairs, Direction(guard.direction)) for number, pairs in measured.items() if pairs}


def share_of(count: int, total: int, noun: str = "run") -> str:
    """`1 of 600 runs`."""
    return f"{count} of {total} {noun}{'' if total == 1 else 's'}"


def quoted(events: Sequence[RunEvent]) -> str:
    """What the last of them that said anything said."""
    said = next((event.said for event in reversed(events) if event.said), "")
    return f" (it said: {said})" if said else ""


def rounded_up(value: float) -> float:
    """To two digits, upwards: what is suggested is a round number, and the same one the next time."""
    scale = 10.0 ** (math.floor(math.log10(value)) - 1)
    return plain(float(f"{math.ceil(round(value / scale, 6)) * scale:.2g}"))


def _worsening(pairs: Sequence[tuple[float, float]], direction: Direction) -> float:
    scale = median([pinned for pinned, _ in pairs])
    return median([-relative_gain(pinned, candidate, direction, scale) for pinned, candidate in pairs])
