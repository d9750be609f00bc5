"""Cases of skills, what was told of versions later, and calls whose right answer was known."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.dialects.sqlite import insert

from hive_node.adapters.store.database import Database, Transaction
from hive_node.adapters.store.gatekeeping import Gatekeeper
from hive_node.adapters.store.skill_rows import case_of_row, case_row
from hive_node.adapters.store.skill_tables import skill_cases, skill_outcomes, skill_signals, task_events
from hive_node.adapters.store.task_events import moment, of_scopes
from hive_node.ports import Clock
from hive_node.ports.skills import Which
from hive_node.skills.case import Case, is_held_out
from hive_node.skills.event import Kind
from hive_node.skills.fitness import Measures
from hive_node.skills.skill import Version

# Each is a process of its own at every validation; a tool that needs more is no small one.
MOST_CASES: Final = 40
# Calls that say how a version does now.
_CALLS: Final = 1_000


@dataclass(frozen=True, slots=True)
class SkillRecords:
    """What is counted of skills while they are used: as SkillCounts."""

    database: Database
    clock: Clock
    gate: Gatekeeper

    async def signal(self, skill: str, version: int, key: str, objective: str, value: float) -> bool:
        """As SkillCounts.signal."""
        row = {"skill": skill, "key": key, "version": version, "objective": objective, "value": value}
        async with self.database.write() as transaction:
            written = await transaction.execute(
                insert(skill_signals).values(**row, at=moment(self.clock.now())).on_conflict_do_nothing()
            )
            return written.rowcount == 1

    async def verified(self, version: Version, digest: str, *, passed: bool) -> bool:
        """As SkillCounts.verified."""
        row = {"skill": version.skill, "version": version.number, "digest": digest, "passed": int(passed)}
        async with self.database.write() as transaction:
            written = await transaction.execute(insert(skill_outcomes).values(row).on_conflict_do_nothing())
            if written.rowcount == 1:
                await self.gate.verified(transaction, version.scope, version.engine, passed=passed)
            return written.rowcount == 1

    async def measures(self, version: Version) -> Measures:
        """As SkillCounts.measures."""
        called = (
            select(task_events.c.document)
            .where(of_scopes(task_events, Which(version.scope.owner, version.scope.project, version.scope.agent)))
            .where(task_events.c.skill == version.skill, task_events.c.kind == Kind.SKILL_EXECUTED.value)
            .order_by(task_events.c.id.desc())
            .limit(_CALLS)
        )
        is_its = (skill_signals.c.skill == version.skill) & (skill_signals.c.version == version.number)
        told = select(skill_signals.c.objective, skill_signals.c.value).where(is_its)
        counted = (skill_outcomes.c.skill == version.skill) & (skill_outcomes.c.version == version.number)
        outcomes = select(skill_outcomes.c.passed).where(counted)
        async with self.database.read() as transaction:
            calls, signals, passed = await transaction.execute_all([(called, None), (told, None), (outcomes, None)])
        documents = [document for (document,) in calls if document["metadata"].get("version") == version.number]
        by_objective: dict[str, list[float]] = {}
        for objective, value in signals:
            by_objective.setdefault(objective, []).append(value)
        tried = [version.tried] if version.tried else []
        return Measures(
            seconds=[one.seconds for one in tried]
            + [one["seconds"] for one in documents if one["seconds"] is not None],
            tokens=[one["tokens"] for one in documents if one["tokens"] is not None],
            accuracy=[one.accuracy for one in tried] + [float(one) for (one,) in passed],
            signals=by_objective,
        )


async def cases_of(transaction: Transaction, skill: str) -> list[Case]:
    """The cases of a skill, in the order it got them."""
    query = select(skill_cases).where(skill_cases.c.skill == skill).order_by(skill_cases.c.number)
    return [case_of_row(row) for row in await transaction.execute(query)]


async def add_cases(transaction: Transaction, skill: str, cases: Sequence[Case]) -> int:
    """Add those whose input is new; of a known input the answer is corrected, and it stays held out or not. Returns how many are new."""
    count = select(func.count()).select_from(skill_cases).where(skill_cases.c.skill == skill)
    before = number = int((await transaction.execute(count)).scalar_one())
    for case in cases:
        dealt = replace(case, is_held_out=is_held_out(number + 1))
        row = case_row(skill, number + 1, dealt)
        writing = insert(skill_cases).values(row)
        if number >= MOST_CASES:
            break
        await transaction.execute(
            writing.on_conflict_do_update(["skill", "digest"], set_={"document": row["document"]})
        )
        number = int((await transaction.execute(count)).scalar_one())
    return number - before
