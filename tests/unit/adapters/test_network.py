"""Who is dialled, pushed to and left alone, with peers that fail in every way: no sockets, and a clock that a test holds."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest

from hive_node.adapters.clock import SeededChance
from hive_node.adapters.contacts import FIRST_BACKOFF_S, LAST_BACKOFF_S
from hive_node.adapters.exchange import ANSWERS
from hive_node.adapters.network import BUSY_S, FAN_OUT, LOOK_S, RECONCILE_S, Network
from hive_node.adapters.peer_client import PeerStatus, SyncAnswer
from hive_node.adapters.places import PLACES
from hive_node.adapters.told import Told
from hive_node.hive import FIRST_WORD_S, Hive
from hive_node.learn.outcomes import Outcome
from hive_node.ports import Carried, PeerAddress, StoreError
from protocol.charter import Halt, stamp
from protocol.errors import Code, RemoteProtocolError
from protocol.feed import Head
from protocol.ids import EntryId, NodeId, sha256_hex
from protocol.limits import ENTRIES_PER_ANSWER
from protocol.messages import SyncRequest, SyncTail
from tests.fakes.hive import NOW, FakeHive, FakeNode
from tests.fakes.time import HeldClock, settled

ADA = FakeNode("ada")
OTHERS = [FakeNode(f"n{number}") for number in range(8)]
HIVE = FakeHive.found(ADA, *OTHERS)
HOST = "192.0.2.1"


class Neighbourhood:
    """Who answers at which port, and how: a node, or what is raised."""

    def __init__(self, network: Callable[[], Network], hive: Hive) -> None:
        self._network = network
        self._hive = hive
        self.at: dict[int, FakeNode | Exception] = {}
        self.have = ""
        self.charter_version = HIVE.membership.charter.version
        self.asked: Counter[tuple[str, int]] = Counter()
        self.pushed: list[tuple[int, list[bytes]]] = []
        self.at_once = 0
        self.most_at_once = 0
        self.gate: asyncio.Event | None = None
        self.left: Counter[int] = Counter()

    async def status(self, host: str, port: int) -> PeerStatus:
        node = await self._answering(host, port, "status")
        have = self.have or self._hive.digest()
        self._network().heard(node.id, host, port, Told(self.charter_version, port, have))
        return PeerStatus(node.id, self.charter_version, have, "test")

    async def charters(self, host: str, port: int, node: NodeId, first: int) -> list[bytes]:
        await self._answering(host, port, "charters")
        return []

    async def sync(self, host: str, port: int, node: NodeId, asked: SyncRequest) -> SyncAnswer:
        await self._answering(host, port, "sync")
        if not self.left[port]:
            return SyncAnswer([], SyncTail({}))
        self.left[port] -= 1
        return SyncAnswer([b"entry"], SyncTail({}, has_more=self.left[port] > 0))

    async def push(self, host: str, port: int, node: NodeId, envelopes: Sequence[bytes]) -> list[dict[str, Any]]:
        have = self._hive.digest()  # what comes while this is on its way is not yet there
        answering = await self._answering(host, port, "push")
        self.pushed.append((port, list(envelopes)))
        self._network().heard(answering.id, host, port, Told(self.charter_version, port, have))
        return [{"status": "accepted"} for _ in envelopes]

    async def _answering(self, host: str, port: int, what: str) -> FakeNode:
        self.asked[what, port] += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await (self.gate.wait() if self.gate else asyncio.sleep(0))
        finally:
            self.at_once -= 1
        found = self.at.get(port, RemoteProtocolError(Code.PEER_UNREACHABLE, "nobody"))
        if isinstance(found, Exception):
            raise found
        return found


class Shelf:
    """Stored addresses; full where a test says so."""

    def __init__(self) -> None:
        self.rows: list[PeerAddress] = []
        self.met_at: list[tuple[NodeId, int]] = []
        self.retries: dict[NodeId, datetime] = {}
        self.is_full = False

    async def addresses(self) -> list[PeerAddress]:
        self._check()
        return self.rows

    async def met(self, node: NodeId, host: str, port: int, source: str) -> None:
        self._check()
        self.met_at.append((node, port))

    async def failed(self, node: NodeId, retry_at: datetime) -> None:
        self._check()
        self.retries[node] = retry_at

    def _check(self) -> None:
        if self.is_full:
            raise StoreError("store.disk-full", "full")


class Street:
    """A network under test, and everything around it."""

    def __init__(self) -> None:
        self.hive = Hive(ADA.id, HIVE.membership)
        self.clock = HeldClock()
        self.shelf = Shelf()
        self.peers = Neighbourhood(lambda: self.network, self.hive)
        self.charters = NoCharters()
        self.network = Network(
            self.hive, NoFeed(), NoLearn(), self.charters, lambda: self.peers, self.shelf, self.clock, SeededChance(), [], NoProposals()  # type: ignore[arg-type]
        )  # fmt: skip
        self.serving: asyncio.Task[None] | None = None

    def spread(self, envelopes: list[bytes], *, source: NodeId | None) -> None:
        """As the flows do once an entry is on disk: what we hold has grown by it."""
        head = self.hive.heads.get(ADA.id) or Head(1, 0, EntryId(""))
        self.hive.heads[ADA.id] = Head(1, head.seq + 1, EntryId(sha256_hex(b"%d" % head.seq)))
        self.network.spread(envelopes, source=source)

    async def meet(self, *nodes: FakeNode) -> None:
        """Each answers at a port of its own, from 1 on, and is met."""
        for port, node in enumerate(nodes, 1):
            self.peers.at[port] = node
            self.network.suggest(HOST, port, "static")
        await settled()
        assert self.network.contacts.keys() == {node.id for node in nodes}


class NoProposals:
    async def is_shared_with(self, _node: NodeId) -> bool:
        return False


class NoCharters:
    def __init__(self) -> None:
        self.fault: Exception | None = None

    async def follow(self, ask: Callable[[int], Awaitable[list[bytes]]], version: int, _digest: str) -> None:
        if version > 1:
            await ask(2)
            if self.fault:
                raise self.fault


class NoLearn:
    async def learn(self, envelopes: Sequence[bytes], *_arguments: Any) -> list[Outcome]:
        return [Outcome(None, "accepted") for _ in envelopes]

    async def prove(self, *_arguments: Any) -> int:
        return 0


class NoFeed:
    async def carried(self, *_arguments: Any) -> Carried:
        return Carried([], [], has_more=False)


@asynccontextmanager
async def serving(street: Street) -> AsyncIterator[Street]:
    task = asyncio.get_running_loop().create_task(street.network.serve())
    street.serving = task
    await settled()
    try:
        yield street
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.wait([task])


@pytest.fixture
async def street() -> AsyncIterator[Street]:
    async with serving(Street()) as one:
        yield one


# --- who is talked to --------------------------------------------------------------------------------------------------


async def test_an_address_that_is_ours_is_no_peer_and_is_left_alone(street: Street) -> None:
    """A peer's docker bridge has the address of our own: whoever dials it meets itself."""
    street.peers.at = {1: ADA, 2: OTHERS[0]}
    for _ in range(20):
        street.network.suggest(HOST, 1, "mdns")
        street.network.contacted(ADA.id, HOST, Told(port=1))
        await street.clock.advance(LOOK_S)
    street.network.suggest(HOST, 2, "mdns")
    await settled()

    street.network.contacted(ADA.id, HOST, Told(port=9))
    await settled()
    assert (street.peers.asked["status", 1], street.peers.asked["status", 9]) == (1, 0)
    assert street.network.contacts.keys() == {OTHERS[0].id}


