"""Finding members on the local network (docs/protocol.md §8). Suggests addresses; never identity, never liveness.

Judged and measured with zeroconf 0.154 on loopback:
- Probing for the name first (RFC 6762 §8.1) costs 1.2 s of the 3 s to a first exchange, and lets anyone who answers
  each probe keep this node silent. A name of 64 random bits needs no probing, so none is done: seen at once.
- Questions ask for multicast answers. A unicast one goes to one socket of port 5353 on a host, which may be another
  node's or the system's responder: 1.1 s to see a running peer, against 0.2 s.
- zeroconf's own renaming would answer a clash with `name-2`, which no member would recognise; a new name is drawn here.
"""

import asyncio
import hmac
import ipaddress
import logging
import re
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Final, Protocol, TypeAlias

import ifaddr
from zeroconf import DNSQuestionType, IPVersion, ServiceInfo, ServiceStateChange, Zeroconf
from zeroconf import Error as ZeroconfError
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from protocol.ids import HiveId

logger = logging.getLogger(__name__)

SERVICE: Final = "_hive-node._tcp.local."
_VERSION: Final = b"1"
# The whole name: a pointer can lead to any text at all, and zeroconf raises for a name of another type.
_NAME: Final = re.compile(r"(hn-[0-9a-f]{16})\._hive-node\._tcp\.local\.")
_NAME_BYTES: Final = 8
_TAG_CHARS: Final = 16

# A clock two days off must not hide a member (docs/protocol.md §10).
SKEW_DAYS: Final = 2
# A laptop has a cable, a radio and a tunnel; a record with more is a list of targets.
ADDRESSES_PER_RECORD: Final = 4
# A record can hold hundreds; no more than this are even looked at.
ADDRESSES_LOOKED_AT: Final = 64
# Somebody who repeats a member's announcement with other addresses gets this many through per instance, and no more.
ADDRESSES_PER_INSTANCE: Final = 8
# A hive of 8 restarted every minute for half an hour; then the oldest is forgotten.
INSTANCES: Final = 256
# Each suggestion may become a dial: one a second, whatever the network says.
SUGGESTIONS_PER_MINUTE: Final = 60
# Names that were announced without an address are asked about, this many at a time, for so long.
QUESTIONS: Final = 16
QUESTION_MS: Final = 1500

# How often the day, the port and the interfaces are compared with what was announced. Reading interfaces costs 0.3 ms.
LOOK_S: Final = 30.0
FIRST_RETRY_S: Final = 5.0
LAST_RETRY_S: Final = 600.0
_CLOSE_S: Final = 2.0

_CLOUD_METADATA: Final = ipaddress.ip_address("169.254.169.254")

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Interface: TypeAlias = ipaddress.IPv4Interface | ipaddress.IPv6Interface


class Clock(Protocol):
    """Time, as much of it as discovery needs."""

    def now(self) -> datetime: ...

    def monotonic(self) -> float: ...

    async def sleep(self, seconds: float) -> None: ...


class Chance(Protocol):
    """Randomness, as much of it as discovery needs."""

    def token_bytes(self, count: int) -> bytes: ...

    def uniform(self, low: float, high: float) -> float: ...


@dataclass(frozen=True, slots=True)
class DiscoveredAddress:
    """Somewhere a member may listen. Who answers there is known only after the TLS handshake."""

    host: str
    port: int
    instance: str


def tag(hive: HiveId, instance: str, day: date) -> str:
    """What members put beside `instance` on `day` (UTC): HMAC-SHA256 keyed by the hive id's 52 characters, 16 digits.

    Members know the hive id and strangers do not: a stranger cannot tell two hives apart, nor a hive over two days.
    """
    message = day.isoformat() + instance
    return hmac.new(hive.encode("ascii"), message.encode("ascii"), sha256).hexdigest()[:_TAG_CHARS]


