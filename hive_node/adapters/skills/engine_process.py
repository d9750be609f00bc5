"""A process of an engine of one's own: `python -m hive_node.adapters.skills.engine_process NAME`."""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hive_node.adapters.plugins import ENGINES, load
from hive_node.adapters.skills.child import Line, take_line
from hive_node.adapters.skills.wire import ANALYSIS, CASES, EPISODE, ORDER, PROPOSAL, PROPOSED, TRIED, VALIDATION
from hive_node.ports import ModelFault
from hive_node.ports.skills import SkillFault
from hive_node.skills.case import Case
from hive_node.skills.engine import Engine
from hive_node.skills.skill import Tried


@dataclass(frozen=True, slots=True)
class _Model:
    """The node's model, asked over the line."""

    line: Line

    async def ask(self, system: str, material: str, question: str) -> tuple[str, int]:
        answer = self.line.ask({"model": [system, material, question]})
        if "fault" in answer:
            raise ModelFault(*answer["fault"])
        return answer["text"], answer["tokens"]


@dataclass(frozen=True, slots=True)
class _Trials:
    """The node's trials, asked over the line: the sandbox is the node's."""

    line: Line

    async def validate(self, source: str, cases: Sequence[Case]) -> Tried:
        answer = self.line.ask({"validate": [source, CASES.dump_python(tuple(cases), mode="json")]})
        if "fault" in answer:
            raise SkillFault(*answer["fault"])
        return TRIED.validate_python(answer)


def main() -> None:
    """Do an engine's three steps as the node asks for them."""
    line = take_line()
    engine: Engine = load(ENGINES, sys.argv[1])()
    line.serve(lambda request: asyncio.run(_answer(request, engine, line)))


async def _answer(request: dict[str, Any], engine: Engine, line: Line) -> Any:
    match request["step"]:
        case "analyze_episode":
            analysis = await engine.analyze_episode(EPISODE.validate_python(request["episode"]))
            return ANALYSIS.dump_python(analysis, mode="json")
        case "propose_change":
            model = _Model(line) if request["has_model"] else None
            answer = await engine.propose_change(ORDER.validate_python(request["order"]), model)
            return PROPOSED.dump_python(answer, mode="json")
        case _:
            proposal = PROPOSAL.validate_python(request["proposal"])
            cases = CASES.validate_python(request["cases"])
            validation = await engine.validate_change(proposal, cases, _Trials(line))
            return VALIDATION.dump_python(validation, mode="json")


if __name__ == "__main__":
    main()
