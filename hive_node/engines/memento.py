"""`memento`: failures of one kind, twice or more, become a candidate for a skill, with its cases taken from them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from hive_node.engines.kinds import is_alike, promoted_for, skill_for
from hive_node.engines.writing import write
from hive_node.skills.case import Case, case_of
from hive_node.skills.engine import (
    Analysis,
    Episode,
    Evidence,
    Model,
    Order,
    Proposal,
    Trials,
    Unavailable,
    Validation,
    Wanted,
)
from hive_node.skills.event import Kind
from hive_node.skills.signature import signature
from hive_node.skills.skill import State

_TIMES: Final = 2
# Of one kind, the newest: more of the same teach nothing new.
_MOST_EVENTS: Final = 20
# A new failure asks for another attempt where the last one did not hold. What a person rejected stays rejected.
_ASKS_AGAIN: Final = frozenset({State.REFUSED})


@dataclass(frozen=True, slots=True)
class Memento:
    """The engine."""

    name: str = "memento"

    async def analyze_episode(self, episode: Episode) -> Analysis:
        """As Engine.analyze_episode."""
        event, known = episode.event, skill_for(episode)
        if known is not None and (event.report.kind is not Kind.TASK_FAILED or known.state not in _ASKS_AGAIN):
            case = case_of(event)
            return Evidence(known.skill, (case,)) if case else None
        if event.report.kind is not Kind.TASK_FAILED:
            return None
        alike = [*(one for one in episode.earlier if is_alike(event, one)), event][-_MOST_EVENTS:]
        if len(alike) < _TIMES:
            return None
        return Wanted(
            task=known.task if known else alike[0].report.task,
            signature=signature(event.report.error),
            events=tuple(one.id for one in alike),
            skill=known.skill if known else None,
        )

    async def propose_change(self, order: Order, model: Model | None) -> Proposal | Unavailable:
        """As Engine.propose_change. Without a model, a skill of the same scope for a task like this one is tried."""
        if model is not None:
            return await write(order, model)
        near = promoted_for(order.version.task, order.known)
        if near is None:
            return Unavailable("model.none", "no language model is there, and no skill for a task like this one")
        return Proposal(near.source, f"as {near.skill}")

    async def validate_change(self, proposal: Proposal, cases: Sequence[Case], trials: Trials) -> Validation:
        """As Engine.validate_change: every case is really run."""
        tried = await trials.validate(proposal.source, cases)
        return Validation(tried.rejected, tried)
