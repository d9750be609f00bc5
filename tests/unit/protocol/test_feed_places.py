"""One author, one chain, each number once."""

from typing import Any

import pytest

from protocol.charter import stamp
from protocol.deltas import Header
from protocol.errors import Code, RemoteProtocolError
from protocol.feed import Head, Place, place
from protocol.ids import EntryId
from tests.fakes.hive import CONSTITUTION, NOW, FakeNode

ADA = FakeNode("ada")
FIRST, SECOND, OTHER = (EntryId(digit * 64) for digit in "123")
HELD = Head(epoch=1, seq=2, id=SECOND)


def header(seq: int, prev: str | None, epoch: int = 1) -> Header:
    fields: dict[str, Any] = {"hive": ADA.id, "author": ADA.id, "issued_at": stamp(NOW), "constitution": CONSTITUTION}
    return Header(epoch=epoch, seq=seq, prev=prev, kind="summary", **fields)


def refusal(seq: int, prev: str | None, head: Head | None, *, epoch: int = 1, member_epoch: int = 1) -> Code:
    with pytest.raises(RemoteProtocolError) as caught:
        place(header(seq, prev, epoch), head, member_epoch)
    return caught.value.code


def test_first_entry_of_an_unheard_author_is_next() -> None:
    assert place(header(1, None), None, 1) is Place.NEXT


def test_entry_that_names_the_held_head_is_next() -> None:
    assert place(header(3, SECOND), HELD, 1) is Place.NEXT


def test_entry_that_names_another_head_breaks_the_chain() -> None:
    assert refusal(3, OTHER, HELD) is Code.BROKEN_CHAIN
    assert refusal(3, FIRST, HELD) is Code.BROKEN_CHAIN


@pytest.mark.parametrize("head", [None, HELD])
def test_first_entry_has_no_prev_and_every_later_one_has(head: Head | None) -> None:
    assert refusal(1, OTHER, head) is Code.BROKEN_CHAIN
    assert refusal(3, None, head) is Code.BROKEN_CHAIN


def test_entry_ahead_of_its_place_is_a_gap_not_a_fault() -> None:
    assert place(header(4, OTHER), HELD, 1) is Place.GAP
    assert place(header(2, FIRST), None, 1) is Place.GAP
    assert place(header(2**53, OTHER), HELD, 1) is Place.GAP


@pytest.mark.parametrize(("seq", "prev"), [(1, None), (2, FIRST), (2, OTHER)])
def test_entry_at_a_used_number_is_past_whatever_it_says(seq: int, prev: str | None) -> None:
    assert place(header(seq, prev), HELD, 1) is Place.PAST


def test_entry_of_another_epoch_than_the_charters_is_refused() -> None:
    assert refusal(3, SECOND, HELD, epoch=1, member_epoch=2) is Code.OLD_EPOCH
    assert refusal(3, SECOND, HELD, epoch=2, member_epoch=1) is Code.FUTURE_EPOCH


def test_raised_epoch_begins_a_new_feed_at_number_one() -> None:
    """What was held belongs to the epoch before: it is no head of this one."""
    assert place(header(1, None, epoch=2), HELD, 2) is Place.NEXT
    assert place(header(3, SECOND, epoch=2), HELD, 2) is Place.GAP
    assert refusal(1, SECOND, HELD, epoch=2, member_epoch=2) is Code.BROKEN_CHAIN