async def test_members_that_are_well_and_want_nothing_hold_no_task(street: Street) -> None:
    before = len(asyncio.all_tasks())
    await street.meet(*OTHERS)
    assert len(asyncio.all_tasks()) == before
    street.spread([b"entry"], source=None)
    assert sum(one.is_attended for one in street.network.contacts.values()) == FAN_OUT
    await settled()
    assert len(asyncio.all_tasks()) == before


async def test_who_is_no_member_is_no_contact(street: Street) -> None:
    street.peers.at = {1: FakeNode("stranger")}
    street.network.suggest(HOST, 1, "mdns")
    await street.clock.advance(60)

    assert street.network.contacts == {}
    assert street.peers.asked["status", 1] < 8  # and is tried less and less often


async def test_stored_addresses_of_former_members_are_not_dialled() -> None:
    street = Street()
    street.peers.at = {1: OTHERS[0], 2: FakeNode("former")}
    street.shelf.rows = [
        PeerAddress(node, HOST, port, "mdns", None, 0) for port, node in ((1, OTHERS[0].id), (2, FakeNode("former").id))
    ]
    async with serving(street):
        assert street.network.contacts.keys() == {OTHERS[0].id}
        assert street.peers.asked["status", 2] == 0


async def test_a_restart_forgets_no_back_off_and_a_sign_of_life_ends_it() -> None:
    street = Street()
    street.peers.at = {1: OTHERS[0], 2: OTHERS[1], 3: OTHERS[2]}
    due = street.clock.now() + timedelta(seconds=300)
    past = street.clock.now() - timedelta(seconds=1)
    wrong = street.clock.now() + timedelta(days=400)  # the clock was put right since
    street.shelf.rows = [
        PeerAddress(one.id, HOST, port, "mdns", None, 6, at)
        for one, port, at in zip(OTHERS[:3], (1, 2, 3), (due, past, wrong), strict=True)
    ]
    async with serving(street):
        assert street.network.contacts.keys() == {OTHERS[1].id}
        await street.clock.advance(200)
        assert street.peers.asked["status", 1] == 0
        street.network.suggest(HOST, 1, "mdns")  # it announces itself
        await settled()
        assert street.network.contacts.keys() == {OTHERS[0].id, OTHERS[1].id}
        await street.clock.advance(LAST_BACKOFF_S)
        assert OTHERS[2].id in street.network.contacts


