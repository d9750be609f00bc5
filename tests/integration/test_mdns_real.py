"""Discovery with real multicast on loopback (docs/protocol.md §8). Each test is a hive of its own; others do not disturb."""

import asyncio
import os
import socket
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from zeroconf import IPVersion, ServiceInfo
from zeroconf._dns import DNSPointer
from zeroconf._protocol.outgoing import DNSOutgoing
from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

from hive_node.adapters import mdns
from hive_node.adapters.announcing import SERVICE
from hive_node.adapters.clock import SystemChance
from hive_node.adapters.mdns import Discovery
from hive_node.adapters.recognising import DiscoveredAddress, tag
from protocol.ids import HiveId, hive_id

LOOPBACK = "127.0.0.1"
GROUP = ("224.0.0.251", 5353)


class RealClock:
    """The real time, a test's own day, and an alarm that ends the long sleeps between looks."""

    def __init__(self) -> None:
        self.skew = timedelta()
        self.alarm = asyncio.Event()
        self.is_asleep = asyncio.Event()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.skew

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        self.is_asleep.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.alarm.wait()
        self.alarm.clear()
        self.is_asleep.clear()


class Member:
    """A running Discovery and what it suggested so far."""

    def __init__(self, hive: HiveId, port: int) -> None:
        self.port = port
        self.clock = RealClock()
        self.heard: list[DiscoveredAddress] = []
        self._news: defaultdict[int, asyncio.Queue[DiscoveredAddress]] = defaultdict(asyncio.Queue)
        self.service = Discovery(hive, LOOPBACK, lambda: self.port, [LOOPBACK], self.clock, SystemChance(), self._hear)

    def _hear(self, address: DiscoveredAddress) -> None:
        self.heard.append(address)
        self._news[address.port].put_nowait(address)

    async def hears_of(self, port: int) -> DiscoveredAddress:
        """The next suggestion of `port`."""
        async with asyncio.timeout(30):
            return await self._news[port].get()


@asynccontextmanager
async def running(*members: Member) -> AsyncIterator[None]:
    tasks = [asyncio.get_running_loop().create_task(member.service.serve()) for member in members]
    try:
        yield
        assert not any(task.done() for task in tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def attacker() -> AsyncIterator[AsyncZeroconf]:
    zeroconf = AsyncZeroconf(interfaces=[LOOPBACK], ip_version=IPVersion.V4Only)
    try:
        await zeroconf.zeroconf.async_wait_for_start()
        yield zeroconf
    finally:
        await zeroconf.async_close()


def record(instance: str, said: dict[str | bytes, Any], port: int, *addresses: str, server: str = "x") -> ServiceInfo:
    packed = [socket.inet_aton(address) for address in addresses]
    name = f"{instance}.{SERVICE}"
    return ServiceInfo(SERVICE, name, port=port, properties=said, server=f"{server}.local.", addresses=packed)


async def announce(zeroconf: AsyncZeroconf, info: ServiceInfo) -> None:
    await (await zeroconf.async_register_service(info, cooperating_responders=True))


def today(hive: HiveId, instance: str) -> dict[str | bytes, Any]:
    return {"v": "1", "h": tag(hive, instance, datetime.now(UTC).date())}


@pytest.fixture
def hive() -> HiveId:
    return hive_id(os.urandom(16))


# --- hostile ----------------------------------------------------------------------------------------------------------


async def test_strangers_and_members_of_other_hives_are_not_suggested(hive: HiveId) -> None:
    member, honest, other = Member(hive, 7001), Member(hive, 7002), Member(hive_id(b"other"), 7003)
    async with running(member, other), attacker() as stranger:
        forged = "hn-00000000deadbeef"
        await announce(stranger, record(forged, {"v": "1", "h": "0" * 16}, 7004, LOOPBACK))
        async with running(honest):
            await member.hears_of(7002)
    assert {address.port for address in member.heard} == {7002}
    assert other.heard == []


async def test_an_address_across_the_world_is_not_suggested_even_under_a_members_tag(hive: HiveId) -> None:
    member = Member(hive, 7001)
    async with running(member), attacker() as replayer:
        instance = "hn-00000000deadbeef"
        addresses = ("8.8.8.8", "169.254.169.254", "192.168.1.1", LOOPBACK)
        await announce(replayer, record(instance, today(hive, instance), 7004, *addresses))
        await member.hears_of(7004)
    assert member.heard == [DiscoveredAddress(LOOPBACK, 7004, instance)]


@contextmanager
def raw_socket() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as raw:
        raw.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(LOOPBACK))
        raw.bind((LOOPBACK, 0))
        yield raw


def malformed() -> Iterator[bytes]:
    answer = b"\x00\x00\x84\x00\x00\x00\x00\x01\x00\x00\x00\x00"
    yield b""
    yield b"\x00"
    yield answer
    yield answer + b"\xc0\x0c"  # a name that points at itself
    yield answer + b"\x3f" + b"a" * 10
    yield answer + b"\x0a_hive-node\x04_tcp\x05local\x00\x00\x0c\x00\x01\x00\x00\x11\x94\xff\xff\xc0\x0c"
    yield answer + b"\x0a_hive-node\x04_tcp\x05local\x00\x00\x10\x00\x01\x00\x00\x11\x94\x00\x03\xff\x00\x01"
    for seed in range(200):
        yield (seed.to_bytes(2) * 7)[: seed % 13] + bytes((seed * 7 + at * seed) % 256 for at in range(seed))


