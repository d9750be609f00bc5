"""One experiment's purse: no call of a model without the most that it can cost on the books, and the truth after it."""

import logging
from dataclasses import dataclass
from typing import Final

from guardrails.budget import Budget, Spent
from guardrails.prices import Price
from hive_node.ports import Answer, Books, Clock, LanguageModel, ModelFault, OverBudget, Prompt

logger = logging.getLogger(__name__)

# An answer cut shorter than this holds no idea with its edit; better none than a paid half.
LEAST_OUTPUT: Final = 1024
# A provider that is busy is asked again this soon; after that the experiment waits as a whole, without its place.
_PAUSES_S: Final = (2.0, 8.0)
_LONGEST_PAUSE_S: Final = 30.0
_BUSY: Final = frozenset({"model.rate-limited", "model.overloaded"})


@dataclass(frozen=True, slots=True)
class Purse:
    """caps: the experiment's. most_output: the longest answer that is wanted, in tokens."""

    model: LanguageModel
    books: Books
    price: Price
    caps: Budget
    clock: Clock
    most_output: int

    async def ask(self, experiment: str, idea: int, prompt: Prompt) -> Answer:
        """The model's answer, paid. Raises OverBudget, and nothing is asked; ModelFault, StoreError."""
        for pause_s in _PAUSES_S:
            try:
                return await self._ask_once(experiment, idea, prompt)
            except ModelFault as fault:
                # Each attempt is reserved by itself: one that may have cost something is not repeated here.
                if not fault.is_free or fault.code not in _BUSY or (fault.retry_after_s or 0) > _LONGEST_PAUSE_S:
                    raise
                await self.clock.sleep(max(pause_s, fault.retry_after_s or 0))
        return await self._ask_once(experiment, idea, prompt)

    async def _ask_once(self, experiment: str, idea: int, prompt: Prompt) -> Answer:
        prompt_tokens = await self.model.most_tokens(prompt)
        output = await self._output_within_caps(experiment, prompt_tokens)
        most = Spent(micro_dollars=self.price.most(prompt_tokens, output), tokens=prompt_tokens + output)
        call = await self.books.reserve(experiment, idea, self.model.name, most, self.caps)
        if call is None:
            raise OverBudget("dollars", "the budget changed while a call was prepared")
        try:
            answer = await self.model.answer(prompt, output)
        except ModelFault as fault:
            if fault.is_free:
                await self.books.release(call, fault.code)
            raise
        await self._settle(call, answer, most)
        return answer

    async def _output_within_caps(self, experiment: str, prompt_tokens: int) -> int:
        """The longest answer that the caps surely pay for. Raises OverBudget where none of use is left."""
        spent = await self.books.spent(experiment)
        left = self.caps.micro_dollars - spent.micro_dollars
        output = self.price.output_within(left, prompt_tokens, self.most_output)
        if output < LEAST_OUTPUT:
            raise OverBudget("dollars", "what is left of [budget] dollars pays for no further answer of the model")
        if self.caps.tokens is not None:
            output = min(output, self.caps.tokens - spent.tokens - prompt_tokens)
        if output < LEAST_OUTPUT:
            raise OverBudget(
                "tokens", "what is left of [budget] tokens is too little for a further answer of the model"
            )
        return output

    async def _settle(self, call: int, answer: Answer, most: Spent) -> None:
        cost = self.price.cost(answer.usage)
        await self.books.settle(call, answer.usage, cost)
        fields = {"call": call, "model": self.model.name, "tokens": answer.usage.tokens, "micro_dollars": cost}
        logger.info("model answered", extra=fields | {"ending": answer.ending.value})
        if cost > most.micro_dollars:
            logger.warning("a call cost more than was reserved for it", extra=fields)
