"""What a person who plans a hive asks: so many nodes, such a network, such liars. Played, and measured."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Final

from guardrails.consensus import Figure
from hive_node.adapters.network import RECONCILE_S
from hive_node.simulation.hive import HiveSimulator, simulate
from hive_node.simulation.liars import lie
from hive_node.simulation.measures import Arrivals, Measured, Spread
from hive_node.simulation.node import SimNode
from hive_node.simulation.words import HONEST, TASK, summary
from protocol.limits import MEMBERS

# The mean of the time between two reconciliations of one node (docs/protocol.md §7.2).
ROUND_S: Final = RECONCILE_S * 0.75
# Nodes meet before anything is measured; then a round passes in which nothing happens.
_MEETING_S: Final = 3600.0
# Who has not converged an hour after the story's end never will.
_LONGEST_S: Final = 3600.0
_STEP_S: Final = 0.5
# A clock that is farther ahead says that the charter, which is valid for 90 days, has expired.
_MOST_SKEW_S: Final = 30 * 86_400.0


@dataclass(frozen=True, slots=True)
class Plan:
    """loss: of each message. partition: minutes for which two halves do not hear each other, from the start on. sleepers: nodes that
    sleep from the first quarter to the last. skew: seconds that each clock is off at most, either way. The last nodes are the liars.
    """

    nodes: int
    loss: float = 0.0
    seed: int = 0
    minutes: float = 10.0
    entries: int = 10
    liars: int = 0
    partition: float = 0.0
    sleepers: int = 0
    skew: float = 0.0

    def fault(self) -> str | None:
        """Why this cannot be played, in words; None where it can."""
        if not 2 <= self.nodes <= MEMBERS:
            return f"a hive has 2 to {MEMBERS} nodes"
        if not 0 <= self.loss <= 0.9:
            return "a network that loses more than 0.9 of everything is none: loss is between 0 and 0.9"
        if not 0 <= self.skew <= _MOST_SKEW_S:
            return f"skew is a number of seconds, {_MOST_SKEW_S:.0f} at most: beyond, a charter has expired"
        if self.liars + self.sleepers > self.nodes - 2:
            return "two nodes at least are honest and awake: fewer liars or sleepers, or more nodes"
        if not 0 <= self.partition <= self.minutes:
            return "the halves meet again before the end: a shorter partition, or more minutes"
        return None


def play(plan: Plan, progress: Callable[[float, float], None] = lambda _minute, _share: None) -> Measured:
    """Play it to its end; the same plan gives the same measures. progress: told the simulated minute, and the share delivered."""
    story = _Story(plan, progress)
    simulate(story.play, seed=plan.seed, on_news=story.arrivals.news)
    if story.measured is None:
        raise RuntimeError("a story ends with its measures")
    return story.measured


@dataclass(slots=True)
class _Story:
    plan: Plan
    progress: Callable[[float, float], None]
    arrivals: Arrivals = field(default_factory=Arrivals)
    measured: Measured | None = None

    async def play(self, sim: HiveSimulator) -> None:
        """Meet, act, wait until all have everything, measure."""
        plan = self.plan
        sim.wire.loss = plan.loss
        await sim.found(plan.nodes)
        honest = sim.nodes[: plan.nodes - plan.liars]
        for liar in sim.nodes[len(honest) :]:
            liar.is_liar = True
        for node in sim.nodes:
            sim.skew(node, timedelta(seconds=sim.chance.uniform(-plan.skew, plan.skew)))
            await node.start()
        await sim.until(sim.has_met, _MEETING_S, ROUND_S)
        sim.wire.traffic.clear()
        began = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(self._watch(sim, began))
            await self._act(sim, honest)
            await self._settle(sim, began, len(honest))
            watching.cancel()
        self.measured = self._measure(sim, honest, asyncio.get_running_loop().time() - began)

    async def _act(self, sim: HiveSimulator, honest: list[SimNode]) -> None:
        """Everything that happens, over the story's minutes."""
        plan, chance = self.plan, sim.chance
        end = plan.minutes * 60
        sleepers = chance.sample(honest, plan.sleepers)
        authors = [node for node in honest if node not in sleepers]
        async with asyncio.TaskGroup() as group:
            for _ in range(plan.entries):
                group.create_task(_say(sim, chance.sample(authors, 1)[0], chance.uniform(0, end / 2)))
            for number, liar in enumerate(sim.nodes[len(honest) :]):
                group.create_task(lie(sim, liar, number, chance.uniform(0, end / 2)))
            for node in sleepers:
                asleep = chance.uniform(0, end / 4), chance.uniform(end * 3 / 4, end)
                group.create_task(_nap(node, *asleep))
            if plan.partition:
                group.create_task(_partition(sim, plan.partition * 60))

    async def _settle(self, sim: HiveSimulator, began: float, honest: int) -> None:
        """The rest of the minutes; and on, until everybody has everything or nobody will get more."""
        elapsed = asyncio.get_running_loop().time() - began
        await sim.pass_time(self.plan.minutes * 60 - elapsed)
        try:
            await sim.until(lambda: self.arrivals.are_everywhere(honest), _LONGEST_S, _STEP_S)
        except TimeoutError:
            return  # the measures say how many did not get there

    async def _watch(self, sim: HiveSimulator, began: float) -> None:
        honest = self.plan.nodes - self.plan.liars
        while True:
            minute = (asyncio.get_running_loop().time() - began) / 60
            self.progress(minute, self.arrivals.share(honest, self.plan.entries))
            await sim.pass_time(_STEP_S)

    def _measure(self, sim: HiveSimulator, honest: list[SimNode], seconds: float) -> Measured:
        refused: Counter[str] = Counter()
        for node in honest:
            refused.update({str(code): count for code, count in node.refused.items()})
        everywhere = self.arrivals.delays(len(honest))
        return Measured(
            plan=asdict(self.plan),
            minutes=seconds / 60,
            said=self.arrivals.said,
            everywhere=len(everywhere),
            all_have_s=Spread.of(everywhere),
            all_have_rounds=Spread.of([delay / ROUND_S for delay in everywhere]),
            one_has_s=Spread.of(self.arrivals.single_delays()),
            hops=Spread.of(self.arrivals.hops()),
            traffic=[sim.wire.of(node.id) for node in honest],
            neighbours=[len(node.network.contacts) for node in honest],
            refused=dict(sorted(refused.items())),
            gains=_believed(honest),
            is_in_step=len({node.hive.digest() for node in honest}) == 1,
        )


async def _say(sim: HiveSimulator, author: SimNode, after_s: float) -> None:
    await sim.pass_time(after_s)
    await author.say(summary(author.name, sim.chance.uniform(*HONEST)))


async def _nap(node: SimNode, from_s: float, to_s: float) -> None:
    await asyncio.sleep(from_s)
    await node.sleep()
    await asyncio.sleep(to_s - from_s)
    await node.wake()


async def _partition(sim: HiveSimulator, seconds: float) -> None:
    half = len(sim.nodes) // 2
    sim.part(sim.nodes[:half], sim.nodes[half:])
    await sim.pass_time(seconds)
    sim.wire.heal()


def _believed(honest: Sequence[SimNode]) -> tuple[float, float] | None:
    """The least and the largest gain that an honest node holds to be typical of the task; None while there is none."""
    found: list[float] = []
    for node in honest:
        belief = node.belief(TASK)
        if belief is not None and isinstance(belief.typical_gain, Figure):
            found.append(belief.typical_gain.value)
    return (min(found), max(found)) if found else None
