import asyncio
import ipaddress
import logging
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import nullcontext, suppress
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from types import SimpleNamespace
from typing import TypeVar

import pytest
from zeroconf import ServiceInfo

from hive_node.adapters import announcing, mdns
from hive_node.adapters.announcing import Announcement
from hive_node.adapters.interfaces import LocalAddress
from hive_node.adapters.mdns import Discovery
from hive_node.adapters.recognising import tag
from protocol.ids import HiveId

T = TypeVar("T")
HIVE = HiveId("a" * 52)
TODAY = date(2026, 3, 1)


def local(interface: str, index: int, at: str) -> LocalAddress:
    return LocalAddress(interface, index, ipaddress.ip_interface(at))


LAN = [
    local("eth0", 2, "192.168.7.5/24"),
    local("eth0", 2, "fd00:7::5/64"),
    local("eth0", 2, "fe80::5/64"),
    local("wlan0", 3, "fe80::6/64"),
]


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

    def sample(self, population: Sequence[T], count: int) -> list[T]:
        """Not by chance, but everybody has a turn."""
        self._count += 1
        return [population[self._count % len(population)]][:count]


def name(number: int = 0) -> str:
    return f"hn-{number:016x}"


def text(instance: str, hive: HiveId = HIVE, day: date = TODAY) -> dict[bytes, bytes | None]:
    return {b"v": b"1", b"h": tag(hive, instance, day).encode()}


# --- when the network does not play along -----------------------------------------------------------------------------


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> list[LocalAddress]:
    """The addresses of this machine, which a test may change; the kernel tells of no change."""
    addresses = list(LAN)
    monkeypatch.setattr(mdns, "addresses_to_speak_on", lambda wanted: frozenset(addresses if "all" in wanted else []))
    monkeypatch.setattr(mdns, "watching", lambda _: nullcontext())
    return addresses


def discovery(clock: SteppedClock, wanted: list[str]) -> Discovery:
    return Discovery(HIVE, "::", lambda: 7740, wanted, clock, CountingChance(), lambda _: None)


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
    here: list[LocalAddress], caplog: pytest.LogCaptureFixture
) -> None:
    clock = SteppedClock()
    with caplog.at_level(logging.DEBUG, "hive_node"):
        await run(discovery(clock, ["203.0.113.1"]), lambda: clock.step(20))
    assert [record.levelname for record in caplog.records].count("WARNING") == 1
    assert "no interface" in caplog.text


@pytest.mark.parametrize("error", [OSError(1, "Operation not permitted"), RuntimeError("No adapter found")])
async def test_a_machine_without_multicast_is_tried_again_ever_more_rarely(
    here: list[LocalAddress], monkeypatch: pytest.MonkeyPatch, error: Exception
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
    here: list[LocalAddress],
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
    here: list[LocalAddress], monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[float] = []
    clock = SteppedClock()

    def no_sockets(**_: object) -> None:
        tries.append(clock.monotonic())
        raise OSError(1, "Operation not permitted")

    async def story() -> None:
        await clock.step(40)
        before = len(tries)
        here.append(local("eth1", 4, "10.0.0.7/24"))
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
def announcement(responder: Responder) -> Announcement:
    return Announcement(responder, HIVE, LAN, CountingChance())  # type: ignore[arg-type]


async def test_an_announcement_names_neither_host_nor_node(announcement: Announcement, responder: Responder) -> None:
    await announcement.renew(TODAY, 7740)
    [(_, info)] = responder.said
    assert info.name == f"{announcement.instance}.{announcing.SERVICE}"
    assert info.properties == text(announcement.instance)
    assert info.server == announcement.server
    assert socket.gethostname().lower() not in repr(info).lower()


async def test_the_tag_is_renewed_when_the_day_changes(announcement: Announcement, responder: Responder) -> None:
    for day in (TODAY, TODAY, TODAY + timedelta(days=1)):
        await announcement.renew(day, 7740)
    assert [what for what, _ in responder.said] == ["register", "update"]
    assert responder.said[1][1].properties == text(announcement.instance, day=TODAY + timedelta(days=1))


async def test_nothing_is_announced_before_the_port_is_open(announcement: Announcement, responder: Responder) -> None:
    await announcement.renew(TODAY, 0)
    assert responder.said == []
    await announcement.renew(TODAY, 7741)
    assert [(what, info.port) for what, info in responder.said] == [("register", 7741)]


async def test_a_clash_is_answered_by_a_new_random_name(announcement: Announcement, responder: Responder) -> None:
    await announcement.renew(TODAY, 7740)
    taken = announcement.instance
    announcement.is_clashing = True
    await announcement.renew(TODAY, 7740)
    await announcement.renew(TODAY, 7740)
    assert [what for what, _ in responder.said] == ["register", "withdraw", "register"]
    assert announcement.instance != taken
    assert responder.said[2][1].properties == text(announcement.instance)


async def test_nothing_is_announced_of_a_port_that_nobody_on_the_network_reaches(responder: Responder) -> None:
    announcement = Announcement(responder, HIVE, [], CountingChance())  # type: ignore[arg-type]
    await announcement.renew(TODAY, 7740)
    assert responder.said == []


async def test_an_announcement_holds_what_is_reached_from_anywhere_first(responder: Responder) -> None:
    many = [local("eth0", 2, f"fe80::{number:x}/64") for number in range(1, 30)] + LAN
    await Announcement(responder, HIVE, many, CountingChance()).renew(TODAY, 7740)  # type: ignore[arg-type]
    [(_, info)] = responder.said
    assert info.parsed_addresses()[:2] == ["192.168.7.5", "fd00:7::5"]
    assert len(info.parsed_addresses()) == announcing._ADDRESSES
