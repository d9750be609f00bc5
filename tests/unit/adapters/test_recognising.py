import ipaddress
from collections.abc import Callable
from datetime import date, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hive_node.adapters import recognising
from hive_node.adapters.interfaces import Address, LocalAddress
from hive_node.adapters.recognising import DiscoveredAddress, Recogniser, tag
from protocol.ids import HiveId

HIVE = HiveId("a" * 52)
OTHER_HIVE = HiveId("b" * 52)
TODAY = date(2026, 3, 1)


def local(interface: str, index: int, at: str) -> LocalAddress:
    return LocalAddress(interface, index, ipaddress.ip_interface(at))


LAN = [
    local("eth0", 2, "192.168.7.5/24"),
    local("eth0", 2, "fd00:7::5/64"),
    local("eth0", 2, "fe80::5/64"),
    local("wlan0", 3, "fe80::6/64"),
]


ANY_ADDRESS = st.ip_addresses() | st.sampled_from(LAN).flatmap(lambda here: st.ip_addresses(network=here.at.network))


def name(number: int = 0) -> str:
    return f"hn-{number:016x}"


def text(instance: str, hive: HiveId = HIVE, day: date = TODAY) -> dict[bytes, bytes | None]:
    return {b"v": b"1", b"h": tag(hive, instance, day).encode()}


def parsed(*addresses: str) -> list[Address]:
    return [ipaddress.ip_address(address) for address in addresses]


def hear(
    recogniser: Recogniser,
    *addresses: str,
    instance: str = name(),
    said: dict[bytes, bytes | None] | None = None,
    port: int | None = 7740,
    now: float = 0.0,
) -> list[str]:
    """The hosts that may be suggested after one announcement."""
    said = text(instance) if said is None else said
    recogniser.hear(instance, said, port, parsed(*addresses), today=TODAY, now=now)
    return [one.host for one in recogniser.due(now)]


@pytest.fixture
def recogniser() -> Recogniser:
    return Recogniser(HIVE, LAN, Random(1))


# --- hostile announcements --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "8.8.8.8",  # across the world
        "192.168.8.5",  # the network next door
        "127.0.0.1",  # this machine itself
        "169.254.169.254",  # a cloud's metadata
        "224.0.0.251",
        "0.0.0.0",
        "::",
        "::1",
        "ff02::fb",
        "fd00:ec2::254",
        "fd00:8::5",
    ],
)
def test_an_address_off_the_own_networks_is_never_suggested(recogniser: Recogniser, address: str) -> None:
    assert hear(recogniser, address) == []


def test_cloud_metadata_is_not_a_neighbour_even_where_its_network_is(recogniser: Recogniser) -> None:
    link_local = Recogniser(HIVE, [local("eth0", 2, "169.254.3.4/16")], Random(1))
    assert hear(link_local, "169.254.169.254", "169.254.9.9") == ["169.254.9.9"]


def test_another_hive_is_not_recognised(recogniser: Recogniser) -> None:
    assert hear(recogniser, "192.168.7.9", said=text(name(), OTHER_HIVE)) == []


def test_a_members_tag_does_not_fit_another_instance(recogniser: Recogniser) -> None:
    assert hear(recogniser, "192.168.7.9", instance=name(1), said=text(name(2))) == []


@pytest.mark.parametrize(
    "said",
    [
        {},
        {b"v": b"1"},
        {b"v": b"1", b"h": None},
        {b"v": b"1", b"h": b""},
        {b"v": b"1", b"h": b"\xff" * 16},
        {b"v": b"1", b"h": tag(HIVE, name(), TODAY).upper().encode()},
        {b"v": b"1", b"h": tag(HIVE, name(), TODAY).encode()[:8]},
        {b"v": b"2", b"h": tag(HIVE, name(), TODAY).encode()},
        {b"h": tag(HIVE, name(), TODAY).encode()},
    ],
)
def test_a_text_that_does_not_prove_membership_is_ignored(
    recogniser: Recogniser, said: dict[bytes, bytes | None]
) -> None:
    assert hear(recogniser, "192.168.7.9", said=said) == []


