"""Constants as axes: a value comes back from its coordinate, and no coordinate leads out of the range."""

import math

from hypothesis import assume, given
from hypothesis import strategies as st

from hive_node.config.project import TuneHint
from hive_node.operators.axes import Axis, axis_of
from hive_node.operators.constants import find_constants, replace_constants

COORDINATES = st.floats(min_value=0.0, max_value=1.0)
BOUNDS = st.integers(-(10**6), 10**6) | st.floats(-1e6, 1e6)


@st.composite
def axes(draw: st.DrawFn) -> Axis:
    is_float = draw(st.booleans())
    if draw(st.booleans()):
        choices = draw(st.lists(st.integers(0, 9) | st.text(max_size=3), min_size=1, max_size=5, unique_by=str))
        return axis_of("a.py:A", TuneHint(choices=tuple(choices)), is_float=is_float)
    low, high = sorted((draw(BOUNDS), draw(BOUNDS)))
    assume(high - low > 1e-3)
    log = low > 0 and draw(st.booleans())
    step = None if log or draw(st.booleans()) else draw(st.integers(1, 50)) * (1 if isinstance(low, int) else 0.25)
    assume(step is None or (step <= high - low and (high - low) / step < 1e5))
    return axis_of("a.py:A", TuneHint(low=low, high=high, log=log, step=step), is_float=is_float)


@given(axes(), COORDINATES)
def test_a_value_is_found_again_where_it_was(axis: Axis, at: float) -> None:
    value = axis.value(at)
    there = axis.coordinate(value)
    assert there is not None
    again = axis.value(there)
    if isinstance(value, str):
        assert again == value
    else:
        assert math.isclose(float(again), float(value), rel_tol=1e-6, abs_tol=1e-6)


@given(axes(), COORDINATES)
def test_every_value_is_in_its_range_and_of_its_kind(axis: Axis, at: float) -> None:
    value = axis.value(at)
    if axis.choices:
        assert value in axis.choices
        return
    assert not isinstance(value, str)
    assert axis.low <= value <= axis.high
    assert isinstance(value, float) or axis.is_whole
    if axis.step:
        steps = (value - axis.low) / axis.step
        assert math.isclose(steps, round(steps), abs_tol=1e-4)


@given(axes(), COORDINATES, st.floats(-1, 1), COORDINATES)
def test_a_move_stays_within_and_leads_elsewhere_where_there_is_an_elsewhere(
    axis: Axis, at: float, by: float, other: float
) -> None:
    there = axis.moved(at, by, other)
    assert 0.0 <= there <= 1.0
    if not axis.choices and not axis.is_log and axis.count > 1 and 0.2 < at < 0.8:
        assert axis.value(there) != axis.value(at) or abs(by) < 1e-6 or axis.count < 10


VALUES = st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9) | st.booleans()


@given(
    st.dictionaries(st.sampled_from(["A", "BB", "C_C"]), VALUES, min_size=1),
    st.text(alphabet="aé \t#'", max_size=9),
    VALUES,
)
def test_a_constant_that_was_set_is_read_as_it_was_set_and_nothing_else_changes(
    values: dict[str, int | float | str | bool], comment: str, new: int | float | str | bool
) -> None:
    comment = comment.replace("\n", "")
    source = "".join(f"{name} = {value!r}  #{comment}\n\n" for name, value in values.items())
    changed = replace_constants(source, {"A": new} if "A" in values else {})
    assert changed is not None
    assert {one.name: one.value for one in find_constants(changed)} == values | ({"A": new} if "A" in values else {})
    assert changed.count(f"#{comment}\n") == source.count(f"#{comment}\n")
