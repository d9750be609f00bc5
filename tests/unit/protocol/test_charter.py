"""Who belongs: charters as a member without a majority, a former admin, or a stranger would like them to be."""

import json
from base64 import b64encode
from datetime import UTC, timedelta, timezone
from typing import Any

import pytest
from pydantic import ValidationError

from protocol.charter import LIFETIME, Charter, Halt, parse_stamp, stamp
from protocol.envelope import CHARTER_TYPE, DELTA_TYPE
from protocol.errors import Code, RemoteProtocolError
from protocol.ids import HiveId, hive_id, sha256_hex
from protocol.limits import CHARTER_BYTES, CHARTER_CHAIN, LIST_ITEMS, MEMBERS
from protocol.signing import seal
from protocol.verification import Membership, verify_chain, verify_first_charter, verify_next_charter
from tests.fakes.hive import NOW, FakeHive, FakeNode, admins, first_charter, sealed

ADA, BO, CY, DI, EVE = (FakeNode(seed) for seed in ("ada", "bo", "cy", "di", "eve"))
HIVE = FakeHive.found(ADA, BO, CY)
# Two of three admins must sign.
BOARD = FakeHive.found(ADA, BO, CY, DI, signers=[ADA, BO], admins=admins(ADA, BO, CY, threshold=2))


def tree_of(charter: Charter) -> dict[str, Any]:
    tree: dict[str, Any] = json.loads(charter.payload())
    return tree


def resealed(tree: object, *signers: FakeNode) -> bytes:
    return sealed(json.dumps(tree).encode(), *signers)


def refused_first(raw: bytes, expected: HiveId | None = None) -> Code:
    with pytest.raises(RemoteProtocolError) as caught:
        verify_first_charter(raw, expected)
    return caught.value.code


def refused_next(raw: bytes, trusted: Membership) -> Code:
    with pytest.raises(RemoteProtocolError) as caught:
        verify_next_charter(raw, trusted)
    return caught.value.code


def refused_founding(*signers: FakeNode, **changes: Any) -> Code:
    return refused_first(resealed(tree_of(first_charter(ADA, BO)) | changes, *(signers or (ADA,))))


# --- founding ----------------------------------------------------------------------------------------------------------


def test_hive_is_named_after_its_first_charter() -> None:
    raw = ADA.charter(BO, CY).to_bytes()

    membership = verify_first_charter(raw)

    assert membership.hive == hive_id(membership.envelope.payload) == HIVE.id
    assert membership.digest == sha256_hex(membership.envelope.payload)
    assert set(membership.members) == {ADA.id, BO.id, CY.id}
    assert membership.revoked == {}
    assert verify_first_charter(raw, HIVE.id) == membership


def test_joiner_who_was_told_another_hive_refuses() -> None:
    assert refused_first(HIVE.chain[0], BOARD.id) is Code.WRONG_HIVE


def test_founding_charter_that_its_own_admins_did_not_sign_is_refused() -> None:
    assert refused_founding(BO) is Code.CHARTER_THRESHOLD
    assert refused_founding(EVE) is Code.CHARTER_THRESHOLD


