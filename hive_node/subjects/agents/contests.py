"""Champion and challenger: when a challenger is made, how the contest ends, and what is watched after a promotion."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Protocol

from guardrails.constitution import Constitution
from guardrails.evidence.coin import Wager, has_fallen
from guardrails.verdict import Rejected
from hive_node.agents.session import (
    FELL,
    SESSIONS_BETWEEN,
    WATCHED_SESSIONS,
    Agent,
    Contest,
    Ending,
    Session,
    ending,
    evidence,
)
from hive_node.agents.variant import Descent, Digest
from hive_node.agents.wording import instructions
from hive_node.operators.configurations import (
    LLM_REWRITE,
    WEIGHTS,
    WEIGHTS_WITHOUT_MODEL,
    Ground,
    Proposal,
    draws_for,
    order,
    proposals,
)
from hive_node.ports import Chance, Clock, Fault, ModelFault
from hive_node.ports.agents import AgentAdapter, AgentShelf, Rewriter, Told
from hive_node.subjects.agents.attendance import Attendance

logger = logging.getLogger(__name__)

# What a language model is told of: the last ideas that lost, and sums over the last sessions.
_LOSERS_TOLD: Final = 30
_SESSIONS_TOLD: Final = 20


class Prior(Protocol):
    """What the hive says of axes for one kind of agent."""

    async def by_axis(self, kind: str) -> Mapping[str, float]:
        """A factor near 1 for an operator's weight."""
        ...


