"""An export of deltas is verified offline, strictly: whatever was done to it after it was written is found, and named."""

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hive_node.cli.chains import Findings, verify_export
from protocol.envelope import Envelope
from protocol.limits import ENVELOPE_BYTES
from tests.fakes.hive import FakeHive, FakeNode, recipe, summary

ANNA, BEN, EVE = FakeNode("anna"), FakeNode("ben"), FakeNode("eve")
HIVE = FakeHive.found(ANNA, BEN)
FIRST, SECOND, THIRD = HIVE.feed(ANNA, 3)
BENS = HIVE.entry(BEN, recipe())


def export(*envelopes: Envelope) -> bytes:
    return b"".join(one.to_bytes() + b"\n" for one in envelopes)


def verify(raw: bytes) -> Findings:
    return verify_export(io.BytesIO(raw))


def flaws(raw: bytes) -> list[tuple[int, str]]:
    return [(flaw.line, flaw.code) for flaw in verify(raw).flaws]


WHOLE = export(FIRST, SECOND, THIRD, BENS)


def test_an_honest_export_is_whole_and_counted() -> None:
    found = verify(WHOLE)
    assert found.flaws == []
    assert (found.entries, found.hive) == (4, HIVE.id)
    assert found.authors == {ANNA.id: 3, BEN.id: 1}
    assert found.kinds == {"summary": 3, "recipe": 1}


def test_feeds_may_be_interleaved_as_long_as_each_is_in_order() -> None:
    assert flaws(export(FIRST, BENS, SECOND, THIRD)) == []


def test_an_empty_file_is_no_export() -> None:
    assert flaws(b"") == [(1, "empty")]


def test_one_flipped_bit_in_any_byte_is_found() -> None:
    raw = export(FIRST, SECOND)
    for at in range(len(raw)):
        changed = bytearray(raw)
        changed[at] ^= 1 << at % 8
        assert verify(bytes(changed)).flaws, f"byte {at}"


@settings(max_examples=300)
@given(st.integers(0, len(WHOLE) - 1), st.integers(1, 255))
def test_any_other_byte_anywhere_is_found(at: int, mask: int) -> None:
    changed = bytearray(WHOLE)
    changed[at] ^= mask
    assert verify(bytes(changed)).flaws


@settings(max_examples=300)
@given(st.integers(0, len(WHOLE)), st.binary(min_size=1, max_size=3))
def test_bytes_put_in_anywhere_are_found(at: int, more: bytes) -> None:
    assert verify(WHOLE[:at] + more + WHOLE[at:]).flaws


@settings(max_examples=200)
@given(st.integers(0, len(WHOLE) - 1), st.integers(1, 5))
def test_bytes_taken_out_anywhere_are_found(at: int, many: int) -> None:
    assert verify(WHOLE[:at] + WHOLE[at + many :]).flaws


@settings(max_examples=300)
@given(st.binary(max_size=400))
def test_arbitrary_bytes_are_never_whole_and_never_raise(raw: bytes) -> None:
    assert verify(raw).flaws


def test_a_missing_newline_at_the_end_is_a_cut() -> None:
    assert flaws(WHOLE[:-1]) == [(4, "cut-off")]


def test_a_blank_line_is_no_entry() -> None:
    assert flaws(export(FIRST) + b"\n" + export(SECOND)) == [(2, "bad-json")]


@pytest.mark.parametrize(
    "respell",
    [
        json.dumps,
        lambda tree: json.dumps(tree, separators=(",", ":")),
        lambda tree: json.dumps(tree, separators=(",", ":"), sort_keys=True).replace(
            "payloadType", "p\\u0061yloadType"
        ),
    ],
    ids=["spaces", "unsorted", "escapes"],
)
def test_the_same_envelope_in_another_spelling_is_refused(respell: Callable[[Any], str]) -> None:
    tree = json.loads(FIRST.to_bytes())
    unsorted = {name: tree[name] for name in sorted(tree, reverse=True)}
    assert flaws(respell(unsorted).encode() + b"\n") == [(1, "not-canonical")]


def test_an_entry_that_was_taken_out_breaks_the_chain_once() -> None:
    assert flaws(export(FIRST, THIRD)) == [(2, "broken-chain")]
    assert flaws(export(SECOND, THIRD)) == [(1, "broken-chain")]


def test_entries_in_another_order_break_the_chain() -> None:
    assert (2, "broken-chain") in flaws(export(SECOND, FIRST, THIRD))


def test_an_entry_told_twice_is_found() -> None:
    assert flaws(export(FIRST, FIRST)) == [(2, "broken-chain")]


def test_two_entries_signed_at_one_number_are_an_equivocation() -> None:
    other = HIVE.entry(ANNA, summary(gain=0.9))
    assert flaws(export(FIRST, other)) == [(2, "equivocation")]


def test_an_entry_chained_to_another_history_is_found() -> None:
    other = HIVE.entry(ANNA, summary(gain=0.9))
    grafted = HIVE.entry(ANNA, seq=2, prev=other.id)
    assert flaws(export(FIRST, grafted)) == [(2, "broken-chain")]


def test_a_new_epoch_begins_its_feed_anew() -> None:
    assert flaws(export(FIRST, SECOND, HIVE.entry(ANNA, epoch=2))) == []


def test_an_entry_signed_by_another_than_it_names_is_refused() -> None:
    payload = FIRST.payload
    assert flaws(export(EVE.seal(payload))) == [(1, "author-mismatch")]


def test_a_signature_under_anothers_name_is_refused() -> None:
    forged = Envelope(
        FIRST.payload_type, FIRST.payload, (EVE.seal(FIRST.payload).signatures[0].__class__(ANNA.id, b"\0" * 64),)
    )
    assert flaws(export(forged)) == [(1, "bad-signature")]


def test_two_signatures_are_one_too_many() -> None:
    both = Envelope(FIRST.payload_type, FIRST.payload, (*FIRST.signatures, *EVE.seal(FIRST.payload).signatures))
    assert flaws(export(both)) == [(1, "bad-envelope")]


def test_entries_of_two_hives_are_no_one_export() -> None:
    other = FakeHive.found(BEN, ANNA)
    assert flaws(export(FIRST, other.entry(BEN))) == [(2, "wrong-hive")]


def test_a_charter_is_no_delta() -> None:
    assert flaws(ANNA.charter().to_bytes() + b"\n") == [(1, "wrong-type")]


def test_a_signed_payload_without_its_schema_is_refused() -> None:
    assert flaws(export(ANNA.seal(b'{"kind":"summary","body":{}}'))) == [(1, "bad-schema")]


def test_a_line_larger_than_any_envelope_is_refused_without_being_held() -> None:
    assert (1, "too-large") in flaws(b"[" * (4 * ENVELOPE_BYTES) + b"\n")


def test_a_file_of_something_else_ends_after_a_hundred_flaws() -> None:
    assert len(verify(b"no\n" * 5000).flaws) == 100