def test_founding_charter_of_another_version_is_refused() -> None:
    later = tree_of(HIVE.successor())

    assert refused_first(resealed(later, ADA)) is Code.CHARTER_CHAIN


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 0},
        {"version": "1"},
        {"version": 1.0},
        {"version": True},
        {"version": CHARTER_CHAIN + 1, "hive": HIVE.id, "previous": "0" * 64},
        {"previous": "0" * 64},
        {"previous": ""},
        {"hive": HIVE.id},
        {"hive": "x"},
        {"hive": None},
        {"name": ""},
        {"name": None},
        {"issued_at": "yesterday"},
        {"expires_at": "2026-02-30T00:00:00Z"},
        {"admins": {"threshold": 0, "ids": [ADA.id]}},
        {"admins": {"threshold": 2, "ids": [ADA.id]}},
        {"admins": {"threshold": 2, "ids": [ADA.id, ADA.id]}},
        {"admins": {"threshold": 1, "ids": [ADA.id, ADA.id]}},
        {"admins": {"threshold": 1, "ids": []}},
        {"admins": {"threshold": 1, "ids": [ADA.id, EVE.id]}},
        {"admins": {"threshold": 1, "ids": [ADA.id], "note": "x"}},
        {"admins": {"threshold": 1, "ids": ["a" * 52] * (LIST_ITEMS + 1)}},
        {"admins": None},
        {"members": []},
        {"members": [{}] * 3},
        {"members": {}},
        {"constitution": "none"},
        {"policy": {"p": 1}},
        {"policy": {f"p{n}": "x" for n in range(33)}},
        {"policy": None},
        {"halt": {}},
        {"halt": True},
        {"revoked": [{"id": EVE.id}]},
        {"revoked": None},
        {"unknown": 1},
    ],
)
def test_charter_out_of_shape_is_refused(changes: dict[str, Any]) -> None:
    assert refused_founding(**changes) is Code.BAD_SCHEMA


@pytest.mark.parametrize("name", ["name", "hive", "version", "previous", "admins", "members", "constitution"])
def test_charter_with_a_part_missing_is_refused(name: str) -> None:
    tree = tree_of(first_charter(ADA, BO))
    del tree[name]

    assert refused_first(resealed(tree, ADA)) is Code.BAD_SCHEMA


def test_charter_with_an_unread_field_anywhere_is_refused() -> None:
    """Who belongs is decided here: what this version does not know may not pass unread."""
    for path in ("members", "admins"):
        tree = tree_of(first_charter(ADA, BO))
        part = tree[path][0] if path == "members" else tree[path]
        part["veto"] = True
        assert refused_first(resealed(tree, ADA)) is Code.BAD_SCHEMA


def members(*changed: dict[str, Any]) -> list[dict[str, Any]]:
    tree = tree_of(first_charter(ADA, BO))
    listed: list[dict[str, Any]] = tree["members"]
    return [listed[0], *(listed[1] | one for one in changed)]


def test_member_listed_twice_is_refused() -> None:
    assert refused_founding(members=members({}, {"owner": "somebody else"})) is Code.BAD_SCHEMA


def test_member_with_another_members_certificate_is_refused() -> None:
    stolen = b64encode(ADA.certificate()).decode()

    assert refused_founding(members=members({"certificate": stolen})) is Code.BAD_KEY


def test_member_whose_certificate_names_another_is_refused() -> None:
    borrowed_name = b64encode(BO.certificate(ADA.id)).decode()

    assert refused_founding(members=members({"certificate": borrowed_name})) is Code.BAD_KEY


@pytest.mark.parametrize("certificate", ["", "AAAA", b64encode(b"not DER").decode()])
def test_member_without_a_certificate_is_refused(certificate: str) -> None:
    assert refused_founding(members=members({"certificate": certificate})) is Code.BAD_KEY


@pytest.mark.parametrize("certificate", ["A", "AAA", "AA AA", "AAAA\n", "ÄÄÄÄ", "=AAA", "----"])
def test_member_with_a_certificate_in_no_base64_is_refused(certificate: str) -> None:
    assert refused_founding(members=members({"certificate": certificate})) is Code.BAD_BASE64


@pytest.mark.parametrize(
    "changes",
    [
        {"epoch": 0},
        {"epoch": 1_000_001},
        {"epoch": "1"},
        {"owner": ""},
        {"owner": "x" * 129},
        {"name": None},
        {"joined_at": "now"},
        {"id": "x"},
        {"certificate": "A" * 4097},
    ],
)
def test_member_out_of_shape_is_refused(changes: dict[str, Any]) -> None:
    assert refused_founding(members=members(changes)) is Code.BAD_SCHEMA


