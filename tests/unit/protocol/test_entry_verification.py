"""Entries as an attacker sends them: each refused by the first thing that is wrong with it, and by nothing later."""

import base64
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

import protocol
from protocol import limits
from protocol.deltas import Delta
from protocol.envelope import CHARTER_TYPE, DELTA_TYPE
from protocol.errors import Code, RemoteProtocolError
from protocol.feed import Head, Place
from protocol.ids import parse_node_id
from protocol.limits import ENVELOPE_BYTES, MEMBERS
from protocol.sync import parse_have_vector
from protocol.verification import Membership, OutOfPlace, Verified, verify_entry, verify_next_charter, verify_proof
from protocol.wire import dump_json
from tests.fakes.hive import CONSTITUTION, FakeHive, FakeNode, admins, head, sealed, summary

ADA, BO, EVE = FakeNode("ada"), FakeNode("bo"), FakeNode("eve")
HIVE = FakeHive.found(BO, ADA, EVE)
OTHER_HIVE = FakeHive.found(ADA, BO)
FEED = HIVE.feed(ADA, 5)
HELD = {ADA.id: head(FEED[1], seq=2)}
# The order of the group: a signature's second half plus this one verifies under a careless check.
L = 2**252 + 27742317777372353535851937790883648493


def refusal(raw: bytes, membership: Membership = HIVE.membership, heads: Any = HELD, quarantined: Any = ()) -> Code:
    with pytest.raises(RemoteProtocolError) as caught:
        verify_entry(raw, membership, heads, quarantined)
    return caught.value.code


# --- honest entries ----------------------------------------------------------------------------------------------------


def test_next_entry_is_verified() -> None:
    found = verify_entry(FEED[2].to_bytes(), HIVE.membership, HELD)

    assert isinstance(found, Verified)
    assert found.envelope == FEED[2]
    assert found.value.body == summary()
    assert found.value.header.seq == 3
    assert found.tree() == json.loads(FEED[2].payload)


def test_first_entry_of_an_unheard_author_is_verified() -> None:
    assert isinstance(verify_entry(FEED[0].to_bytes(), HIVE.membership, {}), Verified)


def test_any_member_may_carry_any_authors_entry() -> None:
    """Nothing in the check asks who handed it over."""
    for envelope in (HIVE.entry(BO), HIVE.entry(EVE)):
        assert isinstance(verify_entry(envelope.to_bytes(), HIVE.membership, HELD), Verified)


def test_entry_with_other_white_space_is_the_same_entry() -> None:
    spaced = json.dumps(json.loads(FEED[2].to_bytes()), indent=2).encode()

    found = verify_entry(spaced, HIVE.membership, HELD)

    assert isinstance(found, Verified)
    assert found.envelope.id == FEED[2].id


# --- replays and forks -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("index", [0, 1])
def test_replayed_entry_is_past_for_ever(index: int) -> None:
    found = verify_entry(FEED[index].to_bytes(), HIVE.membership, HELD)

    assert isinstance(found, OutOfPlace)
    assert found.place is Place.PAST
    assert found.envelope == FEED[index]


def test_second_entry_at_a_used_number_is_past_and_authentic_so_that_it_can_be_proof() -> None:
    fork = HIVE.entry(ADA, summary(gain=0.9), seq=2, prev=FEED[0].id)

    found = verify_entry(fork.to_bytes(), HIVE.membership, HELD)

    assert isinstance(found, OutOfPlace)
    assert found.place is Place.PAST
    assert found.delta.body == summary(gain=0.9)
    assert found.envelope.id != FEED[1].id


def test_reordered_entries_are_a_gap_to_be_asked_for() -> None:
    for envelope in FEED[3:]:
        found = verify_entry(envelope.to_bytes(), HIVE.membership, HELD)
        assert isinstance(found, OutOfPlace)
        assert found.place is Place.GAP


def test_entry_on_top_of_a_fork_breaks_the_chain() -> None:
    fork = HIVE.entry(ADA, summary(gain=0.9), seq=2, prev=FEED[0].id)
    on_top = HIVE.entry(ADA, seq=3, prev=fork.id)

    assert refusal(on_top.to_bytes()) is Code.BROKEN_CHAIN


