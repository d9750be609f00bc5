import asyncio
import ipaddress
import logging
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import ifaddr
import pytest
from hypothesis import given
from hypothesis import strategies as st
from zeroconf import ServiceInfo

from hive_node.adapters import mdns
from hive_node.adapters.mdns import DiscoveredAddress, Discovery, Interface, Recogniser, interfaces_of_this_machine, tag
from protocol.ids import HiveId

HIVE = HiveId("a" * 52)
OTHER_HIVE = HiveId("b" * 52)
TODAY = date(2026, 3, 1)
LAN: list[Interface] = [ipaddress.ip_interface("192.168.7.5/24"), ipaddress.ip_interface("fd00:7::5/64")]


class SteppedClock:
    """Time that passes when the test says so."""

    def __init__(self) -> None:
        self.day = datetime.combine(TODAY, datetime.min.time(), UTC)
        self.slept: list[float] = []
        self._sleepers: asyncio.Queue[asyncio.Event] = asyncio.Queue()

    def now(self) -> datetime:
        return self.day

    def monotonic(self) -> float:
        return sum(self.slept)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        woken = asyncio.Event()
        self._sleepers.put_nowait(woken)
        await woken.wait()

    async def step(self, times: int = 1) -> None:
        """Let the sleeper go on, and wait until it sleeps again."""
        for _ in range(times):
            (await self._sleepers.get()).set()
            while self._sleepers.empty():
                await asyncio.sleep(0)


class CountingChance:
    """Chance that never repeats itself and always waits longest."""

    def __init__(self) -> None:
        self._count = 0

    def token_bytes(self, count: int) -> bytes:
        self._count += 1
        return self._count.to_bytes(count)

    def uniform(self, low: float, high: float) -> float:
        return high


def name(number: int = 0) -> str:
    return f"hn-{number:016x}"


def text(instance: str, hive: HiveId = HIVE, day: date = TODAY) -> dict[bytes, bytes | None]:
    return {b"v": b"1", b"h": tag(hive, instance, day).encode()}


def packed(*addresses: str) -> list[bytes]:
    return [ipaddress.ip_address(address).packed for address in addresses]


def hear(
    recogniser: Recogniser,
    *addresses: str,
    instance: str = name(),
    said: dict[bytes, bytes | None] | None = None,
    port: int | None = 7740,
    now: float = 0.0,
) -> list[str]:
    """The hosts that one announcement made the node think of."""
    said = text(instance) if said is None else said
    found = recogniser.recognise(instance, said, port, packed(*addresses), today=TODAY, now=now)
    return [one.host for one in found]


@pytest.fixture
def recogniser() -> Recogniser:
    return Recogniser(HIVE, LAN)


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
        "fe80::1",
        "fd00:8::5",
    ],
)
def test_an_address_off_the_own_networks_is_never_suggested(recogniser: Recogniser, address: str) -> None:
    assert hear(recogniser, address) == []


def test_cloud_metadata_is_not_a_neighbour_even_where_its_network_is(recogniser: Recogniser) -> None:
    link_local = Recogniser(HIVE, [ipaddress.ip_interface("169.254.3.4/16")])
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
    addresses=st.lists(st.binary(max_size=20), max_size=80),
)
def test_no_stranger_raises_or_is_believed(
    said: dict[bytes, bytes | None], port: int | None, addresses: list[bytes]
) -> None:
    assert Recogniser(HIVE, LAN).recognise(name(), said, port, addresses, today=TODAY, now=0.0) == []


@given(st.integers(-1, 70000), st.lists(st.binary(max_size=20), max_size=80))
def test_a_replayed_member_with_arbitrary_addresses_raises_nothing(port: int, addresses: list[bytes]) -> None:
    found = Recogniser(HIVE, LAN).recognise(name(), text(name()), port, addresses, today=TODAY, now=0.0)
    assert len(found) <= mdns.ADDRESSES_PER_RECORD
    assert all(0 < one.port < 65536 for one in found)


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
    assert sum(map(len, heard)) == mdns.ADDRESSES_PER_INSTANCE


def test_suggestions_stop_at_sixty_a_minute_and_go_on_in_the_next(recogniser: Recogniser) -> None:
    def storm(first: int, now: float) -> int:
        return sum(
            len(hear(recogniser, "192.168.7.9", instance=name(number), now=now)) for number in range(first, first + 200)
        )

    assert storm(0, now=100.0) == 60
    assert storm(200, now=159.9) == 0
    assert storm(400, now=160.0) == 60


