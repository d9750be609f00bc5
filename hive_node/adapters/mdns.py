"""Finding members on the local network (docs/protocol.md §8). Suggests addresses; never identity, never liveness.

Judged and measured with zeroconf 0.154:
- Probing for the name first (RFC 6762 §8.1) costs 1.2 s of the 3 s to a first exchange, and lets anyone who answers
  each probe keep this node silent. A name of 64 random bits needs no probing, so none is done: seen at once.
- Questions ask for multicast answers. A unicast one goes to one socket of port 5353 on a host, which may be another
  node's or the system's responder: 1.1 s to see a running peer, against 0.2 s.
- zeroconf's own renaming would answer a clash with `name-2`, which no member would recognise; a new name is drawn here.
- A link-local address that is told over IPv4 has no scope (zeroconf issue 1567): `recognising` gives it one.
- Its own rescan of interfaces would go on announcing the addresses of before: a new session begins instead.
"""

import asyncio
import logging
import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Final, Protocol, TypeVar

from zeroconf import DNSQuestionType, IPVersion, ServiceStateChange, Zeroconf
from zeroconf import Error as ZeroconfError
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from hive_node.adapters.announcing import SERVICE, Announcement
from hive_node.adapters.interfaces import LocalAddress, addresses_to_speak_on, heard_at, watching
from hive_node.adapters.recognising import SUGGESTIONS_PER_SECOND, DiscoveredAddress, Recogniser
from protocol.ids import HiveId

logger = logging.getLogger(__name__)

_T = TypeVar("_T")

# The whole name: a pointer can lead to any text at all, and zeroconf raises for a name of another type.
_NAME: Final = re.compile(r"(hn-[0-9a-f]{16})\._hive-node\._tcp\.local\.")
# Names that were announced without an address are asked about, this many at a time, for so long.
QUESTIONS: Final = 16
QUESTION_MS: Final = 1500

# How often the day and the port are compared with what was announced, and the interfaces where the kernel tells nothing.
# Reading them costs 0.3 ms.
LOOK_S: Final = 30.0
# Changes come in bursts: an IPv6 address is usable a second after its link is.
SETTLE_S: Final = 1.0
FIRST_RETRY_S: Final = 5.0
LAST_RETRY_S: Final = 600.0
_CLOSE_S: Final = 2.0


class Clock(Protocol):
    """Time, as much of it as discovery needs."""

    def now(self) -> datetime: ...

    def monotonic(self) -> float: ...

    async def sleep(self, seconds: float) -> None: ...


class Chance(Protocol):
    """Randomness, as much of it as discovery needs."""

    def token_bytes(self, count: int) -> bytes: ...

    def uniform(self, low: float, high: float) -> float: ...

    def sample(self, population: Sequence[_T], count: int) -> list[_T]: ...