async def test_a_stored_member_that_is_not_there_is_left_alone_longer_from_start_to_start() -> None:
    street = Street()
    street.shelf.rows = [PeerAddress(OTHERS[0].id, HOST, 1, "mdns", None, 6, None)]
    async with serving(street):
        wait = street.shelf.retries[OTHERS[0].id] - street.clock.now()
        assert wait.total_seconds() >= FIRST_BACKOFF_S * 2**6 / 2


async def test_who_answers_again_is_stored_as_well(street: Street) -> None:
    await street.meet(OTHERS[0])
    met = len(street.shelf.met_at)
    street.peers.at.clear()
    street.network.want(street.network.contacts[OTHERS[0].id])
    await settled()
    assert OTHERS[0].id in street.shelf.retries
    street.peers.at[1] = OTHERS[0]
    await street.clock.advance(FIRST_BACKOFF_S + LOOK_S)
    assert street.shelf.met_at[met:] == [(OTHERS[0].id, 1)]


async def test_a_thousand_false_addresses_cost_a_bounded_number_of_dials(street: Street) -> None:
    street.peers.gate = asyncio.Event()
    for port in range(1, 1001):
        street.network.suggest(HOST, port, "mdns")
    await settled()
    assert street.peers.most_at_once <= 8
    street.peers.gate.set()
    for _ in range(40):
        await settled()
    assert len(street.network._dialler._places._by_where) <= PLACES


@pytest.mark.parametrize("port", [0, -1, 65_536, 999_999])
async def test_a_port_that_cannot_be_is_not_dialled(street: Street, port: int) -> None:
    street.network.suggest(HOST, port, "mdns")
    street.network.contacted(OTHERS[0].id, HOST, Told(port=port))
    await settled()
    assert street.peers.asked == {}


async def test_a_member_that_names_a_new_port_each_time_makes_us_look_once_in_a_while(street: Street) -> None:
    for port in range(1, 1000):
        street.network.contacted(OTHERS[0].id, HOST, Told(port=port))
    await settled()
    assert sum(street.peers.asked.values()) == 1
    street.peers.at[999] = OTHERS[0]
    await street.clock.advance(2 * LOOK_S)
    assert {port for _, port in street.peers.asked} == {1, 999}
    assert street.network.contacts[OTHERS[0].id].where == (HOST, 999)  # where it said last


