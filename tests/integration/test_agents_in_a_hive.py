"""What one node's contest taught reaches another one as a weak prior for what to try, and never as a promotion."""

from collections.abc import Sequence
from pathlib import Path

from hive_node.adapters.clock import SeededChance
from hive_node.agents.session import Agent, Arm, Contest, Ending
from hive_node.operators.configurations import WEIGHTS
from hive_node.subjects.agents.service import AgentService, Wish
from hive_node.subjects.agents.sharing import task_of
from protocol.deltas import Arm as Sums
from protocol.deltas import ArmEvidence, ShareLevel
from tests.integration.hives import LiveNode, hive_of, until

KIND = "generic"


async def look_after(node: LiveNode) -> Agent:
    return await node.agents.add(Wish(KIND, None, "mine", ShareLevel.SUMMARIES, max_sessions=40))


async def play_until_decided(service: AgentService, winner: Arm) -> Contest:
    """Sessions of which only those with the winner's arm go well."""
    service.attendance.chance = SeededChance(7)  # the same coins each time: each arm gets its five sessions
    agent = await service.roll("mine")
    for number in range(40):
        given = await service.attendance.begin(agent, f"s{number}")
        await service.attendance.judge(agent, f"s{number}", is_good=given.session.arm is winner)
        await service.attendance.end(agent, f"s{number}", None)
        await service.look()
        if await service.shelf.running("mine") is None:
            break
    (contest,) = await service.shelf.contests("mine")
    return contest


async def prior(node: LiveNode) -> dict[str, float]:
    return dict(await node.agents.contests.prior.by_axis(KIND))


async def assert_nothing_was_promoted(node: LiveNode, first: Agent) -> None:
    await node.agents.look()
    agent = await node.agents.shelf.get("mine")
    assert (agent.reigns, await node.agents.shelf.contests("mine")) == (first.reigns, [])


def claim(axis: str, champion: Sums, challenger: Sums) -> ArmEvidence:
    return ArmEvidence(task=task_of(KIND), variants=("a" * 64, "b" * 64), axis=axis, arms=(champion, challenger))


async def tell(node: LiveNode, claims: Sequence[ArmEvidence], listener: LiveNode) -> None:
    for body in claims:
        assert await node.say(body) is not None
    await until(lambda: listener.seq(node) == len(claims))


async def test_what_won_at_one_node_is_tried_sooner_at_another_and_promoted_nowhere_else(tmp_path: Path) -> None:
    async with hive_of(tmp_path, 2) as (ada, bo):
        await look_after(ada)
        own = await look_after(bo)
        contest = await play_until_decided(ada.agents, Arm.CHALLENGER)
        assert contest.state is Ending.PROMOTED
        await until(lambda: bo.seq(ada) == 1)

        (entry,) = await bo.shown("arm-evidence")
        assert entry in await ada.shown("arm-evidence")
        assert await prior(bo) == {contest.operator: 1.5}
        assert await prior(ada) == {}, "one's own contests are no news"
        await assert_nothing_was_promoted(bo, own)

        await bo.agents.roll("mine")
        running = await bo.agents.shelf.running("mine")
        assert running is not None
        assert running.champion == own.champion, "what it tries it measures against what it has"


async def test_a_liar_moves_a_weight_by_half_at_most_and_its_neighbours_honest_word_holds_it(tmp_path: Path) -> None:
    async with hive_of(tmp_path, 3) as (ada, bo, liar):
        own = await look_after(bo)
        sure = Sums(n=10**9, sum=10.0**9, sum_sq=10.0**9)
        never = Sums(n=10**9, sum=0.0, sum_sq=0.0)
        absurd = Sums(n=5, sum=1e15, sum_sq=0.0)
        lies = [claim(axis, sure, never) for axis in WEIGHTS] * 4
        lies += [claim("tool_permissions", never, absurd), claim("no_such_axis", never, sure)]
        await tell(liar, lies, bo)

        alone = await prior(bo)
        assert set(alone) == {*WEIGHTS, "no_such_axis"}
        assert all(0.5 <= factor <= 1.5 for factor in alone.values())
        await assert_nothing_was_promoted(bo, own)

        honest = [claim(axis, Sums(n=20, sum=14.0, sum_sq=10.0), Sums(n=20, sum=17.0, sum_sq=15.0)) for axis in WEIGHTS]
        await tell(ada, honest, bo)
        together = await prior(bo)
        assert all(together[axis] >= 1.0 for axis in WEIGHTS), "a hundred words of one owner are one vote"

        await bo.agents.roll("mine")
        running = await bo.agents.shelf.running("mine")
        assert running is not None
        assert running.operator in WEIGHTS
        assert running.champion == own.champion
