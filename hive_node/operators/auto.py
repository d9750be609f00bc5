"""`auto`: what the hive knows first, then what can be found alone."""

from collections.abc import Sequence
from dataclasses import dataclass

from hive_node.ports import Draft, Operator, Situation


@dataclass(frozen=True, slots=True)
class Auto:
    """The first of `operators` that has an idea."""

    operators: Sequence[Operator]
    name: str = "auto"

    async def draft(self, situation: Situation) -> Draft | None:
        """An idea of the first operator that has one."""
        for operator in self.operators:
            if draft := await operator.draft(situation):
                return draft
        return None
