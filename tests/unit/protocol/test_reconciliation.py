"""Who has what, and cutting a peer's stream into lines."""

import json
from typing import Any

import pytest

from protocol.errors import Code, RemoteProtocolError
from protocol.feed import Head
from protocol.ids import EntryId, NodeId
from protocol.limits import BLANK_LINES, ENVELOPE_BYTES, INTEGER_MAX, MEMBERS
from protocol.messages import parse_sync_request
from protocol.sync import (
    LineReader,
    Missing,
    asking_for,
    have_digest,
    have_vector_tree,
    missing,
    parse_have_vector,
    shared_places,
)
from tests.fakes.hive import FakeNode

ADA, BO, CY = sorted(FakeNode(seed).id for seed in ("ada", "bo", "cy"))
ONE, TWO = EntryId("1" * 64), EntryId("2" * 64)


def refusal(value: Any) -> Code:
    with pytest.raises(RemoteProtocolError) as caught:
        parse_have_vector(value)
    return caught.value.code


# --- have-vectors ------------------------------------------------------------------------------------------------------


def test_have_vector_travels_and_arrives_as_it_was() -> None:
    heads = {ADA: Head(1, 7, ONE), BO: Head(3, 1, TWO)}

    assert parse_sync_request(json.dumps({"have": have_vector_tree(heads)}).encode()).have == heads
    assert have_vector_tree(heads) == {ADA: [1, 7, ONE], BO: [3, 1, TWO]}
    assert parse_have_vector({}) == {}


@pytest.mark.parametrize("value", [None, [], "all", 1, True])
def test_have_vector_that_is_no_object_is_refused(value: object) -> None:
    assert refusal(value) is Code.BAD_SCHEMA


@pytest.mark.parametrize("author", ["", "ada", ADA.upper(), ADA + "a", ADA[:-1] + "b", ADA[:-1] + "1", ADA + "\n"])
def test_author_that_is_spelt_unlike_a_node_id_is_refused(author: str) -> None:
    assert refusal({author: [1, 1, ONE]}) is Code.BAD_KEY


@pytest.mark.parametrize(
    "head",
    [
        None,
        1,
        "1",
        {},
        [],
        [1],
        [1, 1],
        [1, 1, ONE, 1],
        [0, 1, ONE],
        [1, 0, ONE],
        [-1, 1, ONE],
        [True, 1, ONE],
        [1, True, ONE],
        [1.0, 1, ONE],
        [1, "1", ONE],
        [1, 1, None],
        [1, 1, ONE[:-1]],
        [1, 1, "z" * 64],
        [1, 1, "A" * 64],
        [1, 1, "é" * 64],
        [INTEGER_MAX + 1, 1, ONE],
        [1, INTEGER_MAX + 1, ONE],
    ],
)
def test_head_out_of_shape_is_refused(head: object) -> None:
    assert refusal({ADA: head}) is Code.BAD_SCHEMA


def test_twenty_thousand_invented_authors_are_refused_unread() -> None:
    def invented(count: int) -> dict[str, object]:
        letters = "abcdefghijklmnopqrstuvwxyz234567"
        return {letters[n // 1024] + letters[n // 32 % 32] + letters[n % 32] + "a" * 49: None for n in range(count)}

    assert refusal(invented(20_000)) is Code.TOO_MANY
    assert refusal(invented(MEMBERS + 1)) is Code.TOO_MANY
    assert refusal(invented(MEMBERS)) is Code.BAD_SCHEMA


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", Code.BAD_JSON),
        (b"[]", Code.BAD_JSON),
        (b"{}", Code.BAD_SCHEMA),
        (b'{"have":null}', Code.BAD_SCHEMA),
        (b'{"have":{},"have":{}}', Code.DUPLICATE_KEY),
        (b'{"have":{"a":[1,1,"%b"],"a":[1,1,"%b"]}}' % (b"1" * 64, b"1" * 64), Code.DUPLICATE_KEY),
        (b'{"have":NaN}', Code.NOT_FINITE),
        (b'{"have":' + b"[" * 10_000 + b"]" * 10_000 + b"}", Code.TOO_DEEP),
    ],
)
def test_sync_request_out_of_shape_is_refused(raw: bytes, code: Code) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        parse_sync_request(raw)

    assert caught.value.code is code


def test_digest_is_equal_exactly_for_equal_feeds_in_any_order() -> None:
    heads = {ADA: Head(1, 7, ONE), BO: Head(1, 1, TWO)}

    assert have_digest(heads) == have_digest(dict(reversed(heads.items())))
    for other in (Head(2, 7, ONE), Head(1, 8, ONE), Head(1, 7, TWO)):
        assert have_digest(heads | {ADA: other}) != have_digest(heads)
    assert have_digest({}) != have_digest(heads)


# --- what to send ------------------------------------------------------------------------------------------------------


def test_stranger_to_an_author_gets_the_whole_feed() -> None:
    assert missing({ADA: Head(1, 7, ONE)}, {}) == [Missing(ADA, 1, 1, 7)]


def test_peer_that_is_behind_gets_the_rest() -> None:
    assert missing({ADA: Head(1, 7, ONE)}, {ADA: Head(1, 5, TWO)}) == [Missing(ADA, 1, 6, 7)]


