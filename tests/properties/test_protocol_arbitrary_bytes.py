"""Any byte sequence at all ends in an entry or a RemoteProtocolError; nothing else escapes, and nothing forged is taken."""

import base64
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.charter import Charter
from protocol.deltas import KINDS, Delta
from protocol.envelope import CHARTER_TYPE, DELTA_TYPE, pae, parse_envelope
from protocol.errors import ProtocolError, RemoteProtocolError
from protocol.ids import node_id, node_id_of_certificate, parse_node_id, sha256_hex
from protocol.limits import CHARTER_BYTES, ENVELOPE_BYTES, JSON_DEPTH
from protocol.messages import parse_sync_request, parse_sync_tail
from protocol.sync import parse_have_vector
from protocol.verification import OutOfPlace, Verified, verify_chain, verify_entry, verify_next_charter
from protocol.wire import JsonValue, dump_json, parse_json
from tests.fakes.hive import FakeHive, FakeNode, head, recipe, summary

# A slow machine is no failure.
ADA, BO = FakeNode("ada"), FakeNode("bo")
HIVE = FakeHive.found(ADA, BO)
FEED = HIVE.feed(BO, 3)
HELD = {BO.id: head(FEED[0], seq=1)}
SIGNED = {envelope.id for envelope in FEED}
NEXT_CHARTER = HIVE.amend(ADA, name="renamed").chain[1]

numbers = st.integers(-(2**60), 2**60) | st.floats() | st.sampled_from([0, 1, -1, 2**53, 2**53 + 1, 1e300])
leaves = st.none() | st.booleans() | numbers | st.text(max_size=80)
json_trees = st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=20), inner))


def only_their_fault(parse: Callable[[], object]) -> None:
    with suppress(RemoteProtocolError):
        parse()


def as_text(tree: object) -> bytes:
    """JSON with whatever Python would write: NaN and lone surrogates included."""
    return json.dumps(tree).encode()


def everything(raw: bytes) -> list[Callable[[], object]]:
    return [
        lambda: verify_entry(raw, HIVE.membership, HELD),
        lambda: verify_next_charter(raw, HIVE.membership),
        lambda: verify_chain([raw], HIVE.id),
        lambda: parse_sync_request(raw),
        lambda: parse_sync_tail(raw),
        lambda: Delta.parse(raw),
        lambda: Charter.parse(raw),
        lambda: parse_json(raw),
        lambda: node_id(raw),
        lambda: node_id(raw[:32].ljust(32, b"\2")),
    ]


@given(st.binary(max_size=400))
def test_any_bytes_are_refused_as_theirs(raw: bytes) -> None:
    for parse in everything(raw):
        only_their_fault(parse)


@given(json_trees)
def test_any_json_is_refused_as_theirs(tree: object) -> None:
    for parse in everything(as_text(tree)):
        only_their_fault(parse)


@given(st.binary(max_size=200) | json_trees.map(as_text), st.sampled_from([DELTA_TYPE, CHARTER_TYPE]))
def test_nonsense_under_a_members_signature_is_refused_as_theirs(payload: bytes, payload_type: str) -> None:
    raw = ADA.seal(payload, payload_type).to_bytes()

    with pytest.raises(RemoteProtocolError):
        verify_entry(raw, HIVE.membership, HELD)
    with pytest.raises(RemoteProtocolError):
        verify_next_charter(raw, HIVE.membership)


def paths(tree: object, prefix: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    children = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [prefix, *(path for key, child in children for path in paths(child, (*prefix, key)))]


def replaced(tree: Any, path: tuple[Any, ...], value: object) -> Any:
    if not path:
        return value
    copy = dict(tree) if isinstance(tree, dict) else list(tree)
    copy[path[0]] = replaced(copy[path[0]], path[1:], value)
    return copy


def with_any_part_replaced(tree: Any) -> st.SearchStrategy[Any]:
    return st.builds(lambda path, value: replaced(tree, path, value), st.sampled_from(paths(tree)), json_trees)


DELTA_TREES = [json.loads(HIVE.entry(BO, body).payload) for body in (summary(), recipe(guards={"memory": 1.0}))]
CHARTER_TREE = json.loads(HIVE.successor().payload())


@given(st.sampled_from(DELTA_TREES).flatmap(with_any_part_replaced))
def test_signed_delta_with_any_part_replaced_is_an_entry_or_refused(tree: object) -> None:
    raw = BO.seal(as_text(tree)).to_bytes()

    with suppress(RemoteProtocolError):
        found = verify_entry(raw, HIVE.membership, {})
        delta = found.value if isinstance(found, Verified) else found.delta
        assert (delta.hive, delta.author) == (HIVE.id, BO.id)
        assert (delta.body is not None) == (delta.kind in KINDS)


@given(with_any_part_replaced(CHARTER_TREE))
def test_signed_charter_with_any_part_replaced_is_a_charter_or_refused(tree: object) -> None:
    with suppress(RemoteProtocolError):
        found = verify_next_charter(ADA.seal(as_text(tree), CHARTER_TYPE).to_bytes(), HIVE.membership)
        assert found.charter.version == 2
        assert set(found.charter.admins.ids) <= set(found.members)


@given(with_any_part_replaced(json.loads(FEED[1].to_bytes())))
def test_envelope_with_any_part_replaced_is_the_entry_it_was_or_refused(tree: object) -> None:
    with suppress(RemoteProtocolError):
        found = verify_entry(as_text(tree), HIVE.membership, HELD)
        assert found.envelope == FEED[1]


@st.composite
def mutations(draw: st.DrawFn, raw: bytes) -> bytes:
    """`raw` after one to four splices: bytes overwritten, cut out, put in, or a piece of it repeated."""
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(raw)))
        end = draw(st.integers(start, min(len(raw), start + 12)))
        piece = draw(st.binary(max_size=6) | st.just(raw[start : start + 40]))
        raw = raw[:start] + piece + raw[end:]
    return raw


