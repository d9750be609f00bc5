"""The loop one step at a time, so that somebody else's conversation can drive it. Out of order is `WrongState`."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from guardrails.verdict import Rejected
from hive_node.domain import TRANSITIONS, Experiment, State, WrongState
from hive_node.improve.judge import gate
from hive_node.improve.news import summary_news
from hive_node.improve.promote import promote
from hive_node.improve.propose import take_up
from hive_node.improve.run import measure_baseline, run
from hive_node.improve.runner import stop_reason
from hive_node.improve.workshop import Proposed, Tried, Workshop
from hive_node.operators.edits import apply_edits, changed
from hive_node.ports import Draft, Fault, Ledger
from protocol.deltas import Edit


@dataclass(slots=True)
class Steps:
    """edit → run → decide, as often as the budget allows, then finalize. One step of an experiment at a time."""

    ledger: Ledger
    open_workshop: Callable[[Experiment], Awaitable[Workshop]]
    trials_at_once: asyncio.Semaphore
    _workshops: dict[str, Workshop] = field(default_factory=dict)
    _turns: dict[str, asyncio.Lock] = field(default_factory=dict)

    async def edit(self, identity: str, words: str, edits: tuple[Edit, ...]) -> Experiment:
        """Propose: `edits` on the champion. Raises WrongState, Fault(edit.no-match)."""
        async with self._turn(identity):
            experiment = await self._in_state(identity, "edit", State.BASELINED, State.PROMOTED, State.REJECTED)
            if reason := stop_reason(experiment):
                raise Fault("experiment.budget", f"the budget is used up ({reason}): finalize the experiment")
            workshop = await self._workshop(experiment)
            champion = await workshop.subject.files("champion")
            edited = apply_edits(champion, edits)
            if edited is None:
                raise Fault(
                    "edit.no-match", "each search block must occur exactly once in an editable file of the champion"
                )
            files = changed(champion, edited)
            if not files:
                raise Fault("edit.empty", "these edits change nothing")
            proposed = await take_up(Draft("manual", words, files), champion, experiment, workshop)
            return proposed.experiment

    async def run(self, identity: str) -> Experiment:
        """Measure what is next: the baseline of a new experiment, or the idea that was edited in. Raises WrongState."""
        async with self._turn(identity):
            experiment = await self._in_state(identity, "run", State.CREATED, State.PROPOSED)
            workshop = await self._workshop(experiment)
            async with self.trials_at_once:
                if experiment.state is State.CREATED:
                    return await measure_baseline(experiment, workshop)
                tried = await self._try(experiment, workshop)
            if isinstance(tried.trial, Rejected):  # refused before it was run: there is nothing left to decide
                return await promote(await gate(tried, workshop), workshop)
            return tried.experiment

    async def decide(self, identity: str) -> Experiment:
        """Let the gates judge what was run, and carry it out. Raises WrongState."""
        async with self._turn(identity):
            experiment = await self._in_state(identity, "decide", State.TRIED, State.JUDGED)
            workshop = await self._workshop(experiment)
            return await promote(await gate(await self._try(experiment, workshop), workshop), workshop)

    async def finalize(self, identity: str) -> Experiment:
        """End the experiment and tell the hive its summary. Raises WrongState."""
        async with self._turn(identity):
            experiment = await self.ledger.get(identity)
            if State.FINALIZED not in TRANSITIONS[experiment.state]:
                raise WrongState(identity, experiment.state, "finalize")
            workshop = await self._workshop(experiment)
            ideas = await self.ledger.ideas(identity)
            if news := summary_news(experiment, ideas, workshop.subject.environment):
                await workshop.publisher.publish(news)
            after = replace(experiment, state=State.FINALIZED, stop_reason="user")
            after = await self.ledger.move(experiment.state, after)
            await self.close(identity)
            return after

    async def close(self, identity: str) -> None:
        """Take an experiment's trees away."""
        workshop = self._workshops.pop(identity, None)
        if workshop is not None:
            await workshop.subject.close()

    async def close_all(self) -> None:
        """Take every experiment's trees away; the rows stay, and the next step lays them out again."""
        for identity in list(self._workshops):
            await self.close(identity)

    async def _try(self, experiment: Experiment, workshop: Workshop) -> Tried:
        record = await self.ledger.idea(experiment.id, experiment.iteration)
        return await run(Proposed(experiment, record.idea), workshop)

    async def _in_state(self, identity: str, step: str, *states: State) -> Experiment:
        experiment = await self.ledger.get(identity)
        if not experiment.is_stepwise:
            raise Fault(
                "experiment.not-stepwise", f"{identity} is run by the node: start one with `stepwise` to drive it"
            )
        if experiment.state not in states:
            raise WrongState(identity, experiment.state, step)
        return experiment

    async def _workshop(self, experiment: Experiment) -> Workshop:
        if experiment.id not in self._workshops:
            self._workshops[experiment.id] = await self.open_workshop(experiment)
        return self._workshops[experiment.id]

    def _turn(self, identity: str) -> asyncio.Lock:
        return self._turns.setdefault(identity, asyncio.Lock())
