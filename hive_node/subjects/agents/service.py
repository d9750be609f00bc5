"""Agents in the daemon: files as the database says, sessions read, contests decided, the hive told."""

import asyncio
import itertools
import logging
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from hive_node.agents.session import Agent, Contest, Reign, evidence
from hive_node.agents.variant import Descent, Digest, Variant
from hive_node.domain import Finding
from hive_node.ports import Chance, Clock, Fault
from hive_node.ports.agents import AgentAdapter, AgentFault, AgentShelf, Piece, PlacesFiles, TriesHook
from hive_node.subjects.agents.attendance import Attendance
from hive_node.subjects.agents.contests import Contests
from hive_node.subjects.agents.examining import examine
from hive_node.subjects.agents.sharing import AgentNews
from protocol.deltas import ShareLevel

logger = logging.getLogger(__name__)

# Events are heard of at once; this is for what no event tells: blocks of time, days, sessions that fell silent.
_POLL_S: Final = 60.0
# What the first champion is, as its reign and its idea say it.
_FOUND: Final = "as it was found"


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person wants looked after. kind: None for the one that was used in the folder. model: one that may be swapped for a
    neighbour of its family; None leaves the model to the user."""

    kind: str | None
    folder: Path | None
    name: str | None = None
    share: ShareLevel = ShareLevel.NONE
    model: str | None = None
    max_sessions: int | None = None
    max_days: int | None = None
    micro_dollars: int = 0
    weights: Mapping[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class AgentService:
    """hook: what agents call for each event. troubles: why an agent's files are not as they should be, by agent."""

    shelf: AgentShelf
    adapters: Mapping[str, AgentAdapter]
    attendance: Attendance
    contests: Contests
    placer: PlacesFiles
    news: AgentNews
    clock: Clock
    chance: Chance
    hook: TriesHook
    noticed: asyncio.Event
    troubles: dict[str, str] = field(default_factory=dict)
    _placing: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def serve(self) -> None:
        """Look after every agent, until cancelled."""
        for agent in await self.shelf.all():
            await self._settle(agent)
            await self._tell(agent)
        while True:
            self.noticed.clear()
            await self.look()
            pause = _POLL_S if await self.shelf.all() else None  # without agents nothing is ever due
            with suppress(TimeoutError):
                await asyncio.wait_for(self.noticed.wait(), pause)

    async def look(self) -> None:
        """One round over everything that may be due."""
        await self.attendance.read_on()
        for agent in await self.shelf.all():
            try:
                decided = await self.contests.decide(agent)
                if decided != agent:
                    await self._tell(decided)
                if not self.adapters[agent.kind].tells_sessions:  # else nothing of a variant is in a file
                    await self._settle(decided)
            except Fault as fault:
                logger.warning("agent put off", extra={"agent": agent.id, "code": fault.code})
                self.troubles[agent.id] = str(fault)

    async def add(self, wish: Wish) -> Agent:
        """Look after an agent from now on, beginning with nothing but what its user already has. Raises AgentFault, StoreError."""
        adapter = self._adapter(wish)
        folder, first, now = self._folder(wish, adapter), Variant(model_pref=wish.model), self.clock.now()
        if wish.model is not None and adapter.render(first) == adapter.render(Variant()):
            raise AgentFault("agent.no-model", f"{adapter.kind} takes its model from its user alone: leave out --model")
        agent = Agent(
            id=wish.name or await self._name(adapter.kind, folder),
            kind=adapter.kind,
            folder=folder,
            share=wish.share,
            seed=self.chance.seed(),
            added_at=now,
            decided_at=now,
            reigns=(Reign(first.digest, now, _FOUND),),
            weights=dict(wish.weights),
            micro_dollars=wish.micro_dollars,
        )
        most_sessions, most_days = wish.max_sessions or agent.max_sessions, wish.max_days or agent.max_days
        agent = replace(agent, max_sessions=most_sessions, max_days=most_days)
        await self.shelf.add(agent, Descent(first, None, "user", _FOUND, now))
        try:
            await self._place(agent)
        except Fault:
            await self.shelf.remove(agent.id)
            raise
        self.noticed.set()
        return agent

    async def forget(self, identity: str) -> list[str]:
        """Take everything of ours out of the agent's files and let go of it. Returns what a person should know. Raises Fault."""
        agent = await self.shelf.get(identity)
        kept = []
        if agent.folder is not None:
            async with self._placing:
                kept = await self.placer.forget(agent.id, agent.folder, await self._pieces(agent))
        await self.shelf.remove(identity)
        self.troubles.pop(identity, None)
        return [f"{one.path}: what you had changed of ours lies in {one.copy}" for one in kept]

    async def examine(self, agent: Agent) -> list[Finding]:
        """Whether it has what it needs."""
        latest, pieces = await self.shelf.latest(agent.id, 1), await self._pieces(agent)
        return await examine(agent, self.adapters[agent.kind], pieces, self.placer, self.hook, latest)

    async def roll(self, identity: str) -> Agent:
        """A new challenger now; one that is running is aborted. Raises Fault."""
        agent = await self.shelf.get(identity)
        if await self.shelf.running(identity):
            await self.contests.abort(agent, "rolled on by its user")
        return await self._after(await self.contests.challenge(agent))

    async def abort(self, identity: str) -> Contest:
        """End the running contest; the champion stays. Raises Fault."""
        contest = await self.contests.abort(await self.shelf.get(identity), "aborted by its user")
        await self._after(await self.shelf.get(identity))
        return contest

    async def roll_back(self, identity: str, digest: Digest | None) -> Agent:
        """Return to an earlier champion. digest: the beginning of its digest will do. Raises Fault."""
        agent = await self.shelf.get(identity)
        found = {one.digest for one in agent.reigns if digest is not None and one.digest.startswith(digest)}
        if len(found) > 1:
            raise Fault("agent.ambiguous", f"{digest} is the beginning of several champions' digests: give more of it")
        return await self._after(await self.contests.roll_back(agent, next(iter(found), digest)))

    async def _after(self, agent: Agent) -> Agent:
        await self._tell(agent)
        await self._settle(agent)
        self.noticed.set()
        return agent

    async def _settle(self, agent: Agent) -> None:
        """Make the files say what the database does, and remember why they do not."""
        try:
            await self._place(agent)
            self.troubles.pop(agent.id, None)
        except Fault as fault:
            if self.troubles.get(agent.id) != str(fault):
                logger.warning("an agent's files are not in place", extra={"agent": agent.id, "code": fault.code})
            self.troubles[agent.id] = str(fault)

    async def _place(self, agent: Agent) -> None:
        if agent.folder is None:
            return
        async with self._placing:
            pieces = await self._pieces(agent)
            await self.placer.place(agent.id, agent.folder, pieces)

    async def _pieces(self, agent: Agent) -> list[Piece]:
        adapter = self.adapters[agent.kind]
        if adapter.tells_sessions:
            variant = (await self.shelf.descent(agent.id, agent.champion)).variant
        else:
            variant = (await self.attendance.block(agent)).variant
        return list(adapter.pieces(variant, self.hook.command))

    async def _tell(self, agent: Agent) -> None:
        """What was decided, for the hive, where this agent's level lets it go."""
        for contest in await self.shelf.contests(agent.id):
            sessions = await self.shelf.sessions(agent.id, contest=contest.number)
            await self.news.tell(agent, contest, evidence(contest, sessions, agent.policy))

    def _adapter(self, wish: Wish) -> AgentAdapter:
        if wish.kind is not None and wish.kind in self.adapters:
            return self.adapters[wish.kind]
        folder = wish.folder
        seen = [
            one for one in self.adapters.values() if wish.kind is None and folder is not None and one.detect(folder)
        ]
        if len(seen) != 1:
            found = f"the folder shows {' and '.join(one.kind for one in seen) or 'none'} of them"
            problem = found if wish.kind is None else f"there is no {wish.kind!r}"
            raise AgentFault("agent.unknown-kind", f"which agent? {problem}; known are {', '.join(self.adapters)}")
        return seen[0]

    async def _name(self, kind: str, folder: Path | None) -> str:
        """How it is called where nobody said so: by its folder and kind, numbered where another folder of that name is first."""
        name = re.sub(r"[^A-Za-z0-9._-]", "-", f"{folder.name}-{kind}" if folder else kind)
        others = {one.id for one in await self.shelf.all() if (one.kind, one.folder) != (kind, folder)}
        numbered = (f"{name}-{number}" for number in itertools.count(2))
        return name if name not in others else next(one for one in numbered if one not in others)

    def _folder(self, wish: Wish, adapter: AgentAdapter) -> Path | None:
        if not adapter.needs_folder:
            return None
        if wish.folder is None or not wish.folder.is_dir():
            raise AgentFault("agent.no-folder", f"{adapter.kind} is looked after in a folder: name one that is there")
        return wish.folder.resolve()
