import math

import pytest

from guardrails.consensus import Standing
from guardrails.consensus.standing import EARNED_HALF_LIFE_S, INVALID_HALF_LIFE_S

NOW = 1_790_000_000.0


def test_a_stranger_stands_at_nothing_and_needs_no_row():
    assert Standing().score(NOW) == 0.0
    assert not Standing().is_shunned(NOW)
    assert Standing().is_forgettable(NOW)


def test_invalid_signatures_cost_the_square_of_their_number_however_they_were_counted():
    one_by_one = Standing()
    for _ in range(5):
        one_by_one = one_by_one.after_invalid_signature(NOW)
    assert one_by_one == Standing().after_invalid_signature(NOW, 5)
    assert one_by_one.score(NOW) == -25.0


def test_one_bad_envelope_is_a_fault_and_four_are_no_accident():
    assert not Standing().after_invalid_signature(NOW, 3).is_shunned(NOW)
    assert Standing().after_invalid_signature(NOW, 4).is_shunned(NOW)


def test_confirmed_recipes_earn():
    assert Standing().after_confirmation(NOW).after_confirmation(NOW).score(NOW) == 2.0


def test_a_year_of_good_work_does_not_pay_for_a_flood_of_forgeries():
    trusted = Standing()
    for _ in range(1_000):
        trusted = trusted.after_confirmation(NOW)
    assert trusted.score(NOW) == 10.0
    assert trusted.after_invalid_signature(NOW, 6).is_shunned(NOW)


def test_credit_and_blame_fade_by_halves():
    standing = Standing().after_confirmation(NOW)
    assert standing.score(NOW + EARNED_HALF_LIFE_S) == pytest.approx(0.5)
    blamed = Standing().after_invalid_signature(NOW, 4)
    assert blamed.score(NOW + INVALID_HALF_LIFE_S) == pytest.approx(-4.0)
    assert not blamed.is_shunned(NOW + INVALID_HALF_LIFE_S)


def test_fading_does_not_depend_on_how_often_one_looks():
    once = Standing().after_invalid_signature(NOW, 8).after_confirmation(NOW + 1000.0)
    often = Standing().after_invalid_signature(NOW, 8)
    for step in range(1, 10):
        often = often.after_invalid_signature(NOW + 100.0 * step, 0)
    assert often.after_confirmation(NOW + 1000.0).score(NOW + 2000.0) == pytest.approx(once.score(NOW + 2000.0))


def test_a_night_of_a_million_forgeries_is_forgiven_in_days_not_in_years():
    blamed = Standing().after_invalid_signature(NOW, 1_000_000)
    assert blamed.is_shunned(NOW + 7 * 86_400.0)
    assert not blamed.is_shunned(NOW + 9 * 86_400.0)


def test_a_peer_that_was_long_quiet_is_a_stranger_again():
    standing = Standing().after_confirmation(NOW).after_invalid_signature(NOW, 5)
    assert not standing.is_forgettable(NOW + 30 * 86_400.0)
    assert standing.is_forgettable(NOW + 365 * 86_400.0)


def test_a_clock_set_back_neither_fades_nor_restores_anything():
    blamed = Standing().after_invalid_signature(NOW, 4)
    earlier = blamed.after_invalid_signature(NOW - 1e6, 1)
    assert earlier == Standing(invalid=5.0, at=NOW)
    assert earlier.score(NOW - 1e6) == -25.0


def test_the_end_of_time_is_still_a_number():
    standing = Standing().after_confirmation(NOW).after_invalid_signature(NOW, 3)
    assert math.isfinite(standing.score(1e300))


def test_how_long_a_peer_is_shunned_is_when_it_is_shunned_no_more():
    assert Standing().shunned_s(NOW) == 0.0
    assert Standing().after_invalid_signature(NOW, 3).shunned_s(NOW) == 0.0
    for number in (5, 8, 200, 100_000):
        forger = Standing().after_invalid_signature(NOW, number)
        left = forger.shunned_s(NOW)
        assert forger.is_shunned(NOW + left - 1)
        assert not forger.is_shunned(NOW + left + 1)
    assert Standing().after_invalid_signature(NOW, 8).shunned_s(NOW) == pytest.approx(INVALID_HALF_LIFE_S)


def test_what_a_peer_earned_shortens_its_time_and_never_ends_it_at_once():
    trusted = Standing()
    for _ in range(10):
        trusted = trusted.after_confirmation(NOW)
    excused, stranger = (one.after_invalid_signature(NOW, 16).shunned_s(NOW) for one in (trusted, Standing()))
    assert 0 < excused < stranger