# --- membership over time ----------------------------------------------------------------------------------------------

SENT_AWAY = HIVE.amend(BO, members=[BO.member()], revoked=[ADA.revocation(3)])


def test_entries_of_a_revoked_author_count_up_to_its_last_number() -> None:
    assert isinstance(verify_entry(FEED[2].to_bytes(), SENT_AWAY.membership, HELD), Verified)
    after = {ADA.id: head(FEED[2], seq=3)}
    assert refusal(FEED[3].to_bytes(), SENT_AWAY.membership, after) is Code.REVOKED


def test_revoked_author_cannot_hide_behind_a_gap_or_a_replay() -> None:
    assert refusal(FEED[4].to_bytes(), SENT_AWAY.membership) is Code.REVOKED
    all_held = {ADA.id: head(FEED[4], seq=5)}
    assert refusal(FEED[3].to_bytes(), SENT_AWAY.membership, all_held) is Code.REVOKED
    found = verify_entry(FEED[2].to_bytes(), SENT_AWAY.membership, all_held)
    assert isinstance(found, OutOfPlace)


def test_revoked_author_keeps_the_epoch_it_had() -> None:
    raised = HIVE.amend(BO, members=[BO.member()], revoked=[ADA.revocation(3, epoch=2)])

    assert refusal(FEED[2].to_bytes(), raised.membership) is Code.OLD_EPOCH


def test_member_who_is_dropped_without_a_revocation_is_no_member() -> None:
    dropped = HIVE.amend(BO, members=[BO.member()])

    assert refusal(FEED[2].to_bytes(), dropped.membership) is Code.NOT_A_MEMBER


def test_quarantined_authors_entries_are_refused_in_and_out_of_place() -> None:
    for envelope in FEED:
        assert refusal(envelope.to_bytes(), quarantined={ADA.id}) is Code.QUARANTINED
    assert isinstance(verify_entry(HIVE.entry(BO).to_bytes(), HIVE.membership, HELD, {ADA.id}), Verified)


def test_raised_epoch_ends_the_old_feed_and_begins_a_new_one() -> None:
    raised = HIVE.amend(BO, members=[BO.member(), ADA.member(epoch=2)])
    anew = HIVE.entry(ADA, epoch=2)

    assert refusal(FEED[2].to_bytes(), raised.membership) is Code.OLD_EPOCH
    assert isinstance(verify_entry(anew.to_bytes(), raised.membership, HELD), Verified)
    assert refusal(anew.to_bytes(), HIVE.membership) is Code.FUTURE_EPOCH


def test_entry_judged_under_an_earlier_constitution_of_the_hive_still_counts() -> None:
    stricter = "f" * 64
    amended = HIVE.amend(BO, constitution=stricter)

    for constitution in (CONSTITUTION, stricter):
        entry = HIVE.entry(ADA, seq=3, prev=FEED[1].id, constitution=constitution)
        assert isinstance(verify_entry(entry.to_bytes(), amended.membership, HELD), Verified)
    unheard_of = HIVE.entry(ADA, seq=3, prev=FEED[1].id, constitution="e" * 64)
    assert refusal(unheard_of.to_bytes(), amended.membership) is Code.WRONG_CONSTITUTION


# --- forgeries ---------------------------------------------------------------------------------------------------------


def tampered(change: Callable[[dict[str, Any]], None]) -> bytes:
    tree = json.loads(FEED[2].to_bytes())
    change(tree)
    return json.dumps(tree).encode()


def test_stranger_is_nobody_here() -> None:
    assert refusal(OTHER_HIVE.entry(FakeNode("mallory")).to_bytes()) is Code.NOT_A_MEMBER


@pytest.mark.parametrize("keyid", ["", "x", ADA.id.upper(), ADA.id + "\n", "a" * 60_000])
def test_keyid_that_is_no_members_spelling_is_nobody(keyid: str) -> None:
    def rename(tree: dict[str, Any]) -> None:
        tree["signatures"][0]["keyid"] = keyid

    assert refusal(tampered(rename)) is Code.NOT_A_MEMBER


