"""The only place where `Verified` is made. Opens with the checklist that docs/protocol.md §4 numbers."""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Generic, TypeVar

from cryptography.exceptions import InvalidSignature

from protocol.charter import Charter, Member, Revocation
from protocol.deltas import Delta
from protocol.envelope import CHARTER_TYPE, DELTA_TYPE, Envelope, Signature, pae, parse_envelope
from protocol.errors import Code, RemoteProtocolError
from protocol.feed import Head, Place, place
from protocol.ids import HiveId, NodeId, hive_id, public_key, sha256_hex
from protocol.limits import CHARTER_BYTES, ENVELOPE_BYTES
from protocol.wire import JsonValue, parse_object

# Deltas alone: `tree` below is what the scope guard reads, and something without one would pass it unread.
T = TypeVar("T", bound=Delta)


@dataclass(frozen=True, slots=True)
class Verified(Generic[T]):
    """A delta whose author, signature, shape and place were checked. Made in this module and nowhere else."""

    value: T
    envelope: Envelope
    parsed: Mapping[str, JsonValue] = field(repr=False, compare=False)

    def tree(self) -> JsonValue:
        """The signed payload as JSON, for the scope guard: what the value was read from, not to be changed."""
        return dict(self.parsed)


@dataclass(frozen=True, slots=True)
class OutOfPlace:
    """An authentic delta that is not the next of its feed: ahead of it (`gap`), or at a used number (`past`)."""

    place: Place
    delta: Delta
    envelope: Envelope


@dataclass(frozen=True, slots=True)
class Proof:
    """Two entries that one author signed at one number of its feed (docs/protocol.md §5.5). Made in this module and nowhere else.

    The entry with the smaller id comes first, so that every node holds the same proof.
    """

    author: NodeId
    epoch: int
    seq: int
    first: Envelope
    second: Envelope


@dataclass(frozen=True)
class Membership:
    """A hive as its verified charter chain says it is. Made in this module and nowhere else.

    digest: SHA-256 of the newest charter's payload. constitutions: every digest that the chain has pinned so far.
    owners: of everybody whom the chain has ever listed, as listed last. highest_epochs: likewise, the highest it gave each.
    """

    hive: HiveId
    charter: Charter
    digest: str
    envelope: Envelope
    constitutions: frozenset[str]
    owners: Mapping[NodeId, str]
    highest_epochs: Mapping[NodeId, int]

    @cached_property
    def members(self) -> Mapping[NodeId, Member]:
        return {NodeId(member.id): member for member in self.charter.members}

    @cached_property
    def revoked(self) -> Mapping[NodeId, Revocation]:
        return {NodeId(one.id): one for one in self.charter.revoked if NodeId(one.id) not in self.members}

    def epoch(self, author: NodeId) -> int | None:
        """The epoch that the charter gives a member's or a revoked node's feed; None of anybody else."""
        known = self.members.get(author) or self.revoked.get(author)
        return known.epoch if known else None


@dataclass(frozen=True, slots=True)
class Proposal:
    """A next version of the charter that is nothing before enough admins have signed it. Made in this module and nowhere else.

    base: what it is a proposal to.
    """

    charter: Charter
    digest: str
    envelope: Envelope
    base: Membership

    @property
    def proposer(self) -> NodeId:
        """Who signed it first."""
        return NodeId(self.envelope.signatures[0].keyid)

    @property
    def signers(self) -> frozenset[str]:
        return frozenset(one.keyid for one in self.envelope.signatures)

    @property
    def lacks(self) -> int:
        """How many signatures are missing yet; 0 where it is a charter."""
        admins = (self.base.charter.admins, self.charter.admins)
        return max(0, *(one.threshold - len(self.signers & set(one.ids)) for one in admins))

    def concerns(self, node: NodeId) -> bool:
        """Whether that node's signature may count: it is an admin, or becomes one by it."""
        return node in self.base.charter.admins.ids or node in self.charter.admins.ids


def verify_entry(
    raw: bytes, membership: Membership, heads: Mapping[NodeId, Head], quarantined: Container[NodeId] = ()
) -> Verified[Delta] | OutOfPlace:
    """Check one entry as it arrived, in the order of docs/protocol.md §4; nothing is looked at after a failed step.

    1. size          2. envelope shape, strict base64     3. type on the allow-list      4. author is a member
    5. signature     6. JSON: one meaning, finite, shallow 7. schema                      8. this hive, this author
    9. epoch, number and chain                             10. constitution
    The scope guard and the store come after, in the flow that called.

    heads: the last entry held of each author. quarantined: authors caught signing two entries at one number.
    Raises RemoteProtocolError and nothing else, for any bytes.
    """
    envelope, delta, tree = _authentic(raw, membership)
    author = delta.author
    where = place(delta.header, heads.get(author), membership.epoch(author) or 1)
    _check_standing(delta, membership, quarantined)
    if where is not Place.NEXT:
        return OutOfPlace(where, delta, envelope)
    if delta.header.constitution not in membership.constitutions:
        raise RemoteProtocolError(Code.WRONG_CONSTITUTION, "judged under rules that this hive never pinned")
    return Verified(delta, envelope, tree)


