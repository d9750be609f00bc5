"""What this node says of itself on the local network: random names, a port, addresses, and nothing else (docs/protocol.md §8)."""

import logging
from collections.abc import Iterable
from datetime import date
from typing import Final, Protocol

from zeroconf import ServiceInfo
from zeroconf.asyncio import AsyncZeroconf

from hive_node.adapters.interfaces import LocalAddress
from hive_node.adapters.recognising import VERSION, tag
from protocol.ids import HiveId

logger = logging.getLogger(__name__)

SERVICE: Final = "_hive-node._tcp.local."
_NAME_BYTES: Final = 8
# Two interfaces of a laptop, each with IPv4 and what IPv6 gives it: receivers take four that are near them.
_ADDRESSES: Final = 8


class Chance(Protocol):
    """Randomness, as much of it as names need."""

    def token_bytes(self, count: int) -> bytes: ...


class Announcement:
    """This node's own records: a random instance on a random server, which say nothing of host, person or node."""

    def __init__(self, zeroconf: AsyncZeroconf, hive: HiveId, heard_at: Iterable[LocalAddress], chance: Chance) -> None:
        self._zeroconf = zeroconf
        self._hive = hive
        self._addresses = [one.ip.packed for one in sorted(heard_at, key=lambda one: one.rank)[:_ADDRESSES]]
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

        Nothing while nobody could reach the port. At most one new name a call: whoever claims each of our names costs us a
        packet or so each time that the caller looks.
        """
        if self.is_clashing:
            await self._withdraw()
            self._draw_names()
            self.is_clashing = False
            logger.info("another responder used this node's name on the network; a new one was drawn")
        if self._said == (day, port) or not port or not self._addresses:
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
        text = {b"v": VERSION, b"h": tag(self._hive, self.instance, day).encode("ascii")}
        name = f"{self.instance}.{SERVICE}"
        return ServiceInfo(SERVICE, name, port=port, properties=text, server=self.server, addresses=self._addresses)
