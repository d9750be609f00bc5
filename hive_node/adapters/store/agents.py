"""Agents, variants, contests, sessions and touched files as rows. A decision, its champion and its event are one transaction."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from pydantic import TypeAdapter
from sqlalchemy import Select, delete, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from hive_node.adapters.store.database import Database, Transaction
from hive_node.adapters.store.journal import Journal
from hive_node.adapters.store.tables import agent_files, agents, contests, sessions, variants
from hive_node.agents.session import Agent, Contest, Ending, Session
from hive_node.agents.variant import Descent, Digest, variant_of
from hive_node.ports import NotFound
from hive_node.ports.agents import AgentFault, AgentTally, Running, SessionCounts, TouchedFile

_AGENT: Final = TypeAdapter(Agent)
_CONTEST: Final = TypeAdapter(Contest)
_SESSION: Final = TypeAdapter(Session)
_KIND: Final = "agent"
# A row each: a list of all that belong to an agent.
_OF_AGENT: Final = (variants, contests, sessions, agent_files)


@dataclass(frozen=True, slots=True)
class AgentStore:
    """As AgentShelf."""

    database: Database
    journal: Journal

    async def add(self, agent: Agent, first: Descent) -> None:
        """Write a new agent with the variant that it begins with. Raises AgentFault where there is one like it."""
        async with self.database.write() as transaction:
            folder = str(agent.folder) if agent.folder else None
            is_same = (agents.c.id == agent.id) | ((agents.c.kind == agent.kind) & (agents.c.folder == folder))
            if (found := (await transaction.execute(select(agents.c.id).where(is_same))).scalar()) is not None:
                raise AgentFault("agent.exists", f"{found} is there already: `hive-node agent show {found}`")
            row = {
                "id": agent.id,
                "kind": agent.kind,
                "folder": folder,
                "document": _AGENT.dump_python(agent, mode="json"),
            }
            await transaction.execute(insert(agents).values(row))
            await transaction.execute(insert(variants).values(_variant_row(agent.id, first)))
            await self._tell(transaction, agent, what="added", variant=first.digest)
        await self.journal.wake()

    async def get(self, identity: str) -> Agent:
        """The agent of that id. Raises NotFound."""
        async with self.database.read() as connection:
            query = select(agents.c.document).where(agents.c.id == identity)
            document = (await connection.execute(query)).scalar_one_or_none()
        if document is None:
            raise NotFound("agent.unknown", f"there is no agent {identity!r}: `hive-node agent list` shows them")
        return _AGENT.validate_python(document, strict=False)

    async def all(self) -> list[Agent]:
        """Every agent, by id."""
        async with self.database.read() as connection:
            rows = await connection.execute(select(agents.c.document).order_by(agents.c.id))
            return [_AGENT.validate_python(document, strict=False) for (document,) in rows]

    async def keep(self, agent: Agent, **told: str | int | None) -> None:
        """Write an agent over what it was, with an event where there is something to tell."""
        async with self.database.write() as transaction:
            await self._keep(transaction, agent)
            if told:
                await self._tell(transaction, agent, **told)
        await self.journal.wake()

    async def remove(self, identity: str) -> None:
        """Let go of an agent and of everything that was known of it."""
        async with self.database.write() as transaction:
            for table in _OF_AGENT:
                await transaction.execute(delete(table).where(table.c.agent == identity))
            await transaction.execute(delete(agents).where(agents.c.id == identity))
            await self.journal.tell_in(transaction, _KIND, {"agent": identity, "what": "forgotten"})
        await self.journal.wake()

    async def descent(self, agent: str, digest: Digest) -> Descent:
        """A variant and where it came from. Raises NotFound."""
        query = select(variants).where(variants.c.agent == agent, variants.c.digest == digest)
        async with self.database.read() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            raise NotFound("agent.no-variant", f"{agent} never had a variant {digest[:12]}")
        return _descent(row)

    async def descents(self, agent: str) -> list[Descent]:
        """Every variant that there was, oldest first."""
        query = select(variants).where(variants.c.agent == agent).order_by(variants.c.at, variants.c.digest)
        async with self.database.read() as connection:
            return [_descent(row) for row in await connection.execute(query)]

    async def begin(self, session: Session) -> Session:
        """Write a session's row; the one that is there, where there is one of that id already."""
        statement = upsert(sessions).values(_session_row(session)).on_conflict_do_nothing()
        query = _by_id(session.agent, session.id)
        async with self.database.write(survives="crash") as transaction:
            await transaction.execute(statement)
            return _SESSION.validate_python((await transaction.execute(query)).scalar_one(), strict=False)

    async def session(self, agent: str, identity: str) -> Session | None:
        """The session of that id."""
        async with self.database.read() as connection:
            document = (await connection.execute(_by_id(agent, identity))).scalar_one_or_none()
        return _SESSION.validate_python(document, strict=False) if document is not None else None

    async def keep_session(self, session: Session) -> None:
        """Write a session over what it was."""
        its = (sessions.c.agent == session.agent) & (sessions.c.id == session.id)
        async with self.database.write(survives="crash") as transaction:
            await transaction.execute(update(sessions).where(its).values(_session_row(session)))

    async def sessions(self, agent: str, *, contest: int | None = None) -> list[Session]:
        """An agent's sessions, or those of one contest, in the order in which they were seen last."""
        query = select(sessions.c.document).where(sessions.c.agent == agent).order_by(sessions.c.seen_at)
        return await self._sessions(query if contest is None else query.where(sessions.c.contest == contest))

    async def latest(self, agent: str, limit: int) -> list[Session]:
        """The sessions that were seen last, newest first."""
        query = select(sessions.c.document).where(sessions.c.agent == agent)
        return await self._sessions(query.order_by(sessions.c.seen_at.desc(), sessions.c.id).limit(limit))

    async def counts(self, agent: str) -> SessionCounts:
        """How many sessions there were, without reading them."""
        is_open, is_scored = sessions.c.is_open == 1, sessions.c.score.is_not(None)
        sums = [func.count().filter(one) for one in (is_open, is_scored, ~is_open & ~is_scored)]
        query = select(func.count(), *sums).where(sessions.c.agent == agent)
        async with self.database.read() as connection:
            return SessionCounts(*(await connection.execute(query)).one())

    async def tally(self) -> AgentTally:
        """All agents in figures, without reading a session."""
        arm = sessions.c.document["arm"].as_string()
        of_arms = select(sessions.c.agent, sessions.c.contest, arm, func.count())
        of_arms = of_arms.where(sessions.c.contest.is_not(None)).group_by(sessions.c.agent, sessions.c.contest, arm)
        async with self.database.read() as connection:
            kept = (await connection.execute(select(func.count()).select_from(agents))).scalar_one()
            fought = [document for (document,) in await connection.execute(select(contests.c.document))]
            given = [tuple(row) for row in await connection.execute(of_arms)]
        return _tally(kept, [_CONTEST.validate_python(one, strict=False) for one in fought], given)

    async def open_sessions(self) -> list[Session]:
        """Every session of any agent that is not over, or has something new to be read."""
        return await self._sessions(
            select(sessions.c.document).where(sessions.c.is_open == 1).order_by(sessions.c.seen_at)
        )

    async def signalled_since(self, agent: str, moment: datetime) -> list[Session]:
        """Sessions that were first scored after `moment`, in that order."""
        query = select(sessions.c.document).where(sessions.c.agent == agent)
        query = query.where(sessions.c.scored_at > _at(moment))
        return await self._sessions(query.order_by(sessions.c.scored_at, sessions.c.id))

    async def contests(self, agent: str) -> list[Contest]:
        """Every contest, oldest first."""
        query = select(contests.c.document).where(contests.c.agent == agent).order_by(contests.c.number)
        async with self.database.read() as connection:
            rows = await connection.execute(query)
            return [_CONTEST.validate_python(document, strict=False) for (document,) in rows]

    async def running(self, agent: str) -> Contest | None:
        """The contest that is not decided."""
        found = [one for one in await self.contests(agent) if one.state is Ending.RUNNING]
        return found[0] if found else None

    async def start(self, agent: Agent, contest: Contest, challenger: Descent) -> None:
        """Begin a contest. Raises StoreError where one of that number is there."""
        async with self.database.write() as transaction:
            await transaction.execute(
                upsert(variants).values(_variant_row(agent.id, challenger)).on_conflict_do_nothing()
            )
            await transaction.execute(insert(contests).values(_contest_row(contest)))
            fresh: dict[str, str | int | None] = {
                "contest": contest.number,
                "operator": contest.operator,
                "variant": contest.challenger,
            }
            await self._tell(transaction, agent, what="challenged", **fresh)
        await self.journal.wake()

    async def end(self, agent: Agent, contest: Contest) -> None:
        """The contest's end with the champion that follows from it, at once. One that ended before stays as it ended."""
        is_it = (contests.c.agent == contest.agent) & (contests.c.number == contest.number)
        is_running = contests.c.state == Ending.RUNNING.value
        async with self.database.write() as transaction:
            moved = await transaction.execute(update(contests).where(is_it & is_running).values(_contest_row(contest)))
            if moved.rowcount != 1:
                raise AgentFault(
                    "agent.contest-over", f"contest {contest.number} of {agent.id} was decided a moment ago"
                )
            await self._keep(transaction, agent)
            over: dict[str, str | int | None] = {
                "contest": contest.number,
                "reason": contest.reason,
                "variant": contest.challenger,
            }
            await self._tell(transaction, agent, what=contest.state.value, **over)
        await self.journal.wake()

    async def touched(self, agent: str) -> list[TouchedFile]:
        """As FileNotes.touched."""
        query = select(agent_files).where(agent_files.c.agent == agent).order_by(agent_files.c.path)
        async with self.database.read() as connection:
            return [
                TouchedFile(row.agent, row.path, row.original, row.written, tuple(row.made_folders))
                for row in await connection.execute(query)
            ]

    async def keep_touched(self, file: TouchedFile) -> None:
        """As FileNotes.keep_touched."""
        values = {"original": file.original, "written": file.written, "made_folders": list(file.made_folders)}
        statement = upsert(agent_files).values(agent=file.agent, path=file.path, **values)
        async with self.database.write() as transaction:
            await transaction.execute(statement.on_conflict_do_update(["agent", "path"], set_=values))

    async def forget_touched(self, agent: str, path: str) -> None:
        """As FileNotes.forget_touched."""
        is_it = (agent_files.c.agent == agent) & (agent_files.c.path == path)
        async with self.database.write() as transaction:
            await transaction.execute(delete(agent_files).where(is_it))

    async def _sessions(self, query: Select[Any]) -> list[Session]:
        async with self.database.read() as connection:
            return [_SESSION.validate_python(document, strict=False) for (document,) in await connection.execute(query)]

    async def _keep(self, transaction: Transaction, agent: Agent) -> None:
        document = _AGENT.dump_python(agent, mode="json")
        await transaction.execute(update(agents).where(agents.c.id == agent.id).values(document=document))

    async def _tell(self, transaction: Transaction, agent: Agent, **told: str | int | None) -> None:
        await self.journal.tell_in(transaction, _KIND, {"agent": agent.id, **told})