async def test_malformed_packets_do_not_end_discovery(hive: HiveId) -> None:
    member, late = Member(hive, 7001), Member(hive, 7002)
    loop_errors: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: loop_errors.append(context))
    async with running(member):
        with raw_socket() as raw:
            for packet in malformed():
                raw.sendto(packet, GROUP)
        async with running(late):
            await member.hears_of(7002)
    assert loop_errors == []


@pytest.mark.parametrize(
    "alias",
    [
        "hn-0123456789abcdef",
        "hn-0123456789abcdef._http._tcp.local.",
        "x" * 60 + "." + SERVICE,
        "\udcff." + SERVICE,
        ".",
    ],
)
async def test_a_pointer_to_any_text_does_not_end_discovery(hive: HiveId, alias: str) -> None:
    member, late = Member(hive, 7001), Member(hive, 7002)
    loop_errors: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: loop_errors.append(context))
    async with running(member), attacker() as stranger:
        out = DNSOutgoing(0x8400)
        with suppress(UnicodeEncodeError):
            out.add_answer_at_time(DNSPointer(SERVICE, 12, 1, 4500, alias), 0)
            stranger.zeroconf.async_send(out)
        async with running(late):
            await member.hears_of(7002)
    assert loop_errors == []


async def test_a_stolen_name_is_given_up_for_a_new_one(hive: HiveId) -> None:
    thief_of, witness = Member(hive, 7001), Member(hive, 7002)
    async with running(thief_of, witness), attacker() as thief:
        stolen = (await witness.hears_of(7001)).instance
        await announce(thief, record(stolen, today(hive, stolen), 7004, LOOPBACK, server="thief"))
        await witness.hears_of(7004)
        thief_of.clock.alarm.set()
        assert (await witness.hears_of(7001)).instance != stolen


# --- as it should go --------------------------------------------------------------------------------------------------


async def test_members_find_one_another(hive: HiveId) -> None:
    members = [Member(hive, 7001), Member(hive, 7002), Member(hive, 7003)]
    async with running(*members):
        for member in members:
            for other in members:
                if other is not member:
                    assert (await member.hears_of(other.port)).host == LOOPBACK
    for member in members:
        assert member.port not in {address.port for address in member.heard}, "a node suggests itself"


async def test_a_member_that_starts_later_finds_those_that_run(hive: HiveId) -> None:
    old, new = Member(hive, 7001), Member(hive, 7002)
    async with running(old):
        await old.clock.is_asleep.wait()  # its first announcements are over: only an answer can tell the newcomer
        async with running(new):
            await new.hears_of(7001)
            await old.hears_of(7002)


async def test_a_member_announced_without_its_address_is_asked_for_it(hive: HiveId) -> None:
    member = Member(hive, 7001)
    async with running(member), attacker() as terse:
        instance = "hn-00000000deadbeef"
        info = record(instance, today(hive, instance), 7004, LOOPBACK)
        terse.zeroconf.registry.async_add(info)
        out = DNSOutgoing(0x8400)
        out.add_answer_at_time(info.dns_pointer(), 0)
        terse.zeroconf.async_send(out)
        assert (await member.hears_of(7004)).instance == instance


async def test_the_tag_follows_the_day(hive: HiveId) -> None:
    member, witness = Member(hive, 7001), Member(hive, 7002)
    async with running(member, witness), attacker() as observer:
        instance = (await witness.hears_of(7001)).instance
        member.clock.skew = timedelta(days=1)
        member.clock.alarm.set()
        tomorrow = tag(hive, instance, (datetime.now(UTC) + timedelta(days=1)).date())
        async with asyncio.timeout(30):
            while await announced_tag(observer, instance) != tomorrow.encode():
                observer.zeroconf.cache.cache.clear()


async def announced_tag(observer: AsyncZeroconf, instance: str) -> bytes | None:
    info = AsyncServiceInfo(SERVICE, f"{instance}.{SERVICE}")
    await info.async_request(observer.zeroconf, 1000)
    return info.properties.get(b"h")


async def test_a_member_that_leaves_says_goodbye(hive: HiveId) -> None:
    member, witness = Member(hive, 7001), Member(hive, 7002)
    async with running(witness), attacker() as observer:
        async with running(member):
            instance = (await witness.hears_of(7001)).instance
            assert await announced_tag(observer, instance) is not None
        observer.zeroconf.cache.cache.clear()
        assert await announced_tag(observer, instance) is None


async def test_a_stopped_discovery_leaves_no_socket_open(hive: HiveId) -> None:
    def sockets() -> list[str]:
        return [link for fd in os.listdir("/proc/self/fd") if (link := _target(fd)).startswith("socket:")]

    before = sockets()
    member = Member(hive, 7001)
    async with running(member):
        await member.clock.is_asleep.wait()
        assert len(sockets()) > len(before)
    assert sockets() == before


def _target(descriptor: str) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{descriptor}")
    except FileNotFoundError:
        return ""


async def test_discovery_starts_over_when_the_machines_addresses_change(
    hive: HiveId, monkeypatch: pytest.MonkeyPatch
) -> None:
    member, witness = Member(hive, 7001), Member(hive, 7002)
    async with running(member, witness):
        before = (await witness.hears_of(7001)).instance
        with monkeypatch.context() as patch:
            patch.setattr(mdns, "addresses_to_speak_on", lambda _: frozenset())
            member.clock.alarm.set()
            while not member.service._failures:
                await asyncio.sleep(0.01)
        member.clock.alarm.set()
        assert (await witness.hears_of(7001)).instance != before
