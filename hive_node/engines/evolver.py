"""`evolver`: a promoted skill that is slow, costly or fails is changed, and the change tried against everything recorded."""

from collections.abc import Sequence
from dataclasses import dataclass

from hive_node.engines.writing import write
from hive_node.skills.case import Case
from hive_node.skills.engine import Analysis, Episode, Model, Order, Proposal, Trials, Unavailable, Validation, Wanted
from hive_node.skills.event import Kind, Report
from hive_node.skills.fitness import COSTLY_TOKENS, SLOW_S
from hive_node.skills.skill import State


@dataclass(frozen=True, slots=True)
class Evolver:
    """The engine."""

    name: str = "evolver"

    async def analyze_episode(self, episode: Episode) -> Analysis:
        """As Engine.analyze_episode."""
        event = episode.event
        weakness = _weakness(event.report)
        if event.report.kind is not Kind.SKILL_EXECUTED or not weakness:
            return None
        is_its = [one for one in episode.versions if one.skill == event.report.skill and one.state is State.PROMOTED]
        if not is_its:
            return None
        (parent,) = is_its
        return Wanted(
            task=parent.task,
            signature=parent.signature,
            events=(*parent.events, event.id),
            skill=parent.skill,
            parent=parent.number,
            words=weakness,
        )

    async def propose_change(self, order: Order, model: Model | None) -> Proposal | Unavailable:
        """As Engine.propose_change."""
        if model is None:
            return Unavailable("model.none", "a change of a skill is written by a language model, and none is there")
        return await write(order, model)

    async def validate_change(self, proposal: Proposal, cases: Sequence[Case], trials: Trials) -> Validation:
        """As Engine.validate_change. Whether it is better than its parent, the node compares by the fitness."""
        tried = await trials.validate(proposal.source, cases)
        return Validation(tried.rejected, tried)


def _weakness(report: Report) -> str:
    """What was wrong with a call, in words; empty where nothing was."""
    if report.passed is False:
        return "it fails"
    if report.seconds is not None and report.seconds > SLOW_S:
        return f"it is slow: {report.seconds:.1f} s"
    if report.tokens is not None and report.tokens > COSTLY_TOKENS:
        return f"it is costly: {report.tokens} tokens"
    return ""