def _tally(kept: int, fought: Sequence[Contest], given: Sequence[tuple[str, int, str, int]]) -> AgentTally:
    """given: agent, contest, arm and number of sessions."""
    of_contest: defaultdict[tuple[str, int], Counter[str]] = defaultdict(Counter)
    for agent, contest, arm, count in given:
        of_contest[agent, contest][arm] += count
    running = [
        Running(one.agent, one.number, one.operator, of_contest[one.agent, one.number])
        for one in fought
        if one.state is Ending.RUNNING
    ]
    states = Counter(one.state.value for one in fought)
    return AgentTally(kept, states, sum(of_contest.values(), Counter()), running)


def _by_id(agent: str, identity: str) -> Select[Any]:
    return select(sessions.c.document).where(sessions.c.agent == agent, sessions.c.id == identity)


def _at(moment: datetime) -> str:
    """One spelling, to the microsecond: what is compared as text is in order."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _session_row(session: Session) -> dict[str, Any]:
    return {
        "agent": session.agent,
        "id": session.id,
        "contest": session.contest,
        "is_open": int(session.is_open or session.is_pending),
        "seen_at": _at(session.seen_at),
        "scored_at": _at(session.scored_at) if session.scored_at else None,
        "score": session.score,
        "document": _SESSION.dump_python(session, mode="json"),
    }


def _contest_row(contest: Contest) -> dict[str, Any]:
    document = _CONTEST.dump_python(contest, mode="json")
    return {"agent": contest.agent, "number": contest.number, "state": contest.state.value, "document": document}


def _variant_row(agent: str, descent: Descent) -> dict[str, Any]:
    return {
        "agent": agent,
        "digest": descent.digest,
        "parent": descent.parent,
        "operator": descent.operator,
        "idea": descent.idea,
        "at": _at(descent.at),
        "document": descent.variant.tree(),
    }


def _descent(row: Any) -> Descent:
    return Descent(variant_of(row.document), row.parent, row.operator, row.idea, datetime.fromisoformat(row.at))
