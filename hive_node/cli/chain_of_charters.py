"""Verify an export of a charter chain without a node: each version, who signed it, and what it changed. One version in memory at a time."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from protocol.amendment import ID_CHARS, amendment
from protocol.charter import Charter
from protocol.errors import Code, RemoteProtocolError
from protocol.ids import HiveId, NodeId
from protocol.limits import CHARTER_BYTES
from protocol.verification import Membership, verify_first_charter, verify_next_charter

CUT_OFF: Final = "cut-off"


@dataclass(frozen=True, slots=True)
class Version:
    """One version that holds. signers: with their names, as listed when they signed. changes: in words."""

    number: int
    digest: str
    issued_at: str
    signers: tuple[str, ...]
    changes: tuple[str, ...]


@dataclass(slots=True)
class Chain:
    """What a file amounts to, as far as it holds. code, detail: the first fault, in the line after the last version; None without one."""

    versions: list[Version] = field(default_factory=list)
    tip: Membership | None = None
    code: str | None = None
    detail: str = ""


def verify_charters(file: BinaryIO, expected: HiveId | None = None) -> Chain:
    """Read a whole chain, version 1 first. Never raises for what it holds. expected: the hive that it should be of."""
    chain = Chain()
    try:
        for line in _lines(file):
            before = chain.tip
            chain.tip = verify_next_charter(line, before) if before else verify_first_charter(line, expected)
            chain.versions.append(_version(chain.tip, before))
        if chain.tip is None:
            raise RemoteProtocolError(Code.CHARTER_CHAIN, "an empty chain")
    except RemoteProtocolError as error:
        chain.code, chain.detail = error.code, error.detail
    return chain


def _version(after: Membership, before: Membership | None) -> Version:
    signed_by = [_name(NodeId(one.keyid), after.charter, before) for one in after.envelope.signatures]
    changes = amendment(before.charter, after.charter).words(before.charter) if before else [_founding(after.charter)]
    return Version(after.charter.version, after.digest, after.charter.issued_at, tuple(signed_by), tuple(changes))


def _founding(charter: Charter) -> str:
    members = ", ".join(f"{one.name} of {one.owner} ({one.id[:ID_CHARS]})" for one in charter.members)
    return f"the hive {charter.name} is founded by {members}"


def _name(signer: NodeId, after: Charter, before: Membership | None) -> str:
    member = after.member(signer) or (before.charter.member(signer) if before else None)
    return f"{member.name if member else 'somebody'} ({signer[:ID_CHARS]})"


def _lines(file: BinaryIO) -> Iterator[bytes]:
    while line := file.readline(CHARTER_BYTES + 2):
        if not line.endswith(b"\n"):
            code = Code.TOO_LARGE if len(line) > CHARTER_BYTES + 1 else Code.BAD_ENVELOPE
            raise RemoteProtocolError(code, f"a line does not end ({CUT_OFF})")
        yield line[:-1]
