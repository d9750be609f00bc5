"""After a promotion: measured again, at intervals, beside what it replaced. What became worse is taken back."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final

from guardrails.baseline import still_holds
from guardrails.evidence import Continue, Direction, Evidence, EvidencePolicy, Pair, compare, decide
from guardrails.verdict import Rejected
from hive_node.domain import Adopted, Experiment, Promotion, Watch, WatchState
from hive_node.improve.measuring import Session, guard_samples
from hive_node.improve.revert import revert
from hive_node.improve.workshop import Workshop
from hive_node.ports import Clock, Fault, Ledger, Machine, NotFound, Repute

logger = logging.getLogger(__name__)

# A look is a check on what passed both gates, not a second trial: it may end undecided.
_MOST_PAIRS: Final = 12
_HARM_ALPHA: Final = 0.01
_ALPHA: Final = 0.05
# One failure beside a champion that ran may be the machine's; two in a row are the code's.
_TRIES: Final = 2
_POLL_S: Final = 30.0
_AFTER_FAULT: Final = timedelta(hours=1)


async def watch_due(experiment: Experiment, workshop: Workshop) -> Experiment:
    """Look at every promotion of the experiment whose time has come. Raises Stopped, Fault."""
    for watch in await workshop.ledger.watches_due(workshop.clock.now()):
        if watch.experiment == experiment.id:
            experiment = await attend(watch, experiment, workshop)
    return experiment


async def attend(watch: Watch, experiment: Experiment, workshop: Workshop) -> Experiment:
    """One look at one promotion, and what follows from it. Interrupted anywhere, a second call ends the same way."""
    promotions = await workshop.ledger.promotions(experiment.id)
    promotion = next(one for one in promotions if one.idea.number == watch.idea)
    if promotion.is_reverted:  # it fell a moment ago, with one that it was built on
        return experiment
    if watch.state is WatchState.OPEN:
        reason, experiment = await _look(promotion, experiment, workshop)
        watch = _after(watch, reason, experiment, workshop.clock)
        await workshop.ledger.keep_watch(watch)
    if watch.state is WatchState.REVERTING:
        return await revert(watch, experiment, workshop)
    return experiment


def _after(watch: Watch, reason: Rejected | None, experiment: Experiment, clock: Clock) -> Watch:
    # A look that a fallen recipe called for is one more: it takes the place of none that the spec wants.
    looks, moments = watch.looks + (not watch.is_called), (0.0, *experiment.spec.watch.after_s)
    watch, now = replace(watch, looks=looks, is_called=False), clock.now()
    if reason is not None:
        return replace(watch, state=WatchState.REVERTING, reason=reason, decided_at=now, due_at=now)
    if looks >= len(moments) - 1:
        return replace(watch, state=WatchState.OVER)
    return replace(watch, due_at=now + timedelta(seconds=moments[looks + 1] - moments[looks]))


async def _look(promotion: Promotion, experiment: Experiment, workshop: Workshop) -> tuple[Rejected | None, Experiment]:
    """Why the promotion must go, or None; with what the experiment has spent on it."""
    workshop.subject.promote(promotion.parent)
    workshop.subject.put(promotion.idea.files)
    try:
        look = _Look(Session(workshop, experiment, promotion.idea), _policy(experiment))
        return await look.reason(), look.session.experiment
    finally:
        workshop.subject.promote(experiment.champion)


@dataclass(slots=True)
class _Look:
    """The measurements of one look."""

    session: Session
    policy: EvidencePolicy

    async def reason(self) -> Rejected | None:
        """Why the promotion must go, or None: it holds, or this machine could not measure it now."""
        evidence = await self._compare()
        if evidence is not None:
            await self.session.guard()
        failure = self.session.failure
        if evidence is None or failure is not None:
            return failure if self.session.is_candidates_fault else None
        return still_holds(evidence, self.policy, guard_samples(self.session.experiment.spec, self.session.guards))

    async def _compare(self) -> Evidence | None:
        experiment = self.session.experiment
        name, direction = experiment.spec.metric.name, Direction(experiment.spec.metric.direction)
        scale = experiment.baseline.value if experiment.baseline else 0.0
        evidence: Evidence | None = None
        while evidence is None or isinstance(decide(evidence, self.policy), Continue):
            values = await self._pair()
            if values is None:
                return None
            self.session.pairs.append(Pair(values[0][name], values[1][name]))
            evidence = compare(self.session.pairs, direction, scale, self.policy)
        return evidence

    async def _pair(self) -> tuple[Mapping[str, float], Mapping[str, float]] | None:
        for _ in range(_TRIES):
            self.session.failure = None
            values = await self.session.pair("champion")
            if values is not None or not self.session.is_candidates_fault:
                return values
        return None


def _policy(experiment: Experiment) -> EvidencePolicy:
    return EvidencePolicy(
        alpha=_ALPHA,
        min_effect=experiment.spec.metric.min_effect,
        max_pairs=_MOST_PAIRS,
        harm_alpha=_HARM_ALPHA,
        deterministic=experiment.baseline is not None and experiment.baseline.calibration.deterministic,
    )


@dataclass(slots=True)
class Watchman:
    """The service that looks after promotions of experiments that are over; one that runs looks after its own."""

    ledger: Ledger
    open_workshop: Callable[[Experiment], Awaitable[Workshop]]
    clock: Clock
    trials_at_once: asyncio.Semaphore
    machine: Machine
    repute: Repute
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _changes: int = -1

    async def serve(self) -> None:
        """Look now and then, until cancelled."""
        while True:
            await self.call_for_looks()
            if self.machine.why_wait() is None:
                for watch in await self.ledger.watches_due(self.clock.now()):
                    await self._attend(watch)
            await self.clock.sleep(_POLL_S)

    async def call_for_looks(self) -> None:
        """Where a recipe fell that was adopted here, have what came of it measured again now, once for each way to fall."""
        if self.repute.changes == self._changes:
            return
        changes = self.repute.changes
        for adopted in await self.ledger.adopted():
            if cause := self.repute.why_fallen(adopted.task, adopted.recipe):
                await self._call_for_look(adopted, cause)
        self._changes = changes

    async def _call_for_look(self, adopted: Adopted, cause: str) -> None:
        now = self.clock.now()
        fresh = Watch(adopted.experiment, adopted.idea, WatchState.OPEN, 0, now)
        found = [one for one in await self.ledger.watches(adopted.experiment) if one.idea == adopted.idea]
        watch = found[0] if found else fresh  # the spec may want no watches at all
        if watch.cause != cause and watch.state in {WatchState.OPEN, WatchState.OVER}:
            fields = {"experiment": adopted.experiment, "idea": adopted.idea, "recipe": adopted.recipe, "cause": cause}
            logger.info("a promotion is measured again: the recipe behind it fell", extra=fields)
            called = replace(watch, state=WatchState.OPEN, due_at=now, cause=cause, is_called=True)
            await self.ledger.keep_watch(called)

    async def roll_back(self, identity: str, idea: int | None, reason: str) -> Experiment:
        """Take back a promotion (the last one unless told) and all that were built on it. Raises Fault, NotFound."""
        experiment = await self.ledger.get(identity)
        standing = [one.idea.number for one in await self.ledger.promotions(identity) if not one.is_reverted]
        if not experiment.is_over:
            raise Fault("experiment.running", f"{identity} is {experiment.state}: stop or finalize it first")
        if not standing or (idea is not None and idea not in standing):
            shown = ", ".join(map(str, standing)) or "none"
            raise Fault("experiment.no-promotion", f"{identity} has no such promotion to take back; standing: {shown}")
        rejected = Rejected("watch.rolled-back", f"Taken back by its user: {reason}.")
        now = self.clock.now()
        watch = Watch(identity, idea or standing[-1], WatchState.REVERTING, 0, now, rejected, now)
        async with self._opened(experiment) as workshop:
            await self.ledger.keep_watch(watch)
            return await revert(watch, experiment, workshop)

    async def _attend(self, watch: Watch) -> None:
        experiment = await self.ledger.get(watch.experiment)
        if not experiment.is_over:
            return
        try:
            async with self._opened(experiment) as workshop:
                if workshop.halt() is None:
                    async with workshop.brake.turn(self.trials_at_once):
                        await attend(watch, experiment, workshop)
        except NotFound as gone:
            logger.info("watch ended", extra={"experiment": watch.experiment, "reason": str(gone)})
            await self.ledger.keep_watch(replace(watch, state=WatchState.OVER))
        except (Fault, OSError) as fault:
            logger.warning("watch put off", extra={"experiment": watch.experiment, "reason": str(fault)})
            await self._put_off(watch)

    async def _put_off(self, watch: Watch) -> None:
        # As it stands now: the decision to take something back may have been made on the way.
        (current,) = [one for one in await self.ledger.watches(watch.experiment) if one.idea == watch.idea]
        await self.ledger.keep_watch(replace(current, due_at=self.clock.now() + _AFTER_FAULT))

    @asynccontextmanager
    async def _opened(self, experiment: Experiment) -> AsyncIterator[Workshop]:
        async with self._turn:
            workshop = await self.open_workshop(experiment)
            try:
                yield workshop
            finally:
                await asyncio.shield(workshop.subject.close())
