"""One experiment's purse: no call of a model without the most that it can cost on the books, and the truth after it."""

import logging
from dataclasses import dataclass
from typing import Final

from guardrails.budget import Budget, Spent
from guardrails.prices import Price
from hive_node.ports import Answer, Books, Cap, Clock, Ending, LanguageModel, ModelFault, OverBudget, Prompt

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
        output, cap = await self._output_within_caps(experiment, prompt_tokens)
        most = Spent(micro_dollars=self.price.most(prompt_tokens, output), tokens=prompt_tokens + output)
        call = await self.books.reserve(experiment, idea, self.model.name, most, self.caps)
        if call is None:
            raise OverBudget(cap, "the rest of the budget went to another call")
        try:
            answer = await self.model.answer(prompt, output)
        except ModelFault as fault:
            if fault.is_free:
                await self.books.release(call, fault.code)
            raise
        await self._settle(call, answer, most)
        if answer.ending is Ending.CUT_OFF and output < self.most_output:
            raise OverBudget(cap, f"what was left of [budget] {cap} paid for no whole answer of the model")
        return answer

    async def _output_within_caps(self, experiment: str, prompt_tokens: int) -> tuple[int, Cap]:
        """The longest answer that the caps surely pay for, and which of them is the narrowest. Raises OverBudget: none of use."""
        spent = await self.books.spent(experiment)
        left = self.caps.micro_dollars - spent.micro_dollars
        output, cap = self.price.output_within(left, prompt_tokens, self.most_output), Cap.DOLLARS
        if self.caps.tokens is not None:
            by_tokens = self.caps.tokens - spent.tokens - prompt_tokens
            output, cap = min((output, cap), (by_tokens, Cap.TOKENS))
        if output < LEAST_OUTPUT:
            logger.info(
                "call not made", extra={"experiment": experiment, "cap": cap.value, "prompt_tokens": prompt_tokens}
            )
            raise OverBudget(cap, f"what is left of [budget] {cap} pays for no further answer of the model")
        return output, cap

    async def _settle(self, call: int, answer: Answer, most: Spent) -> None:
        cost = self.price.cost(answer.usage)
        await self.books.settle(call, answer.usage, cost)
        fields = {"call": call, "model": self.model.name, "tokens": answer.usage.tokens, "micro_dollars": cost}
        logger.info("model answered", extra=fields | {"ending": answer.ending.value})
        if cost > most.micro_dollars:
            logger.warning("a call cost more than was reserved for it", extra=fields)