def interfaces_of_this_machine(wanted: Sequence[str]) -> frozenset[Interface]:
    """The interfaces to speak on: those of `wanted` ("all", or addresses) that exist now.

    "all" is every IPv4 address but loopback. IPv6 is used where an address of it is named; link-local never, since its
    addresses mean nothing without a scope.
    """
    found = {one for adapter in ifaddr.get_adapters() for ip in adapter.ips if (one := _interface(ip)) is not None}
    if "all" in wanted:
        return frozenset(one for one in found if one.version == 4 and not one.ip.is_loopback)
    named = {ipaddress.ip_address(address) for address in wanted}
    return frozenset(one for one in found if one.ip in named)


class Recogniser:
    """Decides which announcements are worth a dial. Pure: the caller brings the day and the time."""

    def __init__(self, hive: HiveId, interfaces: Iterable[Interface]) -> None:
        self._hive = hive
        self._networks = [one.network for one in interfaces]
        self._suggested: OrderedDict[str, dict[tuple[str, int], float]] = OrderedDict()
        self._times: deque[float] = deque(maxlen=SUGGESTIONS_PER_MINUTE)

    def recognise(
        self,
        instance: str,
        text: Mapping[bytes, bytes | None],
        port: int | None,
        addresses: Iterable[bytes],
        *,
        today: date,
        now: float,
    ) -> list[DiscoveredAddress]:
        """What to suggest of one announcement; nothing where it is not a member's, or was suggested in the last minute.

        text: the TXT record. addresses: packed. today: UTC. now: monotonic seconds.
        """
        if not self._is_member(instance, text, today) or not port or not 0 < port < 65536:
            return []
        near = [address for packed in list(addresses)[:ADDRESSES_LOOKED_AT] if (address := self._near(packed))]
        found = [DiscoveredAddress(str(address), port, instance) for address in near[:ADDRESSES_PER_RECORD]]
        return [one for one in found if self._is_due(one, now)]

    def _is_member(self, instance: str, text: Mapping[bytes, bytes | None], today: date) -> bool:
        given = text.get(b"h") or b""
        if text.get(b"v") != _VERSION or len(given) != _TAG_CHARS:
            return False
        days = [today + timedelta(days=skew) for skew in range(-SKEW_DAYS, SKEW_DAYS + 1)]
        return any(hmac.compare_digest(given, tag(self._hive, instance, day).encode("ascii")) for day in days)

    def _near(self, packed: bytes) -> Address | None:
        """The address, if it is a neighbour's: discovery must not be a way to make nodes dial across the world."""
        try:
            address = ipaddress.ip_address(packed)
        except ValueError:
            return None
        if address == _CLOUD_METADATA or address.is_multicast or address.is_unspecified:
            return None
        return address if any(address in network for network in self._networks) else None

    def _is_due(self, found: DiscoveredAddress, now: float) -> bool:
        known = self._suggested.setdefault(found.instance, {})
        self._suggested.move_to_end(found.instance)
        if len(self._suggested) > INSTANCES:
            self._suggested.popitem(last=False)
        where = (found.host, found.port)
        if where in known and now - known[where] < 60:
            return False
        if where not in known and len(known) >= ADDRESSES_PER_INSTANCE:
            return False
        if len(self._times) == SUGGESTIONS_PER_MINUTE and now - self._times[0] < 60:
            return False
        self._times.append(now)
        known[where] = now
        return True


