import math

import pytest

from guardrails.consensus import Figure, Unknown, assumed_liars, merge_e_values, robust_location
from guardrails.consensus.location import conservative_bound


def owners(*values: float) -> dict[str, float]:
    return {f"owner{at:02}": value for at, value in enumerate(values)}


def test_one_liar_of_three_moves_the_median_no_further_than_the_honest():
    figure = robust_location(owners(0.10, 0.12, 1e15), least_f=1)
    assert figure == Figure(0.12, n=3, f=1, rule="median")


def test_two_owners_cannot_outvote_one_liar_so_there_is_no_figure():
    assert robust_location(owners(0.1, 0.3), least_f=1) == Unknown(n=2, needed=3)


def test_two_owners_who_trust_each_other_meet_in_the_middle_and_the_figure_says_that_it_withstands_nobody():
    assert robust_location(owners(0.1, 0.3)) == Figure(0.2, n=2, f=0, rule="median")


def test_nobody_at_all_is_unknown_not_zero():
    assert robust_location({}) == Unknown(n=0, needed=1)


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf, 1e300])
def test_a_claim_that_is_no_measurement_is_left_out_by_name(broken):
    claims = owners(0.1, 0.2, 0.3) | {"mallory": broken}
    assert robust_location(claims, 1) == Figure(0.2, n=3, f=1, rule="median", left_out=("mallory",))


def test_broken_claims_cannot_make_up_the_number():
    assert robust_location(owners(0.1, 0.2, math.nan), 1) == Unknown(n=2, needed=3, left_out=("owner02",))


def test_seven_owners_still_have_a_median():
    assert robust_location(owners(1, 2, 3, 4, 5, 6, 7)) == Figure(4, n=7, f=3, rule="median")


def test_from_eight_owners_a_third_a_side_is_trimmed_and_named():
    figure = robust_location(owners(1, 2, 3, 4, 5, 7, 8, 1e15))
    left_out = ("owner00", "owner01", "owner06", "owner07")
    assert figure == Figure(4.75, n=8, f=2, rule="trimmed-mean", left_out=left_out)


def test_from_eight_owners_a_broken_claim_is_left_out_beside_the_trimmed():
    figure = robust_location(owners(1, 2, 3, 4, 5, 6, 7, 8) | {"mallory": math.nan})
    assert figure.left_out == ("mallory", "owner00", "owner01", "owner06", "owner07")
    assert figure.n == 8


def test_whoever_fears_more_liars_trims_more_and_is_refused_when_too_few_speak():
    nine = owners(*range(9))
    assert robust_location(nine, least_f=4) == Figure(
        4, n=9, f=4, rule="trimmed-mean", left_out=tuple(f"owner{at:02}" for at in (0, 1, 2, 3, 5, 6, 7, 8))
    )
    assert robust_location(nine, least_f=5) == Unknown(n=9, needed=11)


def test_a_mean_of_equals_is_that_number_to_the_last_bit():
    assert robust_location(owners(*[0.1] * 17)).value == 0.1


def test_minus_zero_and_zero_are_the_same_bytes():
    assert str(robust_location(owners(-0.0, -0.0, 0.0)).value) == "0.0"


def test_figures_and_their_absence_read_alike_in_json():
    assert Figure(0.5, 9, 2, "trimmed-mean", ("ann",)).tree() == {
        "value": 0.5,
        "n": 9,
        "f": 2,
        "rule": "trimmed-mean",
        "left_out": ["ann"],
    }
    assert Unknown(1, 3).tree() == {"value": None, "n": 1, "needed": 3, "left_out": []}


@pytest.mark.parametrize(("number", "f"), [(0, 0), (1, 0), (2, 0), (3, 1), (5, 1), (40, 1)])
def test_a_hive_without_an_honest_majority_assumes_no_liar_and_every_other_assumes_one(number, f):
    assert assumed_liars(number) == f


def test_the_largest_e_value_buys_nothing():
    assert merge_e_values({"ann": 30.0, "bob": 10.0, "mallory": 1e15}, f=1) == 20.0


def test_e_values_of_no_more_than_f_owners_are_no_evidence():
    assert merge_e_values({"mallory": 1e15}, f=1) is None
    assert merge_e_values({}, f=0) is None


@pytest.mark.parametrize("broken", [math.nan, math.inf, -5.0, 1e300])
def test_what_is_no_e_value_counts_as_none_at_all(broken):
    assert merge_e_values({"ann": 30.0, "mallory": broken}, f=0) == 15.0


def test_a_bound_to_order_by_withstands_a_liar_on_either_side():
    assert conservative_bound([0.02, 0.03, 1e15], f=1) == 0.03
    assert conservative_bound([0.02, 0.03, -1e15], f=1) == 0.02


def test_a_bound_from_too_few_owners_is_the_one_that_promises_least():
    assert conservative_bound([0.02, 0.5], f=1) == 0.02
