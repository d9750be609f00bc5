"""The service that keeps this node and its peers in step: dials, pushes, reconciles, backs off (docs/protocol.md §7, §8).

Each peer of whom something is wanted is attended to by one task, which does one thing at a time and ends when nothing is wanted
any more: a peer that stalls or lies costs its own task and no other, and whatever is wanted of it meanwhile is wanted once.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final

from hive_node.adapters.contacts import LAST_BACKOFF_S, Contact, Source, backoff_s
from hive_node.adapters.dialling import Dialler, attempt
from hive_node.adapters.exchange import Caller, Exchange
from hive_node.adapters.goodbye import say_goodbye
from hive_node.adapters.neighbours import Neighbourhood
from hive_node.adapters.pace import Pace
from hive_node.adapters.places import Place
from hive_node.adapters.told import Told
from hive_node.adapters.waking import Waking
from hive_node.hive import WAKING_S, Hive
from hive_node.learn.charters import CharterReader
from hive_node.learn.pipeline import Learn
from hive_node.ports import Addresses, Chance, Clock, Fault, Feed, PeerAddress
from hive_node.share.proposals import ProposalDesk
from protocol.errors import Code, RemoteProtocolError
from protocol.ids import NodeId

logger = logging.getLogger(__name__)

# Whom an entry is pushed to at once. Of 8 nodes, 5 leave somebody out once in 100 000 entries, 3 in one of 17; whom they
# leave out has to wait for a look. docs/adr/0014
FAN_OUT: Final = 5
RECONCILE_S: Final = 30.0
# How often it is looked whether anybody is out of step or due again; costs nothing where nobody is.
LOOK_S: Final = 4.0
# Between two questions that gaps lead to: a push that overtakes another is the usual reason, and is over by then.
ASK_S: Final = 1.0
# A peer that is busy is left alone for as long as it says (docs/protocol.md §3.2).
BUSY_S: Final = 30.0


class Network:
    """Who is out there. Also the `Spreader` of both flows."""

    def __init__(
        self,
        hive: Hive,
        feed: Feed,
        learn: Learn,
        charters: CharterReader,
        client: Callable[[], Caller | None],
        addresses: Addresses,
        clock: Clock,
        chance: Chance,
        static: Sequence[tuple[str, int]],
        proposals: ProposalDesk,
    ) -> None:
        self._hive = hive
        self._exchange = Exchange(hive, feed, learn, charters, proposals, clock)
        self._client = client
        self._addresses = addresses
        self._clock = clock
        self._chance = chance
        self._static = static
        self._pace = Pace(clock)
        self._dialler = Dialler(hive, client, clock, chance, self._met, self._missed, self._pace)
        self._group: asyncio.TaskGroup | None = None
        self.is_leaving = False
        self.contacts: dict[NodeId, Contact] = {}
        self._near = Neighbourhood(hive, self.contacts)
        self._waking = Waking(hive, self._near, clock, lambda: self._dialler.busy > 0, self._want_all)

    async def serve(self) -> None:
        """Dial, push and reconcile until cancelled; then say goodbye."""
        self.is_leaving = False
        try:
            await self._serve()
        finally:
            await self._leave()

    async def _serve(self) -> None:
        async with asyncio.TaskGroup() as group:
            self._group = self._dialler.group = group
            try:
                group.create_task(self._pace.keep())
                group.create_task(self._waking.wait())
                for contact in self.contacts.values():
                    self._attend_to(contact)
                await self._dial_known()
                await self._look_forever()
            finally:
                self._group = self._dialler.group = None  # whoever is heard from while it ends begins nothing more

    def spread(self, envelopes: Sequence[bytes], *, source: NodeId | None) -> None:
        """Hand entries to a few live peers. Who does not get them here gets them by reconciliation."""
        live = [one for one in self.contacts.values() if one.node != source and one.is_live]
        if envelopes and self._group is not None:
            for contact in self._chance.sample(live, min(FAN_OUT, len(live))):
                contact.hand(envelopes)
                self._attend_to(contact)

    def want(self, contact: Contact) -> None:
        """Reconcile with that member as soon as may be."""
        contact.want()
        self._attend_to(contact)

    def ask(self, source: NodeId) -> None:
        """Reconcile with it at once, as there is a gap before what it pushed; one that only makes gaps is asked now and then."""
        contact = self.contacts.get(source)
        if contact and not contact.failures and self._clock.monotonic() - contact.looked_at >= ASK_S:
            self.want(contact)

    def suggest(self, host: str, port: int, source: Source) -> None:
        """A member may listen there; who it is, the handshake tells."""
        place = self._dialler.hear_of(host, port, source)
        if place is None:
            return
        contact = self.contacts.get(place.node) if place.node else None
        if contact is not None:
            contact.sources.add(source)
        if source == "mdns":
            place.retry_at = 0.0  # somebody announced it just now; discovery suggests an address once a minute at most
        if (contact is None or not contact.is_live) and self._near.room(self._dialler.busy) > 0:
            self._dialler.dial(place)

    def contacted(self, node: NodeId, host: str, told: Told) -> None:
        """A member asked us something: it is alive, and says which port it listens on."""
        if node == self._hive.node:
            return  # our own dial of an address that turned out to be ours
        contact = self.contacts.get(node)
        if contact is not None:
            self._hear(contact, told)
        if told.is_leaving:
            return
        if told.port and (self._near.has_place if contact is None else contact.port != told.port):
            self._dialler.hint(node, host, told.port)

    def heard(self, node: NodeId, host: str, port: int, told: Told) -> None:
        """A peer answered us."""
        contact = self.contacts.get(node)
        if contact is None:
            return
        if contact.where == (host, port):
            contact.failures = 0
        self._hear(contact, told)

    def poke(self) -> None:
        """Our charter changed: let every peer see its number, and try again whoever may be a member now."""
        self._dialler.retry_all()
        for contact in self.contacts.values():
            if not contact.is_asleep:
                contact.retry_at = 0.0
                self.want(contact)
        self._dial_due()

    def forget(self, node: NodeId | None = None) -> None:
        """Drop a member that left, or all of them."""
        for one in [node] if node else list(self.contacts):
            contact = self.contacts.pop(one, None)
            if contact is not None and contact.task is not None:
                contact.task.cancel()
        self._dialler.forget(node)

    def _hear(self, contact: Contact, told: Told) -> None:
        contact.heard(told, self._clock.now())
        if told.is_leaving:
            logger.info("peer asleep", extra={"peer": contact.node})
            contact.slept(self._clock.monotonic() + LAST_BACKOFF_S)
        elif self._has_other_charter(contact) and not contact.failures:
            self.want(contact)

    async def _leave(self) -> None:
        client = self._client()
        if client is not None and self._is_member(self._hive.node):
            self.is_leaving = True
            await say_goodbye(client, [one for one in self.contacts.values() if one.is_live])

    def _want_all(self) -> None:
        for contact in self.contacts.values():
            self.want(contact)

    async def _dial_known(self) -> None:
        for host, port in self._static:
            self.suggest(host, port, "static")
        try:
            stored = await self._addresses.addresses()
        except Fault as fault:
            logger.warning("stored addresses cannot be read", extra={"code": fault.code})
            return
        for address in self._chance.sample(stored, len(stored)):
            if self._is_member(address.node):
                self._dialler.known(address, self._left_alone_s(address))

    def _left_alone_s(self, address: PeerAddress) -> float:
        """How much of its back-off a restart did not outlast; no more than there can be, whatever the clock said then."""
        left = address.retry_at - self._clock.now() if address.retry_at else timedelta()
        return min(LAST_BACKOFF_S, max(0.0, left.total_seconds()))

    async def _look_forever(self) -> None:
        next_round = self._clock.monotonic()
        while True:
            await self._clock.sleep(LOOK_S * self._chance.uniform(0.5, 1.0))
            self._dial_due()
            now = self._clock.monotonic()
            due = [one for one in self.contacts.values() if one.retry_at <= now]
            for contact in due:
                if not contact.is_live:
                    self.want(contact)
            out_of_step = [one for one in due if self._is_worth_a_look(one, now)]
            wanted = self._chance.sample(out_of_step, min(1, len(out_of_step)))
            if now >= next_round:
                next_round = now + RECONCILE_S * self._chance.uniform(0.5, 1.0)
                wanted += self._chance.sample(due, min(1, len(due)))
            for contact in wanted:
                self.want(contact)

    def _is_worth_a_look(self, contact: Contact, now: float) -> bool:
        """Whether it seemed out of step for a moment, in which a push may have been on its way, and another try may help."""
        ours = self._hive.digest()
        differs = contact.have != ours or self._has_other_charter(contact)
        return differs and contact.settled != (ours, contact.have) and now - contact.looked_at >= LOOK_S

    def _dial_due(self) -> None:
        if (room := self._near.room(self._dialler.busy)) > 0:
            self._dialler.dial_due((node for node, contact in self.contacts.items() if not contact.failures), room)

    async def _met(self, place: Place, node: NodeId) -> None:
        contact = self.contacts.get(node)
        if contact is None:
            contact = self.contacts[node] = Contact(node, *place.where)
            logger.info("peer met", extra={"peer": node, "sources": sorted(place.sources)})
        elif contact.failures or ("inbound" in place.sources and contact.port != place.port):
            contact.host, contact.port = place.where  # it moved; one that is well where it is stays there
        contact.sources |= place.sources
        self.want(contact)
        await self._addresses.met(node, contact.host, contact.port, min(place.sources))

    async def _missed(self, place: Place) -> None:
        if place.node is not None and place.node not in self.contacts and self._is_member(place.node):
            wait_s = place.retry_at - self._clock.monotonic()
            await self._addresses.failed(place.node, self._clock.now() + timedelta(seconds=wait_s))

    def _attend_to(self, contact: Contact) -> None:
        if self._group is not None and not contact.is_attended:
            contact.task = self._group.create_task(self._attend(contact))

    async def _attend(self, contact: Contact) -> None:
        """Do what is wanted of one peer, one thing at a time, until nothing is."""
        while contact.is_wanted:
            contact.is_wanted = False
            began, had_failed = self._clock.monotonic(), contact.failures > 0
            error = await attempt(self._serve_contact(contact))
            if error is not None and self._pace.was_late_since(began):
                contact.want()  # it may well have answered in time: not its fault, and tried again
            elif error is not None:
                await attempt(self._back_off(contact, error))
            elif had_failed and not contact.failures:
                await attempt(self._addresses.met(contact.node, *contact.where, min(contact.sources)))

    async def _serve_contact(self, contact: Contact) -> None:
        client = self._client()
        envelopes, contact.outbox = contact.outbox, []
        if client is None or contact.retry_at > self._clock.monotonic():
            return  # what it lacks is handed over when its time comes
        if (
            envelopes and contact.have != self._hive.digest()
        ):  # else somebody was quicker: it told that it holds all we hold
            statuses = await self._exchange.push(contact, client, envelopes)
            contact.is_due |= "gap" in statuses
        if contact.is_due:
            contact.is_due = False
            contact.looked_at = self._clock.monotonic()
            await self._exchange.reconcile(contact, client)
            contact.has_told = True
            if not self._hive.is_waking:
                self._hive.charter_asked.set()
            if self._hive.refusal(self._clock.now()) is None:
                contact.has_given_back = True
                self._look_who_gave_back()

    def _look_who_gave_back(self) -> None:
        """Our own feed is whole once every peer that was found had its say: one alone may keep its end to itself."""
        live = [one for one in self.contacts.values() if not one.failures and not one.is_asleep]
        if live and all(one.has_given_back for one in live):
            self._hive.feed_asked.set()

    async def _back_off(self, contact: Contact, error: RemoteProtocolError) -> None:
        if error.code is Code.TOO_MANY:
            contact.retry_at = self._clock.monotonic() + BUSY_S
            return
        if error.code in {Code.HALTED, Code.CHARTER_EXPIRED}:
            return  # it is well, and will take entries again
        if error.code is Code.UNAVAILABLE:
            contact.retry_at = self._clock.monotonic() + WAKING_S  # so is one that just started, or cannot write now
            return
        if contact.is_asleep:
            contact.slept(self._clock.monotonic() + LAST_BACKOFF_S)
            return
        contact.outbox.clear()
        contact.failures += 1
        self._look_who_gave_back()
        wait_s = backoff_s(contact.failures, self._chance)
        contact.retry_at = self._clock.monotonic() + wait_s
        level = logging.INFO if contact.failures == 1 else logging.DEBUG  # the first failure speaks, repeats are quiet
        fields = {"peer": contact.node, "code": error.code, "failures": contact.failures}
        logger.log(level, "peer away", extra=fields)
        await self._addresses.failed(contact.node, self._clock.now() + timedelta(seconds=wait_s))
        if self._near.is_let_go(contact):
            self.contacts.pop(contact.node, None)

    def _is_member(self, node: NodeId) -> bool:
        return self._hive.membership is not None and node in self._hive.membership.members

    def _has_other_charter(self, contact: Contact) -> bool:
        """Whether it told of a newer charter than ours, or of another one of the same number."""
        held = self._hive.membership
        if held is None or contact.charter_version != held.charter.version:
            return contact.charter_version > (held.charter.version if held else 0)
        return contact.charter not in {"", held.digest}
