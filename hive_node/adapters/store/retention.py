"""Lets go of what the settings say is too old: a few hundred rows a transaction, so that nobody waits for it."""

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import ColumnElement, Integer, Table, delete, func, literal_column, select

from hive_node.adapters.store.database import Database
from hive_node.adapters.store.journal import Journal
from hive_node.adapters.store.tables import contests, events, experiments, samples, sessions
from hive_node.agents.session import Ending
from hive_node.config.retention import RetentionSection
from hive_node.domain import State
from hive_node.ports import Clock
from protocol.charter import stamp

logger = logging.getLogger(__name__)

_EVERY_S: Final = 24 * 3600.0
# Some milliseconds of writing; then whoever waits has its turn.
_AT_ONCE: Final = 500
_OVER: Final = (State.FINALIZED.value, State.STOPPED.value, State.FAILED.value)


@dataclass(frozen=True, slots=True)
class Retention:
    """A service that sweeps at each start and every day. Cut off, the next sweep goes on where it was."""

    database: Database
    journal: Journal
    clock: Clock
    settings: RetentionSection

    async def serve(self) -> None:
        """Sweep until cancelled; where nothing goes by age, return. Raises StoreError."""
        while any(days is not None for days in self.settings.model_dump().values()):
            await self.sweep()
            await self.clock.sleep(_EVERY_S)

    async def sweep(self) -> dict[str, int]:
        """Remove what is too old, and tell how many rows of each table that were. Raises StoreError."""
        removed = {table.name: await self._remove(table, is_old) for table, is_old in self._old()}
        found = {name: count for name, count in removed.items() if count}
        if found:
            logger.info("old rows removed", extra=found)
            await self.journal.tell("retention", **found)
        return found

    def _old(self) -> list[tuple[Table, ColumnElement[bool]]]:
        found: list[tuple[Table, ColumnElement[bool]]] = []
        if (days := self.settings.runs_days) is not None:
            over = select(experiments.c.id).where(experiments.c.state.in_(_OVER))
            found.append((samples, (samples.c.at < self._before(days)) & samples.c.experiment.in_(over)))
        if (days := self.settings.sessions_days) is not None:
            running = select(contests.c.number).where(
                contests.c.agent == sessions.c.agent,
                contests.c.number == sessions.c.contest,
                contests.c.state == Ending.RUNNING.value,
            )
            is_done = (sessions.c.is_open == 0) & ~running.exists()
            found.append((sessions, (sessions.c.seen_at < self._before(days)) & is_done))
        if (days := self.settings.events_days) is not None:
            # The newest one stays: ids go on from it, and would begin again at 1.
            newest = select(func.max(events.c.id)).scalar_subquery()
            found.append((events, (events.c.at < self._before(days)) & (events.c.id < newest)))
        return found

    def _before(self, days: int) -> str:
        return stamp(self.clock.now() - timedelta(days=days))

    async def _remove(self, table: Table, is_old: ColumnElement[bool]) -> int:
        row = literal_column("rowid", Integer)
        some = select(row).select_from(table).where(is_old).limit(_AT_ONCE)
        removed = 0
        while True:
            async with self.database.write(survives="crash") as transaction:
                gone = (await transaction.execute(delete(table).where(row.in_(some)))).rowcount
            removed += gone
            if gone < _AT_ONCE:
                return removed
