"""Each session gets its arm once, before it begins; what is scored, what is missing, and what a person says later."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from hive_node.agents.session import Arm
from hive_node.agents.signals import Signals
from hive_node.ports import Fault, NotFound
from hive_node.subjects.agents.attendance import BLOCK, IDLE
from tests.fakes.agents import World
from tests.fakes.transcripts import a_day_of_work


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = await World(tmp_path).open()
    yield world
    await world.database.close()


async def test_while_a_contest_runs_about_half_of_the_sessions_get_each_arm_and_each_keeps_its_own(
    world: World,
) -> None:
    await world.add()
    await world.service.roll("it")
    first = {f"s{number}": (await world.begin(f"s{number}")).session.arm for number in range(60)}
    assert 20 <= Counter(first.values())[Arm.CHALLENGER] <= 40
    await world.restart()
    again = {identity: (await world.begin(identity)).session.arm for identity in first}
    assert again == first, "resumed, compacted or asked for twice: one session, one row, one arm"
    assert len(await world.service.shelf.sessions("it")) == 60


async def test_without_a_contest_every_session_works_with_the_champion(world: World) -> None:
    await world.add()
    given = await world.begin("s1")
    assert (given.session.arm, given.session.contest) == (Arm.CHAMPION, None)


async def test_a_losers_traffic_ends_at_once_also_for_a_session_that_is_taken_up_again(world: World) -> None:
    await world.add()
    await world.service.roll("it")
    challenged = None
    for number in range(20):
        given = await world.begin(f"s{number}")
        challenged = given if given.session.arm is Arm.CHALLENGER else challenged
    assert challenged is not None
    assert challenged.variant.digest != (await world.agent()).champion
    await world.service.abort("it")
    again = await world.begin(challenged.session.id)
    assert again.variant.digest == (await world.agent()).champion
    assert again.session.arm is Arm.CHALLENGER, "what it was given first stays on record"
    assert {(await world.begin(f"t{number}")).session.arm for number in range(10)} == {Arm.CHAMPION}


async def test_a_reply_only_updates_and_the_end_scores_once(world: World) -> None:
    agent = await world.add()
    path = str(a_day_of_work("s1", world.folder).write(world.root / "t.jsonl"))
    await world.service.attendance.begin(agent, "s1", path)
    for _ in range(4):
        await world.service.attendance.goes_on(agent, "s1", path)
        await world.service.look()
    running = await world.service.shelf.session("it", "s1")
    assert running is not None
    assert (running.is_open, running.score, running.signals.tests) == (True, None, "green")
    await world.service.attendance.end(agent, "s1", path)
    await world.service.look()
    over = await world.service.shelf.session("it", "s1")
    assert over is not None
    assert over.counts
    assert over.score == pytest.approx((1 + 1 + 0.6) / 3), "tests, thanks, one tool error of five calls"
    assert over.transcript is None, "where the transcript lies is let go with the session"


async def test_a_session_without_a_signal_is_missing_and_decides_nothing(world: World) -> None:
    await world.add()
    found = await world.session("s1", is_good=None)
    assert (found.score, found.counts) == (None, False)
    assert found.closed_at is not None
    assert await world.service.shelf.signalled_since("it", (await world.agent()).decided_at) == []


async def test_what_a_person_says_after_the_end_changes_the_score_and_not_the_order(world: World) -> None:
    await world.add()
    first = await world.session("s1", is_good=True)
    await world.session("s2", is_good=True)
    await world.service.attendance.judge(await world.agent(), "s1", is_good=False)
    await world.service.look()
    again = await world.service.shelf.session("it", "s1")
    assert again is not None
    assert (first.score, again.score) == (1.0, 0.5)
    assert again.scored_at == first.scored_at
    with pytest.raises(NotFound):
        await world.service.attendance.judge(await world.agent(), "nobody", is_good=True)


async def test_a_verdict_without_a_name_is_of_the_last_session(world: World) -> None:
    agent = await world.add()
    with pytest.raises(Fault, match="no session yet"):
        await world.service.attendance.judge(agent, None, is_good=True)
    await world.begin("s1")
    await world.begin("s2")
    judged = await world.service.attendance.judge(agent, None, is_good=True)
    assert judged.id == "s2"


async def test_a_session_that_fell_silent_is_over_after_half_a_day(world: World) -> None:
    agent = await world.add()
    await world.begin("s1")
    await world.service.attendance.judge(agent, "s1", is_good=True)
    await world.service.look()
    world.clock.moment += IDLE + timedelta(minutes=1)
    await world.service.look()
    found = await world.service.shelf.session("it", "s1")
    assert found is not None
    assert (found.is_open, found.score) == (False, 1.0)


async def test_a_session_that_began_without_this_node_stays_unknown(world: World) -> None:
    agent = await world.add()
    await world.service.attendance.goes_on(agent, "before", None)
    await world.service.attendance.end(agent, "before", None, cleared=True)
    assert await world.service.shelf.sessions("it") == []


async def test_throwing_the_context_away_counts_against_a_session(world: World) -> None:
    agent = await world.add()
    await world.begin("s1")
    await world.service.attendance.report(agent, "s1", Signals(tests="green"))
    await world.service.attendance.end(agent, "s1", None, cleared=True)
    await world.service.look()
    found = await world.service.shelf.session("it", "s1")
    assert found is not None
    assert found.score == 0.5


async def test_of_an_agent_that_tells_nothing_a_session_is_a_block_of_two_hours(world: World) -> None:
    agent = await world.add("codex")
    first = await world.service.attendance.block(agent)
    world.clock.moment += BLOCK / 4
    assert (await world.service.attendance.block(agent)).session.id in {first.session.id, _next(first.session.id)}
    world.clock.moment += BLOCK
    later = await world.service.attendance.block(agent)
    assert later.session.id != first.session.id
    await world.service.look()
    found = await world.service.shelf.session("it", first.session.id)
    assert found is not None
    assert not found.is_open


async def test_hooks_find_the_innermost_agent_of_a_folder(world: World) -> None:
    agent = await world.add()
    attendance = world.service.attendance
    assert await attendance.of_folder("claude-code", world.folder / "src" / "deep") == agent
    assert await attendance.of_folder("claude-code", world.root) is None
    assert await attendance.of_folder("codex", world.folder) is None


def _next(block: str) -> str:
    return f"block-{int(block.removeprefix('block-')) + 1}"


async def test_a_word_that_comes_late_gives_a_silent_session_its_place_at_the_end(world: World) -> None:
    await world.add()
    await world.service.roll("it")
    await world.session("silent", is_good=None)
    await world.session("s2", is_good=True)
    await world.service.attendance.judge(await world.agent(), "silent", is_good=True)
    await world.service.look()
    scored = await world.service.shelf.signalled_since("it", world.clock.moment - timedelta(days=1))
    assert [one.id for one in scored] == ["s2", "silent"], "what was looked at stays in its order"


async def test_one_session_asked_for_ten_times_at_once_is_one_row_and_one_arm(world: World) -> None:
    await world.add()
    await world.service.roll("it")
    for number in range(5):
        given = await asyncio.gather(*(world.begin(f"s{number}") for _ in range(10)))
        assert len({(one.session.arm, one.variant.digest) for one in given}) == 1
    assert len(await world.service.shelf.sessions("it")) == 5


async def test_no_session_gets_the_arm_of_a_contest_that_is_decided_at_the_same_moment(world: World) -> None:
    agent = await world.add()
    for round_ in range(5):
        await world.service.roll("it")
        beginnings = [world.begin(f"r{round_}-{number}") for number in range(10)]
        done = await asyncio.gather(world.service.contests.abort(agent, "now"), *beginnings)
        contest, given = done[0], done[1:]
        for one in given:
            if one.session.contest is None:
                assert one.variant.digest == agent.champion
            else:
                assert one.session.contest == contest.number
        again = await asyncio.gather(*(world.begin(one.session.id) for one in given))
        assert {one.variant.digest for one in again} == {agent.champion}
