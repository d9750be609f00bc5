"""The track record: what the runs after each applied change say of it, read anew from their rows each time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from hive_node.advice.case import Case
from hive_node.advice.changes import holds
from hive_node.advice.effect import Effect, Level, Records, effect, level, records
from hive_node.advice.proposal import Proposal, Standing
from hive_node.domain import Experiment
from hive_node.ports.advice import AdviceShelf, Cleaner, Runs
from hive_node.subjects.workflow.reading import read_history, read_ideas

# Later ones say more of what was changed after them.
_LATER_EXPERIMENTS: Final = 3


@dataclass(frozen=True, slots=True)
class Told:
    """effects: of each change that was applied, by id. records: how often each confidence class was right here."""

    effects: Mapping[str, Effect]
    records: Records


@dataclass(slots=True)
class TrackRecord:
    """Remembers what an experiment that is over said of a change: it will say nothing else."""

    runs: Runs
    shelf: AdviceShelf
    cleaner: Cleaner
    _levels: dict[tuple[str, str], Level | None] = field(default_factory=dict)

    async def read(self) -> Told:
        """Everything that runs have told up to now."""
        applied = [one for one in await self.shelf.all() if one.standing is Standing.APPLIED]
        over = {project: await self._over(project) for project in sorted({one.project for one in applied})}
        effects = {one.id: await self._effect(one, over[one.project]) for one in applied}
        outcomes = ((one.finding.source, one.finding.confidence, effects[one.id].helped) for one in applied)
        return Told(effects, records(outcomes))

    async def _over(self, project: str) -> list[Experiment]:
        return [one for one in await self.runs.all(project) if one.is_over]

    async def _effect(self, proposal: Proposal, over: Sequence[Experiment]) -> Effect:
        since, change = proposal.decided_at or proposal.made_at, proposal.finding.change
        later = [one for one in over if one.created_at >= since and holds(change, one.spec)][:_LATER_EXPERIMENTS]
        return effect(proposal.measure, proposal.level, {one.id: await self._level(proposal, one) for one in later})

    async def _level(self, proposal: Proposal, experiment: Experiment) -> Level | None:
        key = (proposal.id, experiment.id)
        if key not in self._levels:
            history = await read_history(experiment, self.runs, self.cleaner)
            case = Case(experiment, history, await read_ideas(experiment, self.runs))
            self._levels[key] = level(proposal.measure, case)
        return self._levels[key]