def test_entry_under_another_members_name_is_refused() -> None:
    def rename(tree: dict[str, Any]) -> None:
        tree["signatures"][0]["keyid"] = BO.id

    assert refusal(tampered(rename)) is Code.BAD_SIGNATURE
    assert refusal(HIVE.entry(EVE, author=ADA.id).to_bytes()) is Code.AUTHOR_MISMATCH


def test_signature_of_another_entry_is_refused() -> None:
    def splice(tree: dict[str, Any]) -> None:
        tree["payload"] = base64.b64encode(FEED[3].payload).decode()

    assert refusal(tampered(splice)) is Code.BAD_SIGNATURE


def test_signature_over_the_payload_alone_is_refused() -> None:
    """The type is signed with it; who forgets it signs something else."""

    def sign_bare(tree: dict[str, Any]) -> None:
        tree["signatures"][0]["sig"] = base64.b64encode(ADA.signer.sign(FEED[2].payload)).decode()

    assert refusal(tampered(sign_bare)) is Code.BAD_SIGNATURE


def test_second_signature_made_from_the_first_by_adding_the_group_order_is_refused() -> None:
    def add_order(tree: dict[str, Any]) -> None:
        sig = FEED[2].signatures[0].sig
        s = int.from_bytes(sig[32:], "little") + L
        tree["signatures"][0]["sig"] = base64.b64encode(sig[:32] + s.to_bytes(32, "little")).decode()

    assert refusal(tampered(add_order)) is Code.BAD_SIGNATURE


def test_entry_with_two_signatures_or_the_same_one_twice_is_refused() -> None:
    def repeat(tree: dict[str, Any]) -> None:
        tree["signatures"] *= 2

    assert refusal(tampered(repeat)) is Code.BAD_ENVELOPE


def test_charter_sent_as_an_entry_and_an_entry_sent_as_a_charter_are_refused() -> None:
    as_charter = FEED[2].to_bytes().replace(DELTA_TYPE.encode(), CHARTER_TYPE.encode())
    as_delta = HIVE.chain[0].replace(CHARTER_TYPE.encode(), DELTA_TYPE.encode())

    assert refusal(HIVE.chain[0]) is Code.WRONG_TYPE
    assert refusal(as_charter) is Code.WRONG_TYPE
    assert refusal(as_delta) is Code.BAD_SIGNATURE
    with pytest.raises(RemoteProtocolError) as caught:
        verify_next_charter(FEED[2].to_bytes(), HIVE.membership)
    assert caught.value.code is Code.WRONG_TYPE


def test_entry_of_another_hive_is_refused_though_both_nodes_are_members_of_both() -> None:
    assert refusal(OTHER_HIVE.entry(ADA, seq=3, prev=FEED[1].id).to_bytes()) is Code.WRONG_HIVE


def test_single_changed_byte_anywhere_is_never_accepted() -> None:
    raw = FEED[2].to_bytes()
    assert isinstance(verify_entry(raw, HIVE.membership, HELD), Verified)

    for position in range(len(raw)):
        for mask in (0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xFF):
            changed = raw[:position] + bytes([raw[position] ^ mask]) + raw[position + 1 :]
            refusal(changed)


def test_single_byte_left_out_or_put_in_anywhere_is_never_accepted_as_something_else() -> None:
    raw = FEED[2].to_bytes()

    for position in range(len(raw)):
        refusal(raw[:position] + raw[position + 1 :])
        refusal(raw[:position] + b"A" + raw[position:])


# --- the order of the checks -------------------------------------------------------------------------------------------


@dataclass
class Forgery:
    """What a fault spoils, from the inside out: header, payload, signer, signature, shell, bytes; and what we hold."""

    header: dict[str, Any] = field(default_factory=dict)
    payload: list[Callable[[bytes], bytes]] = field(default_factory=list)
    signer: FakeNode = ADA
    is_signed: bool = True
    shell: list[Callable[[dict[str, Any]], None]] = field(default_factory=list)
    raw: list[Callable[[bytes], bytes]] = field(default_factory=list)
    membership: Membership = HIVE.membership
    quarantined: frozenset[str] = frozenset()

    def refusal(self) -> Code:
        tree = json.loads(FEED[2].payload) | self.header
        payload = dump_json(tree)
        for spoil in self.payload:
            payload = spoil(payload)
        shell = json.loads(self.signer.seal(payload if self.is_signed else payload + b" ").to_bytes())
        shell["payload"] = base64.b64encode(payload).decode()
        for change in self.shell:
            change(shell)
        raw = json.dumps(shell).encode()
        for spoil in self.raw:
            raw = spoil(raw)
        return refusal(raw, self.membership, HELD, self.quarantined)


