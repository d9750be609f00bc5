"""Where the charter chain is kept, with what is about to become a part of it; invites, and who waits to be let in."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol, TypeAlias

from protocol.amendment import Amendment
from protocol.ids import NodeId

# Feeds that a version ends: author, epoch, the last number that counts.
Cut: TypeAlias = tuple[NodeId, int, int]


@dataclass(frozen=True, slots=True)
class StoredProposal:
    """A next version that too few admins have signed as yet, as the store holds it.

    id: SHA-256 of its payload. change: what it changes. turned_down: admins who said no to it, perhaps this node among them.
    """

    id: str
    envelope: bytes
    change: Amendment
    at: str
    turned_down: tuple[NodeId, ...] = ()


class CharterLog(Protocol):
    """Where the charter chain is kept. Raises StoreError."""

    async def charters(self, first: int = 1) -> list[bytes]: ...

    async def digest_at(self, version: int) -> str | None: ...

    async def keep_chain(self, envelopes: Sequence[bytes]) -> None: ...

    async def add_charter(self, version: int, envelope: bytes, cut: Sequence[Cut] = ()) -> None: ...

    async def switch(
        self, shared: int, envelopes: Sequence[bytes], cut: Sequence[Cut], again: Sequence[Amendment]
    ) -> None: ...

    async def to_issue_again(self) -> list[tuple[int, Amendment]]: ...

    async def issued_again(self, number: int) -> None: ...

    async def proposals(self) -> list[StoredProposal]: ...

    async def keep_proposal(self, proposal: StoredProposal) -> None: ...

    async def drop_proposal(self, identity: str, again: Amendment | None = None) -> None: ...


@dataclass(frozen=True, slots=True)
class Invite:
    """A one-time token's local half. wrong: proofs that failed so far."""

    id: str
    secret: bytes
    expires_at: datetime
    wrong: int
    used_by: NodeId | None


# pending: a person has to say so. approved: handed the chain when it asks next, and listed by then. joined: it was.
JoinerState: TypeAlias = Literal["pending", "approved", "joined", "denied"]


@dataclass(frozen=True, slots=True)
class Joiner:
    """Somebody who proved to have an invite, and is let in by hand. expires_at: when it is too late for either side."""

    node: NodeId
    invite: str
    certificate: bytes
    owner: str
    name: str
    asked_at: datetime
    expires_at: datetime
    state: JoinerState = "pending"


class Invites(Protocol):
    """One-time tokens' local halves, and who came with one. Raises StoreError."""

    async def open_invite(self, invite: Invite) -> None: ...

    async def invite(self, identity: str) -> Invite | None: ...

    async def invites(self) -> list[Invite]: ...

    async def guess_wrong(self, identity: str) -> None: ...

    async def use_invite(self, identity: str, node: NodeId) -> bool: ...

    async def joiners(self) -> list[Joiner]: ...

    async def keep_joiner(self, joiner: Joiner) -> None: ...