def verify_proof(one: bytes, other: bytes, membership: Membership) -> Proof:
    """The proof that two envelopes are: one author, one epoch, one number, two entries, both signed.

    Whoever carried them is not believed: each is checked as an entry is, but for its place.
    Raises RemoteProtocolError: what an entry is refused by, or bad-schema where they prove nothing.
    """
    (first, said_first, _), (second, said_second, _) = sorted(
        (_authentic(raw, membership) for raw in (one, other)), key=lambda found: found[0].id
    )
    places = {(said.author, said.header.epoch, said.header.seq) for said in (said_first, said_second)}
    if first.id == second.id or len(places) != 1:
        raise RemoteProtocolError(Code.BAD_SCHEMA, "these are not two entries at one number")
    return Proof(said_first.author, said_first.header.epoch, said_first.header.seq, first, second)


def verify_first_charter(raw: bytes, expected: HiveId | None = None) -> Membership:
    """The hive that version 1 of a charter founds; `expected` is the id that a joiner was told.

    Raises RemoteProtocolError: charter-chain, charter-threshold, bad-signature, bad-schema and the envelope's codes.
    """
    envelope = parse_envelope(raw, max_bytes=CHARTER_BYTES, payload_type=CHARTER_TYPE)
    hive = hive_id(envelope.payload)
    if expected is not None and hive != expected:
        raise RemoteProtocolError(Code.WRONG_HIVE, "the first charter is another hive's")
    charter = Charter.parse(envelope.payload)
    if charter.version != 1:
        raise RemoteProtocolError(Code.CHARTER_CHAIN, "a chain begins with version 1")
    _check_threshold(envelope, charter)
    _check_signers(envelope, charter)
    return _membership(hive, charter, envelope, None)


def verify_next_charter(raw: bytes, trusted: Membership) -> Membership:
    """The hive after one more charter: exactly one version higher, chained, signed by both sets of admins.

    Raises RemoteProtocolError: bad-schema, wrong-hive, charter-rollback, charter-chain, charter-threshold, bad-signature, bad-key.
    """
    envelope, charter = _following(raw, trusted)
    _check_threshold(envelope, trusted.charter)
    # A thousand certificates cost a third of a second: only who may change the charter makes us look at them.
    charter.check_keys(trusted.charter)
    _check_threshold(envelope, charter)
    _check_signers(envelope, trusted.charter, charter)
    return _membership(trusted.hive, charter, envelope, trusted)


def verify_proposal(raw: bytes, trusted: Membership) -> Proposal:
    """A next version that some of the admins have signed, perhaps too few: all checks of one, but for their number.

    Raises RemoteProtocolError as `verify_next_charter` does; charter-threshold where no admin of the version in force signed.
    """
    envelope, charter = _following(raw, trusted)
    _check_signers(envelope, trusted.charter, charter)
    if not any(one.keyid in trusted.charter.admins.ids for one in envelope.signatures):
        raise RemoteProtocolError(Code.CHARTER_THRESHOLD, "an admin proposes")
    for one in envelope.signatures:
        _check_signature(envelope, one)
    charter.check_keys(trusted.charter)
    return Proposal(charter, sha256_hex(envelope.payload), envelope, trusted)


def verify_chain(raws: Iterable[bytes], expected: HiveId) -> Membership:
    """The hive that a whole chain of charters, version 1 first, amounts to. Raises as its two parts do."""
    trusted: Membership | None = None
    for raw in raws:
        trusted = verify_first_charter(raw, expected) if trusted is None else verify_next_charter(raw, trusted)
    if trusted is None:
        raise RemoteProtocolError(Code.CHARTER_CHAIN, "an empty chain")
    return trusted


