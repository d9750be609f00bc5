"""What the aggregate keeps of an entry: numbers and names, a few hundred bytes. Texts, edits and sources stay in the store.

Fifty thousand whole bodies would be several times the daemon's memory budget; fifty thousand claims are a part of it.
"""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from sys import intern
from typing import Final, Literal, TypeAlias, TypeVar, get_args

from protocol.deltas import Body, Measured, Metric, Outcomes, Recipe, Replication, Retract, Summary
from protocol.ids import EntryId, NodeId

Outcome: TypeAlias = Literal["confirmed", "refuted", "inapplicable"]
# What became of an idea. `proposed` is not among them: it is the claim of how many there were.
Fate: TypeAlias = Literal["crashed", "refused", "rejected", "not_better", "promoted"]
FATES: Final[tuple[Fate, ...]] = get_args(Fate)


@dataclass(frozen=True, slots=True)
class Seen:
    """One stored entry: verified, in scope, and at its place in its author's feed. Two with one id are the same entry."""

    id: EntryId
    author: NodeId
    epoch: int
    seq: int
    body: Body | None


@dataclass(frozen=True, slots=True)
class Place:
    """Which entry a claim is from. Of one author's, the later in its feed is the newer; the id breaks an equivocator's tie."""

    id: EntryId
    author: NodeId
    epoch: int
    seq: int

    @property
    def order(self) -> tuple[int, int, str]:
        return (self.epoch, self.seq, self.id)


@dataclass(frozen=True, slots=True)
class Evidence:
    """A measured relative gain, a lower bound that never exceeds it, and the e-value where there is one."""

    gain: float
    lower: float
    e_value: float | None


@dataclass(frozen=True, slots=True)
class Ideas:
    """How many ideas of one operator there were, and how many met each of FATES. Sums of such are such."""

    total: int = 0
    fates: tuple[int, ...] = (0,) * len(FATES)

    def __add__(self, other: "Ideas") -> "Ideas":
        return Ideas(self.total + other.total, tuple(map(sum, zip(self.fates, other.fates, strict=True))))

    def share(self, fate: int) -> float:
        return self.fates[fate] / self.total


@dataclass(frozen=True, slots=True)
class Report:
    """A summary: what one experiment gained, and what became of each operator's ideas."""

    place: Place
    task: str
    metric: tuple[str, str]
    experiment: str
    gain: float
    operators: Mapping[str, Ideas] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Offer:
    """A recipe, without its edits."""

    place: Place
    task: str
    metric: tuple[str, str]
    project: str
    operator: str
    evidence: Evidence
    parents: tuple[EntryId, ...]


@dataclass(frozen=True, slots=True)
class Vote:
    """A replication. `evidence` is None where nothing was measured."""

    place: Place
    task: str
    recipe: EntryId
    outcome: Outcome
    evidence: Evidence | None


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A retraction, yet to be matched with an entry of the same author."""

    place: Place
    entry: EntryId


Claim: TypeAlias = Report | Offer | Vote | Withdrawal
_C = TypeVar("_C", Report, Vote)


def read(seen: Seen) -> Claim | None:
    """The claim that an entry makes; None for kinds that are not aggregated here, and for a confirmation without proof."""
    # The same few names stand in every entry, each time as another string.
    place = Place(seen.id, NodeId(intern(seen.author)), seen.epoch, seen.seq)
    match seen.body:
        case Summary() as body:
            return _report(place, body)
        case Recipe() as body:
            return _offer(place, body)
        case Replication() as body:
            return _vote(place, body)
        case Retract() as body:
            return Withdrawal(place, EntryId(body.entry))
        case _:
            return None


def newest(claims: Iterable[tuple[Hashable, _C]]) -> list[_C]:
    """Of the claims under one key the one that stands last in its author's feed."""
    latest: dict[Hashable, _C] = {}
    for key, claim in claims:
        other = latest.get(key)
        if other is None or other.place.order < claim.place.order:
            latest[key] = claim
    return list(latest.values())


def _report(place: Place, body: Summary) -> Report:
    operators = {intern(name): _ideas(outcomes) for name, outcomes in body.operators.items()}
    made = {name: ideas for name, ideas in operators.items() if ideas.total}
    return Report(place, intern(body.task), _metric(body.metric), intern(body.experiment), body.gain, made)


def _offer(place: Place, body: Recipe) -> Offer:
    parents = tuple(EntryId(parent) for parent in dict.fromkeys(body.parents))
    named = (intern(body.project), intern(body.operator))
    return Offer(place, intern(body.task), _metric(body.metric), *named, _evidence(body.evidence), parents)


def _vote(place: Place, body: Replication) -> Vote | None:
    measured = body.evidence if body.outcome != "inapplicable" else None
    if body.outcome == "confirmed" and (measured is None or measured.gain <= 0):
        return None  # "confirmed" is a word; a gain that was measured is what confirms
    evidence = _evidence(measured) if measured else None
    return Vote(place, intern(body.task), EntryId(body.recipe), body.outcome, evidence)


def _evidence(measured: Measured) -> Evidence:
    # Adding zero turns −0.0 into 0.0: equal numbers must also be equal bytes.
    gain, lower = measured.gain + 0.0, measured.lower + 0.0
    return Evidence(gain, min(lower, gain), measured.e_value)


def _ideas(outcomes: Outcomes) -> Ideas:
    fates = tuple(getattr(outcomes, fate) for fate in FATES)
    # More fates than ideas is a claim that contradicts itself; no share may exceed one.
    return Ideas(max(outcomes.proposed, sum(fates)), fates)


def _metric(metric: Metric) -> tuple[str, str]:
    return (intern(metric.name), metric.direction)
