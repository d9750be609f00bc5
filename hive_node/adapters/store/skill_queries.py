"""What is asked of the rows of skills, and what a next version begins with."""

import re
from collections.abc import Sequence
from typing import Any, Final, assert_never

from sqlalchemy import Select, func, select

from guardrails.maturity import Action
from guardrails.verdict import Rejected
from hive_node.adapters.store.database import Transaction
from hive_node.adapters.store.skill_rows import version_of
from hive_node.adapters.store.skill_tables import skill_versions, task_events
from hive_node.adapters.store.task_events import event_of, of_scopes
from hive_node.ports import NotFound
from hive_node.ports.skills import Which
from hive_node.skills.case import Case, case_of
from hive_node.skills.engine import Analysis, Evidence, Guidance, Wanted
from hive_node.skills.event import Scope, TaskEvent
from hive_node.skills.skill import State, Version
from protocol.ids import sha256_hex
from protocol.wire import JsonValue, dump_json

_WORDS: Final = re.compile(r"[a-z0-9]+")
_NAME_CHARS: Final = 40
# Tells skills of one task apart, and says nothing of whose they are.
_MARK_CHARS: Final = 6


async def versions_if_any(transaction: Transaction, skill: str) -> list[Version]:
    query = select(skill_versions).where(skill_versions.c.skill == skill).order_by(skill_versions.c.number)
    return [version_of(row) for row in await transaction.execute(query)]


async def versions_of(transaction: Transaction, skill: str) -> list[Version]:
    if not (found := await versions_if_any(transaction, skill)):
        raise NotFound("skill.unknown", f"there is no skill {skill!r}: `hive-node skill list --all` shows them")
    return found


async def is_of(transaction: Transaction, skill: str, scope: Scope) -> bool:
    found = await versions_if_any(transaction, skill)
    return bool(found) and found[0].scope == scope


def elsewhere(skill: str) -> Rejected:
    return Rejected("skill.other-scope", f"{skill} is no skill of this agent, project and owner")


def action_of(version: Version) -> Action:
    return Action.MUTATE if version.is_mutation else Action.PROPOSE


def promoted_of(versions: Sequence[Version]) -> Version | None:
    """The promoted one; there is one at most."""
    return next((one for one in versions if one.state is State.PROMOTED), None)


def next_after(newest: Version, parent: Version) -> Version:
    """An attempt after `newest`, that begins from `parent`."""
    return Version(
        skill=parent.skill,
        number=newest.number + 1,
        scope=parent.scope,
        engine=parent.engine,
        state=State.WANTED,
        task=parent.task,
        at=parent.at,
        signature=parent.signature,
        parent=parent.number,
        events=parent.events,
    )


def name_of(scope: Scope, engine: str, wanted: Wanted) -> str:
    """The task in a few words, with a mark that no other scope's skill has."""
    words = "-".join(_WORDS.findall(wanted.task.lower()))[:_NAME_CHARS].strip("-") or "skill"
    mark = sha256_hex(dump_json([scope.digest, engine, wanted.task, wanted.signature]))[:_MARK_CHARS]
    return f"{words}-{mark}"


def told_of(analysis: Analysis) -> JsonValue:
    match analysis:
        case None:
            return None
        case Guidance():
            return {"guidance": analysis.signature}
        case Evidence():
            return {"cases": len(analysis.cases), "skill": analysis.skill}
        case Wanted():
            return {"wanted": analysis.task}
        case _:
            assert_never(analysis)


def scope_of(row: Any) -> Scope:
    return Scope(row.owner, row.project, row.agent)


def kin(skill: str, number: int) -> Select[Any]:
    """One query: up along `parent`, and down against it, from the version asked for."""
    table = skill_versions
    columns = (table.c.number, table.c.parent, table.c.state, table.c.engine, table.c.document)
    start = select(func.coalesce(0, 0).label("generation"), *columns).where(
        table.c.skill == skill, table.c.number == number
    )
    up, down = start.cte("ancestors", recursive=True), start.cte("descendants", recursive=True)
    up = up.union(select(up.c.generation - 1, *columns).where(table.c.skill == skill, table.c.number == up.c.parent))
    down = down.union(
        select(down.c.generation + 1, *columns).where(table.c.skill == skill, table.c.parent == down.c.number)
    )
    both = select(up).union(select(down)).subquery()
    return select(both).order_by(both.c.generation, both.c.number)


async def events_of(transaction: Transaction, scope: Scope, numbers: Sequence[int]) -> list[TaskEvent]:
    """Those events, in order; none of another scope, whoever names it."""
    mine = of_scopes(task_events, Which(scope.owner, scope.project, scope.agent))
    query = select(task_events).where(mine, task_events.c.id.in_(numbers)).order_by(task_events.c.id)
    return [event_of(row) for row in await transaction.execute(query)]


async def told_by(transaction: Transaction, scope: Scope, numbers: Sequence[int]) -> list[Case]:
    """The cases that those events tell."""
    told = map(case_of, await events_of(transaction, scope, numbers))
    return [case for case in told if case is not None]
