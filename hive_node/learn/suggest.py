"""Suggest: recipes that the hive believes in, for operators to try. Nothing is run on receipt."""

from collections.abc import Container
from dataclasses import dataclass
from typing import Final

from guardrails.consensus import RecipeBelief
from hive_node.domain import Experiment
from hive_node.hive import Hive
from hive_node.learn.aggregate import Beliefs
from hive_node.ports import Feed, Suggestion, Tally
from protocol.deltas import Recipe
from protocol.ids import EntryId

# Each is read from the store. Whoever has no use for these asks for others.
_MOST: Final = 32


@dataclass(frozen=True, slots=True)
class Suggest:
    """The learn flow's end, and the improve flow's beginning."""

    hive: Hive
    beliefs: Beliefs
    feed: Feed

    async def suggestions(self, task: str, *, besides: Container[EntryId] = ()) -> list[Suggestion]:
        """Peers' recipes for that task, most worth trying first; a few at once. Our own, fallen ones and those `besides` are none."""
        belief = self.beliefs.belief(task)
        wanted = [one for one in belief.recipes if self._is_wanted(one) and one.id not in besides] if belief else []
        found = [await self._suggestion(one) for one in wanted[:_MOST]]
        return [one for one in found if one is not None]

    async def ancestors(self, suggestion: Suggestion) -> tuple[Recipe, ...]:
        """As Suggester.ancestors. An unknown one leaves a hole: then only the recipe itself can be tried."""
        found = [await self._recipe(EntryId(parent)) for parent in suggestion.recipe.parents]
        known = tuple(parent for parent in found if parent is not None)
        return known if len(known) == len(found) else ()

    async def tallies(self, experiment: Experiment) -> dict[str, Tally]:
        """What the hive's other nodes say of operators on that task: for a sampler's prior, never more than that."""
        belief = self.beliefs.belief(experiment.task)
        found = belief.operators if belief else {}
        own = self.hive.node
        return {
            name: Tally(one.weight_of_others(own), one.count("promoted", besides=own)) for name, one in found.items()
        }

    def _is_wanted(self, belief: RecipeBelief) -> bool:
        return belief.is_suggested and belief.author != self.hive.node

    async def _suggestion(self, belief: RecipeBelief) -> Suggestion | None:
        recipe = await self._recipe(belief.id)
        if recipe is None:
            return None
        return Suggestion(
            id=belief.id,
            author=belief.author,
            owner=belief.owner,
            recipe=recipe,
            lower=belief.lower,
            is_corroborated=belief.is_corroborated,
            total=belief.earlier + recipe.evidence.gain,
        )

    async def _recipe(self, entry: EntryId) -> Recipe | None:
        stored = await self.feed.get(entry)
        if stored is None or stored.standing != "good" or not self.hive.counts(stored.delta):
            return None  # kept from an epoch that is over, it would be an ancestor here and a hole elsewhere
        return stored.delta.body if isinstance(stored.delta.body, Recipe) else None