def _following(raw: bytes, trusted: Membership) -> tuple[Envelope, Charter]:
    """What claims to be the version after the trusted one; nobody's signature or key was looked at yet."""
    envelope = parse_envelope(raw, max_bytes=CHARTER_BYTES, payload_type=CHARTER_TYPE)
    charter = Charter.read(envelope.payload)
    if charter.hive != trusted.hive:
        raise RemoteProtocolError(Code.WRONG_HIVE, "a charter of another hive")
    if charter.version <= trusted.charter.version:
        raise RemoteProtocolError(Code.CHARTER_ROLLBACK, f"version {trusted.charter.version} is held")
    if charter.version != trusted.charter.version + 1 or charter.previous != trusted.digest:
        raise RemoteProtocolError(Code.CHARTER_CHAIN, f"does not follow version {trusted.charter.version}")
    _check_epochs(charter, trusted)
    return envelope, charter


def _check_epochs(charter: Charter, trusted: Membership) -> None:
    """No epoch goes back: what an author said in one that is over would count again, and its numbers be used twice."""
    last_revoked = {one.id: one for one in charter.revoked}
    listed = {one.id: one.epoch for one in last_revoked.values()} | {one.id: one.epoch for one in charter.members}
    if any(epoch < trusted.highest_epochs.get(NodeId(node), 1) for node, epoch in listed.items()):
        raise RemoteProtocolError(Code.BAD_SCHEMA, "an epoch is below one that was given before")


def _membership(hive: HiveId, charter: Charter, envelope: Envelope, before: Membership | None) -> Membership:
    constitutions = {charter.constitution} | (before.constitutions if before else set())
    owners = dict(before.owners) if before else {}
    owners |= {NodeId(member.id): member.owner for member in charter.members}
    epochs = dict(before.highest_epochs) if before else {}
    epochs |= {NodeId(member.id): member.epoch for member in charter.members}
    return Membership(hive, charter, sha256_hex(envelope.payload), envelope, frozenset(constitutions), owners, epochs)


def _authentic(raw: bytes, membership: Membership) -> tuple[Envelope, Delta, Mapping[str, JsonValue]]:
    """An entry that its author signed for this hive, wherever it may stand, and its payload as JSON."""
    envelope = parse_envelope(raw, max_bytes=ENVELOPE_BYTES, payload_type=DELTA_TYPE)
    author = _one_author(envelope, membership)
    _check_signature(envelope, envelope.signatures[0])
    tree = parse_object(envelope.payload)
    delta = Delta.read(envelope.payload, tree)
    _check_addressee(delta, author, membership)
    return envelope, delta, tree


def _one_author(envelope: Envelope, membership: Membership) -> NodeId:
    if len(envelope.signatures) != 1:
        raise RemoteProtocolError(Code.BAD_ENVELOPE, "an entry has one signature, its author's")
    author = NodeId(envelope.signatures[0].keyid)
    if author not in membership.members and author not in membership.revoked:
        raise RemoteProtocolError(Code.NOT_A_MEMBER, "the author is not in the charter")
    return author


def _check_signature(envelope: Envelope, signature: Signature) -> None:
    try:
        public_key(signature.keyid).verify(signature.sig, pae(envelope.payload_type, envelope.payload))
    except InvalidSignature:
        raise RemoteProtocolError(Code.BAD_SIGNATURE, "the signature does not cover these bytes") from None


def _check_addressee(delta: Delta, author: NodeId, membership: Membership) -> None:
    if delta.hive != membership.hive:
        raise RemoteProtocolError(Code.WRONG_HIVE, "an entry of another hive")
    if delta.author != author:
        raise RemoteProtocolError(Code.AUTHOR_MISMATCH, "signed by another node than it names")


def _check_standing(delta: Delta, membership: Membership, quarantined: Container[NodeId]) -> None:
    revocation = membership.revoked.get(delta.author)
    if revocation and delta.header.seq > revocation.last_seq:
        raise RemoteProtocolError(Code.REVOKED, f"its author was revoked at number {revocation.last_seq}")
    if delta.author in quarantined:
        raise RemoteProtocolError(Code.QUARANTINED, "its author signed two entries at one number")


def _check_threshold(envelope: Envelope, charter: Charter) -> None:
    admins = set(charter.admins.ids)
    signers = {one.keyid: one for one in envelope.signatures if one.keyid in admins}
    if len(signers) < charter.admins.threshold:
        raise RemoteProtocolError(Code.CHARTER_THRESHOLD, f"{charter.admins.threshold} admins of it must sign")
    for one in signers.values():
        _check_signature(envelope, one)


def _check_signers(envelope: Envelope, *charters: Charter) -> None:
    """Nobody signs but admins, and each once: nothing covers a signature, so whoever carries a charter could add more."""
    signers = [one.keyid for one in envelope.signatures]
    if len(set(signers)) != len(signers) or not set(signers) <= {
        one for charter in charters for one in charter.admins.ids
    }:
        raise RemoteProtocolError(Code.BAD_ENVELOPE, "a charter has its admins' signatures, one each, and no others")
