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
from protocol.ids import NodeId
from protocol.wire import JsonValue, dump_json


@dataclass(frozen=True, slots=True)
class OperatorBelief:
    """What became of one operator's ideas.

    ideas: how many one owner claims. weights: by node, how many ideas its word counts for, an owner's nodes together for
    no more than the median owner claims; nothing where `ideas` is Unknown. shares: by fate, the part of an owner's ideas
    that met it; each figure stands alone, so they need not add up to 1.
    """

    ideas: Figure | Unknown
    weights: Mapping[NodeId, float]
    shares: Mapping[Fate, Figure | Unknown]

    @property
    def weight(self) -> float:
        """How many ideas all nodes' words count for."""
        return math.fsum(self.weights.values())

    def count(self, fate: Fate, *, besides: NodeId | None = None) -> float:
        """How many ideas with that fate this belief is worth as evidence, for a sampler's prior; at most their weight.

        besides: a node whose own ideas are left out, since it counts them itself; in the share it has its owner's one vote.
        """
        share = self.shares[fate]
        return self.weight_of_others(besides) * share.value if isinstance(share, Figure) else 0.0

    def weight_of_others(self, node: NodeId | None) -> float:
        """How many ideas the words of all nodes but that one count for."""
        return math.fsum(weight for one, weight in self.weights.items() if one != node)

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
    left_out: owners of whom a node spoke of this task and is not heard, each with why.
    """

    task: str
    metric: tuple[str, str]
    f: int
    owners: tuple[str, ...]
    typical_gain: Figure | Unknown
    best_gain: Figure | Unknown
    operators: Mapping[str, OperatorBelief]
    recipes: tuple[RecipeBelief, ...]
    left_out: tuple[tuple[str, str], ...] = ()

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
            "left_out": [{"owner": owner, "why": why} for owner, why in self.left_out],
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
        left_out=held.left_out(task, electorate),
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
    claims: defaultdict[str, dict[str, dict[NodeId, Ideas]]] = defaultdict(lambda: defaultdict(dict))
    for owner, reports in by_owner.items():
        for report in reports:
            node = report.place.author
            for name, ideas in report.operators.items():
                of_owner = claims[name][owner]
                of_owner[node] = of_owner.get(node, Ideas()) + ideas
    # A name that f owners alone use may be made up, and so may thousands of them.
    return {name: _operator(owners, f) for name, owners in claims.items() if len(owners) > f}


def _operator(claims: Mapping[str, Mapping[NodeId, Ideas]], f: int) -> OperatorBelief:
    of_owner = {owner: sum(nodes.values(), Ideas()) for owner, nodes in claims.items()}
    totals = {owner: float(ideas.total) for owner, ideas in of_owner.items()}
    ideas = robust_location(totals, f)
    shares = {
        fate: robust_location({owner: one.share(at) for owner, one in of_owner.items()}, f)
        for at, fate in enumerate(FATES)
    }
    return OperatorBelief(ideas, _weights(claims, totals) if isinstance(ideas, Figure) else {}, shares)


def _weights(claims: Mapping[str, Mapping[NodeId, Ideas]], totals: Mapping[str, float]) -> dict[NodeId, float]:
    """What each node's word counts for: its part of what its owner claims, as far as that is no more than the median."""
    at_most = statistics.median(totals.values())
    return {
        node: ideas.total * min(1.0, at_most / totals[owner])
        for owner, nodes in claims.items()
        for node, ideas in nodes.items()
    }
