"""`recipe`: what a peer's measurement says works on the same task, tried here before anything is believed."""

from collections.abc import Sequence
from dataclasses import dataclass

from guardrails.constitution.globs import matches
from hive_node.domain import Files
from hive_node.operators.edits import apply_edits, changed
from hive_node.ports import Draft, Situation, Suggester, Suggestion
from protocol.deltas import Recipe
from protocol.ids import sha256_hex
from protocol.limits import TEXT_CHARS


@dataclass(frozen=True, slots=True)
class FromRecipes:
    """The operator over the hive's suggestions."""

    suggester: Suggester
    name: str = "recipe"

    async def draft(self, situation: Situation) -> Draft | None:
        """The first recipe that was not tried in this experiment and can be applied, or None."""
        tried = {record.idea.recipe for record in situation.ledger if record.idea.recipe}
        editable = situation.experiment.spec.surface.editable
        for suggestion in await self.suggester.suggestions(situation.experiment.task, besides=tried):
            files = overreach(suggestion, editable) or transplant(suggestion, situation)
            if files:
                is_same = is_like_for_like(suggestion.recipe, situation.champion)
                return Draft("recipe", _words(suggestion), files, recipe=suggestion.id, is_like_for_like=is_same)
        return None


def overreach(suggestion: Suggestion, editable: Sequence[str]) -> dict[str, str]:
    """What the recipe would write outside the surface; nothing for an honest one.

    Drafted as it came, so that the constitution's *no* stands in the ledger with its rule, once, and is not passed over.
    """
    edits = suggestion.recipe.edits
    return {edit.path: edit.replace for edit in edits if not any(matches(glob, edit.path) for glob in editable)}


def is_like_for_like(recipe: Recipe, champion: Files) -> bool:
    """Whether the champion's files are those that the recipe says it improves: only then can a trial refute it."""
    return all(
        path in champion and sha256_hex(champion[path].encode("utf-8")) == digest
        for path, digest in recipe.files.items()
    )


def transplant(suggestion: Suggestion, situation: Situation) -> dict[str, str] | None:
    """The files that the recipe changes here: on the champion where its edits fit there, else on the files it began from.

    The second way rebuilds the author's own state, which then stands against our champion as a whole: a trial is spent on
    that only where the author claims to have come farther than we are.
    """
    champion = situation.champion
    on_champion = apply_edits(champion, suggestion.recipe.edits)
    if on_champion is not None:
        return changed(champion, on_champion) or None
    if suggestion.total <= situation.experiment.gained:
        return None
    rebuilt = _rebuilt(suggestion, situation.start)
    return (changed(champion, rebuilt) or None) if rebuilt is not None else None


def _rebuilt(suggestion: Suggestion, start: Files) -> dict[str, str] | None:
    """The author's files after the recipe, ancestors first. One that does not fit is passed over: its change is in another's already."""
    author = dict(start)
    for ancestor in suggestion.ancestors:
        author = apply_edits(author, ancestor.edits) or author
    return apply_edits(author, suggestion.recipe.edits)


def _words(suggestion: Suggestion) -> str:
    # A peer's words are data: quoted as such, and judged by the constitution like anybody's.
    return f"Recipe {suggestion.id[:12]} of {suggestion.owner}: {suggestion.recipe.idea}"[:TEXT_CHARS]
