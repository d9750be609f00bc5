"""A peer's chain held against ours: where they part, and what it has from there on. What is read is bounded."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from hive_node.ports import CharterLog
from protocol.amendment import Amendment
from protocol.envelope import CHARTER_TYPE, Envelope, parse_envelope
from protocol.errors import Code, RemoteProtocolError
from protocol.limits import CHARTER_BYTES
from protocol.succession import Branch
from protocol.verification import Membership

# A hive that was apart for half a year, with a change a day; all of it is in memory before the chain is switched.
FORK_VERSIONS: Final = 200
FORK_BYTES: Final = 16 * CHARTER_BYTES

Ask: TypeAlias = Callable[[int], Awaitable[list[bytes]]]


@dataclass(slots=True)
class Retraced:
    """Our own side of a fork. shared: the hive at the last version that both hold. branch: what we hold since; None where nothing.

    own: what this node changed since, oldest first.
    """

    shared: Membership
    branch: Branch | None = None
    own: list[Amendment] = field(default_factory=list)


async def shared_version(ask: Ask, log: CharterLog, newest: int) -> int:
    """The last version that both hold: looked for one, two, four… before `newest`, then forwards.

    Raises RemoteProtocolError: wrong-hive where not even the first is shared, peer-misbehaved where the peer shows nothing.
    """
    version, step = newest, 1
    while True:
        shown = await ask(version)
        if not shown:
            raise RemoteProtocolError(Code.PEER_MISBEHAVED, "it tells of charters that it does not show")
        if digest_of(shown[0]) == await log.digest_at(version):
            return await _last_alike(shown, ask, log, version)
        if version == 1:
            raise RemoteProtocolError(Code.WRONG_HIVE, "not even the first charter is ours")
        version, step = max(1, version - step), step * 2


async def other_versions(ask: Ask, first: int, last: int) -> AsyncIterator[bytes]:
    """The peer's versions from `first` to `last`. Raises RemoteProtocolError(too-large) where they are too many."""
    count = total = 0
    while first + count <= last and (shown := await ask(first + count)):
        for raw in shown:
            count, total = count + 1, total + len(raw)
            if count > FORK_VERSIONS or total > FORK_BYTES:
                raise RemoteProtocolError(Code.TOO_LARGE, f"a fork of more than {FORK_VERSIONS} versions")
            yield raw


def is_vouched_for(raw: bytes, held: Membership) -> bool:
    """Whether a charter names as many of our admins as must sign one here. Nothing is verified: only without them it is not worth it.

    Raises RemoteProtocolError.
    """
    named = {one.keyid for one in _envelope(raw).signatures}
    return len(named & set(held.charter.admins.ids)) >= held.charter.admins.threshold


def digest_of(raw: bytes) -> str:
    """SHA-256 of a charter's payload, by which it is known. Raises RemoteProtocolError."""
    return _envelope(raw).id


async def _last_alike(shown: list[bytes], ask: Ask, log: CharterLog, version: int) -> int:
    while shown:
        for number, raw in enumerate(shown, version):
            if digest_of(raw) != await log.digest_at(number):
                return number - 1
        version += len(shown)
        shown = await ask(version)
    return version - 1


def _envelope(raw: bytes) -> Envelope:
    return parse_envelope(raw, max_bytes=CHARTER_BYTES, payload_type=CHARTER_TYPE)
