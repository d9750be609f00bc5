"""Streams and have-vectors: the same bytes mean the same however they are cut, and reconciling ends."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import RemoteProtocolError
from protocol.feed import Head
from protocol.ids import EntryId, NodeId, sha256_hex
from protocol.messages import parse_sync_request
from protocol.sync import LineReader, have_digest, have_vector_tree, missing, parse_have_vector
from protocol.wire import dump_json
from tests.fakes.hive import FakeNode

# A slow machine is no failure.
LIMIT = 8
AUTHORS = [FakeNode(f"author {n}").id for n in range(4)]
streams = st.lists(st.sampled_from([b"\n", b"\r\n", b" ", b"a", b"bcd", b"\xff", b"12345678"]), max_size=30).map(
    b"".join
)
heads = st.builds(
    lambda epoch, seq: Head(epoch, seq, EntryId(sha256_hex(b"%d.%d" % (epoch, seq)))),
    st.integers(1, 3),
    st.integers(1, 9),
)
have_vectors = st.dictionaries(st.sampled_from(AUTHORS), heads)


def outcome(chunks: list[bytes]) -> tuple[list[bytes], bool]:
    """The lines before the stream ended or was cut off, and whether it was cut off."""
    reader, lines = LineReader(LIMIT), []
    try:
        for chunk in chunks:
            for line in reader.feed(chunk):
                lines.append(line)
        lines.extend(reader.close())
    except RemoteProtocolError:
        return lines, True
    return lines, False


@given(streams, st.lists(st.integers(0, 200), max_size=8))
def test_any_cutting_of_a_stream_gives_the_same_lines(stream: bytes, places: list[int]) -> None:
    cuts = sorted({0, len(stream), *(place for place in places if place < len(stream))})
    chunks = [stream[start:end] for start, end in pairwise(cuts)]

    lines = outcome(chunks)

    assert lines == outcome([stream])
    assert lines == outcome([bytes([byte]) for byte in stream])


@given(streams)
def test_lines_are_those_of_the_stream_up_to_the_first_too_long_one(stream: bytes) -> None:
    expected: list[bytes] = []
    is_cut_off = False
    for line in stream.split(b"\n"):
        if len(line) > LIMIT:
            is_cut_off = True
            break
        if line.strip():
            expected.append(line)

    assert outcome([stream]) == (expected, is_cut_off)


@given(st.lists(st.binary(max_size=12), max_size=20))
def test_reader_never_holds_more_than_a_line_and_a_chunk(chunks: list[bytes]) -> None:
    reader = LineReader(LIMIT)
    for chunk in chunks:
        try:
            list(reader.feed(chunk))
        except RemoteProtocolError:
            return
        assert len(reader._rest) <= LIMIT


@given(have_vectors)
def test_have_vector_survives_the_journey(ours: dict[NodeId, Head]) -> None:
    assert parse_sync_request(dump_json({"have": have_vector_tree(ours)})).have == ours


@given(have_vectors, have_vectors)
def test_digests_agree_exactly_where_the_feeds_do(ours: dict[NodeId, Head], theirs: dict[NodeId, Head]) -> None:
    assert (have_digest(ours) == have_digest(theirs)) == (ours == theirs)


@given(have_vectors, have_vectors)
def test_one_exchange_each_way_leaves_nothing_missing(ours: dict[NodeId, Head], theirs: dict[NodeId, Head]) -> None:
    """Whoever holds the later place of a feed gives it; afterwards both hold the same."""
    merged = {author: max(held, key=lambda head: (head.epoch, head.seq)) for author, held in both(ours, theirs).items()}

    for side, other in ((ours, theirs), (theirs, ours)):
        given = {part.author: part for part in missing(side, other)}
        for author, head in side.items():
            held = other.get(author)
            is_ahead = held is None or (head.epoch, head.seq) > (held.epoch, held.seq)
            assert (author in given) == is_ahead
            if is_ahead:
                part = given[author]
                assert (part.epoch, part.last) == (head.epoch, head.seq) == (merged[author].epoch, merged[author].seq)
                assert part.first == (held.seq + 1 if held and held.epoch == head.epoch else 1)
    assert missing(merged, merged) == []
    assert parse_have_vector(have_vector_tree(merged)) == merged


def both(ours: dict[NodeId, Head], theirs: dict[NodeId, Head]) -> dict[NodeId, list[Head]]:
    return {author: [side[author] for side in (ours, theirs) if author in side] for author in ours | theirs}
