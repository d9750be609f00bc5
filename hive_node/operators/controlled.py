"""An operator beside its control: every few ideas are a classical operator's, so that the report can show what either is worth."""

from dataclasses import dataclass

from hive_node.ports import Draft, Operator, Situation


@dataclass(frozen=True, slots=True)
class Controlled:
    """`operator`, but for one idea in `every`, which is `control`'s where it has one. Each idea bears its own maker's name."""

    operator: Operator
    control: Operator
    every: int = 4

    @property
    def name(self) -> str:
        """The operator's: the control is no choice of its own."""
        return self.operator.name

    async def draft(self, situation: Situation) -> Draft | None:
        """The next idea. Told by the ledger whose turn it is, so that a restart changes nothing."""
        if self._is_controls_turn(situation) and (draft := await self.control.draft(situation)):
            return draft
        return await self.operator.draft(situation)

    def _is_controls_turn(self, situation: Situation) -> bool:
        recent = situation.ledger[-(self.every - 1) :] if self.every > 1 else []
        return len(recent) == self.every - 1 and all(one.idea.operator != self.control.name for one in recent)
