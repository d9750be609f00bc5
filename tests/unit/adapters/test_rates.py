"""What members and addresses may ask for in a minute."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hive_node.adapters.rates import Budgets, Rate, Rates, source_of
from protocol.errors import Code, RemoteProtocolError
from protocol.ids import NodeId
from protocol.limits import ANSWERED_PER_MINUTE, BYTES_PER_MINUTE, REQUESTS_PER_MINUTE, WASTED_PER_MINUTE


def test_who_sends_what_brings_nothing_is_refused_until_a_minute_is_over() -> None:
    rate = Rate()
    rate.waste(rate.begin(0.0), WASTED_PER_MINUTE - 1)
    rate.waste(rate.begin(1.0), 1)

    with pytest.raises(RemoteProtocolError) as refused:
        rate.begin(59.0)
    assert refused.value.code is Code.TOO_MANY
    rate.begin(60.0)  # the first request's waste is a minute old


def test_who_was_answered_enough_waits_until_a_minute_is_over() -> None:
    rate = Rate()
    rate.answer(rate.begin(0.0), ANSWERED_PER_MINUTE)

    with pytest.raises(RemoteProtocolError) as refused:
        rate.begin(59.0)
    assert refused.value.code is Code.TOO_MANY
    rate.begin(60.0)


def test_a_refused_request_is_not_counted_and_delays_nobody() -> None:
    rate = Rate()
    for _ in range(REQUESTS_PER_MINUTE):
        rate.begin(0.0)
    for _ in range(1000):
        with pytest.raises(RemoteProtocolError):
            rate.begin(30.0)

    assert len(rate.requests) == REQUESTS_PER_MINUTE
    rate.begin(60.0)


def test_bytes_are_counted_while_they_come() -> None:
    rate = Rate()
    spent = rate.begin(0.0)
    rate.read(spent, BYTES_PER_MINUTE)

    with pytest.raises(RemoteProtocolError):
        rate.read(spent, 1)
    rate.read(rate.begin(60.0), 1)


def test_rates_are_kept_of_members_alone() -> None:
    kept = Rates()
    for number in range(100):
        kept.of(NodeId(f"n{number}"), {NodeId(f"n{number}")})

    assert len(kept._by_peer) == 1


def test_one_address_spends_its_own_budget_and_nobody_elses() -> None:
    budgets = Budgets(per_minute=60, at_once=3)

    assert [budgets.spend("mallory", 0.0) for _ in range(5)] == [True] * 3 + [False] * 2
    assert budgets.spend("bo", 0.0)
    assert [budgets.spend("mallory", 1.0) for _ in range(2)] == [True, False]


def test_asking_in_vain_does_not_put_off_the_next_chance() -> None:
    budgets = Budgets(per_minute=60, at_once=1)
    allowed = [budgets.spend("mallory", tick / 100) for tick in range(1001)]

    assert 9 <= sum(allowed) <= 11


def test_ten_thousand_addresses_cost_a_bounded_table() -> None:
    budgets = Budgets(per_minute=60, at_once=3)
    for number in range(10_000):
        assert budgets.spend(f"10.0.{number // 256}.{number % 256}", 0.0)

    assert len(budgets._left) <= 1024


@given(st.lists(st.floats(0, 100), max_size=300), st.integers(1, 600), st.integers(1, 50))
def test_nobody_ever_gets_more_than_the_burst_and_the_rate(gaps: list[float], per_minute: int, at_once: int) -> None:
    budgets, now, allowed = Budgets(per_minute, at_once), 0.0, 0
    for gap in gaps:
        now += gap
        allowed += budgets.spend("mallory", now)

    assert allowed <= at_once + now * per_minute / 60 + 1e-6


@pytest.mark.parametrize(
    ("host", "source"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("nonsense", ""),
    ],
)
def test_an_ipv6_network_is_one_source(host: str, source: str) -> None:
    assert source_of(host) == source