def test_revocation_of_what_is_no_node_is_refused() -> None:
    small_order = "aeaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    for identity in ("a" * 52, small_order):
        revoked = [{"id": identity, "at": stamp(NOW), "last_seq": 0, "reason": ""}]
        assert refused_founding(revoked=revoked) is Code.BAD_KEY


def test_megabyte_of_nonsense_members_ends_at_the_first() -> None:
    """Collecting a fault for each of a third of a million cost half a gigabyte."""
    with pytest.raises(ValidationError) as caught:
        Charter.model_validate(tree_of(first_charter(ADA)) | {"members": [{}] * 100_000, "revoked": [0] * 100_000})

    assert caught.value.error_count() < 20


def test_refusal_does_not_quote_an_invented_key() -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        Charter.parse(json.dumps(tree_of(first_charter(ADA)) | {"hunter2\x1b[2J\n": 1}).encode())

    assert caught.value.detail == "charter: ?: extra_forbidden"


def test_charter_over_a_mebibyte_is_refused_and_one_of_many_members_fits() -> None:
    assert refused_first(HIVE.chain[0].ljust(CHARTER_BYTES + 1)) is Code.TOO_LARGE
    assert verify_first_charter(HIVE.chain[0].ljust(CHARTER_BYTES)) == HIVE.membership

    one_member = len(sealed(first_charter(ADA, BO).payload(), ADA)) - len(sealed(first_charter(ADA).payload(), ADA))
    assert one_member * MEMBERS < CHARTER_BYTES


def test_charters_payload_is_read_as_strictly_as_a_deltas() -> None:
    payload = first_charter(ADA).payload()
    for spoilt, code in (
        (payload.replace(b'"version":1', b'"version":1,"version":1'), Code.DUPLICATE_KEY),
        (payload.replace(b'"version":1', b'"version":NaN'), Code.NOT_FINITE),
        (payload.replace(b'"version":1', b'"version":1e999'), Code.NOT_FINITE),
        (payload.replace(b'"version":1', b'"version":' + b"[" * 20 + b"]" * 20), Code.TOO_DEEP),
        (payload.replace(b"test hive", b"\\ud800"), Code.BAD_JSON),
        (payload[:-1], Code.BAD_JSON),
        (b"[]", Code.BAD_JSON),
    ):
        assert refused_first(sealed(spoilt, ADA)) is code


# --- the next version --------------------------------------------------------------------------------------------------


def test_next_charter_by_the_admin_is_the_new_truth() -> None:
    grown = HIVE.amend(ADA, members=[node.member() for node in (ADA, BO, CY, DI)])

    assert grown.id == HIVE.id
    assert DI.id in grown.membership.members
    assert grown.membership.charter.version == 2
    assert grown.membership.charter.previous == HIVE.membership.digest


def test_charter_that_is_held_already_or_older_is_a_rollback() -> None:
    second = HIVE.amend(ADA)
    third = second.amend(ADA)

    assert refused_next(third.chain[2], third.membership) is Code.CHARTER_ROLLBACK
    assert refused_next(second.chain[1], third.membership) is Code.CHARTER_ROLLBACK


def test_founding_charter_again_never_takes_a_hive_back_to_its_start() -> None:
    """It names no hive, as it is the hive's name; so it is refused as another's."""
    assert refused_next(HIVE.chain[0], HIVE.amend(ADA).membership) is Code.WRONG_HIVE


def test_version_may_not_be_skipped() -> None:
    skipping = tree_of(HIVE.successor()) | {"version": 3}

    assert refused_next(resealed(skipping, ADA), HIVE.membership) is Code.CHARTER_CHAIN


def test_charter_on_top_of_another_one_does_not_follow() -> None:
    elsewhere = tree_of(HIVE.successor()) | {"previous": "0" * 64}

    assert refused_next(resealed(elsewhere, ADA), HIVE.membership) is Code.CHARTER_CHAIN


