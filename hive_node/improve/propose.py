"""Propose: the operator's draft becomes an idea, a row of the ledger."""

import asyncio
from dataclasses import replace

from hive_node.domain import Experiment, Files, Idea, State
from hive_node.improve.report import without_holdout
from hive_node.improve.workshop import Proposed, Workshop
from hive_node.operators.edits import edits_between
from hive_node.operators.normal_form import surface_digest
from hive_node.ports import Draft, Fault, Situation
from hive_node.subjects.evaluator import is_text
from protocol.ids import sha256_hex
from protocol.limits import TEXT_CHARS

_AFTER_PROPOSAL = frozenset({State.PROPOSED, State.TRIED, State.JUDGED})


async def propose(experiment: Experiment, workshop: Workshop) -> Proposed | None:
    """The next idea of the experiment's operator, or the one that was open; None where there is none left. Raises Stopped."""
    if experiment.state in _AFTER_PROPOSAL:
        record = await workshop.ledger.idea(experiment.id, experiment.iteration)
        return Proposed(experiment, record.idea)
    champion = await workshop.subject.files("champion")
    start = await workshop.subject.files("baseline")
    ledger = [without_holdout(record) for record in await workshop.past.of(experiment, workshop.ledger)]
    situation = Situation(experiment, champion, start, ledger)
    draft = await workshop.brake.over(lambda: workshop.operator.draft(situation))
    return await take_up(draft, champion, experiment, workshop) if draft else None


async def take_up(draft: Draft, champion: Files, experiment: Experiment, workshop: Workshop) -> Proposed:
    """Write a draft down as the experiment's next idea. Raises Fault(edit.not-text)."""
    is_verbatim = experiment.spec.surface.verbatim
    # Syntax trees and differences of large files take a while: beside the event loop.
    idea = await asyncio.to_thread(make_idea, draft, champion, experiment.iteration + 1, is_verbatim=is_verbatim)
    spent = replace(experiment.spent, iterations=idea.number)
    after = replace(experiment, state=State.PROPOSED, iteration=idea.number, spent=spent)
    return Proposed(await workshop.ledger.move(experiment.state, after, idea=idea), idea)


def make_idea(draft: Draft, champion: Files, number: int, *, is_verbatim: bool = False) -> Idea:
    """The idea that a draft is, on that champion. Raises Fault(edit.not-text)."""
    if not all(map(is_text, [draft.words, *draft.files, *draft.files.values()])):
        raise Fault("edit.not-text", "an edit holds half of a surrogate pair: no file in UTF-8 can")
    before = surface_digest(champion, is_verbatim=is_verbatim)
    variant = surface_digest({**champion, **draft.files}, is_verbatim=is_verbatim)
    return Idea(
        number=number,
        operator=draft.operator,
        words=draft.words[:TEXT_CHARS],
        files=dict(draft.files),
        edits=edits_between(champion, draft.files) or (),
        variant=variant,
        diff=sha256_hex(f"{before} {variant}".encode()),
        recipe=draft.recipe,
        parameters=dict(draft.parameters),
        is_like_for_like=draft.is_like_for_like,
    )
