"""`recipe`: what a peer's measurement says works on the same task, tried here before anything is believed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from guardrails.constitution.globs import matches
from hive_node.domain import Files
from hive_node.operators.edits import apply_edits, changed
from hive_node.ports import Draft, Situation, Suggester, Suggestion
from protocol.deltas import Recipe
from protocol.ids import EntryId, sha256_hex
from protocol.limits import TEXT_CHARS


@dataclass(slots=True)
class FromRecipes:
    """The operator over the hive's suggestions. What does not fit on a champion is not looked at again until there is another."""

    suggester: Suggester
    name: str = "recipe"
    _passed: set[EntryId] = field(default_factory=set)
    _champion: tuple[str, str] = ("", "")

    async def draft(self, situation: Situation) -> Draft | None:
        """The first recipe that was not tried in this experiment and can be applied, or None."""
        experiment = situation.experiment
        if self._champion != (experiment.id, experiment.champion):
            self._passed, self._champion = set(), (experiment.id, experiment.champion)
        tried = {record.idea.recipe for record in situation.ledger if record.idea.recipe}
        while found := await self.suggester.suggestions(experiment.task, besides=tried | self._passed):
            for suggestion in found:
                if draft := await self._draft(suggestion, situation):
                    return draft
                self._passed.add(suggestion.id)
        return None

    async def _draft(self, suggestion: Suggestion, situation: Situation) -> Draft | None:
        surface = situation.experiment.spec.surface
        files = overreach(suggestion, surface.editable) or await self._transplant(suggestion, situation)
        if not files:
            return None
        is_same = is_like_for_like(suggestion.recipe, situation.champion)
        return Draft("recipe", _words(suggestion), files, recipe=suggestion.id, is_like_for_like=is_same)

    async def _transplant(self, suggestion: Suggestion, situation: Situation) -> dict[str, str] | None:
        """The files that the recipe changes here: on the champion where its edits fit there, else on the files it began from.

        The second way rebuilds the author's own state, which then stands against our champion as a whole: a trial is spent on
        that only where the author claims to have come farther than we are.
        """
        edits, champion = suggestion.recipe.edits, situation.champion
        result = apply_edits(champion, edits)
        if result is None and suggestion.total > situation.experiment.gained:
            result = apply_edits(rebuilt(situation.start, await self.suggester.ancestors(suggestion)), edits)
        return (changed(champion, result) or None) if result is not None else None


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


def rebuilt(start: Files, ancestors: Iterable[Recipe]) -> Files:
    """The author's files before its recipe. An ancestor that does not fit is passed over: its change is in another one's already."""
    author = dict(start)
    for ancestor in ancestors:
        author = apply_edits(author, ancestor.edits) or author
    return author


def _words(suggestion: Suggestion) -> str:
    # A peer's words are data: quoted as such, and judged by the constitution like anybody's.
    return f"Recipe {suggestion.id[:12]} of {suggestion.owner}: {suggestion.recipe.idea}"[:TEXT_CHARS]
