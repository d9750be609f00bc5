"""What the hive believes of one task: a pure function of the set of claims on it (docs/protocol.md §9)."""

import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from guardrails.consensus.claims import FATES, Fate, Ideas, Offer, Report, newest
from guardrails.consensus.held import Electorate, Held
from guardrails.consensus.location import Figure, Unknown, robust_location
from guardrails.consensus.recipes import RecipeBelief, believe_recipes
from protocol.wire import JsonValue, dump_json


@dataclass(frozen=True, slots=True)
class OperatorBelief:
    """What became of one operator's ideas.

    ideas: how many one owner claims. weight: how many all owners' count for, none for more than the median claim; 0 where
    `ideas` is Unknown. shares: by fate, the part of an owner's ideas that met it; each figure stands alone, so they need
    not add up to 1.
    """

    ideas: Figure | Unknown
    weight: float
    shares: Mapping[Fate, Figure | Unknown]

    def count(self, fate: Fate) -> float:
        """How many ideas with that fate this belief is worth as evidence, for a sampler's prior; at most `weight`."""
        share = self.shares[fate]
        return self.weight * share.value if isinstance(share, Figure) else 0.0

    def tree(self) -> dict[str, JsonValue]:
        """As JSON."""
        shares: dict[str, JsonValue] = {fate: share.tree() for fate, share in self.shares.items()}
        return {"ideas": self.ideas.tree(), "weight": self.weight, "shares": shares}


@dataclass(frozen=True, slots=True)
class TaskBelief:
    """One task, as the hive sees it.

    metric: name and direction, as most owners name it. f: liars that every figure withstands, or it is Unknown.
    owners: who had a part, sorted. typical_gain, best_gain: over owners, of each the median and the best of its experiments.
    operators: those that at least f + 1 owners name. recipes: most worth trying first, fallen ones last.
    """

    task: str
    metric: tuple[str, str]
    f: int
    owners: tuple[str, ...]
    typical_gain: Figure | Unknown
    best_gain: Figure | Unknown
    operators: Mapping[str, OperatorBelief]
    recipes: tuple[RecipeBelief, ...]

    def tree(self) -> dict[str, JsonValue]:
        """As JSON."""
        operators: dict[str, JsonValue] = {name: belief.tree() for name, belief in self.operators.items()}
        return {
            "task": self.task,
            "metric": {"name": self.metric[0], "direction": self.metric[1]},
            "f": self.f,
            "owners": list(self.owners),
            "typical_gain": self.typical_gain.tree(),
            "best_gain": self.best_gain.tree(),
            "operators": operators,
            "recipes": [recipe.tree() for recipe in self.recipes],
        }

    def to_json(self) -> bytes:
        """Canonical: equal beliefs are equal bytes, whatever order the entries came in."""
        return dump_json(self.tree())


def fold(held: Held, task: str, electorate: Electorate) -> TaskBelief | None:
    """The belief that the held claims amount to; None for a task of which no member reported or offered anything."""
    said = held.reports(task, electorate)
    offers = held.offers_on(task, electorate)
    if not said and not offers:
        return None
    by_owner = _by_owner(held, said, electorate)
    recipes = believe_recipes(held, task, electorate)
    typical = {owner: statistics.median(one.gain for one in reports) for owner, reports in by_owner.items()}
    best = {owner: max(one.gain for one in reports) for owner, reports in by_owner.items()}
    return TaskBelief(
        task=task,
        metric=_metric([*said, *offers], electorate),
        f=electorate.f,
        owners=tuple(sorted(by_owner.keys() | _owners(recipes))),
        typical_gain=robust_location(typical, electorate.f),
        best_gain=robust_location(best, electorate.f),
        operators=_operators(by_owner, electorate.f),
        recipes=recipes,
    )


def _by_owner(held: Held, said: list[Report], electorate: Electorate) -> dict[str, list[Report]]:
    # A later summary of one experiment replaces the earlier one; a summary is not an increment.
    standing = (one for one in said if not held.is_withdrawn(one))
    result: defaultdict[str, list[Report]] = defaultdict(list)
    for report in newest(((one.place.author, one.experiment), one) for one in standing):
        result[electorate.owners[report.place.author]].append(report)
    return dict(result)


def _owners(recipes: Iterable[RecipeBelief]) -> set[str]:
    return {
        owner
        for recipe in recipes
        for owner in (recipe.owner, *recipe.confirmed_by, *recipe.refuted_by, *recipe.inapplicable_for)
    }


def _metric(claims: Iterable[Report | Offer], electorate: Electorate) -> tuple[str, str]:
    # The task's digest fixes the metric, so whoever names another is wrong; only the name on show is at stake.
    named: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for claim in claims:
        named[claim.metric].add(electorate.owners[claim.place.author])
    return min(named, key=lambda metric: (-len(named[metric]), metric))


def _operators(by_owner: Mapping[str, list[Report]], f: int) -> dict[str, OperatorBelief]:
    claims: defaultdict[str, dict[str, Ideas]] = defaultdict(dict)
    for owner, reports in by_owner.items():
        for report in reports:
            for name, ideas in report.operators.items():
                claims[name][owner] = claims[name].get(owner, Ideas()) + ideas
    # A name that f owners alone use may be made up, and so may thousands of them.
    return {name: _operator(owners, f) for name, owners in claims.items() if len(owners) > f}


def _operator(claims: Mapping[str, Ideas], f: int) -> OperatorBelief:
    totals = {owner: float(ideas.total) for owner, ideas in claims.items()}
    ideas = robust_location(totals, f)
    at_most = statistics.median(totals.values())
    weight = math.fsum(min(total, at_most) for total in totals.values()) if isinstance(ideas, Figure) else 0.0
    shares = {
        fate: robust_location({owner: one.share(at) for owner, one in claims.items()}, f)
        for at, fate in enumerate(FATES)
    }
    return OperatorBelief(ideas, weight, shares)