class Discovery:
    """Announces this node to members on the local network, and suggests where they are. One AsyncZeroconf at a time.

    listen: where the peer port listens. port_of: that port now, or 0 while it is not open, when only browsing is done.
    interfaces: "all", names of interfaces, or addresses of this machine. on_address: called in the loop for each suggestion;
    must not block or raise.
    """

    def __init__(
        self,
        hive: HiveId,
        listen: str,
        port_of: Callable[[], int],
        interfaces: Sequence[str],
        clock: Clock,
        chance: Chance,
        on_address: Callable[[DiscoveredAddress], None],
    ) -> None:
        self._hive = hive
        self._listen = listen
        self._port_of = port_of
        self._wanted = tuple(interfaces)
        self._clock = clock
        self._chance = chance
        self._on_address = on_address
        self._failures = 0
        self._stirred = asyncio.Event()
        self.problem: str | None = None

    async def serve(self) -> None:
        """Announce and browse until cancelled. No multicast, or no interface, is waited out: peers have other addresses."""
        # Strangers' packets decide what zeroconf logs, and how often; its faults that matter are raised to us.
        logging.getLogger("zeroconf").setLevel(logging.CRITICAL)
        with watching(self._stirred.set):
            while True:
                used = addresses_to_speak_on(self._wanted)
                try:
                    await self._session(used)
                except* (_Unavailable, ZeroconfError, OSError) as failed:
                    self._complain(failed)
                if self._failures:
                    await self._pause(used)

    async def _session(self, used: frozenset[LocalAddress]) -> None:
        """One life of an AsyncZeroconf, until the interfaces change."""
        zeroconf = await _opened(used)
        try:
            async with asyncio.TaskGroup() as group:
                recogniser = Recogniser(self._hive, used, self._chance)
                announcement = Announcement(zeroconf, self._hive, heard_at(self._listen, used), self._chance)
                listener = _Listener(group, zeroconf, recogniser, announcement, self._clock, self._on_address)
                handing_on = group.create_task(listener.hand_on())
                # Browsing first: a node that starts into a running hive finds the others before it is announced.
                browser = AsyncServiceBrowser(
                    zeroconf.zeroconf, SERVICE, handlers=[listener.on_change], question_type=DNSQuestionType.QM
                )
                try:
                    await self._keep(announcement, used)
                finally:
                    handing_on.cancel()
                    await browser.async_cancel()
        finally:
            with suppress(ZeroconfError, OSError):
                async with asyncio.timeout(_CLOSE_S):
                    await zeroconf.async_close()

    async def _keep(self, announcement: Announcement, used: frozenset[LocalAddress]) -> None:
        while addresses_to_speak_on(self._wanted) == used:
            await announcement.renew(self._clock.now().date(), self._port_of())
            if self._failures:
                logger.info("discovery works again")
            self._failures, self.problem = 0, None
            await self._doze(LOOK_S)

    def _complain(self, failed: BaseException) -> None:
        while isinstance(failed, BaseExceptionGroup):
            failed = failed.exceptions[0]
        level = logging.DEBUG if self._failures else logging.WARNING
        logger.log(level, "discovery does not work, known addresses are still used: %r", failed)
        self._failures += 1
        self.problem = str(failed) or type(failed).__name__

    async def _pause(self, failed_on: frozenset[LocalAddress]) -> None:
        """Back off; an interface that comes or goes ends it early, so that a laptop is found soon after it wakes."""
        left = min(FIRST_RETRY_S * 2 ** min(self._failures - 1, 16), LAST_RETRY_S) * self._chance.uniform(0.75, 1.0)
        while left > 0 and addresses_to_speak_on(self._wanted) == failed_on:
            began = self._clock.monotonic()
            await self._doze(min(left, LOOK_S))
            left -= self._clock.monotonic() - began

    async def _doze(self, seconds: float) -> None:
        """Sleep; when the kernel tells of a change, no longer than until things have settled."""
        async with asyncio.TaskGroup() as group:
            sleeping = [group.create_task(self._clock.sleep(seconds)), group.create_task(self._stirred.wait())]
            await asyncio.wait(sleeping, return_when=asyncio.FIRST_COMPLETED)
            for one in sleeping:
                one.cancel()
        if self._stirred.is_set():
            await self._clock.sleep(SETTLE_S)
            self._stirred.clear()


class _Unavailable(Exception):
    """zeroconf cannot speak on this machine now."""


class _Listener:
    """What zeroconf calls. Nothing that a record holds can raise out of here or keep the loop waiting."""

    def __init__(
        self,
        group: asyncio.TaskGroup,
        zeroconf: AsyncZeroconf,
        recogniser: Recogniser,
        own: Announcement,
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
        self._waiting = asyncio.Event()

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
        addresses = info.ip_addresses_by_version(IPVersion.All)
        today, now = self._clock.now().date(), self._clock.monotonic()
        self._recogniser.hear(instance, info.properties, info.port, addresses, today=today, now=now)
        self._suggest()

    def _suggest(self) -> None:
        for address in self._recogniser.due(self._clock.monotonic()):
            self._on_address(address)
        if self._recogniser.is_waiting:
            self._waiting.set()

    async def hand_on(self) -> None:
        """Suggest what had to wait, as its time comes, until cancelled."""
        while True:
            await self._waiting.wait()
            self._waiting.clear()
            await self._clock.sleep(1 / SUGGESTIONS_PER_SECOND)
            self._suggest()


async def _opened(used: frozenset[LocalAddress]) -> AsyncZeroconf:
    """An AsyncZeroconf that can send on `used`. Raises _Unavailable."""
    if not used:
        raise _Unavailable("no interface to speak on")
    try:
        zeroconf = AsyncZeroconf(interfaces=_spoken_on(used))
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


def _spoken_on(used: Iterable[LocalAddress]) -> list[str]:
    """Each IPv4 address, and one of IPv6 an interface: zeroconf has a socket for each, and says everything on every one."""
    by_rank = sorted(used, key=lambda one: one.rank)
    # The last in rank, which is link-local: whoever hears it can tell that its sender is on the link (RFC 6762 §11).
    of_link = {one.interface: one for one in by_rank if one.at.version == 6}
    return [str(one.ip) for one in (*(one for one in by_rank if one.at.version == 4), *of_link.values())]