def too_large(forgery: Forgery) -> None:
    forgery.raw.append(lambda raw: raw.ljust(ENVELOPE_BYTES + 1))


def bad_json_shell(forgery: Forgery) -> None:
    forgery.raw.insert(0, lambda raw: raw[:-1])


def bad_envelope(forgery: Forgery) -> None:
    forgery.shell.append(lambda shell: shell.update(extra=1))


def bad_base64(forgery: Forgery) -> None:
    forgery.shell.append(lambda shell: shell.update(payload=shell["payload"] + "\n"))


def wrong_type(forgery: Forgery) -> None:
    forgery.shell.append(lambda shell: shell.update(payloadType="text/plain"))


def not_a_member(forgery: Forgery) -> None:
    forgery.signer = FakeNode("mallory")


def bad_signature(forgery: Forgery) -> None:
    forgery.is_signed = False


def duplicate_key(forgery: Forgery) -> None:
    forgery.payload.append(lambda payload: b'{"x":1,"x":1,' + payload[1:])


def bad_schema(forgery: Forgery) -> None:
    forgery.header["issued_at"] = "soon"


def wrong_hive(forgery: Forgery) -> None:
    forgery.header["hive"] = OTHER_HIVE.id


def author_mismatch(forgery: Forgery) -> None:
    forgery.header["author"] = BO.id


def future_epoch(forgery: Forgery) -> None:
    forgery.header["epoch"] = 2


def broken_chain(forgery: Forgery) -> None:
    forgery.header["prev"] = "0" * 64


def revoked(forgery: Forgery) -> None:
    forgery.membership = HIVE.amend(BO, members=[BO.member()], revoked=[ADA.revocation(2)]).membership


def quarantined(forgery: Forgery) -> None:
    forgery.quarantined = frozenset({ADA.id})


def wrong_constitution(forgery: Forgery) -> None:
    forgery.header["constitution"] = "0" * 64


FAULTS: list[tuple[Callable[[Forgery], None], Code]] = [
    (too_large, Code.TOO_LARGE),
    (bad_json_shell, Code.BAD_JSON),
    (bad_envelope, Code.BAD_ENVELOPE),
    (bad_base64, Code.BAD_BASE64),
    (wrong_type, Code.WRONG_TYPE),
    (not_a_member, Code.NOT_A_MEMBER),
    (bad_signature, Code.BAD_SIGNATURE),
    (duplicate_key, Code.DUPLICATE_KEY),
    (bad_schema, Code.BAD_SCHEMA),
    (wrong_hive, Code.WRONG_HIVE),
    (author_mismatch, Code.AUTHOR_MISMATCH),
    (future_epoch, Code.FUTURE_EPOCH),
    (broken_chain, Code.BROKEN_CHAIN),
    (revoked, Code.REVOKED),
    (quarantined, Code.QUARANTINED),
    (wrong_constitution, Code.WRONG_CONSTITUTION),
]


@pytest.mark.parametrize(("fault", "code"), FAULTS, ids=[code for _, code in FAULTS])
def test_entry_with_one_fault_is_refused_by_that_faults_code(fault: Callable[[Forgery], None], code: Code) -> None:
    forgery = Forgery()
    fault(forgery)

    assert forgery.refusal() is code


PAIRS = list(combinations(FAULTS, 2))


@pytest.mark.parametrize(("first", "second"), PAIRS, ids=[f"{a[1]}+{b[1]}" for a, b in PAIRS])
def test_entry_with_two_faults_is_refused_by_the_earlier_ones_code(
    first: tuple[Callable[[Forgery], None], Code], second: tuple[Callable[[Forgery], None], Code]
) -> None:
    forgery = Forgery()
    second[0](forgery)
    first[0](forgery)

    assert forgery.refusal() is first[1]


