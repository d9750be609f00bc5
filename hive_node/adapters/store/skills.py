"""Skills as rows. What an engine's work becomes passes the capability gate in the transaction that writes it."""

from collections.abc import AsyncIterator, Container, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final

from sqlalchemy import Select, select

from guardrails.maturity import Action, Asker, Record
from guardrails.verdict import Rejected
from hive_node.adapters.store.database import Database, Survives, Transaction
from hive_node.adapters.store.gatekeeping import Gatekeeper
from hive_node.adapters.store.journal import Journal
from hive_node.adapters.store.lessons import Lessons
from hive_node.adapters.store.skill_cases import add_cases, cases_of
from hive_node.adapters.store.skill_queries import (
    action_of,
    events_of,
    kin,
    next_after,
    promoted_of,
    scope_of,
    told_of,
    versions_of,
)
from hive_node.adapters.store.skill_rows import version_of
from hive_node.adapters.store.skill_tables import capabilities, guidance, skill_versions
from hive_node.adapters.store.task_events import acknowledging, of_scopes
from hive_node.ports import NotFound
from hive_node.ports.skills import Delivery, SkillFault, Which
from hive_node.skills.case import Case, digest_of
from hive_node.skills.engine import Analysis, Guidance
from hive_node.skills.event import Scope
from hive_node.skills.skill import OPEN, Kin, State, Tried, Version
from protocol.wire import JsonValue

EVOLVER: Final = "evolver"
PEER: Final = "peer"
_KIND: Final = "skill"