@given(
    said=st.dictionaries(st.sampled_from([b"v", b"h", b"x"]), st.none() | st.binary(max_size=20)),
    port=st.none() | st.integers(-1, 70000),
    addresses=st.lists(ANY_ADDRESS, max_size=80),
)
def test_no_stranger_raises_or_is_believed(
    said: dict[bytes, bytes | None], port: int | None, addresses: list[Address]
) -> None:
    recogniser = Recogniser(HIVE, LAN, Random(1))
    recogniser.hear(name(), said, port, addresses, today=TODAY, now=0.0)
    assert recogniser.due(0.0) == []
    assert not recogniser.is_waiting


@given(st.integers(-1, 70000), st.lists(ANY_ADDRESS, max_size=80))
def test_a_replayed_member_with_arbitrary_addresses_stays_near(port: int, addresses: list[Address]) -> None:
    recogniser = Recogniser(HIVE, LAN, Random(1))
    recogniser.hear(name(), text(name()), port, addresses, today=TODAY, now=0.0)
    found = recogniser.due(0.0)
    assert len(found) <= recognising.ADDRESSES_PER_RECORD
    assert all(0 < one.port < 65536 for one in found)
    assert all(any(ipaddress.ip_address(one.host) in here.at.network for here in LAN) for one in found)


@pytest.mark.parametrize("port", [None, 0, -1, 65536])
def test_a_port_that_nobody_can_dial_is_ignored(recogniser: Recogniser, port: int | None) -> None:
    assert hear(recogniser, "192.168.7.9", port=port) == []


def test_a_record_of_many_addresses_yields_four(recogniser: Recogniser) -> None:
    assert len(hear(recogniser, *(f"192.168.7.{host}" for host in range(1, 60)))) == 4


def test_foreign_addresses_do_not_use_up_a_records_four(recogniser: Recogniser) -> None:
    foreign = [f"10.0.0.{host}" for host in range(10)]
    assert hear(recogniser, *foreign, "192.168.7.9") == ["192.168.7.9"]


def test_a_replayer_cannot_dial_out_through_one_member(recogniser: Recogniser) -> None:
    heard = [hear(recogniser, f"192.168.7.{host}", now=host * 60.0) for host in range(1, 100)]
    assert sum(map(len, heard)) == recognising.ADDRESSES_PER_INSTANCE


def flood(recogniser: Recogniser, hosts: Callable[[int], str], now: float = 0.0) -> None:
    """A thousand nodes that are none, announced by somebody who knows the hive's id."""
    for number in range(1000):
        instance = name(number + 1)
        recogniser.hear(instance, text(instance), 7740, parsed(hosts(number)), today=TODAY, now=now)


def after(recogniser: Recogniser, seconds: int, wanted: str) -> int | None:
    """In which second `wanted` is suggested, looked at each second."""
    return next((now for now in range(seconds) if wanted in [one.host for one in recogniser.due(float(now))]), None)


def test_no_minute_has_more_than_sixty_suggestions(recogniser: Recogniser) -> None:
    suggested: list[int] = []
    for second in range(300):
        flood(recogniser, lambda number: f"192.168.7.{number % 254 + 1}", now=float(second))
        suggested.append(len(recogniser.due(float(second))))
    assert all(sum(suggested[start : start + 60]) <= 60 for start in range(240))
    assert sum(suggested) == recognising.SUGGESTIONS_AT_ONCE + 299 // 2


def test_a_thousand_false_nodes_at_one_address_delay_a_true_one_by_seconds(recogniser: Recogniser) -> None:
    flood(recogniser, lambda _: "192.168.7.66")
    recogniser.hear(name(), text(name()), 7740, parsed("192.168.7.9"), today=TODAY, now=0.0)
    assert after(recogniser, 20, "192.168.7.9") is not None


