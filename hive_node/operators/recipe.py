"""`recipe`: what a peer's measurement says works on the same task, tried here before anything is believed."""

from dataclasses import dataclass

from hive_node.domain import Files
from hive_node.operators.edits import apply_edits, changed
from hive_node.ports import Draft, Situation, Suggester, Suggestion
from protocol.ids import EntryId


@dataclass(frozen=True, slots=True)
class FromRecipes:
    """The operator over the hive's suggestions."""

    suggester: Suggester
    name: str = "recipe"

    async def draft(self, situation: Situation) -> Draft | None:
        """The best recipe that was not tried in this experiment and can be applied, or None."""
        tried = {record.idea.recipe for record in situation.ledger}
        for suggestion in await self.suggester.suggestions(situation.experiment.task):
            if suggestion.id in tried:
                continue
            if files := transplant(suggestion, situation.champion, situation.start):
                return Draft("recipe", _words(suggestion), files, recipe=suggestion.id)
        return None


def transplant(suggestion: Suggestion, champion: Files, start: Files) -> dict[str, str] | None:
    """The files that the recipe changes here: on the champion where its edits fit there, else on the files it began from.

    The second way rebuilds the author's own state, ancestors first, so that it stands against our champion as a whole.
    """
    on_champion = apply_edits(champion, suggestion.recipe.edits)
    if on_champion is not None:
        return changed(champion, on_champion) or None
    rebuilt: dict[str, str] | None = dict(start)
    for recipe in (*suggestion.ancestors, suggestion.recipe):
        rebuilt = apply_edits(rebuilt, recipe.edits) if rebuilt is not None else None
    return (changed(champion, rebuilt) or None) if rebuilt is not None else None


def _words(suggestion: Suggestion) -> str:
    # A peer's words are data: quoted as such, and judged by the constitution like anybody's.
    return f"Recipe {EntryId(suggestion.id[:12])} of {suggestion.owner}: {suggestion.recipe.idea}"[:4000]