def test_two_admins_next_versions_do_not_follow_each_other() -> None:
    one, two = BOARD.amend(ADA, BO, name="one"), BOARD.amend(BO, CY, name="two")

    assert refused_next(two.chain[1], one.membership) is Code.CHARTER_ROLLBACK
    assert refused_next(two.amend(ADA, BO).chain[2], one.membership) is Code.CHARTER_CHAIN


def test_an_epoch_that_was_given_never_goes_back() -> None:
    """Not of a member, not by a revocation, not for one who was away in between: its old numbers would be free again."""
    ada, bo = FakeNode("ada"), FakeNode("bo")
    raised = FakeHive.found(ada, bo).amend(ada, members=[ada.member(), bo.member(epoch=3)])
    away = raised.amend(ada, members=[ada.member()])
    for hive, changes in (
        (raised, {"members": [ada.member(), bo.member(epoch=2)]}),
        (raised, {"members": [ada.member()], "revoked": [bo.revocation(5, epoch=2)]}),
        (away, {"members": [ada.member(), bo.member()]}),
    ):
        with pytest.raises(RemoteProtocolError) as caught:
            hive.amend(ada, **changes)
        assert caught.value.code is Code.BAD_SCHEMA
    assert away.amend(ada, members=[ada.member(), bo.member(epoch=3)]).membership.epoch(bo.id) == 3
    again = {"members": [ada.member(), bo.member(epoch=4)], "revoked": [bo.revocation(5, epoch=3)]}
    assert raised.amend(ada, **again).membership.epoch(bo.id) == 4


def test_charter_of_another_hive_is_refused_even_by_the_same_admin() -> None:
    other = FakeHive.found(ADA, BO, name="another hive").amend(ADA)

    assert refused_next(other.chain[1], HIVE.membership) is Code.WRONG_HIVE


# --- who signs ---------------------------------------------------------------------------------------------------------


def test_too_few_admins_cannot_amend() -> None:
    assert refused_next(sealed(BOARD.successor().payload(), ADA), BOARD.membership) is Code.CHARTER_THRESHOLD


def test_one_admin_signing_twice_counts_once() -> None:
    twice = sealed(BOARD.successor().payload(), ADA, ADA, ADA)

    assert refused_next(twice, BOARD.membership) is Code.CHARTER_THRESHOLD


def test_signature_of_a_member_who_is_no_admin_does_not_count() -> None:
    helped = sealed(BOARD.successor().payload(), ADA, DI)

    assert refused_next(helped, BOARD.membership) is Code.CHARTER_THRESHOLD


def test_signature_of_a_stranger_does_not_count() -> None:
    assert refused_next(sealed(HIVE.successor().payload(), EVE), HIVE.membership) is Code.CHARTER_THRESHOLD


def test_admin_who_lists_itself_in_the_new_version_still_needs_the_old_admins() -> None:
    coup = HIVE.successor(admins=admins(BO), members=[BO.member()])

    assert refused_next(sealed(coup.payload(), BO), HIVE.membership) is Code.CHARTER_THRESHOLD


def test_old_admin_cannot_appoint_a_board_that_does_not_agree() -> None:
    """The new version's own threshold must be met too, or a hive could be handed to keys that nobody holds."""
    appointed = HIVE.successor(admins=admins(ADA, BO, threshold=2)).payload()

    assert refused_next(sealed(appointed, ADA), HIVE.membership) is Code.CHARTER_THRESHOLD
    assert verify_next_charter(sealed(appointed, ADA, BO), HIVE.membership).charter.admins.threshold == 2


def test_admin_removed_in_the_new_version_signs_for_the_old_one_only() -> None:
    handover = HIVE.successor(admins=admins(BO)).payload()

    assert refused_next(sealed(handover, ADA), HIVE.membership) is Code.CHARTER_THRESHOLD
    assert refused_next(sealed(handover, BO), HIVE.membership) is Code.CHARTER_THRESHOLD
    handed_over = HIVE.amend(ADA, BO, admins=admins(BO))
    assert refused_next(sealed(handed_over.successor().payload(), ADA), handed_over.membership) is (
        Code.CHARTER_THRESHOLD
    )
    assert handed_over.amend(BO).membership.charter.version == 3