def test_the_oldest_instances_are_forgotten(recogniser: Recogniser) -> None:
    for number in range(1000):
        hear(recogniser, "192.168.7.9", instance=name(number), now=number * 0.01)
    assert len(recogniser._suggested) == mdns.INSTANCES


# --- announcements of members -----------------------------------------------------------------------------------------


def test_a_member_is_suggested_where_it_says_it_is(recogniser: Recogniser) -> None:
    found = recogniser.recognise(name(), text(name()), 7740, packed("192.168.7.9", "fd00:7::9"), today=TODAY, now=0.0)
    assert found == [DiscoveredAddress("192.168.7.9", 7740, name()), DiscoveredAddress("fd00:7::9", 7740, name())]


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


# --- interfaces -------------------------------------------------------------------------------------------------------


@pytest.fixture
def adapters(monkeypatch: pytest.MonkeyPatch) -> list[ifaddr.Adapter]:
    ips: list[tuple[Any, int]] = [
        ("127.0.0.1", 8),
        (("::1", 0, 0), 128),
        ("192.168.7.5", 24),
        (("fd00:7::5", 0, 0), 64),
        (("fe80::1", 0, 2), 64),
        ("10.9.9.9", 0),
    ]
    machine = [ifaddr.Adapter("any", "any", [ifaddr.IP(ip, prefix, "any") for ip, prefix in ips])]
    monkeypatch.setattr(ifaddr, "get_adapters", lambda: machine)
    return machine


@pytest.mark.parametrize(
    ("wanted", "used"),
    [
        (["all"], {"192.168.7.5/24"}),
        (["127.0.0.1"], {"127.0.0.1/8"}),
        (["192.168.7.5", "fd00:7:0::5"], {"192.168.7.5/24", "fd00:7::5/64"}),
        (["fe80::1", "203.0.113.1", "10.9.9.9"], set()),
    ],
)
def test_only_interfaces_that_exist_and_were_asked_for_are_used(
    adapters: list[ifaddr.Adapter], wanted: list[str], used: set[str]
) -> None:
    assert {str(one) for one in interfaces_of_this_machine(wanted)} == used


# --- when the network does not play along -----------------------------------------------------------------------------


def discovery(clock: SteppedClock, wanted: list[str]) -> Discovery:
    return Discovery(HIVE, lambda: 7740, wanted, clock, CountingChance(), lambda _: None)


async def run(service: Discovery, story: Callable[[], Awaitable[None]]) -> None:
    task = asyncio.get_running_loop().create_task(service.serve())
    try:
        await story()
        assert not task.done()
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_a_machine_without_the_interface_is_warned_about_once(
    adapters: list[ifaddr.Adapter], caplog: pytest.LogCaptureFixture
) -> None:
    clock = SteppedClock()
    with caplog.at_level(logging.DEBUG, "hive_node"):
        await run(discovery(clock, ["203.0.113.1"]), lambda: clock.step(20))
    assert [record.levelname for record in caplog.records].count("WARNING") == 1
    assert "no interface" in caplog.text


