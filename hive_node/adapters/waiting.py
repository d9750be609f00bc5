"""A joiner that has to wait until an admin lets it in: it goes on asking, less and less often, over restarts (docs/protocol.md §2.12)."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from hive_node.adapters.contacts import backoff_s
from hive_node.hive import Hive
from hive_node.ports import Chance, Clock, Fault
from protocol.charter import stamp
from protocol.errors import RemoteProtocolError
from protocol.verification import Membership
from protocol.wire import JsonValue

logger = logging.getLogger(__name__)

_FACT: Final = "hive.joining"
# An admin that is away, or busy, may be back; every other answer is its last word.
_PASSING: Final = frozenset({"hive.unreachable", "hive.unavailable", "hive.too-many", "federation.port-in-use"})


class Facts(Protocol):
    """Named facts that outlive a restart, and events. Raises StoreError."""

    async def remember(self, name: str, value: JsonValue) -> None: ...

    async def recall(self, name: str) -> JsonValue: ...

    async def tell(self, kind: str, **data: JsonValue) -> None: ...


@dataclass(slots=True)
class WaitingRoom:
    """join: asks once, by a token, for the first time or again; None while this node has to wait. Raises Fault, RemoteProtocolError."""

    hive: Hive
    facts: Facts
    clock: Clock
    chance: Chance
    join: Callable[[str, bool], Awaitable[Membership | None]]
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def ask(self, token: str) -> Membership | None:
        """Ask for the first time; where that is not the end of it, the token is kept and asked with again."""
        async with self.turn:
            membership = await self.join(token, False)
            if membership is None:
                await self.facts.remember(_FACT, {"token": token, "since": stamp(self.clock.now()), "refused": None})
                self.changed.set()
            else:
                await self.facts.remember(_FACT, None)
        return membership

    async def state(self) -> dict[str, JsonValue] | None:
        """Since when this node waits, and what it was refused by at last; None where it waits for nothing."""
        kept = await self._kept()
        return {"since": kept["since"], "refused": kept["refused"]} if kept else None

    async def give_up(self) -> bool:
        """Ask no more. Returns whether there was anything to give up."""
        async with self.turn:
            was_waiting = await self._kept() is not None
            await self.facts.remember(_FACT, None)
        return was_waiting

    async def serve(self) -> None:
        """Ask again and again, until cancelled."""
        asked = 0
        while True:
            self.changed.clear()
            kept = await self._kept()
            if kept is None or kept["refused"] is not None or self.hive.membership is not None:
                asked = 0
                await self.changed.wait()
                continue
            asked += 1
            await self.clock.sleep(backoff_s(asked, self.chance))
            await self.ask_again()

    async def ask_again(self) -> None:
        """Once. A last word is kept and told of."""
        async with self.turn:
            kept = await self._kept()
            if kept is None or kept["refused"] is not None or self.hive.membership is not None:
                return
            try:
                membership = await self.join(str(kept["token"]), True)
            except (Fault, RemoteProtocolError) as error:
                if error.code not in _PASSING and not error.code.startswith("store."):
                    logger.warning("not let in", extra={"code": error.code})
                    # The token is of no more use, and its secret need not be kept.
                    await self.facts.remember(_FACT, kept | {"token": "", "refused": str(error)})
                    await self.facts.tell("join", outcome="refused", code=error.code)
                return
            if membership is not None:
                await self.facts.remember(_FACT, None)
                await self.facts.tell("join", outcome="joined", hive=membership.hive)

    async def _kept(self) -> dict[str, JsonValue] | None:
        found = await self.facts.recall(_FACT)
        return found if isinstance(found, dict) else None
