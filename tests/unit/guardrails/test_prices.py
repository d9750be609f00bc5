"""What a call costs, to the micro-dollar, and the most that it can cost."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrails.prices import FREE, Price, Rates, Usage


def rates(*amounts: str) -> Rates:
    return Rates(*map(Decimal, amounts))


PRICE = Price(rates("2", "10", "2.5", "4", "0.1"))
TIERED = Price(rates("0.1", "0.5", "0.125", "0.2", "0.01"), rates("0.5", "2.5", "0.625", "1", "0.05"), 100_000)
COUNTS = st.integers(0, 2_000_000)
USAGES = st.builds(Usage, COUNTS, COUNTS, st.just(0), COUNTS, st.integers(0, 128_000))
PRICES = st.sampled_from([PRICE, TIERED, FREE])


def test_each_token_costs_what_its_column_says_and_the_sum_is_rounded_up_once() -> None:
    assert PRICE.cost(Usage(1000, 200, 30, 4000, 500)) == 2000 + 500 + 120 + 400 + 5000
    assert Usage(1000, 200, 30, 4000, 500).tokens == 5730
    assert PRICE.cost(Usage(cache_read_tokens=1)) == 1
    assert PRICE.cost(Usage(cache_read_tokens=11)) == 2


def test_a_long_prompt_makes_every_token_of_its_call_dearer() -> None:
    assert TIERED.cost(Usage(cache_read_tokens=100_000, output_tokens=1000)) == 1000 + 500
    assert TIERED.cost(Usage(input_tokens=1, cache_read_tokens=100_000, output_tokens=1000)) == 1 + 5000 + 2500


def test_a_model_of_ones_own_costs_nothing_and_its_answers_are_as_long_as_wanted() -> None:
    assert (FREE.is_free, FREE.cost(Usage(10**9)), FREE.most(10**9, 10**9)) == (True, 0, 0)
    assert FREE.output_within(0, 10**9, 4096) == 4096
    assert not TIERED.is_free
    assert not Price(FREE.rates, TIERED.rates, 5).is_free


@given(USAGES, PRICES, st.integers(0, 500_000))
def test_no_call_costs_more_than_the_most_it_can(usage: Usage, price: Price, spare: int) -> None:
    assert price.cost(usage) <= price.most(usage.prompt_tokens + spare, usage.output_tokens)


@given(COUNTS, st.integers(0, 10**9), st.integers(1, 200_000), PRICES)
def test_an_answer_that_fits_is_paid_for_and_a_token_more_is_not(
    prompt: int, money: int, wanted: int, price: Price
) -> None:
    output = price.output_within(money, prompt, wanted)
    assert output <= wanted
    if output >= 0:
        assert price.most(prompt, output) <= money
    if output < wanted:
        assert price.most(prompt, max(output, -1) + 1) > money


@pytest.mark.parametrize("amount", ["-1", "NaN", "Infinity"])
def test_a_price_that_is_no_amount_is_refused(amount: str) -> None:
    with pytest.raises(ValueError, match="cache_read"):
        rates("1", "1", "1", "1", amount)
