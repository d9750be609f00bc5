"""From failures to a promoted skill, with the capability gate in between: no engine, operator or store call goes round it."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from guardrails.maturity import CANDIDATES_A_DAY, MUTATIONS_A_DAY, Permit
from guardrails.verdict import Rejected
from hive_node.adapters.store.lessons import Lessons
from hive_node.engines.evolver import Evolver
from hive_node.engines.memento import Memento
from hive_node.engines.tool_errors import ToolErrors
from hive_node.ports import ModelFault
from hive_node.ports.skills import SkillFault, Which
from hive_node.skills.case import Case
from hive_node.skills.engine import Analysis, Evidence, Guidance, Wanted
from hive_node.skills.event import Kind, Scope
from hive_node.skills.skill import State, Version
from tests.fakes.learning import BOT, OwnEngine, Workbench, failure, learning_on, report

RIGHT = "def run(value):\n    return [int(part) for part in value.split('-')]\n"
SLOW = RIGHT + "# slow\n"
CASES = tuple(Case(f"2024-02-{day:02}", [2024, 2, day]) for day in (1, 2, 3))
WANTED = Wanted("parse a date", "ValueError: no date", (), CASES)
STRANGERS = (Scope("me", "parser", "bot2"), Scope("me", "lexer", "bot"), Scope("you", "parser", "bot"))


class Scripted:
    """A language model that says what it is told to, and remembers what it was asked."""

    def __init__(self, *answers: str | ModelFault) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def ask(self, system: str, material: str, question: str) -> tuple[str, int]:
        self.asked.append(f"{system}\n{material}\n{question}")
        answer = self.answers.pop(0)
        if isinstance(answer, ModelFault):
            raise answer
        return answer, 100


def says(source: str, words: str = "it parses dates") -> str:
    return f"<words>\n{words}\n</words>\n<source>\n{source}</source>"


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Workbench]:
    async with learning_on(tmp_path / "hive.db", Memento(), Evolver(), ToolErrors()) as made:
        yield made


async def every(bench: Workbench) -> list[Version]:
    return await bench.shelf.all(Which(), None)


async def promoted(bench: Workbench, source: str = RIGHT) -> Version:
    """A skill that was written, tried and approved."""
    bench.model = Scripted(says(source))
    await bench.happen(failure(1), failure(2))
    (version,) = await bench.work()
    return await bench.promoter().approve(version)


async def mature(bench: Workbench, version: Version, successes: int) -> None:
    for number in range(successes):
        await bench.records.verified(version, f"{number:064}", passed=True)


async def test_one_failure_is_nothing_and_two_of_a_kind_are_a_candidate(bench: Workbench) -> None:
    await bench.happen(failure(1), report("other", error="KeyError: x"), report("task", task="bake bread"))
    assert await every(bench) == []
    await bench.happen(failure(2, task="parse the date"))
    (version,) = await every(bench)
    assert (version.state, version.scope, version.events) == (State.WANTED, BOT, (1, 4))
    cases = await bench.shelf.cases(version.skill)
    assert [(case.given, case.is_held_out) for case in cases] == [("2024-01-01", False), ("2024-01-02", True)]


@pytest.mark.parametrize("stranger", STRANGERS)
async def test_two_agents_projects_or_owners_see_nothing_of_each_others_failures(
    bench: Workbench, stranger: Scope
) -> None:
    own = OwnEngine()
    bench.engines["own"] = own
    bench.model = Scripted(says(RIGHT), says(RIGHT))
    await bench.happen(failure(1), failure(1, scope=stranger))
    assert await every(bench) == [], "one failure of each is no pair"
    await bench.happen(failure(2), failure(2, scope=stranger))
    one, other = sorted(await every(bench), key=lambda version: version.scope != BOT)
    assert (one.scope, other.scope) == (BOT, stranger)
    assert one.skill != other.skill
    assert {event.scope for episode in own.seen for event in episode.earlier if episode.scope == BOT} <= {BOT}
    assert all(seen.scope == episode.scope for episode in own.seen for seen in episode.versions)
    assert [scope for scope, _, _ in await bench.shelf.guidance(Which(agent="bot", project="parser", owner="me"))] == [
        BOT
    ]


@pytest.mark.parametrize("stranger", STRANGERS)
async def test_an_engine_cannot_take_cases_errors_or_names_from_another_scope(
    bench: Workbench, stranger: Scope
) -> None:
    (theirs,) = await bench.happen(failure(7, scope=stranger, error="ValueError: their secret"))
    own = OwnEngine(replace(WANTED, events=(theirs.id,), cases=()))
    await bench.happen(report("mine"), engines=[own])
    (version,) = await every(bench)
    assert await bench.shelf.cases(version.skill) == []
    assert await bench.shelf.errors(version) == []
    thief = OwnEngine(Evidence(version.skill, CASES))
    await bench.happen(report("x", scope=stranger), engines=[thief])
    assert await bench.shelf.cases(version.skill) == []
    thief.analysis = replace(WANTED, skill=version.skill)
    await bench.happen(report("y", scope=stranger), engines=[thief])
    assert len(await every(bench)) == 1


@pytest.mark.parametrize("analysis", [WANTED, Guidance("s", "text", ()), replace(WANTED, skill=None)])
async def test_an_engine_that_is_not_switched_on_leaves_nothing_behind(tmp_path: Path, analysis: Analysis) -> None:
    async with learning_on(tmp_path / "hive.db", switched_on=["memento"]) as bench:
        await bench.happen(report(), engines=[OwnEngine(analysis)])
        assert await every(bench) == []
        assert await bench.shelf.guidance(Which()) == []
        (row,) = await bench.log.results("engine:own", 9)
        assert row["result"]["refused"] == "maturity.off"


async def test_a_day_has_five_candidates_for_an_agent_and_the_next_day_five_more(bench: Workbench) -> None:
    own = OwnEngine()
    for number in range(CANDIDATES_A_DAY + 2):
        own.analysis = replace(WANTED, task=f"task {number}")
        await bench.happen(report(f"k{number}"), engines=[own])
    assert len(await every(bench)) == CANDIDATES_A_DAY
    own.analysis = replace(WANTED, task="for somebody else")
    await bench.happen(report("z", scope=STRANGERS[0]), engines=[own])
    assert len(await every(bench)) == CANDIDATES_A_DAY + 1, "one agent does not use up another's day"
    bench.clock.pass_by(days=1)
    own.analysis = replace(WANTED, task="tomorrow")
    await bench.happen(report("t"), engines=[own])
    assert len(await every(bench)) == CANDIDATES_A_DAY + 2


async def test_attempts_after_a_refusal_count_as_candidates_for_a_person_too(bench: Workbench) -> None:
    bench.model = Scripted(*[says("def run(value):\n    return None\n")] * CANDIDATES_A_DAY)
    await bench.happen(failure(1), failure(2))
    for _ in range(CANDIDATES_A_DAY - 1):
        await bench.work()
        assert isinstance(await bench.shelf.reopen((await every(bench))[0].skill, by="person"), Version)
    await bench.work()
    answer = await bench.shelf.reopen((await every(bench))[0].skill, by="person")
    assert isinstance(answer, Rejected)
    assert answer.rule == "maturity.daily-limit"


async def test_ten_mutations_a_day_and_no_more(bench: Workbench) -> None:
    version = await promoted(bench)
    for _ in range(MUTATIONS_A_DAY):
        mutation = await bench.shelf.mutate(version.skill, "quicker", by="person")
        assert isinstance(mutation, Version)
        await bench.shelf.move(State.WANTED, replace(mutation, state=State.REJECTED))
    answer = await bench.shelf.mutate(version.skill, "quicker", by="person")
    assert isinstance(answer, Rejected)
    assert answer.rule == "maturity.daily-limit"


async def test_without_a_model_the_candidate_says_so_and_can_never_be_promoted(bench: Workbench) -> None:
    await bench.happen(failure(1), failure(2))
    (version,) = await bench.work()
    assert version.state is State.UNAVAILABLE
    assert version.reason is not None
    assert version.reason.rule == "model.none"
    with pytest.raises(SkillFault, match="only a validated one"):
        await bench.promoter().approve(version)
    for state in (State.PROMOTED, State.VALIDATED, State.PROPOSED):
        with pytest.raises(SkillFault):
            await bench.shelf.move(State.UNAVAILABLE, replace(version, state=state))


@pytest.mark.parametrize(
    "answer",
    ["unavailable", "# LLM unavailable", "<words>\nno\n</words>", says("x") + " and more", "", ModelFault("model.busy", "later")],
)  # fmt: skip
async def test_an_answer_that_is_no_module_is_unavailable(bench: Workbench, answer: str | ModelFault) -> None:
    bench.model = Scripted(answer)
    await bench.happen(failure(1), failure(2))
    (version,) = await bench.work()
    assert (version.state, version.source) == (State.UNAVAILABLE, "")


async def test_the_model_sees_the_shown_cases_and_never_a_held_out_one(bench: Workbench) -> None:
    model = bench.model = Scripted(says("def run(value):\n    return None\n"), says(RIGHT))
    await bench.happen(failure(1), failure(2), failure(3), failure(4))
    (version,) = await bench.work()
    assert version.state is State.REFUSED
    await bench.shelf.reopen(version.skill, by="person")
    await bench.work()
    for asked in model.asked:
        assert "2024-01-01" in asked
        assert "2024-01-03" in asked
        assert "2024-01-02" not in asked
        assert "2024-01-04" not in asked
    assert "return None" in model.asked[1], "it is told what the last attempt was"


async def test_an_engine_that_calls_everything_valid_is_not_believed(bench: Workbench) -> None:
    own = OwnEngine(WANTED, source="def run(value):\n    return None\n")
    bench.engines["own"] = own
    await bench.happen(report(), engines=[own])
    (version,) = await bench.work()
    assert version.state is State.REFUSED


async def test_an_engine_that_raises_proposes_nothing_and_ends_nothing(bench: Workbench) -> None:
    class Broken(OwnEngine):
        async def propose_change(self, *_arguments: Any) -> Any:
            raise RuntimeError("boom")

    bench.engines["own"] = own = Broken(WANTED)
    await bench.happen(report(), engines=[own])
    (version,) = await bench.work()
    assert version.state is State.UNAVAILABLE
    assert version.reason is not None
    assert version.reason.rule == "engine.raised"


async def test_what_a_person_rejected_is_not_asked_for_again(bench: Workbench) -> None:
    await bench.happen(failure(1), failure(2))
    (version,) = await every(bench)
    await bench.shelf.move(State.WANTED, replace(version, state=State.REJECTED))
    await bench.happen(failure(3), failure(4))
    own = OwnEngine(replace(WANTED, skill=version.skill))
    await bench.happen(report("again"), engines=[own])
    assert [one.state for one in await every(bench)] == [State.REJECTED]


async def test_approval_validates_again_and_what_fails_then_is_refused_and_demotes(bench: Workbench) -> None:
    version = await promoted(bench)
    await mature(bench, version, 24)
    bench.model = Scripted(says(RIGHT))
    await bench.happen(failure(1, task="read a day", error="E: x"), failure(2, task="read a day", error="E: x"))
    (other,) = await bench.work()
    assert other.state is State.VALIDATED
    await bench.shelf.add_cases(other.skill, [Case("2024", "something else")])
    with pytest.raises(SkillFault, match="does not hold any more"):
        await bench.promoter().approve(other)
    assert [one.state for one in await bench.shelf.versions(other.skill)] == [State.REFUSED]
    ((_, engine, record),) = await bench.shelf.records(Which())
    assert (engine, record.level.value, record.credit, record.failures) == ("memento", "intern", 5, 1)


async def test_below_autonomous_an_engine_waits_for_a_person_and_from_there_on_it_does_not(bench: Workbench) -> None:
    version = await promoted(bench)
    bench.model = Scripted(says(RIGHT), says(RIGHT))
    await mature(bench, version, 48)
    again = {"task": "read a day", "error": "E: x"}
    await bench.happen(failure(1, **again), failure(2, **again))
    (waiting,) = await bench.work()
    assert waiting.state is State.VALIDATED
    await bench.records.verified(version, "f" * 64, passed=True)
    other = {"task": "find the weekday", "error": "E: y"}
    await bench.happen(report("w1", io={"input": "2024-01-01", "expected": [2024, 1, 1]}, **other))
    await bench.happen(report("w2", io={"input": "2024-01-02", "expected": [2024, 1, 2]}, **other))
    (alone,) = await bench.work()
    assert alone.state is State.PROMOTED
    assert [told.skill for told in bench.told] == [version.skill, alone.skill]


async def test_nothing_is_promoted_while_the_hive_is_halted(bench: Workbench) -> None:
    bench.model = Scripted(says(RIGHT))
    await bench.happen(failure(1), failure(2))
    (version,) = await bench.work()
    bench.halted = "an admin said so"
    with pytest.raises(SkillFault, match="an admin said so"):
        await bench.promoter().approve(version)


async def test_the_store_promotes_nothing_without_the_gates_permit(bench: Workbench) -> None:
    bench.model = Scripted(says(RIGHT))
    await bench.happen(failure(1), failure(2))
    (version,) = await bench.work()
    with pytest.raises(SkillFault, match="capability gate"):
        await bench.shelf.move(State.VALIDATED, replace(version, state=State.PROMOTED))
    async with bench.database.write() as transaction:
        lessons = Lessons(transaction, bench.shelf.gate, bench.journal)
        with pytest.raises(TypeError):
            await lessons.attempt(Permit("propose", object()), version)  # type: ignore[arg-type]
    assert (await every(bench))[0].state is State.VALIDATED


async def test_the_same_input_verified_a_hundred_times_is_one_success(bench: Workbench) -> None:
    version = await promoted(bench)
    counted = [await bench.records.verified(version, "a" * 64, passed=True) for _ in range(100)]
    assert counted == [True] + [False] * 99
    ((_, _, record),) = await bench.shelf.records(Which())
    assert record.successes == 2


async def test_a_slow_skill_is_mutated_and_takes_its_place_only_where_it_is_better(bench: Workbench) -> None:
    version = await promoted(bench, SLOW)
    await mature(bench, version, 5)
    for number in range(6):  # the engine that mutates has earned its own level
        await bench.records.verified(replace(version, engine="evolver"), f"{number}e", passed=True)
    bench.trials.seconds = lambda source: 8.0 if "slow" in source else 1.0
    bench.model = Scripted(says(SLOW, "no better"), says(RIGHT, "quicker"))
    slow = {"kind": Kind.SKILL_EXECUTED, "skill": version.skill, "seconds": 8.0, "passed": True}
    await bench.happen(report("s1", **slow))
    (same,) = await bench.work()
    assert same.state is State.REFUSED
    assert same.reason is not None
    assert same.reason.rule == "skill.mutation.not-better"
    await bench.happen(report("s2", **slow))
    (better,) = await bench.work()
    assert (better.state, better.parent, better.number) == (State.VALIDATED, 1, 3)
    await bench.promoter().approve(better)
    states = [one.state for one in await bench.shelf.versions(version.skill)]
    assert states == [State.RETIRED, State.REFUSED, State.PROMOTED]


async def test_the_lineage_is_shown_both_ways_in_one_query(bench: Workbench) -> None:
    bench.model = Scripted(says("def run(value):\n    return 1\n"), says(RIGHT), says(RIGHT))
    await bench.happen(failure(1), failure(2))
    (first,) = await bench.work()
    await bench.shelf.reopen(first.skill, by="person")
    (second,) = await bench.work()
    await bench.promoter().approve(second)
    await bench.shelf.mutate(first.skill, "shorter", by="person")
    generations = {
        number: [kin.generation for kin in await bench.shelf.lineage(first.skill, number)] for number in (1, 2, 3)
    }
    assert generations == {1: [0, 1, 2], 2: [-1, 0, 1], 3: [-2, -1, 0]}
    assert [kin.number for kin in await bench.shelf.lineage(first.skill, 3)] == [1, 2, 3]


async def test_a_deferred_signal_told_twice_counts_once(bench: Workbench) -> None:
    version = await promoted(bench)
    told = [await bench.records.signal(version.skill, 1, "hook-1", "satisfaction", value) for value in (1.0, 0.0)]
    assert told == [True, False]
    measures = await bench.records.measures(version)
    assert measures.signals == {"satisfaction": [1.0]}


async def test_without_a_model_a_skill_for_a_task_like_this_one_is_tried(bench: Workbench) -> None:
    version = await promoted(bench)
    bench.model = None
    again = {"task": "parse a date again", "error": "TypeError: other"}
    await bench.happen(failure(5, **again), failure(6, **again))
    (near,) = await bench.work()
    assert (near.state, near.source) == (State.VALIDATED, version.source)


async def test_an_error_that_came_twice_within_an_hour_is_told_and_one_a_day_is_not(bench: Workbench) -> None:
    tool = ToolErrors()
    await bench.happen(report("a"), engines=[tool])
    bench.clock.pass_by(hours=2)
    await bench.happen(report("b"), engines=[tool])
    assert await bench.shelf.guidance(Which()) == []
    bench.clock.pass_by(minutes=50)
    await bench.happen(report("c"), engines=[tool])
    ((scope, _, told),) = await bench.shelf.guidance(Which())
    assert (scope, told.signature, told.events) == (BOT, "ValueError: no date", (2, 3))


async def test_what_was_open_when_the_node_died_is_carried_on_where_its_row_says(tmp_path: Path) -> None:
    path = tmp_path / "hive.db"
    async with learning_on(path, Memento()) as bench:
        await bench.happen(failure(1), failure(2))
        (wanted,) = await every(bench)
        proposed = replace(wanted, state=State.PROPOSED, source=RIGHT)
        await bench.shelf.move(State.WANTED, proposed)
    async with learning_on(path, Memento()) as bench:
        (version,) = await bench.work()
        assert version.state is State.VALIDATED


async def test_a_peers_source_is_tried_on_local_cases_once_and_only_where_the_user_wants_peers(tmp_path: Path) -> None:
    for switched_on, state in ((["memento"], "maturity.off"), (["memento", "peer"], State.VALIDATED)):
        async with learning_on(tmp_path / f"{len(switched_on)}.db", Memento(), switched_on=switched_on) as bench:
            await bench.happen(failure(1), failure(2))
            (lacking,) = await bench.work()
            answer = await bench.shelf.receive(lacking, RIGHT, "e" * 64, "a peer's")
            if isinstance(answer, Rejected):
                assert answer.rule == state
                continue
            (tried,) = await bench.work()
            assert (tried.state, tried.entry, tried.parent) == (state, "e" * 64, 1)
            assert await bench.shelf.receive(lacking, RIGHT, "e" * 64, "a peer's") is None
            assert (await bench.promoter().approve(tried)).state is State.PROMOTED
