"""The charter: who belongs to a hive, and under which rules (docs/protocol.md §2).

Trust in one is made in `protocol.verification`; this module is its shape and its arithmetic.
"""

import base64
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from protocol import limits
from protocol.deltas import Count, Digest, Items, Key, Stamp, Text, Word, first_fault
from protocol.errors import Code, RemoteProtocolError
from protocol.ids import HiveId, NodeId, node_id_of_certificate, parse_node_id
from protocol.wire import dump_json, parse_object

LIFETIME: Final = timedelta(days=90)
_STAMP: Final = "%Y-%m-%dT%H:%M:%SZ"


class _Part(BaseModel):
    # Who belongs is decided here: a field that this version does not know may not pass unread.
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class Admins(_Part):
    """Who may issue charters, and how many of them must sign."""

    threshold: Annotated[int, Field(ge=1, le=limits.MEMBERS)]
    ids: Items[Key]


class Member(_Part):
    """One node: its self-signed certificate (DER, base64), its person, and its feed's epoch."""

    id: Key
    certificate: Annotated[str, Field(max_length=4096)]
    owner: Word
    name: Word
    joined_at: Stamp
    epoch: Annotated[int, Field(ge=1, le=1_000_000)] = 1

    def certificate_der(self) -> bytes:
        """The certificate's bytes. Raises RemoteProtocolError(bad-base64)."""
        try:
            return base64.b64decode(self.certificate, validate=True)
        except ValueError:
            raise RemoteProtocolError(Code.BAD_BASE64, "a member's certificate is not base64") from None


class Revocation(_Part):
    """A member that was sent away; what it said after `last_seq` never counts."""

    id: Key
    at: Stamp
    last_seq: Count
    reason: Text
    epoch: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    keep_history: bool = False


class Halt(_Part):
    """While in force no node promotes or sends."""

    reason: Text
    at: Stamp
    until: Stamp


class Charter(_Part):
    """One version of the charter, as signed. `hive` is empty in version 1, whose digest it is."""

    hive: Annotated[str, Field(pattern=r"^([a-z2-7]{52})?$")]
    version: Annotated[int, Field(ge=1, le=limits.CHARTER_CHAIN)]
    previous: Digest | None
    name: Word
    issued_at: Stamp
    expires_at: Stamp
    admins: Admins
    members: Annotated[tuple[Member, ...], Field(strict=False, min_length=1, max_length=limits.MEMBERS, fail_fast=True)]
    revoked: Annotated[tuple[Revocation, ...], Field(strict=False, max_length=10 * limits.MEMBERS, fail_fast=True)] = ()
    constitution: Digest
    policy: Annotated[dict[Word, Word], Field(max_length=32)] = {}
    halt: Halt | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        ids = [member.id for member in self.members]
        if len(set(ids)) != len(ids):
            raise ValueError("a member is listed twice")
        admins = self.admins.ids
        if len(set(admins)) != len(admins) or self.admins.threshold > len(admins):
            raise ValueError("the threshold exceeds the distinct admins")
        if not set(admins) <= set(ids):
            raise ValueError("an admin is a member")
        if (self.version == 1) != (self.previous is None) or (self.version == 1) != (self.hive == ""):
            raise ValueError("hive and previous are absent in version 1 and nowhere else")
        return self

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """The charter that `raw` spells, every key and certificate checked. Raises RemoteProtocolError."""
        charter = cls.read(raw)
        charter.check_keys()
        return charter

    @classmethod
    def read(cls, raw: bytes) -> Self:
        """The same, its keys and certificates not looked at yet. Raises RemoteProtocolError."""
        tree = parse_object(raw)
        try:
            return cls.model_validate(tree)
        except ValidationError as error:
            raise RemoteProtocolError(Code.BAD_SCHEMA, f"charter: {first_fault(error)}") from None

    def check_keys(self, checked: "Charter | None" = None) -> None:
        """Raises RemoteProtocolError(bad-base64, bad-key) unless every id is a key, and every certificate its member's.

        checked: a version that passed this; what it lists alike is not looked at again.
        """
        known = {(one.id, one.certificate) for one in checked.members} if checked else set()
        for member in self.members:
            if (member.id, member.certificate) in known:
                continue
            if node_id_of_certificate(member.certificate_der()) != member.id:
                raise RemoteProtocolError(Code.BAD_KEY, "a member's certificate is another's")
        gone = {one.id for one in checked.revoked} if checked else set()
        for identity in {one.id for one in self.revoked} - gone:
            parse_node_id(identity)

    def payload(self) -> bytes:
        """The bytes that admins sign."""
        return dump_json(self.model_dump(mode="json"))

    def member(self, identity: NodeId) -> Member | None:
        """The member of that id, or None."""
        return next((member for member in self.members if member.id == identity), None)

    def revocation(self, identity: NodeId) -> Revocation | None:
        """The newest revocation of that id; None while it is a member."""
        if self.member(identity):
            return None
        return next((one for one in reversed(self.revoked) if one.id == identity), None)

    def is_expired(self, now: datetime) -> bool:
        """Whether its time is over at `now` (aware)."""
        return now >= parse_stamp(self.expires_at)

    def is_halted(self, now: datetime) -> bool:
        """Whether a halt is in force at `now` (aware)."""
        return self.halt is not None and now < parse_stamp(self.halt.until)

    def succeed(self, hive: HiveId, digest: str, now: datetime, **changes: object) -> "Charter":
        """The next version with `changes`, issued at `now` and valid for 90 days; still to be signed.

        digest: SHA-256 of this version's payload as it was signed.
        """
        fields = {
            "hive": hive,
            "version": self.version + 1,
            "previous": digest,
            "issued_at": stamp(now),
            "expires_at": stamp(now + LIFETIME),
        }
        tree = {name: getattr(self, name) for name in type(self).model_fields} | fields | changes
        return Charter.model_validate(tree)


def stamp(moment: datetime) -> str:
    """An aware moment as it travels: UTC, whole seconds, `2026-01-31T12:00:00Z`."""
    return moment.astimezone(UTC).strftime(_STAMP)


def parse_stamp(text: str) -> datetime:
    """The aware moment that `stamp` wrote. Raises RemoteProtocolError(bad-schema) for a date that does not exist."""
    try:
        return datetime.strptime(text, _STAMP).replace(tzinfo=UTC)
    except ValueError:
        raise RemoteProtocolError(Code.BAD_SCHEMA, "not a moment") from None
