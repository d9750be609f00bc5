"""What `peers` says of a member, from what this node knows of it."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from guardrails.consensus import Standing
from hive_node.adapters.contacts import Contact
from hive_node.adapters.peer_lines import PeerLines
from hive_node.hive import Hive
from hive_node.ports import PeerAddress, PeerLine
from protocol.feed import Head
from protocol.ids import EntryId
from tests.fakes.hive import NOW, FakeHive, FakeNode

ADA, BO = FakeNode("ada"), FakeNode("bo")
ONE = EntryId("1" * 64)


@dataclass
class Stopped:
    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        pass


@dataclass
class Shelf:
    found: list[PeerAddress] = field(default_factory=list)

    async def addresses(self) -> list[PeerAddress]:
        return self.found


@dataclass
class Met:
    contacts: dict[Any, Contact] = field(default_factory=dict)


@pytest.fixture
def hive() -> Hive:
    return Hive(ADA.id, FakeHive.found(ADA, BO).membership, heads={ADA.id: Head(1, 5, ONE)})


def lines(hive: Hive, contact: Contact | None = None, *known: PeerAddress) -> PeerLines:
    network: Any = Met({BO.id: contact} if contact else {})
    shelf: Any = Shelf(list(known))
    return PeerLines(hive, network, shelf, Stopped())


def only(hive: Hive, contact: Contact | None = None) -> PeerLine:
    (line,) = lines(hive, contact).lines()
    return line


def contact(**fields: Any) -> Contact:
    return Contact(BO.id, "127.0.0.1", 1, seen_at=NOW, **fields)


def test_who_shows_the_same_is_in_step_and_who_shows_less_is_behind_by_so_many(hive: Hive) -> None:
    assert only(hive, contact(have=hive.digest(), entries=5)).state == "in step"
    line = only(hive, contact(have="0" * 64, entries=2))
    assert (line.state, line.behind_by) == ("behind", 3)
    assert only(hive, contact(have="0" * 64)).behind_by is None, "not known before the first exchange"


def test_who_held_all_that_we_hold_and_tells_of_something_else_is_ahead(hive: Hive) -> None:
    line = only(hive, contact(have="0" * 64, entries=5))
    assert (line.state, line.behind_by) == ("ahead", None)


def test_who_does_not_answer_is_away_and_how_often_it_did_not_is_told(hive: Hive) -> None:
    assert only(hive, contact(failures=1)).why == "it does not answer"
    line = only(hive, contact(failures=4))
    assert (line.state, line.why) == ("away", "it did not answer 4 times in a row")


async def test_who_was_met_before_this_start_is_told_with_the_day(hive: Hive) -> None:
    before = PeerAddress(BO.id, "h", 1, "mdns", "2026-01-01T00:00:00Z", 0)
    (line,) = await lines(hive, None, before).lasting()
    assert (line.state, line.seen_at) == ("away", "2026-01-01T00:00:00Z")
    assert line.why == "it was not met since this node was started"
    (line,) = await lines(hive).lasting()
    assert (line.state, line.why) == ("never met", None)
    (line,) = await lines(hive, contact(), before).lasting()
    assert line.seen_at != "2026-01-01T00:00:00Z"


def test_quarantine_and_shunning_come_first_and_say_why_and_until_when(hive: Hive) -> None:
    hive.standings[BO.id] = Standing().after_invalid_signature(NOW.timestamp(), 8)
    line = only(hive, contact(have=hive.digest()))
    until = (NOW + timedelta(days=1)).strftime("%Y-%m-%d")
    assert (line.state, line.standing) == ("shunned", -64.0)
    assert f"left alone until {until}" in (line.why or "")
    hive.equivocators = {BO.id: 1}
    line = only(hive, contact(failures=3))
    assert line.state == "quarantined"
    assert "two different entries at one number" in (line.why or "")
    assert "new invite" in (line.why or "")


def test_in_a_big_hive_who_is_no_neighbour_is_heard_through_others_and_is_not_missing() -> None:
    others = [FakeNode(f"n{number}") for number in range(13)]
    big = Hive(ADA.id, FakeHive.found(ADA, *others).membership)
    assert {one.state for one in lines(big).lines()} == {"through others"}
    small = Hive(ADA.id, FakeHive.found(ADA, *others[:12]).membership)
    assert {one.state for one in lines(small).lines()} == {"never met"}


def test_one_that_said_goodbye_is_asleep_whether_it_answers_or_not() -> None:
    hive = Hive(ADA.id, FakeHive.found(ADA, BO).membership)
    for failures in (0, 3):
        assert only(hive, Contact(BO.id, "h", 1, is_asleep=True, failures=failures)).state == "asleep"
