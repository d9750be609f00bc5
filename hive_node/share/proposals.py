"""Changes that more than one admin must sign: listed, signed, turned down, carried between admins' nodes (docs/protocol.md §2.13).

Nothing here has any effect before the last signature that it takes; then it is a version like any other.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from hive_node.hive import Hive
from hive_node.ports import CharterLog, Clock, Fault, StoredProposal
from hive_node.share.issuing import Issued, Issuer, current
from protocol.amendment import amendment
from protocol.charter import stamp
from protocol.envelope import Envelope, Signature, pae
from protocol.errors import Code, RemoteProtocolError
from protocol.ids import NodeId
from protocol.limits import ANSWER_BYTES, PROPOSALS, PROPOSALS_PER_ADMIN
from protocol.proposals import Held, Offer
from protocol.signing import Signer
from protocol.verification import Proposal, verify_next_charter, verify_proposal

# An id's beginning that a person types; fewer characters could be anything.
_PREFIX: Final = 4


@dataclass(frozen=True, slots=True)
class Seen:
    """An open proposal with what a person wants to know of it. turned_down: by whom; who turns down its own withdraws it."""

    proposal: Proposal
    words: tuple[str, ...]
    proposed_at: str
    turned_down: tuple[NodeId, ...]


@dataclass(frozen=True, slots=True)
class ProposalDesk:
    """An admin's, or a future admin's, side of what is under discussion."""

    hive: Hive
    log: CharterLog
    signer: Signer
    clock: Clock
    issuer: Issuer

    async def open(self) -> list[Seen]:
        """Every proposal to the version in force, oldest first. Raises StoreError."""
        membership = self.hive.membership
        if membership is None:
            return []
        found = [(stored, current(stored, membership)) for stored in await self.log.proposals()]
        return [
            Seen(proposal, tuple(stored.change.words(membership.charter)), stored.at, stored.turned_down)
            for stored, proposal in found
            if proposal is not None
        ]

    async def sign(self, beginning: str) -> Issued:
        """Add this node's signature to the one proposal whose id begins so. Raises Fault."""
        async with self.hive.turn:
            stored, proposal = await self._find(beginning)
            if not proposal.concerns(self.hive.node):
                raise Fault("hive.not-admin", "only an admin of the hive may sign")
            if proposal.proposer in stored.turned_down:
                raise Fault("hive.withdrawn", "its proposer withdrew it")
            if self.hive.node in proposal.signers:
                raise Fault("hive.signed", "this node has signed it already: another admin must")
            return await self._keep(stored, proposal, [_signature(proposal.envelope, self.signer)])

    async def turn_down(self, beginning: str) -> StoredProposal:
        """Say no to a proposal; one's own is withdrawn by that. Raises Fault."""
        async with self.hive.turn:
            stored, proposal = await self._find(beginning)
            if not proposal.concerns(self.hive.node):
                raise Fault("hive.not-admin", "only an admin of the hive may turn it down")
            said = replace(stored, turned_down=tuple(dict.fromkeys([*stored.turned_down, self.hive.node])))
            await self.log.keep_proposal(said)
        self.issuer.changed(proposal.base)
        return said

    async def offer(self, to: NodeId, has: Offer | None = None) -> Offer:
        """What that node may see of what is held here; where it is known what it has, with the envelopes and signatures that it lacks."""
        held: dict[str, Held] = {}
        envelopes: list[bytes] = []
        for seen in await self.open():
            one = seen.proposal
            if not one.concerns(to):
                continue
            held[one.digest] = Held(tuple(sorted(one.signers)), self.hive.node in seen.turned_down)
            known = has.held.get(one.digest) if has else None
            if has is not None and (known is None or not one.signers <= set(known.signers)):
                envelopes.append(one.envelope.to_bytes())
        return Offer(held, _fitting(envelopes))

    async def take_in(self, offer: Offer, peer: NodeId) -> None:
        """What another admin's node holds. Raises RemoteProtocolError at the first that is wrong, StoreError."""
        for raw in offer.envelopes:
            async with self.hive.turn:
                await self._take(raw, peer)
        for stored in await self.log.proposals():
            said = offer.held.get(stored.id)
            if said and said.is_turned_down and peer not in stored.turned_down:
                await self.log.keep_proposal(replace(stored, turned_down=(*stored.turned_down, peer)))

    async def concerns(self, node: NodeId) -> bool:
        """Whether that node has a say: as an admin, or as one that an open proposal makes an admin."""
        membership = self.hive.membership
        if membership is None:
            return False
        return node in membership.charter.admins.ids or any(one.proposal.concerns(node) for one in await self.open())

    async def is_shared_with(self, node: NodeId) -> bool:
        """Whether this node and that one both have a say, and so tell each other what they hold."""
        both = {node, self.hive.node}
        membership = self.hive.membership
        if membership is None or both <= set(membership.charter.admins.ids):
            return membership is not None
        return any(all(one.proposal.concerns(each) for each in both) for one in await self.open())

    async def _take(self, raw: bytes, peer: NodeId) -> None:
        membership = self.issuer.held()
        try:
            proposal = verify_proposal(raw, membership)
        except RemoteProtocolError as error:
            if error.code in {Code.CHARTER_ROLLBACK, Code.CHARTER_CHAIN}:
                return  # overtaken here, or not yet there: the chain is settled first
            raise
        if not proposal.concerns(peer):
            raise RemoteProtocolError(Code.NOT_AN_ADMIN, "only admins carry proposals")
        if not proposal.concerns(self.hive.node):
            return
        stored = next((one for one in await self.log.proposals() if one.id == proposal.digest), None)
        if stored is None:
            await self._check_room(proposal)
            change = amendment(membership.charter, proposal.charter)
            stored = StoredProposal(proposal.digest, raw, change, stamp(self.clock.now()))
            await self._keep(stored, proposal, [])
            return
        known = verify_proposal(stored.envelope, membership)
        more = [one for one in proposal.envelope.signatures if one.keyid not in known.signers]
        if more:
            await self._keep(stored, known, more)

    async def _keep(self, stored: StoredProposal, proposal: Proposal, more: Sequence[Signature]) -> Issued:
        """Keep a proposal with more signatures; bring it into force where they are enough."""
        envelope = replace(proposal.envelope, signatures=(*proposal.envelope.signatures, *more))
        grown = verify_proposal(envelope.to_bytes(), proposal.base)
        if not grown.lacks:
            return await self.issuer.keep(verify_next_charter(envelope.to_bytes(), proposal.base))
        kept = replace(stored, envelope=envelope.to_bytes())
        await self.log.keep_proposal(kept)
        self.issuer.changed(proposal.base)
        return kept

    async def _check_room(self, proposal: Proposal) -> None:
        found = await self.open()
        own = sum(one.proposal.proposer == proposal.proposer for one in found)
        if len(found) >= PROPOSALS or own >= PROPOSALS_PER_ADMIN:
            raise RemoteProtocolError(
                Code.TOO_MANY, f"at most {PROPOSALS} proposals, {PROPOSALS_PER_ADMIN} of one admin"
            )

    async def _find(self, beginning: str) -> tuple[StoredProposal, Proposal]:
        membership = self.issuer.held()
        found = [one for one in await self.log.proposals() if one.id.startswith(beginning)]
        if len(beginning) < _PREFIX or len(found) != 1:
            why = (
                "more than one proposal begins so"
                if len(found) > 1 and len(beginning) >= _PREFIX
                else "there is no such proposal"
            )
            raise Fault("hive.no-proposal", f"{why}: `hive-node hive proposals` lists them")
        proposal = current(found[0], membership)
        if proposal is None:
            raise Fault("hive.overtaken", "another version came first: it is proposed anew by its proposer, or dropped")
        return found[0], proposal


def _signature(envelope: Envelope, signer: Signer) -> Signature:
    return Signature(signer.node_id, signer.sign(pae(envelope.payload_type, envelope.payload)))


def _fitting(envelopes: list[bytes]) -> tuple[bytes, ...]:
    """As many of the first as fit into one answer, and one in any case."""
    total, found = 0, list[bytes]()
    for raw in envelopes:
        total += len(raw) + 1
        if found and total > ANSWER_BYTES:
            break
        found.append(raw)
    return tuple(found)
