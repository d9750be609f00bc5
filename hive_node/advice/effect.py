"""Whether advice that was followed helped, and how often a confidence class was right. Pure: a fold over what the next runs told."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from hive_node.advice.case import Case, worst_change
from hive_node.advice.changes import AddStep, Change, TuneParam
from hive_node.advice.proposal import Confidence, Measure, Source

# Less of a difference is the machine's.
_LEAST_DIFFERENCE: Final = 0.1
# What a class stands for before anything was tried here, and how many tries that is worth.
# A model says itself how sure it is, and begins a class lower.
_PRIOR: Final[Mapping[Source, Mapping[Confidence, float]]] = {
    "rule": {Confidence.HIGH: 0.8, Confidence.MEDIUM: 0.5, Confidence.LOW: 0.25},
    "model": {Confidence.HIGH: 0.5, Confidence.MEDIUM: 0.35, Confidence.LOW: 0.2},
}
_PRIOR_WEIGHT: Final = 4.0
_HIGH_FROM: Final = 0.65
_MEDIUM_FROM: Final = 0.4


@dataclass(frozen=True, slots=True)
class Effect:
    """What the runs after a change say. experiments: those that were looked at. helped: None where they cannot tell."""

    helped: bool | None
    before: float | None
    after: float | None
    experiments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Record:
    """How often one class of one source was right here. told: changes that were applied, and of which later runs could tell."""

    told: int = 0
    helped: int = 0

    def plus(self, helped: bool) -> "Record":
        """One more."""
        return Record(self.told + 1, self.helped + helped)


Records = Mapping[tuple[Source, Confidence], Record]


def measure_of(change: Change, present: float | int | None) -> Measure | None:
    """What a change is meant to make less of. present: the number that it changes, as it is now."""
    match change:
        case AddStep():
            return Measure("failed-time")
        case TuneParam(table="step", which=which, value=value):
            return Measure("lost" if present is not None and value < present else "timed-out", which or "")
        case TuneParam(table="guard", which=which):
            return Measure("unused-tolerance", which or "")
        case TuneParam(table="metric"):
            return Measure("pairs")
        case TuneParam(table="tune"):
            return Measure("failed")
        case _:
            return None


def level(measure: Measure | None, case: Case) -> float | None:
    """The measure in one experiment, smaller is better; None where its runs say nothing of it."""
    history = case.history
    if measure is None or not history.runs:
        return None
    step = history.steps.get(measure.of)
    match measure.kind:
        case "failed":
            return history.failed / history.runs
        case "timed-out":
            return step.timed_out / step.runs if step else None
        case "lost":
            return step.lost_s / step.timed_out if step and step.timed_out else None
        case "failed-time":
            return history.failed_s / history.failed if history.failed else None
        case "pairs":
            taken = [one.trial.evidence.pairs for one in case.ideas if one.trial and one.trial.evidence]
            return sum(taken) / len(taken) if taken else None
        case "unused-tolerance":
            return _unused(measure.of, case)


def effect(before: float | None, levels: Mapping[str, float | None]) -> Effect:
    """What later experiments, all run with the change, say of it. levels: the measure in each of them."""
    told = {identity: value for identity, value in levels.items() if value is not None}
    if before is None or not told:
        return Effect(None, before, None, tuple(told))
    after = sum(told.values()) / len(told)
    return Effect(after <= before * (1.0 - _LEAST_DIFFERENCE), before, after, tuple(told))


def records(outcomes: Iterable[tuple[Source, Confidence, bool | None]]) -> dict[tuple[Source, Confidence], Record]:
    """Every class with its record, from what became of each change that was applied."""
    found: dict[tuple[Source, Confidence], Record] = {}
    for source, claimed, helped in outcomes:
        if helped is not None:
            found[source, claimed] = found.get((source, claimed), Record()).plus(helped)
    return found


def calibrated(source: Source, claimed: Confidence, known: Records) -> Confidence:
    """The class that a claim is worth here: what it stands for, moved by how often it was right."""
    record = known.get((source, claimed), Record())
    expected = (record.helped + _PRIOR[source][claimed] * _PRIOR_WEIGHT) / (record.told + _PRIOR_WEIGHT)
    if expected >= _HIGH_FROM:
        return Confidence.HIGH
    return Confidence.MEDIUM if expected >= _MEDIUM_FROM else Confidence.LOW


def _unused(metric: str, case: Case) -> float | None:
    """How much of a guard's tolerance its worst case left; 0 once it bound."""
    guard = next((one for one in case.experiment.spec.guard if one.metric == metric), None)
    changes = worst_change(case, guard) if guard else {}
    if guard is None or not changes or not guard.tolerance:
        return None
    return max(0.0, 1.0 - max(0.0, *changes.values()) / guard.tolerance)
