"""What two nodes say when they reconcile, and the numbers that are lacking in between."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import Code, RemoteProtocolError
from protocol.feed import Head
from protocol.holes import Holes
from protocol.ids import EntryId
from protocol.limits import ENVELOPE_BYTES, MEMBERS, SYNC_TAIL_BYTES, WANTED
from protocol.messages import SyncRequest, SyncTail, fitting_proofs, parse_sync_request, parse_sync_tail
from protocol.sync import Missing, held_parts, lacks_the_end, unshown
from tests.fakes.hive import FakeHive, FakeNode

ADA, BO = FakeNode("ada"), FakeNode("bo")
HIVE = FakeHive.found(ADA, BO)
ONE = EntryId("1" * 64)
HEADS = {ADA.id: Head(1, 9, ONE)}
PAIR = (HIVE.entry(ADA).to_bytes(), HIVE.entry(BO).to_bytes())
SPAN = Missing(ADA.id, 1, 2, 4)


def test_a_request_and_a_tail_arrive_as_they_were() -> None:
    for request in (SyncRequest({}), SyncRequest(HEADS, (SPAN,), frozenset({BO.id}))):
        assert parse_sync_request(request.to_json()) == request
    for tail in (SyncTail({}), SyncTail(HEADS, (SPAN,), has_more=True)):
        assert parse_sync_tail(tail.to_json()) == tail


def test_a_proof_arrives_as_two_envelopes_of_the_same_entries() -> None:
    ((first, second),) = parse_sync_tail(SyncTail({}, proofs=(PAIR,)).to_json()).proofs
    assert [json.loads(one) for one in (first, second)] == [json.loads(one) for one in PAIR]


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("wanted", {}, Code.BAD_SCHEMA),
        ("wanted", [[ADA.id, 1, 1]], Code.BAD_SCHEMA),
        ("wanted", [[ADA.id, 1, 2, 1]], Code.BAD_SCHEMA),
        ("wanted", [[ADA.id, 1, 0, 1]], Code.BAD_SCHEMA),
        ("wanted", [[ADA.id, True, 1, 1]], Code.BAD_SCHEMA),
        ("wanted", [[ADA.id, 1, 1, 2**53 + 1]], Code.NOT_FINITE),
        ("wanted", [[ADA.id, 1, 1.0, 2]], Code.BAD_SCHEMA),
        ("wanted", [["ada", 1, 1, 2]], Code.BAD_KEY),
        ("wanted", [[ADA.id, 1, 1, 2]] * (WANTED + 1), Code.TOO_MANY),
        ("proven", "x", Code.BAD_SCHEMA),
        ("proven", [7], Code.BAD_KEY),
        ("proven", [ADA.id] * (MEMBERS + 1), Code.TOO_MANY),
    ],
)
def test_a_request_out_of_shape_is_refused(name: str, value: Any, code: Code) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        parse_sync_request(json.dumps({"have": {}, name: value}).encode())
    assert caught.value.code is code


@pytest.mark.parametrize("proofs", [{}, [[]], [[{}]], [[{}, {}, {}]], [[{}, "x"]], ["x"]])
def test_a_tail_out_of_shape_is_refused(proofs: Any) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        parse_sync_tail(json.dumps({"have": {}, "proofs": proofs}).encode())
    assert caught.value.code is Code.BAD_SCHEMA


def test_the_largest_tail_there_is_stays_within_its_limit() -> None:
    """A thousand authors, each with an end that is withheld and a name of its own, and a proof of two full envelopes."""
    letters = str.maketrans("0189", "bcde")
    authors: list[Any] = [f"{number:051d}".translate(letters) + "a" for number in range(MEMBERS)]
    heads = {author: Head(1_000_000, 2**53, ONE) for author in authors}
    spans = tuple(Missing(author, 1_000_000, 2**53 - 1, 2**53) for author in authors)
    full = json.dumps({"payload": "x" * (ENVELOPE_BYTES - 14)}).encode()
    assert len(SyncTail(heads, spans, ((full, full),), has_more=True).to_json()) <= SYNC_TAIL_BYTES


def test_proofs_come_one_in_any_case_and_more_while_they_are_small() -> None:
    large, small = (b"x" * ENVELOPE_BYTES, b"x" * ENVELOPE_BYTES), (b"x", b"x")
    assert fitting_proofs([]) == ()
    assert fitting_proofs([large, small]) == (large,)
    assert fitting_proofs([small, small, large]) == (small, small)


def test_what_is_wanted_is_cut_to_what_is_held() -> None:
    wanted = [
        SPAN,
        Missing(ADA.id, 1, 8, 99),
        Missing(ADA.id, 1, 10, 11),
        Missing(ADA.id, 2, 1, 1),
        Missing(BO.id, 1, 1, 1),
    ]
    assert held_parts(HEADS, wanted) == [SPAN, Missing(ADA.id, 1, 8, 9)]


def test_a_feed_ends_with_ours_where_all_that_is_beyond_may_not_be_shown() -> None:
    ours = {ADA.id: Head(1, 7, ONE)}
    assert lacks_the_end(Missing(ADA.id, 1, 8, 9), ours, HEADS)
    assert not lacks_the_end(Missing(ADA.id, 1, 9, 9), ours, HEADS)  # number 8 may be shown, and does not follow
    assert not lacks_the_end(Missing(ADA.id, 1, 8, 8), ours, HEADS)
    assert lacks_the_end(Missing(ADA.id, 1, 1, 9), {}, HEADS)
    assert not lacks_the_end(Missing(BO.id, 1, 8, 9), ours, HEADS)


@given(st.sets(st.integers(1, 30)), st.integers(1, 30), st.booleans())
def test_a_range_is_what_is_shown_of_it_and_what_is_not(held: set[int], last: int, is_cut: bool) -> None:
    shown = sorted(one for one in held if one <= last)
    rest = unshown(Missing(ADA.id, 1, 1, last), shown, is_cut=is_cut)

    hidden = [number for one in rest for number in range(one.first, one.last + 1)]
    looked_at = range(1, (shown[-1] if shown else 0) + 1) if is_cut else range(1, last + 1)
    assert sorted([*shown, *hidden]) == list(looked_at)


@given(st.lists(st.integers(1, 12), max_size=30), st.lists(st.integers(1, 12)))
def test_holes_are_the_numbers_that_were_skipped_and_not_filled(steps: list[int], filled: list[int]) -> None:
    holes, at, lacking = Holes(), 0, set[int]()
    for step in steps:
        if step > 1:
            holes.open(Missing(ADA.id, 1, at + 1, at + step - 1))
            lacking |= set(range(at + 1, at + step))
        at += step
    for number in filled:
        holes.fill(ADA.id, 1, number)
        holes.fill(ADA.id, 2, number)
        holes.fill(BO.id, 1, number)
    lacking -= set(filled)

    assert {number for one in holes for number in range(one.first, one.last + 1)} == lacking
    assert all(holes.covers(ADA.id, 1, number) == (number in lacking) for number in range(1, at + 2))
    assert not holes.covers(BO.id, 1, 1)
    assert bool(holes) == bool(lacking)
    spans = list(holes)
    assert all(before.last < after.first for before, after in pairwise(spans))
