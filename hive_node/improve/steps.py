"""The loop one step at a time, so that somebody else's conversation can drive it. Out of order is `WrongState`."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Final

from guardrails.verdict import Rejected
from hive_node.domain import Experiment, State, WrongState
from hive_node.improve.brake import Stopped
from hive_node.improve.budget import stop_reason
from hive_node.improve.judge import gate
from hive_node.improve.news import summary_news
from hive_node.improve.promote import promote
from hive_node.improve.propose import take_up
from hive_node.improve.run import measure_baseline, run
from hive_node.improve.workshop import Halted, Proposed, Tried, Workshop
from hive_node.operators.edits import apply_edits, changed
from hive_node.ports import Draft, Fault, Ledger
from protocol.deltas import Edit

STEPS: Final[Mapping[State, tuple[str, ...]]] = {
    State.CREATED: ("run",),
    State.BASELINED: ("edit", "finalize"),
    State.PROPOSED: ("run",),
    State.TRIED: ("decide",),
    State.JUDGED: ("decide",),
    State.PROMOTED: ("edit", "finalize"),
    State.REJECTED: ("edit", "finalize"),
    State.FINALIZED: (),
    State.STOPPED: (),
    State.FAILED: (),
}
"""What may be done next, by the state an experiment is in."""


@dataclass(slots=True)
class Steps:
    """edit → run → decide, as often as the budget allows, then finalize. One step of an experiment at a time."""

    ledger: Ledger
    open_workshop: Callable[[Experiment], Awaitable[Workshop]]
    trials_at_once: asyncio.Semaphore
    _workshops: dict[str, Workshop] = field(default_factory=dict)
    _turns: dict[str, asyncio.Lock] = field(default_factory=dict)

    async def edit(self, identity: str, words: str, edits: tuple[Edit, ...]) -> Experiment:
        """Propose: `edits` on the champion. Raises WrongState, Fault: edit.no-match, edit.empty, experiment.budget."""
        async with self._step(identity, "edit") as (experiment, shop):
            if reason := stop_reason(experiment):
                raise Fault("experiment.budget", f"the budget is used up ({reason}): finalize the experiment")
            champion = await shop.subject.files("champion")
            edited = apply_edits(champion, edits)
            if edited is None:
                raise Fault(
                    "edit.no-match", "each search block must occur exactly once in an editable file of the champion"
                )
            files = changed(champion, edited)
            if not files:
                raise Fault("edit.empty", "these edits change nothing")
            return (await take_up(Draft("manual", words, files), champion, experiment, shop)).experiment

    async def run(self, identity: str) -> Experiment:
        """Measure what is next: the baseline of a new experiment, or the idea that was edited in. Raises WrongState, Fault."""
        async with self._step(identity, "run") as (experiment, shop):
            async with shop.brake.turn(self.trials_at_once):
                if experiment.state is State.CREATED:
                    return await measure_baseline(experiment, shop)
                tried = await self._try(experiment, shop)
            if isinstance(tried.trial, Rejected):  # refused before it was run: there is nothing left to decide
                return await promote(await gate(tried, shop), shop)
            return tried.experiment

    async def decide(self, identity: str) -> Experiment:
        """Let the gates judge what was run, and carry it out. Raises WrongState, Fault."""
        async with self._step(identity, "decide") as (experiment, shop):
            try:
                return await promote(await gate(await self._try(experiment, shop), shop), shop)
            except Halted as halted:
                raise Fault("experiment.halted", f"nothing is promoted now ({halted}): decide again later") from halted

    async def finalize(self, identity: str) -> Experiment:
        """End the experiment and tell the hive its summary. Raises WrongState, Fault."""
        async with self._step(identity, "finalize") as (experiment, shop):
            ideas = await self.ledger.ideas(identity)
            if news := summary_news(experiment, ideas, shop.subject.environment):
                await shop.publisher.publish(news)
            await self._close(identity)
            return await self.ledger.move(
                experiment.state, replace(experiment, state=State.FINALIZED, stop_reason="user")
            )

    async def close(self, identity: str) -> None:
        """End the step that runs, if one does, and take the experiment's trees away; the rows stay."""
        if identity in self._workshops:
            self._workshops[identity].brake.pull("user")
        async with self._turn(identity):
            await self._close(identity)

    async def close_all(self) -> None:
        """The same for every experiment; its next step lays the trees out again."""
        for identity in list(self._workshops):
            await self.close(identity)

    async def _close(self, identity: str) -> None:
        workshop = self._workshops.pop(identity, None)
        if workshop is not None:
            await workshop.subject.close()

    async def _try(self, experiment: Experiment, workshop: Workshop) -> Tried:
        record = await self.ledger.idea(experiment.id, experiment.iteration)
        return await run(Proposed(experiment, record.idea), workshop)

    @asynccontextmanager
    async def _step(self, identity: str, step: str) -> AsyncIterator[tuple[Experiment, Workshop]]:
        """The experiment in a state that allows the step, with its trees, for this caller alone."""
        async with self._turn(identity):
            experiment = await self.ledger.get(identity)
            if not experiment.is_stepwise:
                raise Fault(
                    "experiment.not-stepwise", f"{identity} is run by the node: start one with `stepwise` to drive it"
                )
            if step not in STEPS[experiment.state]:
                raise WrongState(identity, experiment.state, step)
            if identity not in self._workshops:
                self._workshops[identity] = await self.open_workshop(experiment)
            try:
                yield experiment, self._workshops[identity]
            except Stopped:
                raise WrongState(identity, State.STOPPED, step) from None

    def _turn(self, identity: str) -> asyncio.Lock:
        return self._turns.setdefault(identity, asyncio.Lock())
