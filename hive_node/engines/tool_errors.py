"""`tool-errors`: an error that came twice within an hour is told to the agent, before there is a fix. Needs no model."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from guardrails.verdict import Rejected
from hive_node.skills.case import Case
from hive_node.skills.engine import Analysis, Episode, Guidance, Model, Order, Proposal, Trials, Unavailable, Validation
from hive_node.skills.event import Kind
from hive_node.skills.signature import signature
from hive_node.skills.windows import Window

_TIMES: Final = 2
_WINDOW: Final = Window(count=200, span=timedelta(hours=1))


@dataclass(frozen=True, slots=True)
class ToolErrors:
    """The engine."""

    name: str = "tool-errors"

    async def analyze_episode(self, episode: Episode) -> Analysis:
        """As Engine.analyze_episode."""
        report = episode.event.report
        kind = signature(report.error)
        if report.kind is not Kind.TASK_FAILED or not kind:
            return None
        failed = [one for one in episode.earlier if one.report.kind is Kind.TASK_FAILED]
        same = _WINDOW.of([*(one for one in failed if signature(one.report.error) == kind), episode.event])
        # Told at the second time, and again whenever it came twice as often: not anew with each.
        if len(same) < _TIMES or len(same).bit_count() > 1:
            return None
        tasks = ", ".join(dict.fromkeys(one.report.task for one in same))
        text = f"This error came {len(same)} times within an hour: {kind}\nSeen in: {tasks}\nDo not try the same again."
        return Guidance(kind, text, tuple(one.id for one in same))

    async def propose_change(self, order: Order, model: Model | None) -> Proposal | Unavailable:
        """It makes no skills."""
        return Unavailable("engine.guidance-only", "tool-errors tells of errors; it writes no skills")

    async def validate_change(self, proposal: Proposal, cases: Sequence[Case], trials: Trials) -> Validation:
        """It makes no skills."""
        return Validation(Rejected("engine.guidance-only", "tool-errors writes no skills"))
