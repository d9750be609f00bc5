"""Measurements as they come: hostile numbers first."""

import math
import sys

import pytest

from guardrails.evidence import Direction, Pair
from guardrails.evidence.betting import payoffs, scales
from guardrails.evidence.pairs import LARGEST_GAIN, median, relative_gain, robust_sd


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 10**400, True, "1.0", None], ids=repr)
@pytest.mark.parametrize("field", ["champion", "candidate"])
def test_what_is_not_a_finite_number_never_becomes_a_pair(field: str, value: object) -> None:
    numbers = {"champion": 1.0, "candidate": 1.0, field: value}
    with pytest.raises(ValueError, match=f"{field} must be a finite number"):
        Pair(**numbers)  # type: ignore[arg-type]


def test_integers_are_kept_as_floats_and_negative_zero_loses_its_sign() -> None:
    pair = Pair(champion=1200, candidate=-0.0)
    assert isinstance(pair.champion, float)
    assert math.copysign(1.0, pair.candidate) == 1.0


def test_less_is_a_gain_where_lower_is_better_and_a_loss_where_higher_is() -> None:
    assert relative_gain(200.0, 150.0, Direction.LOWER, scale=200.0) == 0.25
    assert relative_gain(200.0, 150.0, Direction.HIGHER, scale=200.0) == -0.25


def test_negative_baseline_gives_the_same_gains_as_its_size() -> None:
    assert relative_gain(-200.0, -150.0, Direction.HIGHER, scale=-200.0) == 0.25


def test_zero_baseline_makes_gains_absolute() -> None:
    assert relative_gain(0.0, -3.0, Direction.LOWER, scale=0.0) == 3.0


@pytest.mark.parametrize("scale", [1.0, 0.0, 5e-324, 1e308])
def test_differences_that_overflow_are_held_at_the_largest_gain(scale: float) -> None:
    huge = sys.float_info.max
    assert 0.0 < relative_gain(huge, -huge, Direction.LOWER, scale) <= LARGEST_GAIN
    assert relative_gain(huge, -huge, Direction.LOWER, scale) == -relative_gain(-huge, huge, Direction.LOWER, scale)


def test_median_of_two_huge_numbers_does_not_overflow() -> None:
    assert median([1e308, 1.6e308]) == pytest.approx(1.3e308)
    assert median([5e-324, 5e-324]) == 5e-324
    assert median([3.0, 1.0, 2.0]) == 2.0


def test_median_of_nothing_is_refused_and_not_zero() -> None:
    with pytest.raises(ValueError, match="no values"):
        median([])


def test_one_wild_run_in_five_hardly_moves_the_spread() -> None:
    calm = robust_sd([1.0, 1.1, 0.9, 1.05, 0.95])
    assert robust_sd([1.0, 1.1, 0.9, 1.05, 1e9]) < 2.5 * calm
    assert robust_sd([7.0]) == 0.0


def test_no_gain_has_a_say_in_its_own_scale_nor_in_an_earlier_one() -> None:
    gains = [0.1, -0.3, 0.2, 0.05, 7.0, -0.1]
    for index in range(len(gains)):
        changed = [*gains[:index], 1e9, *[-1e9] * (len(gains) - index - 1)]
        assert scales(changed)[: index + 1] == scales(gains)[: index + 1]


def test_payoff_is_the_mirror_of_its_opposite_and_never_more_than_the_stake() -> None:
    gains = [3.0, -1e100, 1e-300, 0.0, 0.4]
    won = payoffs(gains, [0.0, 1e-300, 1.0, 0.0, 0.4], margin=0.0)
    lost = payoffs([-gain for gain in gains], [0.0, 1e-300, 1.0, 0.0, 0.4], margin=0.0)
    assert won == [-loss for loss in lost]
    assert all(-1.0 <= win <= 1.0 for win in won)
    assert won[:2] == [1.0, -1.0]