@pytest.mark.parametrize("error", [OSError(1, "Operation not permitted"), RuntimeError("No adapter found")])
async def test_a_machine_without_multicast_is_tried_again_ever_more_rarely(
    adapters: list[ifaddr.Adapter], monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    tries: list[float] = []
    clock = SteppedClock()

    def no_sockets(**_: object) -> None:
        tries.append(clock.monotonic())
        raise error

    monkeypatch.setattr(mdns, "AsyncZeroconf", no_sockets)
    await run(discovery(clock, ["all"]), lambda: clock.step(150))
    waits = [later - earlier for earlier, later in pairwise(tries)]
    assert waits[:8] == [5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 600.0]
    assert set(waits[8:]) == {600.0}


class Crippled:
    """An AsyncZeroconf that starts, and then cannot do what the test says."""

    opened = 0
    closed = 0

    def __init__(self, senders: int) -> None:
        Crippled.opened += 1
        self.zeroconf = SimpleNamespace(async_wait_for_start=self._start, engine=SimpleNamespace(senders=[0] * senders))

    async def _start(self) -> None: ...

    async def async_register_service(self, info: ServiceInfo, **_: object) -> None:
        raise OSError(101, "Network is unreachable")

    async def async_close(self) -> None:
        Crippled.closed += 1


class NoBrowser:
    """Browses nothing."""

    def __init__(self, *_: object, **__: object) -> None: ...

    async def async_cancel(self) -> None: ...


@pytest.mark.parametrize(("senders", "reason"), [(0, "no interface takes multicast"), (1, "Network is unreachable")])
async def test_a_network_that_takes_nothing_is_warned_about_once_and_nothing_is_left_open(
    adapters: list[ifaddr.Adapter],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    senders: int,
    reason: str,
) -> None:
    monkeypatch.setattr(Crippled, "opened", 0)
    monkeypatch.setattr(Crippled, "closed", 0)
    monkeypatch.setattr(mdns, "AsyncZeroconf", lambda **_: Crippled(senders))
    monkeypatch.setattr(mdns, "AsyncServiceBrowser", NoBrowser)
    clock = SteppedClock()
    with caplog.at_level(logging.DEBUG, "hive_node"):
        await run(discovery(clock, ["all"]), lambda: clock.step(30))
    assert [record.levelname for record in caplog.records].count("WARNING") == 1
    assert reason in caplog.text
    assert Crippled.opened == Crippled.closed > 1


async def test_an_interface_that_comes_back_ends_the_wait(
    adapters: list[ifaddr.Adapter], monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[float] = []
    clock = SteppedClock()

    def no_sockets(**_: object) -> None:
        tries.append(clock.monotonic())
        raise OSError(1, "Operation not permitted")

    async def story() -> None:
        await clock.step(40)
        before = len(tries)
        adapters[0].ips.append(ifaddr.IP("10.0.0.7", 24, "any"))
        await clock.step()
        assert len(tries) == before + 1

    monkeypatch.setattr(mdns, "AsyncZeroconf", no_sockets)
    await run(discovery(clock, ["all"]), story)


# --- what this node says of itself ------------------------------------------------------------------------------------


class Responder:
    """Stands where zeroconf does and writes down what it is told to say."""

    def __init__(self) -> None:
        self.said: list[tuple[str, ServiceInfo]] = []

    async def _say(self, what: str, info: ServiceInfo) -> Awaitable[None]:
        self.said.append((what, info))
        return asyncio.sleep(0)

    async def async_register_service(self, info: ServiceInfo, **_: object) -> Awaitable[None]:
        return await self._say("register", info)

    async def async_update_service(self, info: ServiceInfo) -> Awaitable[None]:
        return await self._say("update", info)

    async def async_unregister_service(self, info: ServiceInfo) -> Awaitable[None]:
        return await self._say("withdraw", info)


@pytest.fixture
def responder() -> Responder:
    return Responder()


@pytest.fixture
def announcement(responder: Responder) -> mdns._Announcement:
    return mdns._Announcement(responder, HIVE, frozenset(LAN), CountingChance())  # type: ignore[arg-type]


async def test_an_announcement_names_neither_host_nor_node(
    announcement: mdns._Announcement, responder: Responder
) -> None:
    await announcement.renew(TODAY, 7740)
    [(_, info)] = responder.said
    assert info.name == f"{announcement.instance}.{mdns.SERVICE}"
    assert info.properties == text(announcement.instance)
    assert info.server == announcement.server
    assert socket.gethostname().lower() not in repr(info).lower()


async def test_the_tag_is_renewed_when_the_day_changes(announcement: mdns._Announcement, responder: Responder) -> None:
    for day in (TODAY, TODAY, TODAY + timedelta(days=1)):
        await announcement.renew(day, 7740)
    assert [what for what, _ in responder.said] == ["register", "update"]
    assert responder.said[1][1].properties == text(announcement.instance, day=TODAY + timedelta(days=1))


async def test_nothing_is_announced_before_the_port_is_open(
    announcement: mdns._Announcement, responder: Responder
) -> None:
    await announcement.renew(TODAY, 0)
    assert responder.said == []
    await announcement.renew(TODAY, 7741)
    assert [(what, info.port) for what, info in responder.said] == [("register", 7741)]


async def test_a_clash_is_answered_by_a_new_random_name(announcement: mdns._Announcement, responder: Responder) -> None:
    await announcement.renew(TODAY, 7740)
    taken = announcement.instance
    announcement.is_clashing = True
    await announcement.renew(TODAY, 7740)
    await announcement.renew(TODAY, 7740)
    assert [what for what, _ in responder.said] == ["register", "withdraw", "register"]
    assert announcement.instance != taken
    assert responder.said[2][1].properties == text(announcement.instance)
