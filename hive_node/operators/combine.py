"""`combine`: what was found apart, together; or the champion without a part of what was found.

Nothing here is new. An idea that was better than its champion but failed on evidence or a guard, or that another experiment
promoted, is laid over the champion; and of the champion's own promotions one is taken back. The gate knows no difference: a
removal is promoted where it makes the metric better, and never for being simpler.
"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from hive_node.domain import Files, Idea, IdeaRecord, State
from hive_node.operators.edits import apply_edits, changed, edits_between
from hive_node.operators.normal_form import surface_digest
from hive_node.ports import Draft, Elsewhere, Situation
from protocol.deltas import Edit
from protocol.limits import TEXT_CHARS


@dataclass(frozen=True, slots=True)
class Combine:
    """The operator over what was measured before."""

    elsewhere: Elsewhere
    name: str = "combine"

    async def draft(self, situation: Situation) -> Draft | None:
        """The most promising combination that was not tried here, or None."""
        if not _promoted(situation.ledger):
            return None
        others = await self.elsewhere.promoted_elsewhere(situation.experiment)
        return await asyncio.to_thread(_draft, situation, others)


def _draft(situation: Situation, others: Sequence[Idea]) -> Draft | None:
    is_verbatim = situation.experiment.spec.surface.verbatim
    known = {record.idea.variant for record in situation.ledger}
    known |= {surface_digest(files, is_verbatim=is_verbatim) for files in (situation.champion, situation.start)}
    for words, files in _drafts(situation, others):
        if files and surface_digest({**situation.champion, **files}, is_verbatim=is_verbatim) not in known:
            return Draft("combine", words[:TEXT_CHARS], files)
    return None


def _drafts(situation: Situation, others: Sequence[Idea]) -> Iterator[tuple[str, dict[str, str]]]:
    """Most promising first: what was measured better, by how much; then removals, the newest promotion's last."""
    for record in _near_misses(situation.ledger):
        yield f"With idea {record.idea.number}: {record.idea.words}", _laid_over(situation.champion, record.idea.edits)
    for idea in others:
        yield f"With what another experiment promoted: {idea.words}", _laid_over(situation.champion, idea.edits)
    for number, words, edits in _removals(situation):
        yield f"Without idea {number}: {words}", _taken_back(situation.champion, edits)


def _promoted(ledger: Iterable[IdeaRecord]) -> list[Idea]:
    return [record.idea for record in ledger if record.outcome is State.PROMOTED]


def _near_misses(ledger: Sequence[IdeaRecord]) -> list[IdeaRecord]:
    """Ideas of earlier champions that were better than theirs, and rejected all the same; the best first."""
    last = max(record.idea.number for record in ledger if record.outcome is State.PROMOTED)
    found = [one for one in ledger if one.outcome is State.REJECTED and one.idea.number < last and _gain(one) > 0]
    return sorted(found, key=lambda one: (-_gain(one), len(one.idea.edits), one.idea.number))


def _gain(record: IdeaRecord) -> float:
    evidence = record.trial.evidence if record.trial else None
    return evidence.gain if evidence else 0.0


def _removals(situation: Situation) -> Iterator[tuple[int, str, tuple[Edit, ...]]]:
    """Each promotion but the last with the edits that undo it: without the last, the champion is one that was beaten."""
    state = dict(situation.start)
    for idea in _promoted(situation.ledger)[:-1]:
        after = {**state, **idea.files}
        edits = edits_between(after, {path: state[path] for path in idea.files if path in state})
        if edits:
            yield idea.number, idea.words, edits
        state = after


def _laid_over(champion: Files, edits: Iterable[Edit]) -> dict[str, str]:
    """What those of the edits change that still fit; where both changed a line, the champion's stays."""
    result = dict(champion)
    for edit in edits:
        result = apply_edits(result, [edit]) or result
    return changed(champion, result)


def _taken_back(champion: Files, edits: Iterable[Edit]) -> dict[str, str]:
    """What the edits change if all of them fit; half an idea taken back is another idea."""
    result = apply_edits(champion, edits)
    return changed(champion, result) if result is not None else {}
