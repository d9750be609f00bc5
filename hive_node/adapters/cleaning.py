"""The scope guard over what runs printed, before a person or a model is told of it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from guardrails.scope import Finding, ScopeGuard
from guardrails.scope.guard import REFUSES_AT
from guardrails.scope.redaction import blanked


@dataclass(frozen=True, slots=True)
class GuardedText:
    """As Cleaner. refresh: makes the guard know what this machine is now."""

    guard: ScopeGuard
    refresh: Callable[[], Awaitable[None]]

    async def clean(self, text: str) -> str:
        """The text with a word in brackets for each secret, personal datum and name of this machine; doubtful ones too."""
        return blanked(text, await self._found(text))

    async def without_secrets(self, text: str) -> str:
        """The same for secrets alone, and only where the guard is sure: the text is for this machine's user."""
        found = await self._found(text)
        return blanked(text, [one for one in found if one.kind == "secret" and one.confidence >= REFUSES_AT])

    async def _found(self, text: str) -> Sequence[Finding]:
        await self.refresh()
        return await asyncio.to_thread(self.guard.scan_text, text)
