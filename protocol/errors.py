"""The two faults of the protocol: ours and theirs. Each has a stable code that travels in answers and logs."""

from enum import StrEnum


class Code(StrEnum):
    """Why something from a peer was refused (docs/protocol.md §4). Stable: peers and tests compare them."""

    TOO_LARGE = "too-large"
    BAD_ENVELOPE = "bad-envelope"
    BAD_BASE64 = "bad-base64"
    WRONG_TYPE = "wrong-type"
    UNSUPPORTED_VERSION = "unsupported-version"
    NOT_A_MEMBER = "not-a-member"
    BAD_KEY = "bad-key"
    BAD_SIGNATURE = "bad-signature"
    BAD_JSON = "bad-json"
    DUPLICATE_KEY = "duplicate-key"
    NOT_FINITE = "not-finite"
    TOO_DEEP = "too-deep"
    BAD_SCHEMA = "bad-schema"
    WRONG_HIVE = "wrong-hive"
    AUTHOR_MISMATCH = "author-mismatch"
    OLD_EPOCH = "old-epoch"
    FUTURE_EPOCH = "future-epoch"
    BROKEN_CHAIN = "broken-chain"
    EQUIVOCATION = "equivocation"
    QUARANTINED = "quarantined"
    REVOKED = "revoked"
    WRONG_CONSTITUTION = "wrong-constitution"
    SCOPE_REFUSED = "scope-refused"
    CHARTER_CHAIN = "charter-chain"
    CHARTER_THRESHOLD = "charter-threshold"
    CHARTER_EXPIRED = "charter-expired"
    CHARTER_ROLLBACK = "charter-rollback"
    NOT_AN_ADMIN = "not-an-admin"
    HALTED = "halted"
    TOO_MANY = "too-many"
    GAP_FULL = "gap-full"
    UNAVAILABLE = "unavailable"
    BAD_REQUEST = "bad-request"
    INVITE_UNKNOWN = "invite-unknown"
    INVITE_EXPIRED = "invite-expired"
    INVITE_USED = "invite-used"
    INVITE_PROOF = "invite-proof"
    INVITE_CLOSED = "invite-closed"
    JOIN_DENIED = "join-denied"
    PEER_UNREACHABLE = "peer-unreachable"
    PEER_MISBEHAVED = "peer-misbehaved"


class ProtocolError(Exception):
    """A fault of the protocol. `code` is stable; `detail` is for a person and never quotes what was refused."""

    def __init__(self, code: Code, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class RemoteProtocolError(ProtocolError):
    """Theirs: counted, dropped, carry on."""


class LocalProtocolError(ProtocolError):
    """Ours: a bug or a misuse by this node; logged with its traceback."""
