"""`auto`: one of several operators, by Thompson sampling on what became of their ideas so far.

An operator's chance is a Beta distribution over "its next idea is promoted". What this experiment saw counts in full; what
other experiments on the task and the hive say is a prior, worth no more than `_HEARSAY` ideas each, and one less with each
idea that was decided here: whoever tells lies of an operator keeps it from its turn for a while, and not for ever.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from hive_node.domain import State
from hive_node.operators.draws import Draws, draws
from hive_node.ports import Draft, Experience, Fault, Operator, Situation, Tally

logger = logging.getLogger(__name__)

_HEARSAY: Final = 20.0
# (promoted, not promoted) before anything is known. Nothing is known of most; a peer's recipe was measured once already.
_UNKNOWN: Final = (1.0, 1.0)
_PRIORS: Final[Mapping[str, tuple[float, float]]] = {"recipe": (3.0, 1.0)}
_MODEL: Final = "model."


@dataclass(slots=True)
class Auto:
    """One experiment's choice among `operators`. An operator that has no idea leaves its turn to the next draw."""

    operators: Sequence[Operator]
    experiences: Sequence[Experience] = ()
    name: str = "auto"
    _left_out: set[str] = field(default_factory=set)

    async def draft(self, situation: Situation) -> Draft | None:
        """An idea of the operator that was drawn, or of the next one that has one. Raises Fault but for a model's."""
        chance = draws(situation, self.name)
        is_exploring = chance.random() < situation.experiment.spec.auto.explore
        situation = replace(situation, is_exploring=is_exploring)
        for operator in await self._order(situation, chance):
            if draft := await self._ask(operator, situation):
                return draft
        return None

    async def _order(self, situation: Situation, chance: Draws) -> list[Operator]:
        """Best draw first."""
        heard = [await experience.tallies(situation.experiment) for experience in self.experiences]
        drawn = [_draw(operator.name, situation, heard, chance) for operator in self.operators]
        order = sorted(range(len(drawn)), key=lambda at: -drawn[at])
        return [self.operators[at] for at in order]

    async def _ask(self, operator: Operator, situation: Situation) -> Draft | None:
        if operator.name in self._left_out:
            return None
        try:
            return await operator.draft(situation)
        except Fault as fault:
            if not fault.code.startswith(_MODEL):
                raise
            # A model that is not to be had now must not end what can be done without it.
            self._left_out.add(operator.name)
            fields = {"operator": operator.name, "experiment": situation.experiment.id, "code": fault.code}
            logger.warning("operator left out", extra=fields)
            return None


def _draw(name: str, situation: Situation, heard: Sequence[Mapping[str, Tally]], chance: Draws) -> float:
    promoted, failed = _PRIORS.get(name, _UNKNOWN)
    worth = max(0.0, _HEARSAY - sum(one.outcome is not None for one in situation.ledger))
    for tally in [_own(name, situation), *(_bounded(tallies[name], worth) for tallies in heard if name in tallies)]:
        promoted += tally.promoted
        failed += tally.decided - tally.promoted
    return chance.betavariate(promoted, failed)


def _own(name: str, situation: Situation) -> Tally:
    outcomes = [one.outcome for one in situation.ledger if one.idea.operator == name and one.outcome is not None]
    return Tally(len(outcomes), outcomes.count(State.PROMOTED))


def _bounded(tally: Tally, worth: float) -> Tally:
    """The same share, of no more ideas than hearsay is worth by now."""
    decided = max(tally.decided, 0.0)
    promoted = min(max(tally.promoted, 0.0), decided)
    weight = min(1.0, worth / decided) if decided else 0.0
    return Tally(decided * weight, promoted * weight)
