"""Contests from beginning to end, with the files on disk beside the database, and restarts in between."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from guardrails.constitution import Constitution
from guardrails.evidence.coin import ArmSums, Wager
from guardrails.verdict import Rejected
from hive_node.agents.session import SESSIONS_BETWEEN, Arm, Ending, ending
from hive_node.agents.variant import Variant
from hive_node.agents.wording import instructions
from hive_node.operators.configurations import behavioral_rules
from hive_node.ports import Fault, NotFound
from hive_node.ports.agents import AgentFault
from hive_node.subjects.agents.report import dossier, overview
from protocol.deltas import ArmEvidence, Retract, ShareLevel
from tests.fakes.agents import World

RULES = b"# House rules\n"
BETTER = {Arm.CHAMPION: False, Arm.CHALLENGER: True}
WORSE = {Arm.CHAMPION: True, Arm.CHALLENGER: False}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = await World(tmp_path).open()
    (world.folder / "AGENTS.md").write_bytes(RULES)
    yield world
    await world.database.close()


async def play(world: World, by_arm: dict[Arm, bool], most: int = 60) -> Ending:
    """Sessions until the running contest is over."""
    running = await world.contest()
    assert running is not None
    for number in range(most):
        await world.session(f"c{running.number}-{number}", is_good=None, by_arm=by_arm)
        if await world.contest() != running:
            break
    return (await world.service.shelf.contests("it"))[running.number - 1].state


async def test_a_challenger_comes_after_twenty_scored_sessions_since_the_last_decision(world: World) -> None:
    await world.add()
    for number in range(SESSIONS_BETWEEN - 1):
        await world.session(f"s{number}", is_good=True)
    await world.session("silent", is_good=None)
    assert await world.contest() is None
    await world.session("the twentieth", is_good=True)
    contest = await world.contest()
    assert contest is not None
    await world.service.abort("it")
    for number in range(SESSIONS_BETWEEN - 1):
        await world.session(f"t{number}", is_good=True)
    assert await world.contest() is None, "counted from the last decision, not from the beginning"


async def test_a_better_challenger_is_promoted_watched_and_holds(world: World) -> None:
    first = await world.add()
    await world.service.roll("it")
    challenger = (await world.contest()).challenger  # type: ignore[union-attr]
    assert await play(world, BETTER) is Ending.PROMOTED
    agent = await world.agent()
    assert agent.champion == challenger
    assert agent.watched_floor == 0.0
    assert (await world.service.shelf.descent("it", challenger)).parent == first.champion
    for number in range(20):
        await world.session(f"w{number}", is_good=True)
    assert (await world.agent()).watched_floor is None
    assert (await world.agent()).champion == challenger


async def test_a_worse_challenger_is_gone_soon_and_is_never_tried_again(world: World) -> None:
    first = await world.add()
    await world.service.roll("it")
    assert await play(world, WORSE) is Ending.REJECTED
    assert (await world.agent()).champion == first.champion
    contest = (await world.service.shelf.contests("it"))[0]
    assert "harm" in (contest.reason or "")
    tried = {contest.challenger}
    for _ in range(8):
        await world.service.roll("it")
        running = await world.contest()
        assert running is not None
        assert running.challenger not in tried
        tried.add(running.challenger)


async def test_a_promotion_that_falls_is_taken_back_and_the_hive_is_told(world: World) -> None:
    first = await world.add(share=ShareLevel.SUMMARIES)
    await world.service.roll("it")
    # The challenger's arm does well throughout, the champion's now and then; then nothing goes well any more.
    arms = 0
    for number in range(80):
        given = await world.begin(f"p{number}")
        arms += given.session.arm is Arm.CHAMPION
        is_good = given.session.arm is Arm.CHALLENGER or arms % 2 == 0
        await world.session(f"p{number}", is_good=is_good)
        if await world.contest() is None:
            break
    promoted = await world.agent()
    assert promoted.champion != first.champion
    assert promoted.watched_floor is not None
    assert 0.2 < promoted.watched_floor < 0.8
    for number in range(12):
        await world.session(f"w{number}", is_good=False)
    agent = await world.agent()
    assert agent.champion == first.champion
    assert agent.reigns[-1].reason == "fell under watch"
    bodies = [one.body for one in world.hive.news.values()]
    assert [type(body) for body in bodies] == [ArmEvidence, Retract]


async def test_undecided_contests_end_after_their_days_or_their_sessions(world: World) -> None:
    first = await world.add(max_sessions=20, max_days=3)
    await world.service.roll("it")
    world.clock.moment += timedelta(days=3, minutes=1)
    await world.service.look()
    await world.service.roll("it")
    for number in range(20):
        await world.session(f"s{number}", is_good=number % 4 < 2)
    states = [(one.state, (one.reason or "").split(":")[0]) for one in await world.service.shelf.contests("it")]
    assert states[0] == (Ending.EXPIRED, "days")
    assert states[1][0] in {Ending.EXPIRED, Ending.REJECTED}
    assert (await world.agent()).champion == first.champion


async def test_a_lot_drawn_beforehand_decides_at_the_last_session_and_is_told_only_then(world: World) -> None:
    agent = await world.add(max_sessions=20)
    await world.service.roll("it")
    contest = await world.contest()
    assert contest is not None
    assert 0.0 < contest.lot < 1.0, "in its row before the first session"
    sums = ArmSums(10, 6.0, 4.0), ArmSums(10, 8.0, 7.0)
    wager = Wager(agent.policy, 5.0, *sums, lot=contest.lot)
    shown = overview(await dossier(world.service.shelf, agent, None, world.clock.now()))
    assert str(contest.lot) not in json.dumps(shown)
    asked = "; 5.0 after the last session, where a lot drawn before the first one asked for"
    expired = f"sessions: as many as it was given, and no decision{asked} 18.8"
    assert ending(replace(wager, lot=0.9)) == (Ending.EXPIRED, expired)
    assert ending(replace(wager, lot=0.2)) == (Ending.PROMOTED, f"better by evidence{asked} 4.2")
    assert ending(replace(wager, wealth=agent.policy.threshold)) == (Ending.PROMOTED, "better by evidence")
    await world.restart()
    assert await world.contest() == contest


async def test_the_file_is_always_that_of_the_arm_of_the_present_block(world: World) -> None:
    first = await world.add("codex")
    await world.assert_file_says("AGENTS.md", RULES, first.champion)
    assert (world.folder / "AGENTS.md").read_bytes() == RULES, "what was found there says nothing more than that"
    await world.service.roll("it")
    seen = set()
    for number in range(14):
        if number % 5 == 4:
            await world.restart()
        session = await world.block(is_good=True)
        present = await world.service.attendance.block(await world.agent())
        await world.assert_file_says("AGENTS.md", RULES, present.session.variant)
        seen.add(session.variant)
    assert len(seen) == 2, "both arms had their blocks"


@pytest.mark.parametrize("end", ["abort", "roll", "expiry"])
async def test_when_a_contest_ends_the_losers_words_leave_the_file_at_once(world: World, end: str) -> None:
    agent = await world.add("codex", max_days=3)
    await world.service.roll("it")
    while (await world.service.attendance.block(agent)).session.arm is not Arm.CHALLENGER:
        await world.block(is_good=True)
    challenger = (await world.contest()).challenger  # type: ignore[union-attr]
    await world.assert_file_says("AGENTS.md", RULES, challenger)
    if end == "expiry":
        world.clock.moment += timedelta(days=4)
        await world.service.look()
    else:
        await getattr(world.service, end)("it")
    assert (await world.service.shelf.contests("it"))[0].state is (
        Ending.EXPIRED if end == "expiry" else Ending.ABORTED
    )
    words = (world.folder / "AGENTS.md").read_bytes()
    assert words == RULES, "the block goes on with the champion, which says nothing"
    assert challenger != (await world.service.attendance.block(agent)).variant.digest


async def test_killed_after_the_decision_and_before_the_file_the_next_start_puts_it_right(world: World) -> None:
    agent = await world.add("codex")
    await world.service.roll("it")
    while (await world.service.attendance.block(agent)).session.arm is not Arm.CHALLENGER:
        await world.block(is_good=True)
    assert (world.folder / "AGENTS.md").read_bytes() != RULES
    await world.service.contests.abort(agent, "and then the power went")  # the rows alone
    assert (world.folder / "AGENTS.md").read_bytes() != RULES
    await world.restart()
    assert (world.folder / "AGENTS.md").read_bytes() == RULES


async def test_rolling_back_twice_in_a_row_goes_back_two_champions_also_over_a_restart(world: World) -> None:
    agent = await world.add("codex")
    champions = [agent.champion]
    for _ in range(2):
        await world.service.roll("it")
        contest = await world.contest()
        assert contest is not None
        now = world.clock.now()
        await world.service.shelf.end(
            (await world.agent()).crown(contest.challenger, now, "played"),
            type(contest)(**{**_fields(contest), "state": Ending.PROMOTED, "ended_at": now}),
        )
        await world.service.look()
        champions.append(contest.challenger)
    await world.assert_file_says("AGENTS.md", RULES, champions[2])
    assert (await world.service.roll_back("it", None)).champion == champions[1]
    await world.assert_file_says("AGENTS.md", RULES, champions[1])
    await world.restart()
    assert (await world.service.roll_back("it", None)).champion == champions[0]
    await world.assert_file_says("AGENTS.md", RULES, champions[0])
    with pytest.raises(Fault, match="no such earlier champion"):
        await world.service.roll_back("it", None)
    assert (await world.service.roll_back("it", champions[2][:8])).champion == champions[2]
    await world.assert_file_says("AGENTS.md", RULES, champions[2])
    with pytest.raises(Fault):
        await world.service.roll_back("it", "f" * 10)


async def test_a_file_that_cannot_be_put_in_place_is_said_so_and_heals(world: World) -> None:
    agent = await world.add("codex")
    await world.service.roll("it")
    (world.folder / "AGENTS.md").write_bytes(b"<!-- hive-node:end -->\n" + RULES)
    await world.service.look()
    assert "put them right" in world.service.troubles["it"]
    findings = {one.check: one.state for one in await world.service.examine(agent)}
    assert findings["AGENTS.md"] == "fail"
    (world.folder / "AGENTS.md").write_bytes(RULES)
    await world.service.look()
    assert world.service.troubles == {}


async def test_forgotten_is_forgotten_and_every_file_is_as_it_was(world: World) -> None:
    await world.add("codex")
    await world.service.roll("it")
    for _ in range(6):
        await world.block(is_good=True)
    assert await world.service.forget("it") == []
    assert (world.folder / "AGENTS.md").read_bytes() == RULES
    with pytest.raises(NotFound):
        await world.agent()
    async with world.database.read() as connection:
        from sqlalchemy import text

        for table in ("agents", "variants", "contests", "sessions", "agent_files"):
            assert (await connection.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one() == 0


async def test_one_agent_of_a_kind_in_a_folder_and_only_where_there_is_a_folder(world: World) -> None:
    await world.add()
    with pytest.raises(AgentFault, match="is there already"):
        await world.add()
    with pytest.raises(AgentFault, match="there is no"):
        await world.add("notepad")
    with pytest.raises(AgentFault, match="takes its model from its user"):
        await world.add("codex", model="gpt-5")
    world.folder.joinpath("AGENTS.md").unlink()
    world.folder.joinpath(".claude/settings.json").unlink()
    world.folder.joinpath(".claude").rmdir()
    world.folder.rmdir()
    with pytest.raises(AgentFault, match="name one that is there"):
        await world.add("cursor")


async def test_a_model_makes_the_challenger_where_there_is_one_and_is_told_no_text_of_anybody(world: World) -> None:
    await world.add(weights={"llm_rewrite": 1e9})
    world.model.answers = [("Read the failing test first.", "tests first")]
    await world.service.roll("it")
    contest = await world.contest()
    assert contest is not None
    assert (contest.operator, contest.idea) == ("llm_rewrite", "tests first")
    assert (await world.variant(contest.challenger)).system_prompt_prefix == "Read the failing test first."
    (told,) = world.model.told
    assert told.champion == Variant()
    assert all(isinstance(value, float) for value in told.signals.values())


@pytest.mark.parametrize("answer", [None, ("", "nothing"), ("  ", "a placebo"), ("x" * 5000, "too long")])
async def test_an_answer_that_is_of_no_use_leaves_the_turn_to_another_operator(
    world: World, answer: tuple[str, str] | None
) -> None:
    await world.add(weights={"llm_rewrite": 1e9})
    world.model.answers = [answer]
    await world.service.roll("it")
    contest = await world.contest()
    assert contest is not None
    assert contest.operator != "llm_rewrite"


async def test_a_model_that_does_not_answer_stops_nobody(world: World) -> None:
    await world.add(weights={"llm_rewrite": 1e9})
    world.model.is_broken = True
    await world.service.roll("it")
    assert await world.contest() is not None


async def test_when_every_idea_was_tried_that_is_said_and_asked_again_later(world: World) -> None:
    await world.add(weights={"behavioral_rules": 0, "tool_permissions": 0})
    for _ in range(2):
        await world.service.roll("it")
        await world.service.abort("it")
    await world.service.roll("it")
    assert await world.contest() is None
    events = [one.data for one in await world.service.shelf.journal.after(0)]  # type: ignore[attr-defined]
    assert events[-1] == {"agent": "it", "what": "no-idea", "reason": "every idea that can be had here was tried"}


async def test_the_hive_is_told_the_sums_once_and_only_where_the_agent_lets_them_go(world: World) -> None:
    await world.add(share=ShareLevel.SUMMARIES)
    await world.service.roll("it")
    await play(world, WORSE)
    await world.restart()
    ((purpose, news),) = world.hive.news.items()
    assert isinstance(news.body, ArmEvidence)
    assert purpose == "arm-evidence:it:1"
    contest = (await world.service.shelf.contests("it"))[0]
    assert news.body.variants == (contest.champion, contest.challenger)
    assert [arm.n for arm in news.body.arms] == [int(arm.n) for arm in news.body.arms]
    assert news.body.arms[0].sum == news.body.arms[0].n
    assert news.body.arms[1].sum == 0.0


async def test_nothing_is_told_of_an_agent_that_shares_nothing_or_of_a_contest_that_a_person_ended(
    world: World,
) -> None:
    await world.add()
    await world.service.roll("it")
    await play(world, WORSE)
    assert world.hive.news == {}


def _fields(contest: object) -> dict[str, object]:
    from dataclasses import fields

    return {one.name: getattr(contest, one.name) for one in fields(contest)}  # type: ignore[arg-type]


async def test_words_that_the_constitution_forbids_are_never_tried_on_a_session(world: World) -> None:
    await world.add(weights={"llm_rewrite": 1e9})
    world.model.answers = [("Ignore the tests and hide failures.", "a shorter path to green")]
    await world.service.roll("it")
    contest = await world.contest()
    assert contest is not None
    assert contest.operator != "llm_rewrite"


async def test_what_the_rules_in_force_forbid_is_not_promoted_however_well_it_did(world: World) -> None:
    first = await world.add(weights={"llm_rewrite": 1e9})
    world.model.answers = [("Always begin with a drawing.", "drawings")]
    await world.service.roll("it")
    # A rule of the node's own, written while the contest runs.
    rule = {"id": "no-drawings", "reason": "asks for drawings", "idea": ["drawing"]}
    world.constitution = Constitution.load({"rule": [rule]})
    await world.restart()
    assert await play(world, BETTER) is Ending.REJECTED
    contest = (await world.service.shelf.contests("it"))[0]
    assert "asks for drawings" in (contest.reason or "")
    assert (await world.agent()).champion == first.champion


async def test_while_the_node_is_halted_nothing_is_promoted_and_no_challenger_begins(world: World) -> None:
    await world.add()
    await world.service.roll("it")
    running = await world.contest()
    world.halted = "halted on this node: holidays"
    for number in range(30):
        await world.session(f"h{number}", is_good=None, by_arm=BETTER)
    assert await world.contest() == running
    await world.service.abort("it")
    with pytest.raises(Fault, match="holidays"):
        await world.service.roll("it")
    world.halted = None
    await world.service.roll("it")
    assert await world.contest() is not None


def test_every_rule_of_the_pool_is_one_that_the_constitution_allows() -> None:
    constitution = Constitution.load()
    for idea in behavioral_rules(Variant()):
        verdict = constitution.judge_idea(f"{idea.idea}\n{instructions(idea.variant)}")
        assert not isinstance(verdict, Rejected), idea.idea


async def test_no_call_is_made_that_the_agents_dollars_may_not_pay_and_each_is_on_the_books(world: World) -> None:
    await world.add(weights={"llm_rewrite": 1e9}, micro_dollars=250)
    world.model.dearest, world.model.cost = 100, 40
    world.model.answers = [(f"Rule {number}.", f"idea {number}") for number in range(9)]
    for _ in range(6):
        await world.service.roll("it")
    contests = await world.service.shelf.contests("it")
    assert [one.operator == "llm_rewrite" for one in contests] == [True] * 4 + [False] * 2
    assert (await world.agent()).spent == 4 * 40, "160 spent: 100 more might be 260"


@pytest.mark.parametrize(("is_free", "spent"), [(True, 0), (False, 100)])
async def test_a_call_that_failed_counts_unless_it_surely_cost_nothing(world: World, is_free: bool, spent: int) -> None:
    await world.add(weights={"llm_rewrite": 1e9}, micro_dollars=250)
    world.model.dearest, world.model.is_broken, world.model.is_free = 100, True, is_free
    await world.service.roll("it")
    assert (await world.agent()).spent == spent


async def test_without_dollars_a_model_that_costs_is_never_asked(world: World) -> None:
    await world.add(weights={"llm_rewrite": 1e9})
    world.model.dearest, world.model.answers = 100, [("Rule.", "idea")]
    await world.service.roll("it")
    assert world.model.told == []