@given(st.sampled_from([envelope.to_bytes() for envelope in FEED]).flatmap(mutations))
def test_mutated_entry_is_refused_or_one_that_was_really_signed(raw: bytes) -> None:
    """A splice may land in white space, or restore what it cut; it never makes a payload that nobody signed."""
    with suppress(RemoteProtocolError):
        found = verify_entry(raw, HIVE.membership, HELD)
        assert isinstance(found, Verified | OutOfPlace)
        assert found.envelope.id in SIGNED


@given(mutations(NEXT_CHARTER))
def test_mutated_charter_is_refused_or_the_one_that_was_really_signed(raw: bytes) -> None:
    with suppress(RemoteProtocolError):
        found = verify_next_charter(raw, HIVE.membership)
        assert found.digest == sha256_hex(base64.b64decode(json.loads(NEXT_CHARTER)["payload"]))


@pytest.mark.filterwarnings("ignore:Parsed a serial number")
@given(mutations(BO.certificate()))
def test_mutated_certificate_is_refused_or_still_speaks_for_the_same_node(der: bytes) -> None:
    with suppress(RemoteProtocolError):
        assert node_id_of_certificate(der) == BO.id


@given(st.text(max_size=60) | st.text("abcdefghijklmnopqrstuvwxyz234567", min_size=52, max_size=52))
def test_text_is_a_node_id_in_one_spelling_or_refused(text: str) -> None:
    with suppress(RemoteProtocolError):
        raw = base64.b32decode(parse_node_id(text).upper() + "====")
        assert node_id(raw) == text


@given(json_trees)
def test_any_have_vector_is_refused_as_theirs(tree: Any) -> None:
    only_their_fault(lambda: parse_have_vector(tree))


def depth(tree: object) -> int:
    children = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else None
    return 0 if children is None else 1 + max((depth(child) for child in children), default=0)


@given(json_trees)
def test_what_we_can_write_we_can_read_unless_too_deep_or_too_big(tree: JsonValue) -> None:
    try:
        raw = dump_json(tree)
    except ProtocolError:
        return  # a NaN or a lone surrogate: not to be said at all
    try:
        assert parse_json(raw) == tree
    except RemoteProtocolError:
        assert depth(tree) > JSON_DEPTH or any(abs(number) > 2**53 for number in integers(tree))


def integers(tree: object) -> list[int]:
    if isinstance(tree, int):
        return [tree]
    children = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ()
    return [number for child in children for number in integers(child)]


@given(st.integers(1, 40), st.booleans(), st.booleans())
def test_depth_is_counted_in_containers(levels: int, is_object: bool, is_empty: bool) -> None:
    opening, closing = (b'{"a":', b"}") if is_object else (b"[", b"]")
    inner = (b"{}" if is_object else b"[]") if is_empty else opening + b"1" + closing
    raw = opening * (levels - 1) + inner + closing * (levels - 1)

    if levels <= JSON_DEPTH:
        assert depth(parse_json(raw)) == levels
    else:
        with pytest.raises(RemoteProtocolError):
            parse_json(raw)


@given(st.text(max_size=30), st.binary(max_size=60), st.text(max_size=30), st.binary(max_size=60))
def test_two_messages_share_a_signed_form_only_if_they_are_one(a: str, body_a: bytes, b: str, body_b: bytes) -> None:
    assert (pae(a, body_a) == pae(b, body_b)) == ((a, body_a) == (b, body_b))


@given(st.binary(max_size=300), st.sampled_from([DELTA_TYPE, CHARTER_TYPE]))
def test_envelope_of_any_payload_survives_the_journey(payload: bytes, payload_type: str) -> None:
    envelope = ADA.seal(payload, payload_type)
    limit = ENVELOPE_BYTES if payload_type == DELTA_TYPE else CHARTER_BYTES

    assert parse_envelope(envelope.to_bytes(), max_bytes=limit, payload_type=payload_type) == envelope