async def test_a_member_that_moved_is_followed_and_one_that_is_well_stays(street: Street) -> None:
    (bo,) = OTHERS[:1]
    await street.meet(bo)
    contact = street.network.contacts[bo.id]

    street.peers.at[50] = bo
    street.network.suggest("198.51.100.1", 50, "mdns")  # another interface of the same machine
    await settled()
    assert contact.where == (HOST, 1)
    assert contact.sources == {"static", "mdns"}

    street.peers.at = {60: bo}  # restarted at another port, from where it asks us
    street.network.contacted(bo.id, HOST, Told(port=60))
    await settled()
    assert contact.where == (HOST, 60)


async def test_a_member_found_again_elsewhere_is_followed_once_its_old_address_fails(street: Street) -> None:
    (bo,) = OTHERS[:1]
    await street.meet(bo)
    street.peers.at = {50: bo}
    street.network.suggest(HOST, 50, "mdns")
    await settled()
    street.network.poke()
    await street.clock.advance(3 * LOOK_S)

    assert street.network.contacts[bo.id].where == (HOST, 50)
    assert street.network.contacts[bo.id].failures == 0


# --- how often ---------------------------------------------------------------------------------------------------------


async def test_a_peer_that_is_poked_a_hundred_times_is_asked_once_more(street: Street) -> None:
    await street.meet(*OTHERS)
    before = Counter(street.peers.asked)
    street.peers.gate = asyncio.Event()
    for _ in range(100):
        street.network.poke()
    await settled()
    street.peers.gate.set()
    await settled()

    more = street.peers.asked - before
    assert max(more.values()) <= 2
    assert street.peers.most_at_once <= len(OTHERS) + 8


async def test_a_peer_that_is_away_is_tried_less_and_less_often(street: Street) -> None:
    await street.meet(OTHERS[0])
    street.peers.at.clear()
    contact = street.network.contacts[OTHERS[0].id]
    street.network.want(contact)
    waits = []
    await settled()
    for failures in range(1, 12):
        assert contact.failures == failures
        waits.append(contact.retry_at - street.clock.monotonic())
        await street.clock.advance(waits[-1] + LOOK_S)
    assert FIRST_BACKOFF_S / 2 <= waits[0] <= FIRST_BACKOFF_S
    assert all(LAST_BACKOFF_S / 2 <= wait <= LAST_BACKOFF_S for wait in waits[-3:])
    assert sorted(round(wait / FIRST_BACKOFF_S) for wait in waits[:6]) == [
        round(wait / FIRST_BACKOFF_S) for wait in waits[:6]
    ]

    street.peers.at[1] = OTHERS[0]
    street.network.contacted(OTHERS[0].id, HOST, Told(port=1))  # a sign of life
    await street.clock.advance(LOOK_S)
    assert contact.failures == 0


async def test_a_peer_that_asks_us_all_the_time_and_never_answers_is_not_hammered(street: Street) -> None:
    await street.meet(OTHERS[0])
    street.peers.at.clear()
    street.network.want(street.network.contacts[OTHERS[0].id])
    before = sum(street.peers.asked.values())
    for _ in range(10):
        for _ in range(50):
            street.network.contacted(OTHERS[0].id, HOST, Told(charter_version=9, port=1))
        await street.clock.advance(1)

    assert sum(street.peers.asked.values()) - before <= 10


async def test_a_busy_peer_is_left_alone_and_not_called_away(street: Street) -> None:
    await street.meet(OTHERS[0])
    street.peers.at[1] = RemoteProtocolError(Code.TOO_MANY, "busy")
    contact = street.network.contacts[OTHERS[0].id]
    street.network.want(contact)
    await settled()
    before = sum(street.peers.asked.values())
    street.spread([b"x"], source=None)
    await street.clock.advance(BUSY_S - 2)

    assert contact.failures == 0
    assert sum(street.peers.asked.values()) == before
    street.peers.at[1] = OTHERS[0]
    street.peers.have = "1" * 64
    await street.clock.advance(RECONCILE_S)
    assert street.peers.asked["sync", 1] > 0


