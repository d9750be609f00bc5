"""What a person writes for the whole hive outside of deltas: a hive's name, a reason. The scope guard looks at it first."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from guardrails.scope import Finding, ScopeGuard
from guardrails.scope.guard import REFUSES_AT
from hive_node.ports import Fault


@dataclass(frozen=True, slots=True)
class Sayable:
    """Asks the guard, which first learns what this machine is now (`refresh`)."""

    guard: ScopeGuard
    refresh: Callable[[], Awaitable[None]]

    async def check(self, what: Literal["name", "reason", "owner"], text: str) -> None:
        """Raises Fault where nobody should read it. A name or an owner is what somebody wants to be known by: of such only
        secrets are refused.
        """
        await self.refresh()
        found = await asyncio.to_thread(self.guard.scan_text, text)
        refused = [one for one in found if one.confidence >= REFUSES_AT and (one.kind == "secret" or what == "reason")]
        if refused:
            raise Fault(
                "scope.text", f"the {what} holds {_words(refused[0])}: the whole hive would read it; say it without"
            )


def _words(finding: Finding) -> str:
    kind = "a secret" if finding.kind == "secret" else "personal data"
    return f"{kind} ({finding.entity}{f', known from {finding.source}' if finding.source else ''})"
