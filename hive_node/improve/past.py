"""An experiment's ledger as its operator sees it: each line is read from the store once, and not again with every idea."""

from dataclasses import dataclass, field, replace

from hive_node.domain import Experiment, IdeaRecord, State
from hive_node.ports import Ledger


@dataclass(slots=True)
class Past:
    """Of one workshop. What became of an idea stands, but for promotions that are taken back: then all is read again."""

    _records: list[IdeaRecord] = field(default_factory=list)
    _reverted: int = 0

    async def of(self, experiment: Experiment, ledger: Ledger) -> list[IdeaRecord]:
        """Every idea of the experiment, in order. Whole texts of rejected ones are there once, when they are new."""
        if experiment.reverted != self._reverted:
            self._records, self._reverted = [], experiment.reverted
        settled = [_slim(record) for record in self._records if record.outcome is not None]
        self._records = [*settled, *await ledger.ideas(experiment.id, after=len(settled))]
        return list(self._records)


def _slim(record: IdeaRecord) -> IdeaRecord:
    if record.outcome is not State.REJECTED or not record.idea.files:
        return record
    return replace(record, idea=replace(record.idea, files={}))
