"""Whether advice that was followed helped, and how often a confidence class was right. Pure: a fold over what the next runs told."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from hive_node.advice.case import Case, worst_change
from hive_node.advice.changes import AddCase, AddStep, Change, TuneParam
from hive_node.advice.proposal import Confidence, Measure, Source

# Less of a difference is the machine's.
_LEAST_DIFFERENCE: Final = 0.1
# Of what is counted as a share of runs: how many cases there would have been without the change.
_LEAST_EXPECTED: Final = 3.0
_SHARES: Final = frozenset({"failed", "timed-out"})
# A new case that said no to none of so many ideas is one that nobody needed.
_ENOUGH_IDEAS: Final = 20
WATCH: Final = "[watch]"
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
class Level:
    """A measure in one experiment. runs: how many runs, or ideas, it is over."""

    value: float
    runs: int


@dataclass(frozen=True, slots=True)
class Effect:
    """What the runs after a change say. experiments: those that were looked at. helped: None where they cannot tell."""

    helped: bool | None
    before: float | None
    after: float | None
    experiments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Record:
    """How often one class of one source was right here. applied: changes; told: of which later runs could tell; helped: yes."""

    applied: int = 0
    told: int = 0
    helped: int = 0

    def plus(self, helped: bool | None) -> "Record":
        """One more."""
        return Record(self.applied + 1, self.told + (helped is not None), self.helped + (helped is True))


Records: TypeAlias = Mapping[tuple[Source, Confidence], Record]


def measure_of(change: Change, present: float | int | None) -> Measure | None:
    """What a change is meant to make less of, or, as a case, to catch. present: the number that it changes, as it is now."""
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
        case AddCase(guard=guard) if guard is not None:
            return Measure("caught", guard.metric)
        case AddCase(watch_s=watch_s) if watch_s is not None:
            return Measure("caught", WATCH)
        case _:
            return None


def level(measure: Measure | None, case: Case) -> Level | None:
    """The measure in one experiment; None where its runs say nothing of it."""
    history = case.history
    if measure is None or not history.runs:
        return None
    step = history.steps.get(measure.of)
    match measure.kind:
        case "failed":
            return Level(history.failed / history.runs, history.runs)
        case "timed-out":
            return Level(step.timed_out / step.runs, step.runs) if step else None
        case "lost":
            return Level(step.lost_s / step.timed_out, step.timed_out) if step and step.timed_out else None
        case "failed-time":
            return Level(history.failed_s / history.failed, history.failed) if history.failed else None
        case "pairs":
            taken = [one.trial.evidence.pairs for one in case.ideas if one.trial and one.trial.evidence]
            return Level(sum(taken) / len(taken), len(taken)) if taken else None
        case "unused-tolerance":
            return _unused(measure.of, case)
        case "caught":
            return _caught(measure.of, case)


def effect(measure: Measure | None, before: float | None, levels: Mapping[str, Level | None]) -> Effect:
    """What later experiments, all run with the change, say of it. levels: the measure in each of them."""
    told = {identity: found for identity, found in levels.items() if found is not None}
    runs = sum(found.runs for found in told.values())
    if measure is None or before is None or not runs:
        return Effect(None, before, None, tuple(told))
    after = sum(found.value * found.runs for found in told.values()) / runs
    return Effect(_has_helped(measure, before, after, runs), before, after, tuple(told))


def _has_helped(measure: Measure, before: float, after: float, runs: int) -> bool | None:
    if measure.kind == "caught":
        return True if after > 0 else False if runs >= _ENOUGH_IDEAS else None
    if measure.kind in _SHARES and before * runs < _LEAST_EXPECTED:
        return None  # that it did not happen again is what would have been seen anyway
    return after <= before * (1.0 - _LEAST_DIFFERENCE)


def records(outcomes: Iterable[tuple[Source, Confidence, bool | None]]) -> dict[tuple[Source, Confidence], Record]:
    """Every class with its record, from what became of each change that was applied."""
    found: dict[tuple[Source, Confidence], Record] = {}
    for source, claimed, helped in outcomes:
        found[source, claimed] = found.get((source, claimed), Record()).plus(helped)
    return found


def calibrated(source: Source, claimed: Confidence, known: Records) -> Confidence:
    """The class that a claim is worth here: what it stands for, moved by how often it was right."""
    record = known.get((source, claimed), Record())
    expected = (record.helped + _PRIOR[source][claimed] * _PRIOR_WEIGHT) / (record.told + _PRIOR_WEIGHT)
    if expected >= _HIGH_FROM:
        return Confidence.HIGH
    return Confidence.MEDIUM if expected >= _MEDIUM_FROM else Confidence.LOW


def _unused(metric: str, case: Case) -> Level | None:
    """How much of a guard's tolerance its worst case left; 0 once it bound."""
    guard = next((one for one in case.experiment.spec.guard if one.metric == metric), None)
    changes = worst_change(case, guard) if guard else {}
    if guard is None or not changes or not guard.tolerance:
        return None
    return Level(max(0.0, 1.0 - max(0.0, *changes.values()) / guard.tolerance), len(changes))


def _caught(case_of: str, case: Case) -> Level:
    """The share of ideas that a new case said no to: a guard by its metric, a look at promotions by what it took back."""
    if case_of == WATCH:
        return Level(case.experiment.reverted / max(1, len(case.ideas)), len(case.ideas))
    rejected = [one.verdict.rejected for one in case.ideas if one.verdict and one.verdict.rejected]
    bound = [one for one in rejected if one.rule == "baseline.regression" and one.details.get("metric") == case_of]
    return Level(len(bound) / max(1, len(case.ideas)), len(case.ideas))
