"""Who is out there: addresses, dialling with back-off, pushing new entries, reconciling (docs/protocol.md §7, §8)."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Literal, TypeVar

from hive_node.adapters.peer_client import PeerClient
from hive_node.hive import Hive
from hive_node.learn.charters import CharterReader
from hive_node.learn.pipeline import Learn
from hive_node.ports import Addresses, Chance, Clock, Fault, Feed
from protocol.errors import Code, RemoteProtocolError
from protocol.ids import NodeId
from protocol.limits import ENTRIES_PER_ANSWER, REQUEST_BYTES
from protocol.sync import HaveVector, missing

logger = logging.getLogger(__name__)

T = TypeVar("T")

FAN_OUT: Final = 3
RECONCILE_S: Final = 30.0
FIRST_BACKOFF_S: Final = 5.0
LAST_BACKOFF_S: Final = 600.0
# Batches that wait to be pushed; beyond it reconciliation carries what was dropped.
_QUEUE: Final = 1_000
_JOBS_AT_ONCE: Final = 8
_ROUNDS: Final = 1_000

Source = Literal["mdns", "static", "invite", "inbound", "stored"]


@dataclass(slots=True)
class Contact:
    """A member and where it was met. seen_at: its last sign of life. in_step: it held what we hold when last asked."""

    node: NodeId
    host: str
    port: int
    sources: set[Source] = field(default_factory=set)
    seen_at: datetime | None = None
    failures: int = 0
    retry_at: float = 0.0
    in_step: bool = False
    charter_version: int = 0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class Network:
    """The service that keeps this node and its peers in step. Also the `Spreader` of both flows."""

    def __init__(
        self,
        hive: Hive,
        feed: Feed,
        learn: Learn,
        charters: CharterReader,
        client: Callable[[], PeerClient | None],
        addresses: Addresses,
        clock: Clock,
        chance: Chance,
        static: Sequence[tuple[str, int]],
    ) -> None:
        self._hive = hive
        self._feed = feed
        self._learn = learn
        self._charters = charters
        self._client = client
        self._addresses = addresses
        self._clock = clock
        self._chance = chance
        self._static = static
        self._outbox: asyncio.Queue[tuple[list[bytes], NodeId | None]] = asyncio.Queue(_QUEUE)
        self._group: asyncio.TaskGroup | None = None
        self._slots = asyncio.Semaphore(_JOBS_AT_ONCE)
        self.contacts: dict[NodeId, Contact] = {}

    async def serve(self) -> None:
        """Dial, push and reconcile until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                await self._dial_known()
                group.create_task(self._push_forever())
                await self._reconcile_forever()
        finally:
            self._group = None

    def spread(self, envelopes: Sequence[bytes], *, source: NodeId | None) -> None:
        """Queue entries for a few live peers. What does not fit is carried by reconciliation."""
        if envelopes and not self._outbox.full():
            self._outbox.put_nowait((list(envelopes), source))

    def suggest(self, host: str, port: int, source: Source) -> None:
        """A member may listen there; who it is, the handshake tells."""
        known = next((one for one in self.contacts.values() if (one.host, one.port) == (host, port)), None)
        if known:
            known.sources.add(source)
        if known is None or known.failures:
            self._start(self._meet(host, port, source))

    def contacted(self, node: NodeId, host: str, port: int, charter_version: int) -> None:
        """A member asked us something: it is alive, and says which port it listens on."""
        contact = self.contacts.get(node)
        if contact is not None:
            contact.seen_at, contact.failures, contact.retry_at = self._clock.now(), 0, 0.0
        elif port and host:
            self._start(self._meet(host, port, "inbound"))
        if contact and charter_version > self._version():
            self._start(self._reconcile(contact))

    def poke(self) -> None:
        """Our charter changed: let every peer see its number, so that it fetches it."""
        for contact in self.contacts.values():
            self._start(self._reconcile(contact))

    def forget(self, node: NodeId | None = None) -> None:
        """Drop a member that left, or all of them."""
        for one in [node] if node else list(self.contacts):
            self.contacts.pop(one, None)

    def _start(self, job: Coroutine[Any, Any, None]) -> None:
        if self._group is None:
            job.close()  # not serving: addresses are dialled again when we do
            return
        self._group.create_task(self._bounded(job))

    async def _bounded(self, job: Coroutine[Any, Any, None]) -> None:
        async with self._slots:
            try:
                await job
            except RemoteProtocolError as error:
                logger.debug("peer failed", extra={"code": error.code})
            except Fault as fault:
                logger.warning("peer job failed", extra={"code": fault.code})

    async def _dial_known(self) -> None:
        for host, port in self._static:
            self._start(self._meet(host, port, "static"))
        for address in await self._addresses.addresses():
            self._start(self._meet(address.host, address.port, "stored"))

    async def _meet(self, host: str, port: int, source: Source) -> None:
        client = self._client()
        if client is None:
            return
        status = await client.status(host, port)
        if status.node == self._hive.node:
            return
        contact = self.contacts.get(status.node)
        if contact is None:
            contact = self.contacts[status.node] = Contact(status.node, host, port)
            logger.info("peer met", extra={"peer": status.node, "source": source})
        contact.host, contact.port = host, port
        contact.sources.add(source)
        await self._addresses.met(status.node, host, port, source)
        await self._reconcile(contact)

    async def _reconcile_forever(self) -> None:
        while True:
            await self._clock.sleep(RECONCILE_S * self._chance.uniform(0.5, 1.0))
            now = self._clock.monotonic()
            due = [one for one in self.contacts.values() if one.retry_at <= now]
            for contact in self._chance.sample(due, min(1, len(due))):
                self._start(self._reconcile(contact))
            if not due:
                await self._dial_known()

    async def _push_forever(self) -> None:
        while True:
            envelopes, source = await self._outbox.get()
            live = [one for one in self.contacts.values() if one.node != source and not one.failures]
            for contact in self._chance.sample(live, min(FAN_OUT, len(live))):
                self._start(self._push(contact, envelopes))

    async def _push(self, contact: Contact, envelopes: Sequence[bytes]) -> None:
        client = self._client()
        if client is None or self._hive.why_silent(self._clock.now()) or self._hive.why_halted(self._clock.now()):
            return
        results = await self._calling(contact, client.push(contact.host, contact.port, contact.node, envelopes))
        if any(one.get("status") == "gap" for one in results):
            await self._reconcile(contact)

    async def _reconcile(self, contact: Contact) -> None:
        client = self._client()
        if client is None:
            return
        async with contact.turn:
            status = await self._calling(contact, client.status(contact.host, contact.port))
            if status.node != contact.node:
                raise RemoteProtocolError(Code.PEER_MISBEHAVED, "another member answers at this address now")
            contact.charter_version = status.charter_version
            if status.charter_version > self._version():
                call = client.charters(contact.host, contact.port, contact.node, self._version() + 1)
                await self._charters.take_in(await self._calling(contact, call))
            now = self._clock.now()
            if not self._hive.why_silent(now) and not self._hive.why_halted(now):
                contact.in_step = status.have == self._hive.digest() or await self._exchange(contact, client)

    async def _exchange(self, contact: Contact, client: PeerClient) -> bool:
        """Fetch what we lack, hand over what the peer lacks. True when both hold the same at the end."""
        for _ in range(_ROUNDS):
            call = client.sync(contact.host, contact.port, contact.node, self._hive.heads)
            answer = await self._calling(contact, call)
            outcomes = await self._learn.learn(answer.envelopes, contact.node)
            gained = sum(one.status == "accepted" for one in outcomes)
            given = await self._hand_over(contact, client, answer.have)
            if not answer.has_more or not gained:
                return not given or gained > 0
        return False

    async def _hand_over(self, contact: Contact, client: PeerClient, theirs: HaveVector) -> int:
        """Push what the peer lacks, feed by feed. Returns how many entries it took."""
        given = 0
        for lacking in missing(self._hive.heads, theirs):
            while envelopes := await self._feed.envelopes([lacking], ENTRIES_PER_ANSWER):
                for batch in _batches(envelopes):
                    call = client.push(contact.host, contact.port, contact.node, batch)
                    given += sum(one.get("status") == "accepted" for one in await self._calling(contact, call))
                lacking = replace(lacking, first=lacking.first + len(envelopes))  # noqa: PLW2901 - the rest of it
        return given

    async def _calling(self, contact: Contact, call: Coroutine[Any, Any, T]) -> T:
        """One call, and what it tells of the peer's health."""
        try:
            result = await call
        except RemoteProtocolError as error:
            if error.code is Code.PEER_UNREACHABLE:
                await self._unreachable(contact)
            raise
        contact.seen_at, contact.failures, contact.retry_at = self._clock.now(), 0, 0.0
        return result

    async def _unreachable(self, contact: Contact) -> None:
        contact.failures += 1
        contact.in_step = False
        wait = min(LAST_BACKOFF_S, FIRST_BACKOFF_S * 2 ** min(contact.failures - 1, 10))
        contact.retry_at = self._clock.monotonic() + wait * self._chance.uniform(0.5, 1.0)
        level = logging.INFO if contact.failures == 1 else logging.DEBUG  # the first failure speaks, repeats are quiet
        logger.log(level, "peer away", extra={"peer": contact.node, "failures": contact.failures})
        await self._addresses.failed(contact.node)

    def _version(self) -> int:
        return self._hive.membership.charter.version if self._hive.membership else 0


def _batches(envelopes: Sequence[bytes]) -> list[list[bytes]]:
    batches: list[list[bytes]] = [[]]
    for envelope in envelopes:
        if sum(len(one) + 1 for one in batches[-1]) + len(envelope) > REQUEST_BYTES:
            batches.append([])
        batches[-1].append(envelope)
    return batches
