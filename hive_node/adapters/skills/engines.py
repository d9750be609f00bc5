"""An engine of one's own, in a process of its own: it can hang or die, and takes nothing else along."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from hive_node.adapters.skills.wire import ANALYSIS, CASES, EPISODE, ORDER, PROPOSAL, PROPOSED, TRIED, VALIDATION
from hive_node.adapters.skills.worker import Worker, WorkerFault
from hive_node.ports import ModelFault, OverBudget
from hive_node.skills.case import Case
from hive_node.skills.engine import Analysis, Episode, Model, Order, Proposal, Trials, Unavailable, Validation

_MODULE: Final = "hive_node.adapters.skills.engine_process"
_ANALYSIS_S: Final = 60.0
_THINKING_S: Final = 900.0


@dataclass(frozen=True, slots=True)
class ForeignEngine:
    """As Engine. Raises WorkerFault where its code does not do it."""

    name: str
    worker: Worker = field(repr=False)

    @classmethod
    def named(cls, name: str) -> "ForeignEngine":
        """The engine of that entry point; its process starts with the first event."""
        return cls(name, Worker(("-P", "-m", _MODULE, name)))

    async def analyze_episode(self, episode: Episode) -> Analysis:
        """As Engine.analyze_episode."""
        request = {"step": "analyze_episode", "episode": EPISODE.dump_python(episode, mode="json")}
        analysis: Analysis = _read(ANALYSIS, await self.worker.ask(request, _ANALYSIS_S))
        return analysis

    async def propose_change(self, order: Order, model: Model | None) -> Proposal | Unavailable:
        """As Engine.propose_change."""
        request = {
            "step": "propose_change",
            "order": ORDER.dump_python(order, mode="json"),
            "has_model": model is not None,
        }

        async def answering(question: dict[str, Any]) -> dict[str, Any]:
            if model is None:
                return {"fault": ["model.none", "there is no language model"]}
            try:
                text, tokens = await model.ask(*question["model"])
            except (ModelFault, OverBudget) as fault:
                return {"fault": [fault.code, str(fault)]}
            return {"text": text, "tokens": tokens}

        proposed: Proposal | Unavailable | None = _read(
            PROPOSED, await self.worker.ask(request, _THINKING_S, answering)
        )
        return proposed or Unavailable("engine.nothing", f"{self.name} proposed nothing")

    async def validate_change(self, proposal: Proposal, cases: Sequence[Case], trials: Trials) -> Validation:
        """As Engine.validate_change."""
        request = {
            "step": "validate_change",
            "proposal": PROPOSAL.dump_python(proposal, mode="json"),
            "cases": CASES.dump_python(tuple(cases), mode="json"),
        }

        async def answering(question: dict[str, Any]) -> dict[str, Any]:
            source, asked = question["validate"]
            tree: dict[str, Any] = TRIED.dump_python(
                await trials.validate(source, CASES.validate_python(asked)), mode="json"
            )
            return tree

        validation: Validation = _read(VALIDATION, await self.worker.ask(request, _THINKING_S, answering))
        return validation


def _read(adapter: Any, tree: Any) -> Any:
    try:
        return adapter.validate_python(tree)
    except ValueError as error:
        raise WorkerFault("worker.answer", "its answer has not the form that engines answer in") from error
