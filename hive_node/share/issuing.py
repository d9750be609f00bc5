"""Issuing a version of the charter: signed here, verified like anybody's, then in force; or a proposal, where one is not enough."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

from hive_node.hive import Hive
from hive_node.ports import CharterLog, Clock, Fault, StoredProposal
from protocol.amendment import Changes, amendment
from protocol.charter import Charter, stamp
from protocol.envelope import CHARTER_TYPE
from protocol.errors import RemoteProtocolError
from protocol.ids import NodeId
from protocol.limits import PROPOSALS_PER_ADMIN
from protocol.signing import Signer, seal
from protocol.verification import Membership, Proposal, verify_next_charter, verify_proposal

# What became of an act: a version in force, or one that others have still to sign.
Issued: TypeAlias = Membership | StoredProposal


@dataclass(frozen=True, slots=True)
class Issuer:
    """changed: called with each new membership once it is on disk. restore_memory: reads what was stored of feeds again."""

    hive: Hive
    log: CharterLog
    signer: Signer
    clock: Clock
    changed: Callable[[Membership], None]
    restore_memory: Callable[[], Awaitable[None]]

    async def issue(self, change: Callable[[Charter], Changes]) -> Issued:
        """The next version with what `change` makes of the one in force, which nobody else replaces meanwhile. Raises Fault."""
        await self.hive.ask_for_charter()
        async with self.hive.turn:
            held = self.held()
            if not self.hive.is_admin:
                raise Fault("hive.not-admin", "only an admin of the hive may do this: ask the one who invited you")
            charter = held.charter.succeed(held.hive, held.digest, self.clock.now(), **change(held.charter))
            envelope = seal(CHARTER_TYPE, charter.payload(), [self.signer])
            proposal = verify_proposal(envelope.to_bytes(), held)
            if proposal.lacks:
                return await self._propose(proposal)
            return await self.keep(verify_next_charter(envelope.to_bytes(), held))

    async def keep(self, membership: Membership) -> Membership:
        """Bring a version into force: to disk, then to memory. For who has the turn. Raises StoreError."""
        cut = self.hive.beyond(membership)
        await self.log.add_charter(membership.charter.version, membership.envelope.to_bytes(), cut)
        self.hive.membership = membership
        self.hive.fork = None
        if cut:
            await self.restore_memory()
        self.changed(membership)
        return membership

    def held(self) -> Membership:
        """The hive that this node is in. Raises Fault."""
        if self.hive.membership is None:
            raise Fault("hive.none", "this node is in no hive: `hive-node hive create` or `hive join` first")
        return self.hive.membership

    async def _propose(self, proposal: Proposal) -> StoredProposal:
        change = amendment(proposal.base.charter, proposal.charter)
        found = await self.log.proposals()
        if same := next((one for one in found if one.change == change and not one.turned_down), None):
            raise Fault("hive.proposed", f"that is proposed already: `hive-node hive sign {same.id[:12]}`")
        own = [one for one in found if proposer_of(one, proposal.base) == self.hive.node]
        if len(own) >= PROPOSALS_PER_ADMIN:
            raise Fault(
                "hive.proposals-full", f"{len(own)} proposals of this node are open: `hive-node hive reject` one first"
            )
        stored = StoredProposal(proposal.digest, proposal.envelope.to_bytes(), change, stamp(self.clock.now()))
        await self.log.keep_proposal(stored)
        self.changed(proposal.base)  # nothing is; but peers are looked at, and hear of it
        return stored


def current(stored: StoredProposal, base: Membership) -> Proposal | None:
    """A stored proposal, checked against the version in force; None where another version overtook it."""
    try:
        return verify_proposal(stored.envelope, base)
    except RemoteProtocolError:
        return None


def proposer_of(stored: StoredProposal, base: Membership) -> NodeId | None:
    """Who signed a stored proposal first; None where another version overtook it."""
    found = current(stored, base)
    return found.proposer if found else None