def test_fault_behind_a_bad_signature_is_never_reached_however_deep_the_payload() -> None:
    """Nothing is parsed for somebody who did not sign it."""
    bomb = ADA.seal(b"[" * 10_000)
    unsigned = json.loads(bomb.to_bytes()) | {"signatures": json.loads(FEED[2].to_bytes())["signatures"]}

    assert refusal(json.dumps(unsigned).encode()) is Code.BAD_SIGNATURE
    assert refusal(bomb.to_bytes()) is Code.TOO_DEEP


# --- no code without a way to reach it ---------------------------------------------------------------------------------


def of_payload(payload: bytes) -> Callable[[], object]:
    return lambda: verify_entry(ADA.seal(payload).to_bytes(), HIVE.membership, HELD)


def of_entry(heads: dict[Any, Head] | None = None, quarantined: Any = (), **header: Any) -> Callable[[], object]:
    place: dict[str, Any] = {"seq": 3, "prev": FEED[1].id}
    raw = HIVE.entry(ADA, **(place | header)).to_bytes()
    return lambda: verify_entry(raw, HIVE.membership, HELD if heads is None else heads, quarantined)


def of_charter(payload: bytes, *signers: FakeNode, held: FakeHive = HIVE) -> Callable[[], object]:
    return lambda: verify_next_charter(sealed(payload, *signers), held.membership)


def of_raw(raw: bytes) -> Callable[[], object]:
    return lambda: verify_entry(raw, HIVE.membership, HELD)


def of_unsigned() -> bytes:
    tree = json.loads(FEED[2].to_bytes())
    tree["signatures"][0]["sig"] = base64.b64encode(bytes(64)).decode()
    return json.dumps(tree).encode()


REACHED: dict[Code, Callable[[], object]] = {
    Code.TOO_LARGE: of_raw(bytes(ENVELOPE_BYTES + 1)),
    Code.BAD_ENVELOPE: of_raw(b"{}"),
    Code.BAD_BASE64: of_raw(b'{"payloadType":"","payload":"?","signatures":[]}'),
    Code.WRONG_TYPE: of_raw(HIVE.chain[0]),
    Code.UNSUPPORTED_VERSION: of_raw(FEED[2].to_bytes().replace(b"delta.v1", b"delta.v2")),
    Code.NOT_A_MEMBER: of_raw(HIVE.entry(FakeNode("mallory")).to_bytes()),
    Code.BAD_KEY: lambda: parse_node_id("a" * 52),
    Code.BAD_SIGNATURE: of_raw(of_unsigned()),
    Code.BAD_JSON: of_payload(b"\xff"),
    Code.DUPLICATE_KEY: of_payload(b'{"a":1,"a":1}'),
    Code.NOT_FINITE: of_payload(b"NaN"),
    Code.TOO_DEEP: of_payload(b"[" * 17 + b"]" * 17),
    Code.BAD_SCHEMA: of_payload(b"{}"),
    Code.WRONG_HIVE: of_entry(hive=OTHER_HIVE.id),
    Code.AUTHOR_MISMATCH: of_entry(author=BO.id),
    Code.OLD_EPOCH: lambda: verify_entry(
        FEED[2].to_bytes(), HIVE.amend(BO, members=[BO.member(), ADA.member(epoch=2)]).membership, {}
    ),
    Code.FUTURE_EPOCH: of_entry(epoch=2),
    Code.BROKEN_CHAIN: of_entry(prev="0" * 64),
    Code.QUARANTINED: of_entry(quarantined={ADA.id}),
    Code.REVOKED: lambda: verify_entry(FEED[3].to_bytes(), SENT_AWAY.membership, HELD),
    Code.WRONG_CONSTITUTION: of_entry(constitution="0" * 64),
    Code.CHARTER_CHAIN: of_charter(HIVE.successor().payload().replace(b'"version":2', b'"version":3'), BO),
    Code.CHARTER_THRESHOLD: of_charter(HIVE.successor(admins=admins(ADA)).payload(), ADA),
    Code.CHARTER_ROLLBACK: of_charter(HIVE.successor().payload(), BO, held=HIVE.amend(BO)),
    Code.TOO_MANY: lambda: parse_have_vector({str(n): None for n in range(MEMBERS + 1)}),
}