async def test_a_peer_that_seems_out_of_step_is_looked_at_soon_and_not_for_ever(street: Street) -> None:
    street.peers.have = "1" * 64
    await street.meet(OTHERS[0])
    await street.clock.advance(3 * LOOK_S)
    first = street.peers.asked["sync", 1]
    await street.clock.advance(10 * LOOK_S)

    assert 1 <= first <= 2
    assert street.peers.asked["sync", 1] - first <= 4  # the rounds that come anyway


async def test_equal_nodes_ask_one_question_a_round(street: Street) -> None:
    await street.meet(OTHERS[0])
    before = Counter(street.peers.asked)
    await street.clock.advance(10 * RECONCILE_S)

    more = street.peers.asked - before
    assert set(more) == {("status", 1)}
    assert 8 <= more["status", 1] <= 22


# --- what is pushed ----------------------------------------------------------------------------------------------------


async def test_an_entry_is_not_pushed_to_who_told_that_it_holds_all_that_we_hold(street: Street) -> None:
    await street.meet(*OTHERS[:2])
    street.spread([b"entry"], source=None)
    quicker = street.network.contacts[OTHERS[0].id]
    street.network.contacted(quicker.node, HOST, Told(port=1, have=street.hive.digest()))
    await settled()
    assert street.peers.pushed == [(2, [b"entry"])]

    street.spread([b"next"], source=None)
    await settled()
    assert sorted(street.peers.pushed[1:]) == [(1, [b"next"]), (2, [b"next"])]  # what it told then is of then


async def test_an_entry_is_pushed_to_a_few_and_never_back(street: Street) -> None:
    await street.meet(*OTHERS)
    for _ in range(20):
        street.spread([b"entry"], source=OTHERS[0].id)
        await settled()

    assert len(street.peers.pushed) == 20 * FAN_OUT
    assert 1 not in {port for port, _ in street.peers.pushed}
    assert len({port for port, _ in street.peers.pushed}) == len(OTHERS) - 1


async def test_entries_that_wait_for_one_peer_go_together_and_are_bounded(street: Street) -> None:
    await street.meet(OTHERS[0])
    street.peers.gate = asyncio.Event()
    street.spread([b"first"], source=None)
    await settled()
    for number in range(50):
        street.spread([b"%d" % number], source=None)
    street.peers.gate.set()
    await settled()
    assert [len(entries) for _, entries in street.peers.pushed] == [1, 50]

    street.peers.gate = asyncio.Event()
    street.spread([b"first"], source=None)
    await settled()
    before = street.peers.asked["status", 1]
    for _ in range(10 * ENTRIES_PER_ANSWER):
        street.spread([b"x"], source=None)
    assert len(street.network.contacts[OTHERS[0].id].outbox) <= ENTRIES_PER_ANSWER
    street.peers.gate.set()
    await settled()
    assert street.peers.asked["status", 1] > before  # reconciliation carries what did not fit


async def test_a_halt_that_comes_late_still_stops_what_was_queued(street: Street) -> None:
    await street.meet(OTHERS[0])
    street.spread([b"entry"], source=None)
    halt = Halt(reason="late", at=stamp(NOW), until=stamp(NOW.replace(year=2027)))
    street.hive.membership = HIVE.amend(ADA, halt=halt).membership
    await settled()

    assert street.peers.pushed == []
    assert street.network.contacts[OTHERS[0].id].failures == 0


async def test_nothing_is_queued_before_the_service_runs_or_for_those_who_are_away(street: Street) -> None:
    await street.meet(*OTHERS[:2])
    street.network.contacts[OTHERS[0].id].failures = 1
    street.spread([b"entry"], source=None)
    await settled()

    assert street.peers.pushed == [(2, [b"entry"])]
    still = Street()
    still.spread([b"entry"], source=None)
    still.network.suggest(HOST, 1, "mdns")
    still.network.poke()
    assert still.peers.asked == {}


