"""The chokepoint: the capability gate asked within the transaction that writes what it permits. There is no other way to such a row."""

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.dialects.sqlite import insert

from guardrails.maturity import Action, Asked, Asker, Permit, Record, permit
from guardrails.verdict import Rejected
from hive_node.adapters.store.database import Transaction
from hive_node.adapters.store.skill_tables import capabilities, capability_days
from hive_node.adapters.store.task_events import of_scopes
from hive_node.ports import Clock
from hive_node.ports.skills import Which
from hive_node.skills.event import Scope

_SCOPE: Final = ("owner", "project", "agent")
_COUNTED: Final = {Action.PROPOSE: "candidates", Action.MUTATE: "mutations"}


@dataclass(frozen=True, slots=True)
class Gatekeeper:
    """switched_on: the engines that the user named in config.toml."""

    switched_on: frozenset[str]
    clock: Clock

    async def ask(
        self, transaction: Transaction, scope: Scope, engine: str, action: Action, by: Asker
    ) -> Permit | Rejected:
        """The gate's word on one action now. A yes is counted against the day's limit in the same transaction."""
        day = self.clock.now().date().isoformat()
        candidates, mutations = await _today(transaction, scope, day)
        record = await record_of(transaction, scope, engine)
        asked = Asked(action, by, engine in self.switched_on, record, candidates, mutations)
        answer = permit(asked)
        if isinstance(answer, Permit) and action in _COUNTED:
            await _count(transaction, scope, day, _COUNTED[action])
        return answer

    @staticmethod
    async def verified(transaction: Transaction, scope: Scope, engine: str, *, passed: bool) -> None:
        """One more verified outcome of that engine's work for that agent."""
        after = (await record_of(transaction, scope, engine)).after(passed=passed)
        values = {"successes": after.successes, "failures": after.failures, "credit": after.credit}
        row = insert(capabilities).values(**_columns(scope), engine=engine, **values)
        await transaction.execute(row.on_conflict_do_update([*_SCOPE, "engine"], set_=values))


async def record_of(transaction: Transaction, scope: Scope, engine: str) -> Record:
    """What was verified of that engine's work for that agent."""
    query = select(capabilities).where(_is(capabilities, scope), capabilities.c.engine == engine)
    row = (await transaction.execute(query)).one_or_none()
    return Record(row.successes, row.failures, row.credit) if row else Record()


async def _today(transaction: Transaction, scope: Scope, day: str) -> tuple[int, int]:
    query = select(capability_days).where(_is(capability_days, scope), capability_days.c.day == day)
    row = (await transaction.execute(query)).one_or_none()
    return (row.candidates, row.mutations) if row else (0, 0)


async def _count(transaction: Transaction, scope: Scope, day: str, what: str) -> None:
    first = {"candidates": 0, "mutations": 0} | {what: 1}
    row = insert(capability_days).values(**_columns(scope), day=day, **first)
    more = {what: capability_days.c[what] + 1}
    await transaction.execute(row.on_conflict_do_update([*_SCOPE, "day"], set_=more))


def _is(table: Any, scope: Scope) -> Any:
    return of_scopes(table, Which(scope.owner, scope.project, scope.agent))


def _columns(scope: Scope) -> dict[str, str]:
    return {"owner": scope.owner, "project": scope.project, "agent": scope.agent}