class Discovery:
    """Announces this node to members on the local network, and suggests where they are. One AsyncZeroconf at a time.

    port_of: the peer port now, or 0 while it is not open, when only browsing is done. interfaces: "all", or addresses of
    this machine. on_address: called in the loop for each suggestion; must not block or raise.
    """

    def __init__(
        self,
        hive: HiveId,
        port_of: Callable[[], int],
        interfaces: Sequence[str],
        clock: Clock,
        chance: Chance,
        on_address: Callable[[DiscoveredAddress], None],
    ) -> None:
        self._hive = hive
        self._port_of = port_of
        self._wanted = tuple(interfaces)
        self._clock = clock
        self._chance = chance
        self._on_address = on_address
        self._failures = 0

    async def serve(self) -> None:
        """Announce and browse until cancelled. No multicast, or no interface, is waited out: peers have other addresses."""
        # Strangers' packets decide what zeroconf logs, and how often; its faults that matter are raised to us.
        logging.getLogger("zeroconf").setLevel(logging.CRITICAL)
        while True:
            used = interfaces_of_this_machine(self._wanted)
            try:
                await self._session(used)
            except* (_Unavailable, ZeroconfError, OSError) as failed:
                self._complain(failed)
            if self._failures:
                await self._pause(used)

    async def _session(self, used: frozenset[Interface]) -> None:
        """One life of an AsyncZeroconf, until the interfaces change."""
        zeroconf = await _opened(used)
        try:
            async with asyncio.TaskGroup() as group:
                recogniser = Recogniser(self._hive, used)
                announcement = _Announcement(zeroconf, self._hive, used, self._chance)
                listener = _Listener(group, zeroconf, recogniser, announcement, self._clock, self._on_address)
                # Browsing first: a node that starts into a running hive finds the others before it is announced.
                browser = AsyncServiceBrowser(
                    zeroconf.zeroconf, SERVICE, handlers=[listener.on_change], question_type=DNSQuestionType.QM
                )
                try:
                    await self._keep(announcement, used)
                finally:
                    await browser.async_cancel()
        finally:
            with suppress(ZeroconfError, OSError):
                async with asyncio.timeout(_CLOSE_S):
                    await zeroconf.async_close()

    async def _keep(self, announcement: "_Announcement", used: frozenset[Interface]) -> None:
        while interfaces_of_this_machine(self._wanted) == used:
            await announcement.renew(self._clock.now().date(), self._port_of())
            if self._failures:
                logger.info("discovery works again")
            self._failures = 0
            await self._clock.sleep(LOOK_S)

    def _complain(self, failed: BaseException) -> None:
        while isinstance(failed, BaseExceptionGroup):
            failed = failed.exceptions[0]
        level = logging.DEBUG if self._failures else logging.WARNING
        logger.log(level, "discovery does not work, known addresses are still used: %r", failed)
        self._failures += 1

    async def _pause(self, failed_on: frozenset[Interface]) -> None:
        """Back off; an interface that comes or goes ends it early, so that a laptop is found soon after it wakes."""
        left = min(FIRST_RETRY_S * 2 ** min(self._failures - 1, 16), LAST_RETRY_S) * self._chance.uniform(0.75, 1.0)
        while left > 0 and interfaces_of_this_machine(self._wanted) == failed_on:
            await self._clock.sleep(min(left, LOOK_S))
            left -= LOOK_S


class _Unavailable(Exception):
    """zeroconf cannot speak on this machine now."""


class _Announcement:
    """This node's own records: a random instance on a random server, which say nothing of host, person or node."""

    def __init__(self, zeroconf: AsyncZeroconf, hive: HiveId, used: frozenset[Interface], chance: Chance) -> None:
        self._zeroconf = zeroconf
        self._hive = hive
        self._addresses = [one.ip.packed for one in sorted(used, key=str)]
        self._chance = chance
        self._said: tuple[date, int] | None = None
        self._info: ServiceInfo | None = None
        self.is_clashing = False
        self._draw_names()

    def _draw_names(self) -> None:
        self.instance = f"hn-{self._chance.token_bytes(_NAME_BYTES).hex()}"
        self.server = f"hn-{self._chance.token_bytes(_NAME_BYTES).hex()}.local."

    async def renew(self, day: date, port: int) -> None:
        """Say what is not said yet: first, when the day or the port changed, or under a new name after a clash.

        At most one new name a call: whoever claims each of our names costs us a packet or so each LOOK_S.
        """
        if self.is_clashing:
            await self._withdraw()
            self._draw_names()
            self.is_clashing = False
            logger.info("another responder used this node's name on the network; a new one was drawn")
        if self._said == (day, port) or not port:
            return
        info = self._records(day, port)
        if self._info is None:
            sent = await self._zeroconf.async_register_service(info, cooperating_responders=True)
        else:
            sent = await self._zeroconf.async_update_service(info)
        self._info, self._said = info, (day, port)
        await sent

    async def _withdraw(self) -> None:
        if self._info is not None:
            await (await self._zeroconf.async_unregister_service(self._info))
        self._info = self._said = None

    def _records(self, day: date, port: int) -> ServiceInfo:
        text = {b"v": _VERSION, b"h": tag(self._hive, self.instance, day).encode("ascii")}
        name = f"{self.instance}.{SERVICE}"
        return ServiceInfo(SERVICE, name, port=port, properties=text, server=self.server, addresses=self._addresses)