async def test_of_many_who_have_the_same_to_give_one_goes_on_and_the_others_wait(street: Street) -> None:
    await street.meet(*OTHERS[:5])
    street.peers.have = "1" * 64
    street.peers.left.update(dict.fromkeys(range(1, 6), 30))
    before = Counter(street.peers.asked)
    for contact in street.network.contacts.values():
        street.network.want(contact)
    for _ in range(4):
        await settled()
    more = street.peers.asked - before
    answers = sorted(more["sync", port] for port in range(1, 6))
    assert answers == [1, 1, 1, 1, 30]


async def test_a_peer_that_always_has_more_is_left_for_what_waits_for_it_meanwhile(street: Street) -> None:
    await street.meet(OTHERS[0])
    street.peers.have = "1" * 64
    street.peers.left[1] = 10_000
    before = street.peers.asked["sync", 1]
    street.network.want(street.network.contacts[OTHERS[0].id])
    await asyncio.sleep(0)
    street.spread([b"entry"], source=None)
    while not street.peers.pushed:
        await asyncio.sleep(0)
    assert street.peers.asked["sync", 1] - before == ANSWERS
    for _ in range(20):
        await settled()
    assert street.peers.asked["sync", 1] > 2 * ANSWERS  # and goes on


# --- what goes wrong ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        RemoteProtocolError(Code.PEER_MISBEHAVED, "garbage"),
        RemoteProtocolError(Code.BAD_JSON, "garbage"),
        StoreError("store.disk-full", "full"),
        ValueError("a bug that a peer found"),
    ],
    ids=lambda fault: type(fault).__name__,
)
async def test_a_job_that_fails_costs_that_job_and_the_service_goes_on(street: Street, fault: Exception) -> None:
    await street.meet(*OTHERS[:2])
    street.peers.at[1] = fault
    street.network.suggest(HOST, 3, "mdns")
    street.peers.at[3] = fault
    street.network.poke()
    await street.clock.advance(2 * LOOK_S)

    street.spread([b"entry"], source=None)
    await settled()
    assert (2, [b"entry"]) in street.peers.pushed


async def test_a_full_disk_stops_no_peer(street: Street) -> None:
    street.shelf.is_full = True
    await street.meet(*OTHERS[:2])
    street.peers.at.pop(1)
    street.network.poke()
    await settled()
    assert street.network.contacts[OTHERS[0].id].failures == 1

    full = Street()
    full.shelf.is_full = True
    async with serving(full):
        await full.meet(OTHERS[0])


async def test_a_charter_that_cannot_be_written_is_asked_for_again(street: Street) -> None:
    street.charters.fault = StoreError("store.disk-full", "full")
    await street.meet(OTHERS[0])
    street.peers.charter_version = 2
    street.network.want(street.network.contacts[OTHERS[0].id])
    await street.clock.advance(2 * RECONCILE_S)

    assert street.peers.asked["charters", 1] >= 2
    assert street.network.contacts[OTHERS[0].id].failures == 0


async def test_a_forgotten_member_is_attended_to_no_more(street: Street) -> None:
    await street.meet(*OTHERS[:2])
    members = [node.member() for node in (ADA, *OTHERS[1:])]
    street.hive.membership = HIVE.amend(ADA, members=members, revoked=[OTHERS[0].revocation(0)]).membership
    street.network.forget(OTHERS[0].id)
    before = Counter(street.peers.asked)
    street.network.poke()
    await settled()

    assert street.network.contacts.keys() == {OTHERS[1].id}
    assert ("status", 2) in street.peers.asked - before
    street.network.forget()
    assert street.network.contacts == {}


# --- the first word ----------------------------------------------------------------------------------------------------


async def test_peers_are_asked_before_the_first_word_and_not_waited_for_longer_than_said() -> None:
    street = Street()
    street.hive.feed_asked.clear()
    async with serving(street):
        assert not street.hive.feed_asked.is_set()
        await street.clock.advance(FIRST_WORD_S - 1)
        assert not street.hive.feed_asked.is_set()
        await street.clock.advance(2)
        assert street.hive.feed_asked.is_set()


