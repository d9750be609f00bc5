"""From counts to a score: what people say weighs five times what a session's course suggests, and silence is no score."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hive_node.agents.session import Agent, Arm, Contest, Reign, Session, evidence, missing
from hive_node.agents.signals import Signals, Usual, parts, score, usual
from hive_node.agents.words import heard, how_tests_ended, runs_tests
from protocol.deltas import ShareLevel

NOBODY = Usual()
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("signals", "value"),
    [
        (Signals(), None),
        (Signals(turns=3, tokens=5000, seconds=60.0), None),
        (Signals(good=1), 1.0),
        (Signals(bad=1), 0.0),
        (Signals(good=1, bad=1), 0.5),
        (Signals(tests="green"), 1.0),
        (Signals(tests="red"), 0.0),
        (Signals(good=1, tests="red"), 5 / 6),
        (Signals(bad=1, tests="green"), 1 / 6),
        (Signals(cleared=True), 0.0),
        (Signals(tool_calls=10, tool_errors=1), 0.8),
        (Signals(tool_calls=10, tool_errors=9), 0.0),
        (Signals(tests="green", undos=1), 0.5),
        (Signals(thanks=1, corrections=3), 0.25),
        (Signals(interruptions=1), 1 / 3),
    ],
)
def test_a_score_is_the_weighted_mean_of_what_there_was(signals: Signals, value: float | None) -> None:
    assert score(signals, NOBODY) == (None if value is None else pytest.approx(value))


def test_what_a_session_took_is_judged_by_what_is_usual_here_and_never_alone() -> None:
    usually = Usual(tokens=1000.0, seconds=600.0)
    assert score(Signals(tests="green", tokens=1000, seconds=600.0), usually) == pytest.approx((1 + 0.5 + 0.5) / 3)
    assert score(Signals(tests="green", tokens=5000, seconds=300.0), usually) == pytest.approx((1 + 0 + 0.75) / 3)
    assert score(Signals(tokens=1, seconds=1.0), usually) is None


def test_the_usual_needs_five_sessions() -> None:
    assert usual([Signals(tokens=10, seconds=1.0)] * 4) == Usual()
    assert usual([Signals(tokens=number, seconds=0.0) for number in (1, 2, 3, 4, 50)]) == Usual(3.0, None)


@given(st.builds(Signals, *[st.integers(0, 9)] * 2, st.sampled_from([None, "green", "red"]), *[st.integers(0, 9)] * 6))
def test_a_score_lies_between_nothing_and_one(signals: Signals) -> None:
    value = score(signals, Usual(100.0, 100.0))
    assert value is None or 0.0 <= value <= 1.0
    assert all(0.0 <= part.value <= 1.0 for part in parts(signals, NOBODY))


def test_a_later_reading_replaces_the_course_and_keeps_what_people_said() -> None:
    first = Signals(good=1, tests="red", tool_calls=3, cleared=True)
    assert first.with_course(Signals(tests="green", tool_calls=5)) == Signals(
        good=1, tests="green", tool_calls=5, cleared=True
    )


def test_runs_of_one_block_add_up_and_the_last_tests_count() -> None:
    together = Signals(tests="red", tool_calls=2, seconds=3.0).plus(Signals(tests="green", tool_calls=1, seconds=4.0))
    assert together == Signals(tests="green", tool_calls=3, seconds=7.0)
    assert Signals(tests="red").plus(Signals()).tests == "red"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Thanks, that works now", "thanks"),
        ("perfect!", "thanks"),
        ("No, that's wrong", "correction"),
        ("no problem, thanks", "thanks"),
        ("you forgot the tests. thanks", "correction"),
        ("It still fails on Python 3.11", "correction"),
        ("please revert that", "undo"),
        ("/undo", "undo"),
        ("add an undo button to the toolbar", None),
        ("write a parser for RFC 4180", None),
        ("now fix the date handling", None),
        ("x" * 400 + " thanks", None),
    ],
)
def test_what_a_message_is(text: str, kind: str | None) -> None:
    found = heard(text)
    said = {"thanks": found.thanks, "correction": found.correction, "undo": found.undo}
    assert [name for name, is_so in said.items() if is_so] == ([kind] if kind else [])


@pytest.mark.parametrize(
    "command",
    [
        "pytest -q",
        "cd x && python -m pytest",
        ".venv/bin/pytest a",
        "npm run test",
        "cargo test --all",
        "make check",
        "go test ./...",
    ],
)
def test_commands_that_run_tests(command: str) -> None:
    assert runs_tests(command)


@pytest.mark.parametrize(
    "command", ["ls tests", "cat pytest.ini", "git commit -m 'fix the test'", "pip install pytest-xdist", "make", ""]
)
def test_commands_that_do_not(command: str) -> None:
    assert not runs_tests(command)


@pytest.mark.parametrize(
    ("output", "is_error", "state"),
    [
        ("==== 3 passed in 0.1s ====", False, "green"),
        ("==== 1 failed, 3 passed in 0.1s ====", False, "red"),
        ("0 failed, 12 passed", False, "green"),
        ("whatever", True, "red"),
        ("test result: ok. 3 passed; 0 failed", False, "green"),
        ("--- FAIL: TestX (0.00s)", False, "red"),
    ],
)
def test_how_tests_ended(output: str, is_error: bool, state: str) -> None:
    assert how_tests_ended(output, is_error=is_error) == state


def agent() -> Agent:
    return Agent("a", "codex", None, ShareLevel.NONE, 1, NOW, NOW, (Reign("first", NOW, "as it was found"),))


def test_going_back_twice_goes_back_two_champions_and_a_promotion_after_it_builds_on_what_is_there() -> None:
    third = agent().crown("second", NOW, "x").crown("third", NOW, "y")
    once = third.return_to(third.earlier(None) or 0, NOW, "back")
    assert once.champion == "second"
    twice = once.return_to(once.earlier(None) or 0, NOW, "back")
    assert twice.champion == "first"
    assert twice.earlier(None) is None
    again = twice.crown("fourth", NOW, "z")
    assert again.return_to(again.earlier(None) or 0, NOW, "back").champion == "first"


def test_any_earlier_champion_can_be_named_but_not_the_present_one() -> None:
    third = agent().crown("second", NOW, "x").crown("third", NOW, "y")
    assert third.earlier("first") == 0
    assert third.earlier("third") is None
    assert third.earlier("never") is None


def session(number: int, arm: Arm, value: float | None, *, over: bool = True, contest: int = 1) -> Session:
    moment = NOW.replace(minute=number)
    ended = moment if over else None
    scored = ended if value is not None else None
    return Session("a", str(number), "v", arm, contest, NOW, NOW, ended, scored, not over, score=value)


def test_evidence_is_of_this_contests_scored_sessions_alone_and_what_has_no_signal_is_counted_as_missing() -> None:
    sessions = [
        session(1, Arm.CHAMPION, 0.5),
        session(2, Arm.CHALLENGER, None),
        session(3, Arm.CHALLENGER, 0.75),
        session(4, Arm.CHALLENGER, 1.0, over=False),
        session(5, Arm.CHAMPION, 1.0, contest=2),
    ]
    contest = Contest("a", 1, "v", "w", "response_style", "x", NOW)
    wager = evidence(contest, sessions, agent().policy)
    assert (wager.champion.n, wager.champion.sum, wager.challenger.n, wager.challenger.sum) == (1, 0.5, 1, 0.75)
    assert missing(contest, sessions, Arm.CHALLENGER) == 1
    assert missing(contest, sessions, Arm.CHAMPION) == 0
    ended = Contest("a", 1, "v", "w", "response_style", "x", NOW, ended_at=NOW.replace(minute=2))
    assert evidence(ended, sessions, agent().policy).sessions == 1, "what was scored later decided nothing"
    shuffled = evidence(contest, sessions[::-1], agent().policy)
    assert shuffled.wealth == wager.wealth, "the order is that in which they were over, not that of the rows"
