"""The capability gate: what an engine may do by itself is earned, lost, limited by the day, and off until switched on."""

import copy
import pickle
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrails.maturity import (
    CANDIDATES_A_DAY,
    MUTATIONS_A_DAY,
    THRESHOLDS,
    Action,
    Asked,
    Level,
    Permit,
    Record,
    permit,
)
from guardrails.verdict import Rejected


def record(credit: int) -> Record:
    return Record(successes=credit, credit=credit)


def asked(action: Action, **changes: object) -> Asked:
    plain = Asked(action, by="engine", is_on=True, record=record(50), candidates_today=0, mutations_today=0)
    return replace(plain, **changes)  # type: ignore[arg-type]


def rule(answer: Permit | Rejected) -> str | None:
    return answer.rule if isinstance(answer, Rejected) else None


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("by", ["engine", "person"])
def test_nothing_at_all_is_done_by_an_engine_that_nobody_switched_on(action: Action, by: str) -> None:
    assert rule(permit(asked(action, by=by, is_on=False))) == "maturity.off"


@pytest.mark.parametrize(
    ("credit", "level"),
    [(0, "student"), (4, "student"), (5, "intern"), (19, "intern"), (20, "supervised"), (49, "supervised"), (50, "autonomous")],
)  # fmt: skip
def test_levels_begin_at_5_20_and_50_verified_successes(credit: int, level: str) -> None:
    assert record(credit).level.value == level


@pytest.mark.parametrize("credit", [0, 5, 20, 49])
def test_below_autonomous_no_engine_promotes_by_itself_but_a_person_may(credit: int) -> None:
    alone = asked(Action.PROMOTE, record=record(credit))
    assert rule(permit(alone)) == "maturity.level"
    assert isinstance(permit(replace(alone, by="person")), Permit)


def test_an_autonomous_engine_promotes_by_itself() -> None:
    answer = permit(asked(Action.PROMOTE))
    assert isinstance(answer, Permit)
    assert answer.action is Action.PROMOTE


def test_a_student_changes_nothing_that_works_by_itself() -> None:
    assert rule(permit(asked(Action.MUTATE, record=record(4)))) == "maturity.level"
    assert isinstance(permit(asked(Action.MUTATE, record=record(5))), Permit)


@pytest.mark.parametrize("by", ["engine", "person"])
def test_a_days_limit_holds_for_persons_too(by: str) -> None:
    assert rule(permit(asked(Action.PROPOSE, by=by, candidates_today=CANDIDATES_A_DAY))) == "maturity.daily-limit"
    assert rule(permit(asked(Action.MUTATE, by=by, mutations_today=MUTATIONS_A_DAY))) == "maturity.daily-limit"
    assert isinstance(permit(asked(Action.PROPOSE, by=by, mutations_today=MUTATIONS_A_DAY)), Permit)
    assert isinstance(permit(asked(Action.MUTATE, by=by, candidates_today=CANDIDATES_A_DAY)), Permit)


@pytest.mark.parametrize(("before", "after"), [(0, 0), (4, 0), (5, 0), (19, 0), (20, 5), (49, 5), (50, 20), (500, 20)])
def test_a_failure_demotes_by_a_level_at_once(before: int, after: int) -> None:
    fallen = record(before).after(passed=False)
    assert (fallen.credit, fallen.failures, fallen.successes) == (after, 1, before)


@given(st.lists(st.booleans(), max_size=120))
def test_whatever_happens_a_level_is_never_above_what_was_earned_since_the_last_failure(outcomes: list[bool]) -> None:
    now = Record()
    for passed in outcomes:
        before, now = now, now.after(passed=passed)
        order = list(Level)
        step = order.index(now.level) - order.index(before.level)
        assert step <= 1 if passed else step in {0, -1}
        assert 0 <= now.credit <= now.successes
    since = len(outcomes) if all(outcomes) else outcomes[::-1].index(False)
    assert now.credit <= THRESHOLDS[Level.SUPERVISED] + since


def test_a_permit_cannot_be_made_copied_stored_or_changed() -> None:
    with pytest.raises(TypeError):
        Permit(Action.PROMOTE, object())
    answer = permit(asked(Action.GUIDE))
    assert isinstance(answer, Permit)
    for copying in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError):
            copying(answer)  # type: ignore[operator]
    with pytest.raises(AttributeError):
        answer.action = Action.PROMOTE  # type: ignore[misc]


@pytest.mark.parametrize("counts", [(-1, 0, 0), (0, -1, 0), (0, 0, -1), (1, 0, 2)])
def test_a_record_that_cannot_be_is_refused(counts: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="credit"):
        Record(*counts)