async def test_one_finished_exchange_is_enough_and_a_failed_one_is_none() -> None:
    street = Street()
    async with serving(street):
        street.network.suggest(HOST, 1, "stored")
        await settled()
        assert not street.hive.feed_asked.is_set()
        street.peers.at[2] = OTHERS[0]
        street.network.suggest(HOST, 2, "mdns")
        await settled()
        assert street.hive.feed_asked.is_set()
        assert street.hive.charter_asked.is_set()


async def test_during_a_halt_charters_were_asked_for_and_entries_were_not() -> None:
    street = Street()
    street.hive.local_halt = "not now"
    async with serving(street):
        await street.meet(OTHERS[0])
        assert street.hive.charter_asked.is_set()
        assert not street.hive.feed_asked.is_set()


# --- leaving, and our own fault ----------------------------------------------------------------------------------------


async def test_one_that_said_goodbye_is_asked_nothing_and_is_no_failure(street: Street) -> None:
    await street.meet(*OTHERS[:2])
    street.network.contacted(OTHERS[0].id, HOST, Told(port=1, is_leaving=True))
    street.peers.at.pop(1)
    before = Counter(street.peers.asked)
    for _ in range(20):
        street.network.spread([b"entry"], source=None)
        street.network.poke()
        await street.clock.advance(LOOK_S)

    contact = street.network.contacts[OTHERS[0].id]
    assert (contact.is_asleep, contact.failures, contact.outbox) == (True, 0, [])
    assert not [what for what, port in street.peers.asked - before if port == 1]


async def test_one_that_is_back_is_met_at_once(street: Street) -> None:
    await street.meet(*OTHERS[:2])
    street.network.contacted(OTHERS[0].id, HOST, Told(port=1, is_leaving=True))
    await street.clock.advance(3 * LOOK_S)
    before = len(street.peers.pushed)
    street.network.contacted(OTHERS[0].id, HOST, Told(port=1))
    street.spread([b"entry"], source=None)
    await settled()
    assert {port for port, _ in street.peers.pushed[before:]} == {1, 2}


async def test_one_that_never_comes_back_is_looked_for_every_ten_minutes(street: Street) -> None:
    await street.meet(OTHERS[0])
    street.network.contacted(OTHERS[0].id, HOST, Told(port=1, is_leaving=True))
    street.peers.at.clear()
    before = sum(street.peers.asked.values())
    await street.clock.advance(3 * LAST_BACKOFF_S)
    assert 2 <= sum(street.peers.asked.values()) - before <= 4
    assert street.network.contacts[OTHERS[0].id].failures == 0


async def test_a_node_that_stops_tells_those_who_are_live_and_waits_for_nobody() -> None:
    street = Street()
    async with serving(street):
        await street.meet(*OTHERS[:3])
        street.network.contacts[OTHERS[2].id].failures = 1
        before = Counter(street.peers.asked)
        street.peers.gate = asyncio.Event()  # they never answer
    assert set(street.peers.asked - before) == {("status", 1), ("status", 2)}
    assert street.network.is_leaving


async def test_what_fails_while_our_own_loop_stands_still_is_no_fault_of_a_peer(street: Street) -> None:
    await street.meet(OTHERS[0])
    contact = street.network.contacts[OTHERS[0].id]
    street.peers.gate = asyncio.Event()
    street.network.want(contact)
    await settled()
    street.peers.at.pop(1)
    street.clock.seconds += 5  # nothing ran meanwhile
    street.peers.gate.set()
    await settled()
    assert contact.failures == 1  # the second try, which nothing held up
    assert street.peers.asked["status", 1] >= 3


async def test_a_loop_that_keeps_pace_doubts_nobody_but_the_peer(street: Street) -> None:
    await street.meet(OTHERS[0])
    street.peers.at.pop(1)
    before = street.peers.asked["status", 1]
    street.network.want(street.network.contacts[OTHERS[0].id])
    await settled()
    assert street.network.contacts[OTHERS[0].id].failures == 1
    assert street.peers.asked["status", 1] == before + 1
