"""Sessions as they come and go: each gets its arm in a row before it begins, is read when it is over, and scored."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from hive_node.agents.session import Agent, Arm, Contest, Session
from hive_node.agents.signals import Signals, score, usual
from hive_node.agents.variant import Digest, Variant
from hive_node.ports import Chance, Clock, Fault, NotFound
from hive_node.ports.agents import AgentAdapter, AgentShelf

logger = logging.getLogger(__name__)

# Agents that tell of no sessions: whatever happens in one of these is one. Long enough for a piece of work, short enough for many.
BLOCK: Final = timedelta(hours=2)
# A session that says nothing for so long is over: its terminal was closed, or its machine slept.
IDLE: Final = timedelta(hours=12)
# A transcript grows to megabytes: while its session goes on it is not read again at every reply.
READ_AGAIN: Final = timedelta(minutes=1)
# What is usual is told by the last sessions, not by those of last year.
_USUAL_OF: Final = 50


@dataclass(frozen=True, slots=True)
class Given:
    """What a session works with: its row, and the variant that is in force for it now."""

    session: Session
    variant: Variant


@dataclass(slots=True)
class Attendance:
    """turn: held while arms are given out and while contests are decided, so that no session gets the arm of one that is over.

    noticed: told whenever there is something to read or to decide.
    """

    shelf: AgentShelf
    adapters: Mapping[str, AgentAdapter]
    clock: Clock
    chance: Chance
    noticed: Callable[[], None]
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _read_at: dict[tuple[str, str], datetime] = field(default_factory=dict)

    async def begin(self, agent: Agent, identity: str, transcript: str | None = None) -> Given:
        """A session that begins, or goes on: of one id there is one row and one arm, however often it is asked for."""
        async with self.turn:
            agent, now = await self.shelf.get(agent.id), self.clock.now()
            contest = await self.shelf.running(agent.id)
            session = await self.shelf.session(agent.id, identity)
            if session is None:
                session = await self.shelf.begin(self._new(agent, contest, identity, transcript, now))
                fields = {"agent": agent.id, "contest": session.contest, "arm": session.arm.value}
                logger.info("session begins", extra=fields)
            else:
                again = replace(session, seen_at=now, is_open=True, transcript=transcript or session.transcript)
                await self.shelf.keep_session(session := again)
            descent = await self.shelf.descent(agent.id, _in_force(agent, contest, session))
        return Given(session, descent.variant)

    async def goes_on(self, agent: Agent, identity: str, transcript: str | None) -> None:
        """The agent answered once more. A session that began without this node has no arm, and stays unknown."""
        with suppress(NotFound):
            await self._change(
                agent, identity, lambda one: replace(one, is_pending=True, transcript=transcript or one.transcript)
            )

    async def end(self, agent: Agent, identity: str, transcript: str | None, *, cleared: bool = False) -> None:
        """The session is over, until it is taken up again. One that began without this node stays unknown."""

        def over(session: Session) -> Session:
            signals = replace(session.signals, cleared=session.signals.cleared or cleared)
            place = transcript or session.transcript
            return replace(session, is_open=False, is_pending=True, transcript=place, signals=signals)

        with suppress(NotFound):
            await self._change(agent, identity, over)

    async def report(self, agent: Agent, identity: str, signals: Signals) -> Session:
        """What an integration of one's own saw of a session so far. Raises NotFound."""
        return await self._change(agent, identity, lambda one: replace(one, signals=one.signals.with_course(signals)))

    async def judge(self, agent: Agent, identity: str | None, *, is_good: bool) -> Session:
        """What a person says of a session, the last one unless told. Raises NotFound, Fault."""
        if identity is None:
            identity = await self._last(agent)
        more = {"good": 1} if is_good else {"bad": 1}

        def said(session: Session) -> Session:
            counts = {name: getattr(session.signals, name) + count for name, count in more.items()}
            # Its score follows, also where it was counted already.
            return replace(session, signals=replace(session.signals, **counts), is_pending=True)

        return await self._change(agent, identity, said)

    async def read_on(self) -> None:
        """Read what is new of every session, and score those that are over."""
        for session in await self.shelf.open_sessions():
            try:
                await self._read(await self.shelf.get(session.agent), session)
            except NotFound:
                logger.info("a session's agent is gone", extra={"agent": session.agent})

    async def block(self, agent: Agent) -> Given:
        """The session of the present block of time; earlier ones are over."""
        now = self.clock.now()
        for session in await self.shelf.open_sessions():
            if session.agent == agent.id and session.is_open and session.id != _block_id(now):
                await self.end(agent, session.id, None)
        return await self.begin(agent, _block_id(now))

    async def of_folder(self, kind: str, folder: Path) -> Agent | None:
        """The agent of that kind that looks after the folder: the innermost one."""
        place = await asyncio.to_thread(folder.resolve)
        found = [one for one in await self.shelf.all() if one.kind == kind and one.folder is not None]
        around = [one for one in found if one.folder in (place, *place.parents)]
        return max(around, key=lambda one: len(str(one.folder)), default=None)

    def _new(
        self, agent: Agent, contest: Contest | None, identity: str, transcript: str | None, now: datetime
    ) -> Session:
        arm = Arm.CHALLENGER if contest is not None and self.chance.coin() else Arm.CHAMPION
        digest = contest.of(arm) if contest is not None else agent.champion
        number = contest.number if contest is not None else None
        return Session(agent.id, identity, digest, arm, number, now, now, transcript=transcript)

    async def _change(self, agent: Agent, identity: str, change: Callable[[Session], Session]) -> Session:
        async with self.turn:
            session = await self.shelf.session(agent.id, identity)
            if session is None:
                raise NotFound("session.unknown", f"{agent.id} has no session {identity!r}")
            changed = replace(change(session), seen_at=self.clock.now())
            await self.shelf.keep_session(changed)
        self.noticed()
        return changed

    async def _last(self, agent: Agent) -> str:
        latest = await self.shelf.latest(agent.id, 1)
        if not latest:
            raise Fault("session.none", f"{agent.id} had no session yet")
        return latest[0].id

    async def _read(self, agent: Agent, session: Session) -> None:
        now = self.clock.now()
        is_idle = session.is_open and now - session.seen_at > IDLE
        read_at = self._read_at.get((agent.id, session.id))
        is_early = session.is_open and read_at is not None and now - read_at < READ_AGAIN
        if not (session.is_pending or is_idle) or (is_early and not is_idle):
            return
        self._read_at[agent.id, session.id] = now
        adapter = self.adapters[agent.kind]
        since, until = (session.started_at, now) if adapter.tells_sessions else _span(session.id)
        course = await asyncio.to_thread(adapter.read, session.transcript, agent.folder, since, until)
        async with self.turn:
            # What people said while it was read stands in the row.
            current = await self.shelf.session(agent.id, session.id)
            if current is None:
                return
            signals = current.signals.with_course(course) if course else current.signals
            is_read = current.seen_at == session.seen_at
            current = replace(current, signals=signals, is_open=current.is_open and not is_idle)
            current = replace(current, is_pending=current.is_pending and not is_read)
            await self.shelf.keep_session(current if current.is_open else await self._closed(agent, current))
        if not current.is_open:
            self._read_at.pop((agent.id, session.id), None)

    async def _closed(self, agent: Agent, session: Session) -> Session:
        others = [one.signals for one in await self.shelf.latest(agent.id, _USUAL_OF) if one.id != session.id]
        value, now = score(session.signals, usual(others)), self.clock.now()
        if session.closed_at is None:
            fields = {"agent": agent.id, "arm": session.arm.value, "score": value}
            logger.info("session over", extra=fields)
        scored_at = session.scored_at or (now if value is not None else None)
        place = session.transcript if session.is_pending else None
        return replace(session, score=value, closed_at=session.closed_at or now, scored_at=scored_at, transcript=place)


def _in_force(agent: Agent, contest: Contest | None, session: Session) -> Digest:
    """Its own variant, unless that lost in the meantime: a loser's traffic ends at once."""
    is_running = contest is not None and contest.number == session.contest
    return session.variant if is_running else agent.champion


def _block_id(now: datetime) -> str:
    return f"block-{int(now.timestamp() // BLOCK.total_seconds())}"


def _span(block: str) -> tuple[datetime, datetime]:
    """When a block was, whatever the moment it was first asked for."""
    began = datetime.fromtimestamp(int(block.removeprefix("block-")) * BLOCK.total_seconds(), UTC)
    return began, began + BLOCK
