"""A model at a provider's: what it is asked leaves this machine, so the scope guard looks at it first."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from guardrails.scope import ScopeGuard
from guardrails.scope.guard import REFUSES_AT
from guardrails.scope.redaction import blanked
from hive_node.ports import Answer, LanguageModel, Prompt


@dataclass(frozen=True, slots=True)
class ScannedModel:
    """The model, asked without secrets and without this machine's own names: a word in brackets stands in their place.

    What other persons the project's files name goes with them: its owner gave them to the model. refresh: makes the guard know
    what this machine is now.
    """

    model: LanguageModel
    guard: ScopeGuard
    refresh: Callable[[], Awaitable[None]]

    @property
    def name(self) -> str:
        """As LanguageModel.name."""
        return self.model.name

    async def most_tokens(self, prompt: Prompt) -> int:
        """As LanguageModel.most_tokens. Raises ModelFault."""
        return await self.model.most_tokens(await self._clean(prompt))

    async def answer(self, prompt: Prompt, max_tokens: int) -> Answer:
        """As LanguageModel.answer. Raises ModelFault."""
        return await self.model.answer(await self._clean(prompt), max_tokens)

    async def _clean(self, prompt: Prompt) -> Prompt:
        await self.refresh()
        return await asyncio.to_thread(self._without_secrets, prompt)

    def _without_secrets(self, prompt: Prompt) -> Prompt:
        turns = [(self._text(answer), self._text(said)) for answer, said in prompt.turns]
        return Prompt(self._text(prompt.system), self._text(prompt.material), self._text(prompt.question), turns)

    def _text(self, text: str) -> str:
        found = [
            one
            for one in self.guard.scan_text(text)
            if one.confidence >= REFUSES_AT and (one.kind == "secret" or one.rule.startswith("local."))
        ]
        return blanked(text, found)
