"""The charter chain on disk: read in pieces, switched whole, with what is still to be done about it."""

import asyncio
import sqlite3
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from hive_node.adapters.clock import SeededChance, SystemClock
from hive_node.adapters.store import CharterStore, Database, Journal, PeerStore
from hive_node.adapters.waiting import WaitingRoom
from hive_node.hive import Hive
from hive_node.ports import Fault, Joiner, StoredProposal
from protocol.amendment import amendment
from protocol.limits import ANSWER_BYTES, CHARTER_CHAIN
from tests.fakes.hive import NOW, FakeHive, FakeNode
from tests.fakes.time import HeldClock, settled

ADA, BO = FakeNode("ada"), FakeNode("bo")
HIVE = FakeHive.found(ADA, BO)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[CharterStore]:
    database = await Database.open(tmp_path / "db")
    yield CharterStore(database, Journal(database, SystemClock()))
    await database.close()


async def test_a_chain_of_ten_thousand_versions_is_never_in_memory_as_a_whole(store: CharterStore) -> None:
    """150 MB of charters: any member may ask for any of it, as often as the rates allow."""
    size = 15_000
    with closing(sqlite3.connect(store.database.path)) as connection, connection:
        rows = ((version, b"x" * size) for version in range(1, CHARTER_CHAIN + 1))
        connection.executemany("INSERT INTO charters (version, envelope) VALUES (?, ?)", rows)
    tracemalloc.start()
    try:
        page = await store.charters(5)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert sum(map(len, page)) <= ANSWER_BYTES
    assert len(page) > 50
    assert peak < 8 * ANSWER_BYTES
    assert len(await store.charters(CHARTER_CHAIN)) == 1
    assert await store.charters(CHARTER_CHAIN + 1) == []


async def test_a_switch_is_whole_and_remembers_what_is_to_be_issued_again(store: CharterStore) -> None:
    ours = HIVE.amend(ADA, name="ours").amend(ADA, policy={"join": "approve"})
    theirs = HIVE.amend(ADA, name="theirs")
    await store.keep_chain(ours.chain)
    lost = amendment(HIVE.membership.charter, ours.membership.charter)

    await store.switch(1, theirs.chain[1:], [], [lost])

    assert await store.charters() == list(theirs.chain)
    assert await store.digest_at(2) == theirs.membership.digest
    assert await store.digest_at(3) is None
    ((number, change),) = await store.to_issue_again()
    assert change == lost
    await store.issued_again(number)
    assert await store.to_issue_again() == []


async def test_a_proposal_is_kept_grows_and_leaves_its_change_behind_where_it_is_to_be_made_again(
    store: CharterStore,
) -> None:
    change = amendment(HIVE.membership.charter, HIVE.successor(name="x"))
    proposal = StoredProposal("a" * 64, b"envelope", change, "2026-01-01T00:00:00Z")
    await store.keep_proposal(proposal)
    grown = replace(proposal, envelope=b"more", turned_down=(BO.id,))
    await store.keep_proposal(grown)
    assert await store.proposals() == [grown]

    await store.drop_proposal(proposal.id, again=change)

    assert await store.proposals() == []
    assert [one for _, one in await store.to_issue_again()] == [change]


async def test_who_waits_is_remembered_until_its_time_is_over(store: CharterStore) -> None:
    clock = HeldClock()
    peers = PeerStore(store.database, clock)
    joiner = Joiner(BO.id, "1f", b"der", "bo", "laptop", NOW, NOW + timedelta(hours=1))
    await peers.keep_joiner(joiner)
    await peers.keep_joiner(replace(joiner, state="denied"))
    assert await peers.joiners() == [replace(joiner, state="denied")]

    clock.seconds = 3600

    assert await peers.joiners() == []


# --- the other side of it ----------------------------------------------------------------------------------------------


class Facts:
    def __init__(self) -> None:
        self.kept: object = None
        self.told: list[object] = []

    async def remember(self, _name: str, value: object) -> None:
        self.kept = value

    async def recall(self, _name: str) -> object:
        return self.kept

    async def tell(self, _kind: str, **data: object) -> None:
        self.told.append(data)


async def test_who_has_to_wait_asks_less_and_less_often_until_the_last_word() -> None:
    clock, facts, asked = HeldClock(), Facts(), list[float]()

    async def join(_token: str, is_waiting: bool) -> None:
        asked.append(clock.seconds)
        if len(asked) == 4:
            raise Fault("hive.unreachable", "the admin's laptop sleeps")
        if len(asked) == 8:
            raise Fault("hive.join-denied", "an admin said no")
        assert is_waiting == (len(asked) > 1)

    room = WaitingRoom(Hive(BO.id), facts, clock, SeededChance(), join)  # type: ignore[arg-type]
    assert await room.ask("token") is None
    serving = asyncio.get_running_loop().create_task(room.serve())
    await settled()
    await clock.advance(4000)
    serving.cancel()
    await asyncio.wait([serving])

    gaps = [after - before for before, after in pairwise(asked)]
    assert len(asked) == 8
    assert gaps[0] <= 6 < 60 < gaps[-1]
    assert (await room.state() or {})["refused"] == "an admin said no"
    assert facts.told == [{"outcome": "refused", "code": "hive.join-denied"}]
    assert "token" not in str(facts.kept).replace("'token': ''", "")