@dataclass(slots=True)
class Contests:
    """The decisions about agents. All of them are rows, made while `attendance.turn` is held.

    halt: why nothing is promoted or begun now, or None.
    """

    shelf: AgentShelf
    adapters: Mapping[str, AgentAdapter]
    attendance: Attendance
    rewriter: Rewriter
    prior: Prior
    constitution: Constitution
    halt: Callable[[], str | None]
    clock: Clock
    chance: Chance

    async def decide(self, agent: Agent) -> Agent:
        """Whatever is to be decided of an agent now. Returns it as it is then. While the node is halted that is nothing."""
        if self.halt() is not None:
            return agent
        async with self.attendance.turn:
            agent = await self.shelf.get(agent.id)
            contest = await self.shelf.running(agent.id)
            if contest is not None:
                return await self._decide(agent, contest)
            agent = await self._watch(agent)
            is_due = len(await self.shelf.signalled_since(agent.id, agent.decided_at)) >= SESSIONS_BETWEEN
        return await self.challenge(agent) if is_due and agent.watched_floor is None else agent

    async def challenge(self, agent: Agent) -> Agent:
        """Begin a contest with a new challenger. Raises Fault where one is running, or the node is halted."""
        if reason := self.halt():
            raise Fault("hive.halted", f"no challenger is made: {reason}")
        # Outside of the turn: a language model takes its time, and sessions begin meanwhile.
        proposal = await self._propose(agent)
        async with self.attendance.turn:
            agent, now = await self.shelf.get(agent.id), self.clock.now()
            if await self.shelf.running(agent.id):
                raise Fault("agent.contest-running", f"{agent.id} has a challenger already")
            if proposal is None:
                agent = replace(agent, decided_at=now)
                await self.shelf.keep(agent, what="no-idea", reason="every idea that can be had here was tried")
                return agent
            number = len(await self.shelf.contests(agent.id)) + 1
            descent = Descent(proposal.variant, agent.champion, proposal.operator, proposal.idea, now)
            fresh = Contest(
                agent.id, number, agent.champion, descent.digest, proposal.operator, proposal.idea, now,
                lot=self.chance.uniform(0.0, 1.0),
            )  # fmt: skip
            await self.shelf.start(agent, fresh, descent)
        fields = {"agent": agent.id, "contest": number, "operator": proposal.operator, "challenger": descent.digest}
        logger.info("challenger", extra=fields)
        return agent

    async def abort(self, agent: Agent, reason: str) -> Contest:
        """End the running contest; the champion stays. Raises Fault where none is running."""
        async with self.attendance.turn:
            agent, contest = await self.shelf.get(agent.id), await self.shelf.running(agent.id)
            if contest is None:
                raise Fault("agent.no-contest", f"{agent.id} has no challenger to end")
            await self._end(agent, contest, Ending.ABORTED, reason)
        return contest

    async def roll_back(self, agent: Agent, digest: Digest | None) -> Agent:
        """Return to the champion before the present one, or to that of `digest`; a running contest is aborted. Raises Fault."""
        async with self.attendance.turn:
            agent = await self.shelf.get(agent.id)
            reign = agent.earlier(digest)
            if reign is None:
                raise Fault(
                    "agent.no-earlier",
                    f"{agent.id} has no such earlier champion: `hive-node agent show {agent.id}` lists them",
                )
            if contest := await self.shelf.running(agent.id):
                agent = await self._end(agent, contest, Ending.ABORTED, "rolled back by its user")
            return await self._return(agent, reign, "rolled back by its user")

    async def _decide(self, agent: Agent, contest: Contest) -> Agent:
        sessions, now = await self.shelf.sessions(agent.id, contest=contest.number), self.clock.now()
        wager = evidence(contest, sessions, agent.policy)
        if (end := ending(wager)) is not None:
            state, reason = end
            if state is Ending.PROMOTED and (refused := await self._refused(agent, contest)):
                state, reason = Ending.REJECTED, f"{refused.rule}: {refused.reason}"
            return await self._end(agent, contest, state, reason, wager)
        if now - contest.started_at > timedelta(days=agent.max_days):
            return await self._end(agent, contest, Ending.EXPIRED, f"days: {agent.max_days} and no decision", wager)
        return agent

    async def _end(
        self, agent: Agent, contest: Contest, state: Ending, reason: str, wager: Wager | None = None
    ) -> Agent:
        now = self.clock.now()
        after = replace(agent, decided_at=now)
        if wager is not None and state is Ending.PROMOTED:
            after = replace(agent.crown(contest.challenger, now, contest.idea), watched_floor=wager.champion.mean)
        await self.shelf.end(after, replace(contest, state=state, reason=reason, ended_at=now))
        fields = {"agent": agent.id, "contest": contest.number, "state": state.value, "champion": after.champion}
        logger.info("contest over", extra=fields)
        return after

    async def _refused(self, agent: Agent, contest: Contest) -> Rejected | None:
        """The constitutional gate once more, on exactly what is promoted: its rules may be others than when it was made."""
        descent = await self.shelf.descent(agent.id, contest.challenger)
        return self._judged(Proposal(descent.operator, descent.variant, descent.idea))

    def _judged(self, proposal: Proposal) -> Rejected | None:
        verdict = self.constitution.judge_idea(f"{proposal.idea}\n{instructions(proposal.variant)}")
        return verdict if isinstance(verdict, Rejected) else None

    async def _watch(self, agent: Agent) -> Agent:
        """Whether the last promotion still holds, by the sessions since then that worked with it."""
        if agent.watched_floor is None:
            return agent
        reign = agent.reigns[-1]
        scores = [one.score for one in await self._under(agent, reign.at) if one.score is not None]
        if has_fallen(scores[:WATCHED_SESSIONS], agent.watched_floor) and reign.before is not None:
            return await self._return(agent, reign.before, FELL)
        if len(scores) >= WATCHED_SESSIONS:
            agent = replace(agent, watched_floor=None)
            await self.shelf.keep(agent, what="holds", variant=agent.champion)
        return agent

    async def _under(self, agent: Agent, since: datetime) -> list[Session]:
        sessions = await self.shelf.signalled_since(agent.id, since)
        return [one for one in sessions if one.variant == agent.champion and one.started_at >= since]

    async def _return(self, agent: Agent, reign: int, reason: str) -> Agent:
        after = agent.return_to(reign, self.clock.now(), reason)
        await self.shelf.keep(after, what="returned", variant=after.champion, reason=reason)
        logger.info(
            "an earlier champion is back", extra={"agent": agent.id, "champion": after.champion, "reason": reason}
        )
        return after

    async def _propose(self, agent: Agent) -> Proposal | None:
        descents, contests = await self.shelf.descents(agent.id), await self.shelf.contests(agent.id)
        champion = next(one.variant for one in descents if one.digest == agent.champion)
        ground = Ground(champion, {one.digest for one in descents}, self.adapters[agent.kind].render)
        made, draws = proposals(ground), draws_for(agent.seed, len(contests) + 1)
        has_model = await self.rewriter.is_there(may_cost=agent.spent < agent.micro_dollars)
        weights = {**(WEIGHTS if has_model else WEIGHTS_WITHOUT_MODEL), **agent.weights}
        runnable = {*made, LLM_REWRITE} if has_model else set(made)
        for name in order(runnable, weights, await self.prior.by_axis(agent.kind), draws):
            found = await self._rewritten(agent, ground, contests) if name == LLM_REWRITE else draws.choice(made[name])
            refused = self._judged(found) if found is not None else None
            if found is not None and refused is None:
                return found
            if refused is not None:
                logger.info("challenger refused", extra={"agent": agent.id, "operator": name, "rule": refused.rule})
        return None

    async def _rewritten(self, agent: Agent, ground: Ground, contests: Sequence[Contest]) -> Proposal | None:
        losers = [one.idea for one in contests if one.state not in {Ending.RUNNING, Ending.PROMOTED}]
        sums = _sums(await self.shelf.latest(agent.id, _SESSIONS_TOLD))
        try:
            words = await self._paid(agent, Told(ground.champion, losers[-_LOSERS_TOLD:], sums))
        except ModelFault as fault:
            logger.warning("operator left out", extra={"operator": LLM_REWRITE, "agent": agent.id, "code": fault.code})
            return None
        if words is None:
            return None
        prefix, idea = words
        try:
            variant = replace(ground.champion, system_prompt_prefix=prefix)
        except ValueError:  # longer than a prefix may be
            return None
        return Proposal(LLM_REWRITE, variant, idea) if ground.is_worth_a_try(variant) else None

    async def _paid(self, agent: Agent, told: Told) -> tuple[str, str] | None:
        """A model's words. The most that they can cost is a row before they are asked for, and the truth after."""
        most = await self.rewriter.most(told)
        if not await self._spend(agent, most):
            logger.info("call not made", extra={"agent": agent.id, "operator": LLM_REWRITE})
            return None
        try:
            answer = await self.rewriter.rewrite(told)
        except ModelFault as fault:
            if fault.is_free:
                await self._spend(agent, -most)
            raise
        await self._spend(agent, answer.micro_dollars - most)
        return answer.words

    async def _spend(self, agent: Agent, micro_dollars: int) -> bool:
        """Write it down; False, and nothing written, where the agent's cap would not hold."""
        async with self.attendance.turn:
            agent = await self.shelf.get(agent.id)
            spent = agent.spent + micro_dollars
            if micro_dollars > 0 and spent > agent.micro_dollars:
                return False
            if micro_dollars:
                await self.shelf.keep(replace(agent, spent=spent))
        return True


def _sums(sessions: Sequence[Session]) -> dict[str, float]:
    """What the last sessions had of each signal, in numbers alone."""
    names = ("tool_calls", "tool_errors", "interruptions", "thanks", "corrections", "undos", "good", "bad")
    sums = {name: float(sum(getattr(one.signals, name) for one in sessions)) for name in names}
    scores = [one.score for one in sessions if one.score is not None]
    red = sum(one.signals.tests == "red" for one in sessions)
    return {"sessions": float(len(sessions)), "ended_with_red_tests": float(red), **sums} | (
        {"mean_score": sum(scores) / len(scores)} if scores else {}
    )
