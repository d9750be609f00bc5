"""Hard caps: what may not fit is not begun, and no sum drifts."""

import math
from decimal import Decimal

import pytest

from guardrails.budget import (
    Budget,
    Spent,
    StopReason,
    can_afford,
    cap_in_micro_dollars,
    cost_in_micro_dollars,
    exhausted,
)

BUDGET = Budget(
    iterations=50, wall_s=3600, micro_dollars=2_000_000, tokens=10_000, trials=200, cpu_s=7200.0, holdout_looks=3
)


def test_a_million_tenths_of_a_dollar_are_exactly_a_hundred_thousand() -> None:
    assert cost_in_micro_dollars(0.1) * 1_000_000 == cap_in_micro_dollars(100_000)


def test_ten_dimes_reach_a_dollar_exactly() -> None:
    spent = Spent()
    for _ in range(10):  # in floats these add up to 0.9999999999999999
        assert exhausted(Budget(iterations=99, wall_s=1, micro_dollars=cap_in_micro_dollars("1.0")), spent) is None
        spent = spent.plus(Spent(micro_dollars=cost_in_micro_dollars(0.1)))
    assert (
        exhausted(Budget(iterations=99, wall_s=1, micro_dollars=cap_in_micro_dollars("1.0")), spent)
        is StopReason.DOLLARS
    )


def test_costs_round_up_and_caps_round_down() -> None:
    assert cost_in_micro_dollars(Decimal("0.00000025")) == 1
    assert cap_in_micro_dollars("0.0000019") == 1
    assert cap_in_micro_dollars(2.0) == cost_in_micro_dollars(2) == 2_000_000


@pytest.mark.parametrize("dollars", [-1, "-0.01", math.nan, math.inf, "two", "", 1e13, True], ids=repr)
def test_absurd_amount_of_money_is_refused(dollars: float | str) -> None:
    with pytest.raises(ValueError, match="dollars"):
        cap_in_micro_dollars(dollars)
    with pytest.raises(ValueError, match="dollars"):
        cost_in_micro_dollars(dollars)


def test_unspent_budget_is_not_exhausted() -> None:
    assert exhausted(BUDGET, Spent()) is None


@pytest.mark.parametrize(
    ("just_below", "reached", "reason"),
    [
        (Spent(iterations=49), Spent(iterations=50), StopReason.ITERATIONS),
        (Spent(wall_s=3599.9), Spent(wall_s=3600.0), StopReason.WALL),
        (Spent(micro_dollars=1_999_999), Spent(micro_dollars=2_000_000), StopReason.DOLLARS),
        (Spent(tokens=9_999), Spent(tokens=10_000), StopReason.TOKENS),
        (Spent(trials=199), Spent(trials=200), StopReason.TRIALS),
        (Spent(cpu_s=7199.0), Spent(cpu_s=7201.0), StopReason.CPU),
        (Spent(holdout_looks=2), Spent(holdout_looks=3), StopReason.HOLDOUT),
    ],
)
def test_each_cap_ends_the_experiment_when_it_is_reached(just_below: Spent, reached: Spent, reason: StopReason) -> None:
    assert exhausted(BUDGET, just_below) is None
    assert exhausted(BUDGET, reached) is reason


def test_free_experiment_is_not_ended_by_having_no_money() -> None:
    free = Budget(iterations=50, wall_s=3600, micro_dollars=0, tokens=0)
    assert exhausted(free, Spent(iterations=10)) is None
    assert not can_afford(free, Spent(), Spent(micro_dollars=1))
    assert not can_afford(free, Spent(), Spent(holdout_looks=1))


def test_experiment_without_iterations_or_time_never_begins() -> None:
    assert exhausted(Budget(iterations=0, wall_s=1, micro_dollars=0), Spent()) is StopReason.ITERATIONS
    assert exhausted(Budget(iterations=1, wall_s=0, micro_dollars=0), Spent()) is StopReason.WALL


def test_caps_that_are_not_set_do_not_bind() -> None:
    open_ended = Budget(iterations=50, wall_s=3600, micro_dollars=0)
    assert can_afford(open_ended, Spent(), Spent(tokens=10**12, trials=10**6, cpu_s=1e9))
    assert exhausted(open_ended, Spent(tokens=10**12, trials=10**6, cpu_s=1e9)) is None


def test_several_caps_at_once_report_the_first_in_order() -> None:
    assert exhausted(BUDGET, Spent(wall_s=1e6, trials=10**6)) is StopReason.WALL


def test_cost_that_fits_to_the_last_micro_dollar_is_afforded_and_one_more_is_not() -> None:
    spent = Spent(micro_dollars=1_500_000)
    assert can_afford(BUDGET, spent, Spent(micro_dollars=500_000))
    assert not can_afford(BUDGET, spent, Spent(micro_dollars=500_001))


def test_sums_keep_every_kind_apart() -> None:
    one = Spent(iterations=1, wall_s=2.5, micro_dollars=3, tokens=4, trials=5, cpu_s=6.5, holdout_looks=7)
    assert one.plus(one) == Spent(
        iterations=2, wall_s=5.0, micro_dollars=6, tokens=8, trials=10, cpu_s=13.0, holdout_looks=14
    )
    assert one.plus(Spent()) == Spent().plus(one) == one


@pytest.mark.parametrize(
    "wrong",
    [
        {"iterations": -1},
        {"iterations": None},
        {"iterations": 1.5},
        {"wall_s": math.nan},
        {"wall_s": math.inf},
        {"wall_s": "60"},
        {"micro_dollars": None},
        {"micro_dollars": 2.0},
        {"trials": True},
        {"holdout_looks": None},
    ],
    ids=repr,
)
def test_cap_that_does_not_cap_cannot_be_written(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Budget(**({"iterations": 1, "wall_s": 1, "micro_dollars": 0} | wrong))  # type: ignore[arg-type]


def test_negative_cost_cannot_refill_a_budget() -> None:
    with pytest.raises(ValueError, match="micro_dollars"):
        Spent(micro_dollars=-1)
    with pytest.raises(ValueError, match="tokens"):
        Spent(tokens=None)  # type: ignore[arg-type]