def test_admins_signature_over_other_bytes_is_refused() -> None:
    honest = seal(CHARTER_TYPE, HIVE.successor().payload(), [ADA.signer]).to_bytes()
    forged = seal(CHARTER_TYPE, HIVE.successor(name="mine now").payload(), [ADA.signer]).to_bytes()
    payload_of = json.loads(forged)["payload"]

    spliced = json.dumps(json.loads(honest) | {"payload": payload_of}).encode()

    assert refused_next(spliced, HIVE.membership) is Code.BAD_SIGNATURE


def test_one_bad_signature_among_enough_good_ones_is_refused() -> None:
    tree = json.loads(sealed(BOARD.successor().payload(), ADA, BO, CY))
    tree["signatures"][2]["sig"] = tree["signatures"][0]["sig"]

    assert refused_next(json.dumps(tree).encode(), BOARD.membership) is Code.BAD_SIGNATURE


def test_charter_signed_as_a_delta_is_no_charter() -> None:
    """The type is part of what is signed: renaming it breaks the signature."""
    payload = HIVE.successor().payload()
    as_delta = seal(DELTA_TYPE, payload, [ADA.signer]).to_bytes()
    renamed = as_delta.replace(DELTA_TYPE.encode(), CHARTER_TYPE.encode())

    assert refused_next(as_delta, HIVE.membership) is Code.WRONG_TYPE
    assert refused_next(renamed, HIVE.membership) is Code.BAD_SIGNATURE


def test_signatures_that_nobody_asked_for_are_refused() -> None:
    """Nothing signs a signature: whoever carries a charter could add as many as fit."""
    founding = first_charter(ADA, BO).payload()
    following = HIVE.successor().payload()
    for extra in (EVE, BO, ADA):
        assert refused_first(sealed(founding, ADA, extra)) is Code.BAD_ENVELOPE
        assert refused_next(sealed(following, ADA, extra), HIVE.membership) is Code.BAD_ENVELOPE
    assert refused_next(sealed(BOARD.successor().payload(), ADA, BO, BO), BOARD.membership) is Code.BAD_ENVELOPE


def test_admins_of_either_version_may_sign() -> None:
    handed_over = BOARD.amend(ADA, BO, DI, admins=admins(BO, DI, threshold=2))

    assert handed_over.membership.charter.version == 2
    assert refused_next(sealed(handed_over.successor().payload(), ADA, BO, DI), handed_over.membership) is (
        Code.BAD_ENVELOPE
    )


def test_certificates_are_looked_at_for_nobody_but_those_who_may_change_the_charter() -> None:
    """A thousand of them cost a third of a second: more than a stranger's envelope is worth."""
    stolen = b64encode(ADA.certificate()).decode()
    spoilt = tree_of(HIVE.successor())
    spoilt["members"] = [*members({"certificate": stolen})]

    assert refused_next(resealed(spoilt, EVE), HIVE.membership) is Code.CHARTER_THRESHOLD
    assert refused_next(resealed(spoilt, ADA), HIVE.membership) is Code.BAD_KEY


# --- whole chains ------------------------------------------------------------------------------------------------------


def test_joiner_walks_the_whole_chain() -> None:
    long = HIVE.amend(ADA, name="b").amend(ADA, BO, admins=admins(BO)).amend(BO, name="d")

    walked = verify_chain(long.chain, HIVE.id)

    assert walked == long.membership
    assert walked.charter.version == 4


