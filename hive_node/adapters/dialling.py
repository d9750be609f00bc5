"""Finding out who is at an address: each is asked once at a time, a few at once, and less and less often while nobody answers."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, Final

from hive_node.adapters.contacts import Source, Where
from hive_node.adapters.exchange import Caller
from hive_node.adapters.pace import Pace
from hive_node.adapters.places import Place, Places
from hive_node.hive import Hive
from hive_node.ports import Chance, Clock, Fault, PeerAddress
from protocol.errors import Code, RemoteProtocolError
from protocol.ids import NodeId

logger = logging.getLogger(__name__)

_AT_ONCE: Final = 8
# How often one member can make us look at another port of its own.
_HINT_S: Final = 2.0


class Dialler:
    """met: called with every member that answered, and where. missed: with a place at which nobody did. busy: how many places are being asked at, or wait for it."""

    def __init__(
        self,
        hive: Hive,
        client: Callable[[], Caller | None],
        clock: Clock,
        chance: Chance,
        met: Callable[[Place, NodeId], Awaitable[None]],
        missed: Callable[[Place], Coroutine[Any, Any, None]],
        pace: Pace,
    ) -> None:
        self._hive = hive
        self._client = client
        self._clock = clock
        self._chance = chance
        self._met = met
        self._missed = missed
        self._pace = pace
        self._places = Places(chance)
        self._hinted: dict[NodeId, float] = {}
        self._hints: dict[NodeId, Where] = {}
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self.busy = 0
        self.group: asyncio.TaskGroup | None = None

    def hear_of(self, host: str, port: int, source: Source) -> Place | None:
        """A member may be there. None where nobody can be, or where we are ourselves."""
        place = self._places.hear_of(host, port, source)
        return place if place is not None and place.node != self._hive.node else None

    def known(self, address: PeerAddress, wait_s: float) -> None:
        """A member was there before; `wait_s` of what it is to be left alone for are not over yet."""
        place = self.hear_of(address.host, address.port, "invite" if address.source == "invite" else "stored")
        if place is not None:
            place.node, place.failures = address.node, address.failures
            place.retry_at = max(place.retry_at, self._clock.monotonic() + wait_s)
            self.dial(place)

    def hint(self, node: NodeId, host: str, port: int) -> None:
        """A member itself says that it listens there: looked at anew, but seldom, and then where it said last."""
        self._hints[node] = (host, port)
        self._follow_hints()

    def _follow_hints(self) -> None:
        now = self._clock.monotonic()
        for node in [one for one in self._hints if now - self._hinted.get(one, float("-inf")) >= _HINT_S]:
            place = self.hear_of(*self._hints.pop(node), "inbound")
            if place is not None:
                self._hinted[node] = now
                place.retry_at = 0.0
                self.dial(place)

    def dial(self, place: Place) -> None:
        """Ask who is there, unless that is being done or was in vain a moment ago."""
        if self.group is not None and not place.is_dialled and place.retry_at <= self._clock.monotonic():
            place.is_dialled = True
            self.busy += 1
            # A callback runs also where the task was cancelled before it began.
            self.group.create_task(self._ask(place)).add_done_callback(lambda _: self._asked(place))

    def dial_due(self, well: Iterable[NodeId], most: int) -> None:
        """Ask at places whose time it is, `most` of them, drawn at random; not for those who are `well`."""
        self._follow_hints()
        due = self._places.due([*well, self._hive.node], self._clock.monotonic())
        for place in self._chance.sample(due, most):
            self.dial(place)

    def retry_all(self) -> None:
        """The charter changed: who was a stranger may be a member now."""
        self._places.retry_all()

    def forget(self, node: NodeId | None) -> None:
        """A member is none any more; without one, everything."""
        if node is None:
            self._places = Places(self._chance)
            self._hinted.clear()
            self._hints.clear()
        else:
            self._hinted.pop(node, None)
            self._hints.pop(node, None)

    def _asked(self, place: Place) -> None:
        place.is_dialled = False
        self.busy -= 1

    async def _ask(self, place: Place) -> None:
        async with self._slots:
            began = self._clock.monotonic()
            error = await attempt(self._ask_who(place))
        if error is not None and not self._pace.was_late_since(began):
            self._places.failed(place, self._clock.monotonic())
            await attempt(self._missed(place))

    async def _ask_who(self, place: Place) -> None:
        client, membership = self._client(), self._hive.membership
        if client is None or membership is None:
            return
        status = await client.status(place.host, place.port)
        if status.node not in membership.members:
            raise RemoteProtocolError(Code.NOT_A_MEMBER, "who answers there is no member")
        self._places.answered(place, status.node)
        if status.node != self._hive.node:
            await self._met(place, status.node)


async def attempt(job: Coroutine[Any, Any, None]) -> RemoteProtocolError | None:
    """Run a job to its end, whatever that is, and return what a peer did wrong: other peers' jobs go on in any case."""
    try:
        await job
    except RemoteProtocolError as error:
        logger.debug("peer failed", extra={"code": error.code})
        return error
    except Fault as fault:
        logger.warning("peer job failed", extra={"code": fault.code})
    except Exception as error:
        # The one boundary between what a peer made happen and the service: a bug costs a job, and is told of.
        logger.exception("peer job failed")
        return RemoteProtocolError(Code.PEER_MISBEHAVED, type(error).__name__)
    return None