@pytest.mark.parametrize("code", REACHED, ids=str)
def test_code_is_reached_by_bytes_that_a_peer_could_send(code: Code) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        REACHED[code]()

    assert caught.value.code is code
    assert str(caught.value) == f"{code}: {caught.value.detail}"


def test_every_code_that_the_package_raises_is_reached_above() -> None:
    """A new refusal needs a story here; BAD_JSON is raised for our own faults as well."""
    sources = [path.read_text() for path in Path(protocol.__path__[0]).glob("*.py") if path.name != "errors.py"]
    raised = {Code[name] for source in sources for name in re.findall(r"\bCode\.([A-Z_0-9]+)", source)}

    assert raised == REACHED.keys()


def test_codes_are_the_words_that_peers_compare() -> None:
    assert all(code.value == code.name.lower().replace("_", "-") for code in Code)


def test_every_code_and_every_limit_stands_in_the_normative_text() -> None:
    text = (Path(protocol.__path__[0]).parent / "docs" / "protocol.md").read_text(encoding="utf-8")
    names = [*Code, *(name for name in vars(limits) if name.isupper())]

    assert [name for name in names if f"`{name}`" not in text] == []


def test_verified_delta_is_what_was_signed() -> None:
    found = verify_entry(FEED[2].to_bytes(), HIVE.membership, HELD)

    assert isinstance(found, Verified)
    assert found.value == Delta.parse(FEED[2].payload)


# --- proofs of equivocation --------------------------------------------------------------------------------------------


def unproven(one: bytes, other: bytes) -> Code:
    with pytest.raises(RemoteProtocolError) as caught:
        verify_proof(one, other, HIVE.membership)
    return caught.value.code


def test_two_entries_at_one_number_are_a_proof_whichever_comes_first() -> None:
    one, other = FEED[2], HIVE.entry(ADA, summary(0.9), 3, "0" * 64)

    proof = verify_proof(one.to_bytes(), other.to_bytes(), HIVE.membership)

    assert proof == verify_proof(other.to_bytes(), one.to_bytes(), HIVE.membership)
    assert (proof.author, proof.epoch, proof.seq) == (ADA.id, 1, 3)
    assert proof.first.id < proof.second.id
    assert {proof.first, proof.second} == {one, other}


def test_a_revoked_author_can_still_be_convicted() -> None:
    gone = HIVE.amend(BO, members=[BO.member()], revoked=[ADA.revocation(5)])
    other = HIVE.entry(ADA, summary(0.9), 3, "0" * 64)

    assert verify_proof(FEED[2].to_bytes(), other.to_bytes(), gone.membership).author == ADA.id


def test_what_proves_nothing_is_no_proof() -> None:
    other = HIVE.entry(ADA, summary(0.9), 3, "0" * 64).to_bytes()
    mine = FEED[2].to_bytes()
    for one, two, code in (
        (mine, mine, Code.BAD_SCHEMA),
        (mine, mine.replace(b",", b", "), Code.BAD_SCHEMA),
        (mine, FEED[1].to_bytes(), Code.BAD_SCHEMA),
        (mine, HIVE.entry(BO, summary(), 3, "0" * 64).to_bytes(), Code.BAD_SCHEMA),
        (mine, HIVE.entry(ADA, summary(0.9), 3, "0" * 64, epoch=2).to_bytes(), Code.BAD_SCHEMA),
        (mine, OTHER_HIVE.entry(ADA, summary(0.9), 3, "0" * 64).to_bytes(), Code.WRONG_HIVE),
        (mine, other.replace(other[-40:-30], b"AAAAAAAAAA"), Code.BAD_SIGNATURE),
        (mine, FakeNode("stranger").delta(summary(), 3, "0" * 64, hive=HIVE.id).to_bytes(), Code.NOT_A_MEMBER),
        (mine, HIVE.entry(EVE, summary(), 3, "0" * 64, author=ADA.id).to_bytes(), Code.AUTHOR_MISMATCH),
        (mine, sealed(b"{}", ADA), Code.WRONG_TYPE),
        (mine, b"", Code.BAD_JSON),
        (mine, b"x" * (ENVELOPE_BYTES + 1), Code.TOO_LARGE),
    ):
        assert unproven(one, two) is code
        assert unproven(two, one) is code