def test_a_thousand_false_nodes_all_over_the_network_delay_a_true_one_by_minutes(recogniser: Recogniser) -> None:
    flood(recogniser, lambda number: f"192.168.7.{number % 253 + 1}")
    recogniser.hear(name(), text(name()), 7740, parsed("192.168.7.254"), today=TODAY, now=0.0)
    assert after(recogniser, 600, "192.168.7.254") is not None


def test_whatever_is_announced_a_bounded_amount_is_remembered(recogniser: Recogniser) -> None:
    for now in range(10):
        flood(recogniser, lambda number: f"fd00:7::{number + 1:x}", now=now * 61.0)
        flood(recogniser, lambda number: f"fd00:7::1:{number + 1:x}", now=now * 61.0)
    assert len(recogniser._heard) <= recognising.INSTANCES
    assert len(recogniser._waiting) <= recognising.WAITING_HOSTS
    assert all(len(queue) <= recognising.WAITING_PER_HOST for queue in recogniser._waiting.values())


# --- announcements of members -----------------------------------------------------------------------------------------


def test_a_member_is_suggested_where_it_says_it_is(recogniser: Recogniser) -> None:
    recogniser.hear(name(), text(name()), 7740, parsed("fd00:7::9", "192.168.7.9"), today=TODAY, now=0.0)
    assert set(recogniser.due(0.0)) == {
        DiscoveredAddress("192.168.7.9", 7740, name()),
        DiscoveredAddress("fd00:7::9", 7740, name()),
    }


@pytest.mark.parametrize(
    ("said", "dialled"),
    [
        ("fe80::9%2", ["fe80::9%eth0"]),  # heard over IPv6: the interface is known
        ("fe80::9%wlan0", ["fe80::9%wlan0"]),
        ("fe80::9", ["fe80::9%eth0", "fe80::9%wlan0"]),  # over IPv4: it may be on either link
        ("fe80::9%7", []),  # on a link that is not spoken on
    ],
)
def test_a_link_local_address_is_dialled_on_its_link(recogniser: Recogniser, said: str, dialled: list[str]) -> None:
    assert sorted(hear(recogniser, said)) == dialled


def test_what_is_reached_from_anywhere_on_the_network_comes_first(recogniser: Recogniser) -> None:
    link_local = [f"fe80::{number}%2" for number in range(1, 9)]
    found = hear(recogniser, *link_local, "fd00:7::9", "192.168.7.9")
    assert len(found) == recognising.ADDRESSES_PER_RECORD
    assert {"192.168.7.9", "fd00:7::9"} <= set(found)


@pytest.mark.parametrize(("skew", "is_known"), [(-3, False), (-2, True), (-1, True), (1, True), (2, True), (3, False)])
def test_a_member_whose_clock_is_two_days_off_is_recognised(recogniser: Recogniser, skew: int, is_known: bool) -> None:
    said = text(name(), day=TODAY + timedelta(days=skew))
    assert bool(hear(recogniser, "192.168.7.9", said=said)) is is_known


def test_text_that_a_later_version_adds_is_passed_over(recogniser: Recogniser) -> None:
    assert hear(recogniser, "192.168.7.9", said=text(name()) | {b"later": b"x"}) == ["192.168.7.9"]


def test_a_repeated_announcement_is_one_suggestion_a_minute(recogniser: Recogniser) -> None:
    assert [len(hear(recogniser, "192.168.7.9", now=now)) for now in (0.0, 1.0, 59.9, 60.0, 61.0)] == [1, 0, 0, 1, 0]


def test_a_tag_says_nothing_about_the_hive_over_two_days_or_two_starts() -> None:
    tags = {
        tag(hive, name(one), TODAY + timedelta(days=day))
        for hive in (HIVE, OTHER_HIVE)
        for one in (1, 2)
        for day in (0, 1)
    }
    assert len(tags) == 8
    assert all(len(one) == 16 and set(one) <= set("0123456789abcdef") for one in tags)
