"""Runs open experiments to their ends: one task each, trials at most as many at once as configured, budgets held."""

import asyncio
import errno
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from hive_node.domain import Experiment, State
from hive_node.improve.brake import Brake, Stopped
from hive_node.improve.budget import stop_reason
from hive_node.improve.news import summary_news
from hive_node.improve.pipeline import improve
from hive_node.improve.run import measure_baseline
from hive_node.improve.watch import watch_due
from hive_node.improve.workshop import Halted, Workshop
from hive_node.ports import Clock, Fault, Ledger, Machine, Publisher

logger = logging.getLogger(__name__)

_POLL_S: Final = 1.0
_FIRST_WAIT_S: Final = 1.0
_LONGEST_WAIT_S: Final = 60.0
# What passes by itself, or when somebody makes room: the experiment waits where it is, and nothing is lost.
_PASSING: Final = frozenset(
    {
        "store.disk-full",
        "store.read-only",
        "store.locked",
        "repository.busy",
        "repository.disk-full",
        "repository.branch-in-use",
    }
)
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_MIDDLE: Final = frozenset({State.PROPOSED, State.TRIED, State.JUDGED})


@dataclass(slots=True)
class Runner:
    """The service behind every experiment that the node drives by itself. waiting: those that wait, and for what."""

    ledger: Ledger
    open_workshop: Callable[[Experiment], Awaitable[Workshop]]
    publisher: Publisher
    environment: str
    clock: Clock
    trials_at_once: asyncio.Semaphore
    machine: Machine
    waiting: dict[str, str] = field(default_factory=dict)
    _driven: "dict[str, tuple[Brake, asyncio.Task[None]]]" = field(default_factory=dict)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self) -> None:
        """Take up what was open, then whatever is started, until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._wake.clear()
                for experiment in await self.ledger.open():
                    if experiment.id not in self._driven and not experiment.is_stepwise:
                        brake = Brake()
                        task = group.create_task(self._drive(experiment.id, brake), name=experiment.id)
                        self._driven[experiment.id] = (brake, task)
                await self._wake.wait()

    def wake(self) -> None:
        """There is a new experiment."""
        self._wake.set()

    async def stop(self, identity: str, reason: str = "user") -> Experiment:
        """End an experiment now: its run is killed, its branch stays as it is. Raises NotFound, StoreError.

        A promotion that has begun is finished first: entry, branch and row agree at any end.
        """
        if identity in self._driven:
            brake, task = self._driven[identity]
            brake.pull(reason)
            await asyncio.wait([task])
        experiment = await self.ledger.get(identity)
        if experiment.is_over:
            return experiment
        await self._clear(experiment)
        return await self._end(experiment, State.STOPPED, reason)

    async def _drive(self, identity: str, brake: Brake) -> None:
        try:
            state, reason = await self._to_an_end(identity, brake)
            await self._end(await self.ledger.get(identity), state, reason)
        finally:
            self._driven.pop(identity, None)
            self.waiting.pop(identity, None)

    async def _to_an_end(self, identity: str, brake: Brake) -> tuple[State, str]:
        """How the experiment ends, and why."""
        wait_s = _FIRST_WAIT_S
        try:
            while (reason := await self._attempt(identity, brake, is_first=wait_s == _FIRST_WAIT_S)) is None:
                await brake.over(partial(self.clock.sleep, wait_s))
                wait_s = min(2 * wait_s, _LONGEST_WAIT_S)
        except Stopped as stopped:
            return State.STOPPED, stopped.reason
        except Fault as fault:
            logger.warning("experiment failed", extra={"experiment": identity, "code": fault.code})
            return State.FAILED, f"{fault.code}: {fault}"
        except Exception as error:  # a fault of our own ends this experiment, and not those beside it
            logger.exception("experiment failed", extra={"experiment": identity})
            return State.FAILED, f"internal: {type(error).__name__}; the node's log has the details"
        return State.FINALIZED, reason

    async def _attempt(self, identity: str, brake: Brake, *, is_first: bool) -> str | None:
        """Why there are no more ideas; None where something is in the way that passes. Raises Stopped, Fault."""
        try:
            experiment = await self.ledger.get(identity)
            workshop = replace(await self.open_workshop(experiment), brake=brake)
            try:
                return await self._ideas(experiment, workshop)
            finally:
                # Before the row says that it is over: a restart in between would leave the trees for ever.
                await asyncio.shield(workshop.subject.close())
        except (Fault, OSError) as fault:
            if not _is_passing(fault):
                raise
            level = logging.WARNING if is_first else logging.DEBUG
            logger.log(level, "experiment waits", extra={"experiment": identity, "reason": str(fault)})
            self.waiting[identity] = str(fault)
            return None

    async def _ideas(self, experiment: Experiment, workshop: Workshop) -> str:
        await self._while_it_should_wait(experiment, workshop)
        if experiment.state is State.CREATED:
            async with workshop.brake.turn(self.trials_at_once):
                experiment = await measure_baseline(experiment, workshop)
        while (reason := stop_reason(experiment)) is None or experiment.state in _MIDDLE:
            await self._while_it_should_wait(experiment, workshop)
            try:
                async with workshop.brake.turn(self.trials_at_once):
                    if experiment.state not in _MIDDLE:
                        experiment = await watch_due(experiment, workshop)
                    after = await improve(experiment, workshop)
            except Halted:
                experiment = await self.ledger.get(experiment.id)
                continue
            if after is None:
                return "no-ideas"
            experiment = after
        return reason

    async def _while_it_should_wait(self, experiment: Experiment, workshop: Workshop) -> None:
        while reason := workshop.halt() or self.machine.why_wait():
            self._say_waiting(experiment.id, reason)
            await workshop.brake.over(partial(self.clock.sleep, _POLL_S))
        self.waiting.pop(experiment.id, None)

    def _say_waiting(self, identity: str, reason: str) -> None:
        level = logging.DEBUG if identity in self.waiting else logging.INFO
        logger.log(level, "experiment waits", extra={"experiment": identity, "reason": reason})
        self.waiting[identity] = reason

    async def _clear(self, experiment: Experiment) -> None:
        """Take away the trees that nobody works in, left by an earlier life of this node."""
        try:
            workshop = await self.open_workshop(experiment)
            await workshop.subject.close()
        except Fault as fault:
            logger.warning("trees left", extra={"experiment": experiment.id, "reason": str(fault)})

    async def _end(self, experiment: Experiment, state: State, reason: str) -> Experiment:
        ledger = await self.ledger.ideas(experiment.id)
        if news := summary_news(experiment, ledger, self.environment):
            await self.publisher.publish(news)
        after = replace(experiment, state=state, stop_reason=reason)
        logger.info("experiment ended", extra={"experiment": experiment.id, "state": state.value, "reason": reason})
        return await self.ledger.move(experiment.state, after)


def _is_passing(fault: Fault | OSError) -> bool:
    return fault.code in _PASSING if isinstance(fault, Fault) else fault.errno in _NO_ROOM