@pytest.mark.parametrize("theirs", [Head(1, 7, ONE), Head(1, 9, TWO), Head(2, 1, TWO)])
def test_peer_that_is_level_or_ahead_gets_nothing(theirs: Head) -> None:
    assert missing({ADA: Head(1, 7, ONE)}, {ADA: theirs}) == []


def test_peer_in_an_older_epoch_gets_the_new_one_from_its_start() -> None:
    assert missing({ADA: Head(2, 3, ONE)}, {ADA: Head(1, 900, TWO)}) == [Missing(ADA, 2, 1, 3)]


def test_authors_come_in_the_order_of_their_ids_and_unknown_ones_are_nothing_to_us() -> None:
    ours = {BO: Head(1, 1, ONE), ADA: Head(1, 2, TWO)}

    assert missing(ours, {CY: Head(1, 5, ONE)}) == [Missing(ADA, 1, 1, 2), Missing(BO, 1, 1, 1)]
    assert missing({}, {NodeId(CY): Head(1, 5, ONE)}) == []


# --- lines -------------------------------------------------------------------------------------------------------------


def read(reader: LineReader, chunks: list[bytes]) -> list[bytes]:
    return [line for chunk in chunks for line in reader.feed(chunk)]


def test_lines_come_whole_however_the_stream_is_cut() -> None:
    reader = LineReader(max_line_bytes=8)

    assert list(reader.feed(b"one\ntw")) == [b"one"]
    assert list(reader.feed(b"")) == []
    assert list(reader.feed(b"o")) == []
    assert list(reader.feed(b"\n\n \t\r\nthree\nfo")) == [b"two", b"three"]
    assert list(reader.close()) == [b"fo"]
    assert list(reader.close()) == []


def test_line_that_never_ends_is_cut_off_at_the_limit_not_collected() -> None:
    reader = LineReader()
    for _ in range(ENVELOPE_BYTES // 1024):
        assert list(reader.feed(b"x" * 1024)) == []

    with pytest.raises(RemoteProtocolError) as caught:
        list(reader.feed(b"x"))

    assert caught.value.code is Code.TOO_LARGE


def test_line_at_the_limit_passes_and_one_byte_more_does_not() -> None:
    assert list(LineReader(4).feed(b"four\n")) == [b"four"]
    for chunks in ([b"fiver\n"], [b"five", b"r\n"], [b"a\nfiver\nb\n"]):
        with pytest.raises(RemoteProtocolError) as caught:
            read(LineReader(4), chunks)
        assert caught.value.code is Code.TOO_LARGE


def test_honest_lines_before_a_too_long_one_still_come() -> None:
    lines = LineReader(4).feed(b"a\nb\nfiver\nc\n")

    assert next(lines) == b"a"
    assert next(lines) == b"b"
    with pytest.raises(RemoteProtocolError):
        next(lines)


def test_last_line_needs_no_line_end() -> None:
    reader = LineReader(4)

    assert list(reader.feed(b"a\nfour")) == [b"a"]
    assert list(reader.close()) == [b"four"]


def test_blank_lines_are_passed_over_up_to_their_number() -> None:
    for blank in (b"\n", b" \t\r\n"):
        reader = LineReader()
        assert list(reader.feed(blank * BLANK_LINES + b"one\n")) == [b"one"]
        with pytest.raises(RemoteProtocolError) as caught:
            list(reader.feed(blank))
        assert caught.value.code is Code.TOO_MANY


def test_blank_lines_are_counted_however_the_stream_is_cut() -> None:
    reader = LineReader(max_blank_lines=3)

    assert [line for _ in range(3) for line in reader.feed(b" \n")] == []
    with pytest.raises(RemoteProtocolError):
        list(reader.feed(b"\n"))


# --- feeds that end differently ----------------------------------------------------------------------------------------


def test_sides_that_end_alike_or_not_together_share_no_place_to_look_at() -> None:
    ours = {ADA: Head(1, 7, ONE), BO: Head(1, 7, ONE)}

    assert shared_places(ours, ours) == {}
    assert shared_places(ours, {CY: Head(1, 1, TWO)}) == {}
    assert shared_places(ours, {ADA: Head(2, 7, TWO)}) == {}
    assert shared_places({}, ours) == {}


def test_the_nearer_end_is_the_place_that_both_passed() -> None:
    ours = {ADA: Head(1, 7, ONE), BO: Head(1, 3, ONE), CY: Head(1, 5, ONE)}
    theirs = {ADA: Head(1, 4, TWO), BO: Head(1, 9, TWO), CY: Head(1, 5, TWO)}

    places = shared_places(ours, theirs)

    assert places == {ADA: Head(1, 4, TWO), BO: Head(1, 3, ONE), CY: places[CY]}
    assert places[CY].seq == 5


def test_asking_for_a_place_gets_that_author_from_there_on_and_nobody_else() -> None:
    theirs = {ADA: Head(1, 9, TWO), BO: Head(1, 3, TWO), CY: Head(1, 1, TWO)}

    assert missing(theirs, asking_for(theirs, {ADA: Head(1, 4, ONE)})) == [Missing(ADA, 1, 4, 9)]
    assert missing(theirs, asking_for(theirs, {CY: Head(1, 1, ONE)})) == [Missing(CY, 1, 1, 1)]
    assert missing(theirs, asking_for(theirs, {})) == []
    asked = asking_for(theirs, {ADA: Head(1, 4, ONE)})
    assert parse_have_vector(have_vector_tree(asked)) == asked
