"""Windows, signatures, cases and fitness: what learning compares by."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hive_node.skills.case import Case, is_held_out, is_same, why_too_few
from hive_node.skills.event import Kind, Report, TaskEvent
from hive_node.skills.fitness import WEIGHTS, Measures, Weighted, is_better, weigh
from hive_node.skills.handlers import collecting, on_skill_executed, on_task_failed, on_task_succeeded
from hive_node.skills.signature import signature, similarity
from hive_node.skills.windows import Window, grouped
from tests.fakes.hive import NOW
from tests.fakes.learning import BOT

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def event(number: int, at: datetime = NOW, **changes: Any) -> TaskEvent:
    return TaskEvent(number, at, Report(Kind.TASK_FAILED, BOT, f"k{number}", "parse", **changes))


def test_a_window_holds_the_newest_by_count_and_by_time_once_each_and_in_order() -> None:
    events = [event(number, NOW + timedelta(minutes=number)) for number in range(10)]
    window = Window(count=4, span=timedelta(minutes=2))
    found = window.of([*reversed(events), events[9]])
    assert [one.id for one in found] == [7, 8, 9]
    assert [one.id for one in Window(2, timedelta(days=1)).of(events)] == [8, 9]
    assert window.of([]) == ()


@pytest.mark.parametrize(("count", "span"), [(0, timedelta(1)), (1, timedelta(0)), (-1, timedelta(1))])
def test_a_window_that_could_hold_nothing_is_refused(count: int, span: timedelta) -> None:
    with pytest.raises(ValueError, match="window"):
        Window(count, span)


@given(st.lists(st.integers(0, 50), unique=True), st.integers(1, 10), st.integers(1, 60))
def test_whatever_the_order_of_arrival_a_window_is_the_same(minutes: list[int], count: int, span: int) -> None:
    events = [event(number, NOW + timedelta(minutes=at)) for number, at in enumerate(minutes)]
    window = Window(count, timedelta(minutes=span))
    found = window.of(events)
    assert found == window.of(reversed(events))
    assert len(found) <= count
    assert all(one.at >= found[-1].at - window.span for one in found)


def test_groups_keep_their_order_and_leave_out_what_has_no_key() -> None:
    events = [event(1, error="a"), event(2), event(3, error="a")]
    groups = grouped(events, lambda one: one.report.error or None)
    assert {key: [one.id for one in members] for key, members in groups.items()} == {"a": [1, 3]}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Traceback\n  File \"/home/a/x.py\", line 3\nKeyError: 'user-17'", "Traceback\n  File \"/srv/y.py\", line 9\nKeyError: 'x'"),
        ("timeout after 30 s (id 0x7f3a)", "timeout after 31 s (id 0x11)"),
        ("no such file: /tmp/a/b.txt", "no such file: /var/c.txt"),
        ("commit 0123456789abcdef0123 is gone", "commit fedcba98765432100000 is gone"),
    ],
)  # fmt: skip
def test_the_same_fault_on_another_day_has_the_same_signature(one: str, other: str) -> None:
    assert signature(one) == signature(other) != ""


def test_other_faults_have_other_signatures_and_silence_has_none() -> None:
    assert signature("ValueError: no") != signature("KeyError: no")
    assert signature(" \n\n") == ""


@given(st.text(max_size=2_000))
def test_a_signature_is_short_and_of_one_line_whatever_the_trace(error: str) -> None:
    found = signature(error)
    assert len(found) <= 200
    assert "\n" not in found


@given(st.text(), st.text())
def test_similarity_is_symmetric_and_one_of_itself(one: str, other: str) -> None:
    assert similarity(one, other) == similarity(other, one)
    assert 0 <= similarity(one, other) <= 1
    assert similarity(one, one) == 1


@given(JSON, JSON)
def test_equal_answers_are_those_that_json_cannot_tell_apart(one: Any, other: Any) -> None:
    assert is_same(one, one)
    assert is_same(one, other) == is_same(other, one)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [(True, 1), (1, True), (0, False), ("1", 1), (None, False), ([], {}), ([1], [1, 1]), ({"a": 1}, {"a": 1, "b": 2}), ("", None),
     ([True], [1]), ({"a": [0]}, {"a": [False]})],
)  # fmt: skip
def test_what_only_looks_alike_is_not_right(answer: Any, expected: Any) -> None:
    assert not is_same(answer, expected)


def test_one_and_one_point_naught_are_one_number() -> None:
    assert is_same([1, {"a": 2.0}], [1.0, {"a": 2}])


@pytest.mark.parametrize(
    ("cases", "rule"),
    [
        ([], "skill.cases.too-few"),
        ([Case(1, 2)], "skill.cases.too-few"),
        ([Case(1, None), Case(2, None)], "skill.cases.one-answer"),
        ([Case(1, 1), Case(2, 1.0)], "skill.cases.one-answer"),
    ],
)
def test_cases_that_a_constant_would_pass_prove_nothing(cases: list[Case], rule: str) -> None:
    rejected = why_too_few(cases)
    assert rejected is not None
    assert rejected.rule == rule
    assert why_too_few([Case(1, 1), Case(2, True)]) is None


def test_of_two_cases_one_is_held_out() -> None:
    assert [is_held_out(number) for number in (1, 2, 3, 4)] == [False, True, False, True]


def test_what_was_not_measured_is_missing_and_not_zero() -> None:
    score = Weighted().score(Measures(seconds=[0.0], accuracy=[1.0]))
    assert score.value == pytest.approx(1.0)
    assert score.missing == ("cost", "satisfaction")
    nothing = Weighted().score(Measures())
    assert (nothing.value, nothing.missing) == (None, tuple(WEIGHTS))


def test_the_weights_are_those_that_the_documents_tell() -> None:
    values = {"performance": 1.0, "accuracy": 0.0, "cost": 0.0, "satisfaction": 0.0}
    for name, weight in {"performance": 0.3, "accuracy": 0.4, "cost": 0.2, "satisfaction": 0.1}.items():
        assert weigh(dict.fromkeys(values, 0.0) | {name: 1.0}, WEIGHTS).value == pytest.approx(weight)


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_an_objective_out_of_range_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        weigh({"accuracy": value}, WEIGHTS)


def test_better_is_by_more_than_noise_and_worse_in_nothing() -> None:
    def score(seconds: float, accuracy: float) -> Any:
        return Weighted().score(Measures(seconds=[seconds], accuracy=[accuracy]))

    assert is_better(score(1, 1), score(9, 1))
    assert not is_better(score(1.0, 1), score(1.05, 1)), "noise of a start"
    assert not is_better(score(0.1, 0.9), score(60, 1)), "quicker, and wrong"
    assert not is_better(score(1, 1), Weighted().score(Measures())), "nothing is known of the old one"
    assert not is_better(score(1, 1), score(1, 1))


def test_decorators_mark_functions_only_where_handlers_are_collected() -> None:
    with collecting() as found:

        @on_task_failed
        @on_task_succeeded
        def both(_event: dict[str, Any]) -> None: ...

        @on_skill_executed
        def called(_event: dict[str, Any]) -> int:
            return 1

    on_task_failed(both)
    assert [(one.name, one.kind.value) for one in found] == [
        ("both", "task_succeeded"), ("both", "task_failed"), ("called", "skill_executed"),
    ]  # fmt: skip
    assert called({}) == 1
