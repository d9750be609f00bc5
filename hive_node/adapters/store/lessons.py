"""What an engine made of an event, carried out: every row of it behind the capability gate."""

from dataclasses import dataclass, replace
from typing import Final, assert_never

from sqlalchemy import update
from sqlalchemy.dialects.sqlite import insert

from guardrails.maturity import Action, Permit
from guardrails.verdict import Rejected
from hive_node.adapters.store.database import Transaction
from hive_node.adapters.store.gatekeeping import Gatekeeper
from hive_node.adapters.store.journal import Journal
from hive_node.adapters.store.skill_cases import add_cases
from hive_node.adapters.store.skill_queries import elsewhere, name_of, promoted_of, told_by, versions_if_any
from hive_node.adapters.store.skill_rows import moving, version_row
from hive_node.adapters.store.skill_tables import guidance, skill_versions
from hive_node.adapters.store.task_events import moment
from hive_node.ports.skills import SkillFault
from hive_node.skills.engine import Analysis, Evidence, Guidance, Wanted
from hive_node.skills.event import Scope
from hive_node.skills.skill import OPEN, TRANSITIONS, State, Version
from protocol.wire import JsonValue

_KIND: Final = "skill"
_OF_ACTION: Final = frozenset({Action.PROPOSE, Action.MUTATE})


@dataclass(frozen=True, slots=True)
class Lessons:
    """Within a transaction of the caller's."""

    transaction: Transaction
    gate: Gatekeeper
    journal: Journal

    async def carry_out(self, scope: Scope, engine: str, analysis: Analysis) -> Rejected | None:
        """Write what an analysis asks for; or the gate's *no*, and nothing of it is written."""
        match analysis:
            case None:
                return None
            case Guidance():
                permitted = await self.gate.ask(self.transaction, scope, engine, Action.GUIDE, "engine")
                if isinstance(permitted, Rejected):
                    return permitted
                await self._guide(scope, analysis)
                return None
            case Evidence():
                versions = await versions_if_any(self.transaction, analysis.skill)
                if not versions or versions[0].scope != scope:
                    return elsewhere(analysis.skill)
                await add_cases(self.transaction, analysis.skill, analysis.cases)
                return None
            case Wanted():
                return await self._want(scope, engine, analysis)
            case _:
                assert_never(analysis)

    async def attempt(self, permitted: Permit, version: Version, origin: str | None = None) -> Version:
        """A new version's row. The permit is the proof that the gate was asked in this transaction."""
        if permitted.action not in _OF_ACTION:
            raise SkillFault("maturity.wrong-permit", f"a permit to {permitted.action.value} makes no version")
        dated = replace(version, at=self.journal.clock.now())
        row = version_row(dated, origin or f"{dated.skill} {dated.number}")
        await self.transaction.execute(insert(skill_versions).values(row))
        await self._tell(dated)
        return dated

    async def write(self, before: State, after: Version, permitted: Permit | None = None) -> None:
        """A version over what it was. Raises SkillFault; for a promotion also without a permit to promote."""
        if after.state not in TRANSITIONS[before]:
            raise SkillFault(
                "skill.wrong-state", f"a version that is {before.value} does not become {after.state.value}"
            )
        if after.state is State.PROMOTED and (permitted is None or permitted.action is not Action.PROMOTE):
            raise SkillFault("maturity.wrong-permit", "nothing is promoted but through the capability gate")
        is_it = (skill_versions.c.skill == after.skill) & (skill_versions.c.number == after.number)
        moved = await self.transaction.execute(
            update(skill_versions).where(is_it, skill_versions.c.state == before.value).values(moving(after))
        )
        if moved.rowcount != 1:
            raise SkillFault(
                "skill.wrong-state", f"version {after.number} of {after.skill} is not {before.value} any more"
            )
        await self._tell(after)

    async def _want(self, scope: Scope, engine: str, wanted: Wanted) -> Rejected | None:
        skill = wanted.skill or name_of(scope, engine, wanted)
        versions = await versions_if_any(self.transaction, skill)
        if rejected := _why_not(wanted, skill, scope, versions):
            return rejected
        told = [*await told_by(self.transaction, scope, wanted.events), *wanted.cases]
        if any(one.state in OPEN for one in versions):
            await add_cases(self.transaction, skill, told)
            return None
        is_mutation = wanted.parent is not None
        action = Action.MUTATE if is_mutation else Action.PROPOSE
        permitted = await self.gate.ask(self.transaction, scope, engine, action, "engine")
        if isinstance(permitted, Rejected):
            return permitted
        await add_cases(self.transaction, skill, told)
        newest = versions[-1].number if versions else 0
        version = Version(
            skill=skill,
            number=newest + 1,
            scope=scope,
            engine=engine,
            state=State.WANTED,
            task=wanted.task,
            at=self.journal.clock.now(),
            signature=wanted.signature,
            parent=wanted.parent or newest or None,
            words=wanted.words,
            events=wanted.events,
            is_mutation=is_mutation,
        )
        await self.attempt(permitted, version)
        return None

    async def _guide(self, scope: Scope, told: Guidance) -> None:
        values = {
            "at": moment(self.journal.clock.now()),
            "document": {"text": told.text, "events": list(told.events)},
        }
        key = {"owner": scope.owner, "project": scope.project, "agent": scope.agent, "signature": told.signature}
        row = insert(guidance).values(**key, **values)
        await self.transaction.execute(row.on_conflict_do_update([*key], set_=values))

    async def _tell(self, version: Version) -> None:
        told: dict[str, JsonValue] = {"skill": version.skill, "version": version.number, "state": version.state.value}
        await self.journal.tell_in(self.transaction, _KIND, told)


def _why_not(wanted: Wanted, skill: str, scope: Scope, versions: list[Version]) -> Rejected | None:
    """Why this is not asked for, whatever the gate says."""
    if (versions and versions[0].scope != scope) or (wanted.skill is not None and not versions):
        return elsewhere(skill)
    promoted = promoted_of(versions)
    if wanted.parent is not None and (promoted is None or wanted.parent != promoted.number):
        return Rejected("skill.not-promoted", f"version {wanted.parent} of {skill} is not the promoted one")
    if wanted.parent is None and promoted is not None:
        return Rejected("skill.promoted", f"{skill} has a promoted version: what is wanted now is a change of it")
    if versions and promoted is None and versions[-1].state is State.REJECTED:
        return Rejected("skill.rejected", f"a person rejected {skill}")
    return None
