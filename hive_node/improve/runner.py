"""Runs open experiments to their ends: one task each, trials at most as many at once as configured, budgets held."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Final

from guardrails.budget import Budget, cap_in_micro_dollars, exhausted
from hive_node.domain import Experiment, State
from hive_node.improve.news import summary_news
from hive_node.improve.pipeline import improve
from hive_node.improve.run import measure_baseline
from hive_node.improve.workshop import Halted, Workshop
from hive_node.ports import Clock, Fault, Ledger, Publisher, StoreError

logger = logging.getLogger(__name__)

_HALT_POLL_S: Final = 1.0


@dataclass(slots=True)
class Runner:
    """The service behind every experiment that the node drives by itself."""

    ledger: Ledger
    open_workshop: Callable[[Experiment], Awaitable[Workshop]]
    publisher: Publisher
    environment: str
    clock: Clock
    trials_at_once: asyncio.Semaphore
    _tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self) -> None:
        """Take up what was open, then whatever is started, until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._wake.clear()
                for experiment in await self.ledger.open():
                    if experiment.id not in self._tasks and not experiment.is_stepwise:
                        self._tasks[experiment.id] = group.create_task(self._drive(experiment), name=experiment.id)
                await self._wake.wait()

    def wake(self) -> None:
        """There is a new experiment."""
        self._wake.set()

    async def stop(self, identity: str, reason: str = "user") -> Experiment:
        """End an experiment now: its run is killed, its branch stays as it is. Raises NotFound."""
        task = self._tasks.get(identity)
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
        experiment = await self.ledger.get(identity)
        return experiment if experiment.is_over else await self._end(experiment, State.STOPPED, reason)

    async def _drive(self, experiment: Experiment) -> None:
        try:
            workshop = await self.open_workshop(experiment)
            try:
                await self._to_the_end(experiment, workshop)
            finally:
                await asyncio.shield(workshop.subject.close())
        except StoreError:
            raise  # nothing can be written: the supervisor tries again later, and the experiment goes on from its row
        except Fault as fault:
            experiment = await self.ledger.get(experiment.id)
            logger.warning("experiment failed", extra={"experiment": experiment.id, "code": fault.code})
            await self._end(experiment, State.FAILED, f"{fault.code}: {fault}")
        finally:
            self._tasks.pop(experiment.id, None)

    async def _to_the_end(self, experiment: Experiment, workshop: Workshop) -> None:
        if experiment.state is State.CREATED:
            async with self.trials_at_once:
                experiment = await measure_baseline(experiment, workshop)
        while (reason := stop_reason(experiment)) is None or experiment.state in _MIDDLE:
            await self._while_halted(workshop)
            try:
                async with self.trials_at_once:
                    after = await improve(experiment, workshop)
            except Halted:
                experiment = await self.ledger.get(experiment.id)
                continue
            if after is None:
                reason = "no-ideas"
                break
            experiment = after
        await self._end(experiment, State.FINALIZED, reason or "iterations")

    async def _while_halted(self, workshop: Workshop) -> None:
        while workshop.halt():
            await self.clock.sleep(_HALT_POLL_S)

    async def _end(self, experiment: Experiment, state: State, reason: str) -> Experiment:
        ledger = await self.ledger.ideas(experiment.id)
        if news := summary_news(experiment, ledger, self.environment):
            await self.publisher.publish(news)
        after = replace(experiment, state=state, stop_reason=reason)
        logger.info("experiment ended", extra={"experiment": experiment.id, "state": state.value, "reason": reason})
        return await self.ledger.move(experiment.state, after)


_MIDDLE: Final = frozenset({State.PROPOSED, State.TRIED, State.JUDGED})


def budget_of(experiment: Experiment) -> Budget:
    """The caps that the spec sets. Without `dollars` no money is spent at all."""
    caps = experiment.spec.budget
    holdout = experiment.spec.holdout
    return Budget(
        iterations=caps.iterations,
        wall_s=caps.wall_s,
        micro_dollars=cap_in_micro_dollars(caps.dollars or 0),
        holdout_looks=holdout.looks if holdout else 0,
    )


def stop_reason(experiment: Experiment) -> str | None:
    """Why the experiment ends before another idea, or None."""
    if reason := exhausted(budget_of(experiment), experiment.spent):
        return reason.value
    target, best = experiment.spec.budget.target, experiment.best
    if target is not None and best is not None:
        is_reached = best <= target if experiment.spec.metric.direction == "lower" else best >= target
        if is_reached:
            return "target"
    patience = experiment.spec.budget.patience
    return "no-progress" if patience is not None and experiment.idle >= patience else None