def test_chain_with_a_link_missing_reordered_or_of_nothing_is_refused() -> None:
    first, second, third = HIVE.amend(ADA).amend(ADA).chain
    for chain, code in (
        ([], Code.CHARTER_CHAIN),
        ([second, third], Code.WRONG_HIVE),
        ([first, third], Code.CHARTER_CHAIN),
        ([first, second, second], Code.CHARTER_ROLLBACK),
        ([first, first], Code.WRONG_HIVE),
    ):
        with pytest.raises(RemoteProtocolError) as caught:
            verify_chain(chain, HIVE.id)
        assert caught.value.code is code


def test_constitutions_are_remembered_along_the_chain() -> None:
    stricter = "f" * 64
    amended = HIVE.amend(ADA, constitution=stricter)

    assert amended.membership.constitutions == {HIVE.membership.charter.constitution, stricter}
    assert amended.amend(ADA).membership.constitutions == amended.membership.constitutions


def test_owners_are_remembered_along_the_chain_as_listed_last() -> None:
    renamed = HIVE.amend(ADA, members=[ADA.member(owner="ada the second"), BO.member()])

    assert renamed.membership.owners == {ADA.id: "ada the second", BO.id: "bo", CY.id: "cy"}
    assert verify_chain(renamed.chain, HIVE.id).owners == renamed.membership.owners


# --- members, revocations, time ----------------------------------------------------------------------------------------


def test_revoked_member_is_no_member_and_a_readmitted_one_is_not_revoked() -> None:
    sent_away = HIVE.amend(ADA, members=[ADA.member(), BO.member()], revoked=[CY.revocation(3), CY.revocation(5)])
    charter = sent_away.membership.charter

    assert charter.member(CY.id) is None
    assert charter.revocation(CY.id) == CY.revocation(5) == sent_away.membership.revoked[CY.id]
    assert charter.revocation(EVE.id) is None

    back = sent_away.amend(ADA, members=[ADA.member(), BO.member(), CY.member(epoch=2)])
    assert back.membership.charter.member(CY.id) == CY.member(epoch=2)
    assert back.membership.charter.revocation(CY.id) is None
    assert back.membership.revoked == {}
    assert [sent_away.membership.epoch(one.id) for one in (ADA, CY, EVE)] == [1, 1, None]
    assert back.membership.epoch(CY.id) == 2


def test_successor_keeps_what_is_not_changed_and_lives_90_days() -> None:
    later = NOW + timedelta(days=30)
    charter = HIVE.membership.charter.succeed(HIVE.id, HIVE.membership.digest, later, name="renewed")

    assert charter.members == HIVE.membership.charter.members
    assert charter.name == "renewed"
    assert parse_stamp(charter.expires_at) - parse_stamp(charter.issued_at) == LIFETIME == timedelta(days=90)


def test_charter_is_expired_from_its_last_second_on() -> None:
    charter = HIVE.membership.charter
    end = NOW + LIFETIME

    assert not charter.is_expired(end - timedelta(seconds=1))
    assert charter.is_expired(end)


def test_halt_is_in_force_until_it_runs_out() -> None:
    until = NOW + timedelta(hours=1)
    halted = HIVE.successor(halt=Halt(reason="looks wrong", at=stamp(NOW), until=stamp(until)))

    assert halted.is_halted(NOW)
    assert not halted.is_halted(until)
    assert not HIVE.membership.charter.is_halted(NOW)


def test_moment_travels_in_whole_seconds_of_utc() -> None:
    moment = NOW.astimezone(timezone(timedelta(hours=5, minutes=30))) + timedelta(milliseconds=900)

    assert stamp(moment) == "2026-01-01T12:00:00Z"
    assert parse_stamp(stamp(moment)) == NOW
    assert parse_stamp(stamp(moment)).tzinfo is UTC


@pytest.mark.parametrize("text", ["", "2026-02-31T00:00:00Z", "2026-01-01", "2026-01-01T00:00:00", "now"])
def test_text_that_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        parse_stamp(text)

    assert caught.value.code is Code.BAD_SCHEMA