class _Listener:
    """What zeroconf calls. Nothing that a record holds can raise out of here or keep the loop waiting."""

    def __init__(
        self,
        group: asyncio.TaskGroup,
        zeroconf: AsyncZeroconf,
        recogniser: Recogniser,
        own: _Announcement,
        clock: Clock,
        on_address: Callable[[DiscoveredAddress], None],
    ) -> None:
        self._group = group
        self._zeroconf = zeroconf.zeroconf
        self._recogniser = recogniser
        self._own = own
        self._clock = clock
        self._on_address = on_address
        self._asking: set[str] = set()

    def on_change(self, zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange) -> None:
        """A service came, changed or went; zeroconf fixes the names of these parameters."""
        named = _NAME.fullmatch(name)
        if named is None or state_change is ServiceStateChange.Removed:
            return
        instance = named[1]
        info = AsyncServiceInfo(SERVICE, name)
        if info.load_from_cache(zeroconf):
            self._consider(instance, info)
        elif instance not in self._asking and len(self._asking) < QUESTIONS:
            self._asking.add(instance)
            self._group.create_task(self._ask(instance, info))

    async def _ask(self, instance: str, info: AsyncServiceInfo) -> None:
        try:
            if await info.async_request(self._zeroconf, QUESTION_MS, question_type=DNSQuestionType.QM):
                self._consider(instance, info)
        except (ZeroconfError, OSError) as error:
            logger.debug("asking about a service failed: %s", type(error).__name__)
        finally:
            self._asking.discard(instance)

    def _consider(self, instance: str, info: AsyncServiceInfo) -> None:
        if instance == self._own.instance:
            self._own.is_clashing |= info.server_key != self._own.server
            return
        addresses = info.addresses_by_version(IPVersion.All)
        today, now = self._clock.now().date(), self._clock.monotonic()
        found = self._recogniser.recognise(instance, info.properties, info.port, addresses, today=today, now=now)
        for address in found:
            self._on_address(address)


async def _opened(used: frozenset[Interface]) -> AsyncZeroconf:
    """An AsyncZeroconf that can send on `used`. Raises _Unavailable."""
    if not used:
        raise _Unavailable("no interface to speak on")
    try:
        zeroconf = AsyncZeroconf(interfaces=[str(one.ip) for one in sorted(used, key=str)])
    except (OSError, RuntimeError, ZeroconfError) as error:
        raise _Unavailable(str(error)) from error
    try:
        await zeroconf.zeroconf.async_wait_for_start()
        if not zeroconf.zeroconf.engine.senders:
            raise _Unavailable("no interface takes multicast")
    except BaseException:
        with suppress(ZeroconfError, OSError):
            await zeroconf.async_close()
        raise
    return zeroconf


def _interface(found: ifaddr.IP) -> Interface | None:
    host = found.ip if isinstance(found.ip, str) else found.ip[0]
    one = ipaddress.ip_interface(f"{host}/{found.network_prefix}")
    # A prefix of no bits would make everyone a neighbour.
    return None if one.network.prefixlen == 0 or (one.version == 6 and one.is_link_local) else one