@dataclass(slots=True)
class SkillStore:
    """As SkillShelf."""

    database: Database
    journal: Journal
    gate: Gatekeeper
    _newest: dict[Which, list[Version]] = field(default_factory=dict)
    _writings: int = 0

    async def learn(self, handler: str, delivery: Delivery, engine: str, analysis: Analysis) -> Rejected | None:
        """As SkillShelf.learn."""
        scope = delivery.event.scope
        # After a power cut the event is there again, and nothing of what came of it.
        async with self._writing("crash") as transaction:
            rejected = await self._lessons(transaction).carry_out(scope, engine, analysis)
            result: JsonValue = {"refused": rejected.rule, "reason": rejected.reason} if rejected else told_of(analysis)
            await transaction.execute_all(acknowledging(handler, delivery, result))
        return rejected

    async def reopen(self, skill: str, *, by: Asker) -> Version | Rejected:
        """As SkillShelf.reopen. Raises SkillFault where nothing came to nothing."""
        async with self._writing() as transaction:
            versions = await versions_of(transaction, skill)
            newest = versions[-1]
            if newest.state not in {State.UNAVAILABLE, State.REFUSED}:
                raise SkillFault(
                    "skill.nothing-to-retry", f"version {newest.number} of {skill} is {newest.state.value}"
                )
            # A peer's source that did not hold is followed by an attempt of whose skill it is.
            engine = EVOLVER if newest.is_mutation else versions[0].engine
            permitted = await self.gate.ask(transaction, newest.scope, engine, action_of(newest), by)
            if isinstance(permitted, Rejected):
                return permitted
            lessons = self._lessons(transaction)
            if newest.state is State.UNAVAILABLE:
                again = replace(newest, state=State.WANTED, reason=None)
                await lessons.write(State.UNAVAILABLE, again)
                return again
            parent = promoted_of(versions) if newest.is_mutation else newest
            following = replace(next_after(newest, parent or newest), engine=engine, is_mutation=newest.is_mutation)
            # What a mutation should make better stands until it does; what an attempt said of itself goes with it.
            words = newest.words if newest.is_mutation else ""
            return await lessons.attempt(permitted, replace(following, words=words))

    async def mutate(self, skill: str, words: str, *, by: Asker) -> Version | Rejected:
        """As SkillShelf.mutate. Raises SkillFault where no version is promoted, or another is on its way."""
        async with self._writing() as transaction:
            versions = await versions_of(transaction, skill)
            parent = promoted_of(versions)
            if parent is None or any(one.state in OPEN for one in versions):
                raise SkillFault("skill.not-now", f"{skill} has no promoted version, or one on its way already")
            permitted = await self.gate.ask(transaction, parent.scope, EVOLVER, Action.MUTATE, by)
            if isinstance(permitted, Rejected):
                return permitted
            wanted = replace(next_after(versions[-1], parent), engine=EVOLVER, words=words, is_mutation=True)
            return await self._lessons(transaction).attempt(permitted, wanted)

    async def receive(self, parent: Version, source: str, entry: str, words: str) -> Version | Rejected | None:
        """As SkillShelf.receive."""
        origin = f"entry {entry} {parent.skill}"
        async with self._writing() as transaction:
            known = select(skill_versions.c.skill).where(skill_versions.c.origin == origin)
            if (await transaction.execute(known)).first() is not None:
                return None
            newest = (await versions_of(transaction, parent.skill))[-1]
            if newest.state in OPEN - {State.UNAVAILABLE}:
                raise SkillFault("skill.not-now", f"{parent.skill} has a version on its way already")
            permitted = await self.gate.ask(transaction, parent.scope, PEER, Action.PROPOSE, "engine")
            if isinstance(permitted, Rejected):
                return permitted
            version = replace(
                next_after(newest, parent), engine=PEER, state=State.PROPOSED, source=source, words=words, entry=entry
            )
            return await self._lessons(transaction).attempt(permitted, version, origin)

    async def move(self, before: State, after: Version) -> Version:
        """As SkillShelf.move."""
        async with self._writing() as transaction:
            await self._lessons(transaction).write(before, after)
        return after

    async def promote(self, version: Version, tried: Tried, *, by: Asker) -> Version | Rejected:
        """As SkillShelf.promote."""
        if tried.rejected is not None:
            return tried.rejected
        async with self._writing() as transaction:
            permitted = await self.gate.ask(transaction, version.scope, version.engine, Action.PROMOTE, by)
            if isinstance(permitted, Rejected):
                return permitted
            for other in await versions_of(transaction, version.skill):
                await self._give_way(transaction, other, version)
            promoted = replace(version, state=State.PROMOTED, tried=tried, reason=None)
            await self._lessons(transaction).write(State.VALIDATED, promoted, permitted)
            await self.gate.verified(transaction, version.scope, version.engine, passed=True)
        return promoted

    async def fail(self, version: Version, tried: Tried) -> Version:
        """As SkillShelf.fail."""
        refused = replace(version, state=State.REFUSED, tried=tried, reason=tried.rejected)
        async with self._writing() as transaction:
            await self._lessons(transaction).write(State.VALIDATED, refused)
            await self.gate.verified(transaction, version.scope, version.engine, passed=False)
        return refused

    async def wanted(self) -> list[Version]:
        """As SkillShelf.wanted: what waits for the workbench, oldest first."""
        waiting = [State.WANTED.value, State.PROPOSED.value]
        query = select(skill_versions).where(skill_versions.c.state.in_(waiting)).order_by(skill_versions.c.at)
        return await self._select(query)

    async def versions(self, skill: str) -> list[Version]:
        """As SkillShelf.versions. Raises NotFound."""
        async with self.database.read() as transaction:
            return await versions_of(transaction, skill)

    async def all(self, which: Which, states: frozenset[State] | None) -> list[Version]:
        """As SkillShelf.all."""
        query = select(skill_versions).where(of_scopes(skill_versions, which))
        if states is not None:
            query = query.where(skill_versions.c.state.in_([state.value for state in states]))
        return await self._select(query.order_by(skill_versions.c.skill, skill_versions.c.number))

    async def newest(self, which: Which) -> list[Version]:
        """As SkillShelf.newest."""
        if (known := self._newest.get(which)) is not None:
            return known
        before, by_skill = self._writings, dict[str, Version]()
        for version in await self.all(which, None):
            kept = by_skill.get(version.skill)
            if kept is None or kept.state is not State.PROMOTED:
                by_skill[version.skill] = version
        found = list(by_skill.values())
        if before == self._writings:  # what was read before a writing ended may be older than it
            self._newest[which] = found
        return found

    async def cases(self, skill: str) -> list[Case]:
        """As SkillShelf.cases."""
        async with self.database.read() as transaction:
            return await cases_of(transaction, skill)

    async def add_cases(self, skill: str, cases: Sequence[Case]) -> int:
        """As SkillShelf.add_cases. Raises NotFound."""
        async with self._writing() as transaction:
            await versions_of(transaction, skill)
            return await add_cases(transaction, skill, cases)

    async def errors(self, version: Version) -> list[str]:
        """As SkillShelf.errors."""
        async with self.database.read() as transaction:
            events = await events_of(transaction, version.scope, version.events)
        return [event.report.error for event in events if event.report.error]

    async def unanswered(self, version: Version, known: Container[str]) -> list[dict[str, JsonValue]]:
        """As SkillShelf.unanswered."""
        async with self.database.read() as transaction:
            events = await events_of(transaction, version.scope, version.events)
        told = [(event.id, event.report.io["input"]) for event in events if "input" in event.report.io]
        return [{"event": number, "input": given} for number, given in told if digest_of(given) not in known]

    async def lineage(self, skill: str, number: int) -> list[Kin]:
        """As SkillShelf.lineage. Raises NotFound."""
        async with self.database.read() as transaction:
            rows = list(await transaction.execute(kin(skill, number)))
        if not rows:
            raise NotFound("skill.unknown", f"there is no version {number} of a skill {skill!r}")
        return [
            Kin(row.generation, row.number, row.parent, State(row.state), row.engine, row.document["words"])
            for row in rows
        ]

    async def ask_to_call(self, version: Version) -> Rejected | None:
        """As SkillShelf.ask_to_call."""
        async with self.database.read() as transaction:
            answer = await self.gate.ask(transaction, version.scope, version.engine, Action.CALL, "person")
        return answer if isinstance(answer, Rejected) else None

    async def guidance(self, which: Which) -> list[tuple[Scope, str, Guidance]]:
        """As SkillShelf.guidance: newest first."""
        query = select(guidance).where(of_scopes(guidance, which)).order_by(guidance.c.at.desc())
        async with self.database.read() as transaction:
            rows = list(await transaction.execute(query))
        return [
            (scope_of(row), row.at, Guidance(row.signature, row.document["text"], tuple(row.document["events"])))
            for row in rows
        ]

    async def records(self, which: Which) -> list[tuple[Scope, str, Record]]:
        """As SkillShelf.records."""
        async with self.database.read() as transaction:
            rows = list(await transaction.execute(select(capabilities).where(of_scopes(capabilities, which))))
        return [(scope_of(row), row.engine, Record(row.successes, row.failures, row.credit)) for row in rows]

    async def _give_way(self, transaction: Transaction, other: Version, version: Version) -> None:
        """The promoted version retires; what else was on its way is not needed any more."""
        if other.number == version.number or other.state not in OPEN | {State.PROMOTED}:
            return
        state = State.RETIRED if other.state is State.PROMOTED else State.REJECTED
        reason = Rejected("skill.superseded", f"version {version.number} was promoted")
        await self._lessons(transaction).write(other.state, replace(other, state=state, reason=reason))

    def _lessons(self, transaction: Transaction) -> Lessons:
        return Lessons(transaction, self.gate, self.journal)

    @asynccontextmanager
    async def _writing(self, survives: Survives = "power cut") -> AsyncIterator[Transaction]:
        try:
            async with self.database.write(survives=survives) as transaction:
                yield transaction
        finally:
            self._writings += 1
            self._newest.clear()
        await self.journal.wake()

    async def _select(self, query: Select[Any]) -> list[Version]:
        async with self.database.read() as transaction:
            return [version_of(row) for row in await transaction.execute(query)]
