"""The language model as engines see it: within the dollars of `[skills]`, behind the scope guard where it is not on this machine."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from guardrails.budget import Budget, cap_in_micro_dollars
from hive_node.adapters.llm import ModelDesk
from hive_node.operators.purse import Purse
from hive_node.ports import Books, Clock, Ending, LanguageModel, ModelFault, Prompt

ACCOUNT: Final = "skills"
# A small tool and what the model thinks before it; the rest of a long answer is not paid for in advance.
_MOST_TOKENS: Final = 8_000


@dataclass(frozen=True, slots=True)
class SkillModel:
    """As hive_node.skills.engine.Model."""

    desk: ModelDesk
    model: Callable[[], Awaitable[LanguageModel]]
    books: Books
    dollars: float
    clock: Clock

    async def ask(self, system: str, material: str, question: str) -> tuple[str, int]:
        """As Model.ask. Raises ModelFault, OverBudget, StoreError; then nothing was asked, or its cost is on the books."""
        price = self.desk.price()
        if not price.is_free and not self.dollars:
            raise ModelFault(
                "model.over-budget", "the model costs money, and skills may spend none: write `dollars` under [skills]"
            )
        # Of the caps of an experiment only money means something here.
        caps = Budget(iterations=1, wall_s=1.0, micro_dollars=cap_in_micro_dollars(self.dollars))
        most = min(self.desk.most_output(), _MOST_TOKENS)
        purse = Purse(await self.model(), self.books, price, caps, self.clock, most)
        answer = await purse.ask(ACCOUNT, 0, Prompt(system, material, question))
        if answer.ending is not Ending.DONE:
            raise ModelFault(
                f"model.{answer.ending.value}", f"the model's answer was {answer.ending.value}", is_free=False
            )
        return answer.text, answer.usage.tokens
