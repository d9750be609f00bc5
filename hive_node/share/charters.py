"""Issuing charters: what an admin node signs. Each is verified like anybody's before it is kept."""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, TypeAlias

from hive_node.hive import Hive
from hive_node.ports import CharterLog, Clock, Fault
from protocol.charter import LIFETIME, Admins, Charter, Halt, Member, Revocation, stamp
from protocol.envelope import CHARTER_TYPE
from protocol.ids import NodeId
from protocol.signing import Signer, seal
from protocol.verification import Membership, verify_first_charter, verify_next_charter

# Renewed when a third of its life is left, so that a hive with one admin on holiday does not stop.
_RENEW_BEFORE: Final = LIFETIME / 3
Changes: TypeAlias = Mapping[str, object]
LONGEST_HALT: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class CharterOffice:
    """An admin's desk. changed: called with each new membership once it is on disk."""

    hive: Hive
    log: CharterLog
    signer: Signer
    clock: Clock
    changed: Callable[[Membership], None]

    async def found(self, name: str, founder: Member, constitution: str) -> Membership:
        """Make a new hive with this node as its one member and admin. Raises Fault where there is one already."""
        now = self.clock.now()
        charter = Charter(
            hive="",
            version=1,
            previous=None,
            name=name,
            issued_at=stamp(now),
            expires_at=stamp(now + LIFETIME),
            admins=Admins(threshold=1, ids=(founder.id,)),
            members=(founder,),
            constitution=constitution,
        )
        envelope = seal(CHARTER_TYPE, charter.payload(), [self.signer])
        async with self.hive.turn:
            if self.hive.membership is not None:
                raise Fault("hive.exists", "this node is in a hive already: `hive-node hive leave` first")
            self.hive.peers_were_asked()
            return await self._keep(verify_first_charter(envelope.to_bytes()))

    async def admit(self, node: NodeId, certificate: bytes, owner: str, name: str) -> Membership:
        """Add a member. One that comes again, by another invite, begins a new epoch: it may have lost its feed's numbers."""
        encoded = base64.b64encode(certificate).decode("ascii")
        joined = stamp(self.clock.now())

        def admitted(charter: Charter) -> Changes:
            others = tuple(one for one in charter.members if one.id != node)
            before = [one.epoch for one in charter.members if one.id == node]
            before += [one.epoch for one in charter.revoked if one.id == node]
            epoch = max(before, default=0) + 1
            member = Member(id=node, certificate=encoded, owner=owner, name=name, joined_at=joined, epoch=epoch)
            return {"members": (*others, member)}

        return await self._issue(admitted)

    async def revoke(self, node: NodeId, reason: str) -> Membership:
        """Send a member away; what it wrote until now stays in its feed and leaves the aggregate. Raises Fault."""

        def revoked(charter: Charter) -> Changes:
            member = charter.member(node)
            if member is None:
                raise Fault("hive.unknown-member", f"{node} is not a member: `hive-node hive members` lists them")
            if node in charter.admins.ids:
                raise Fault("hive.last-admin", "an admin cannot be revoked while the hive has one admin")
            head = self.hive.heads.get(node)
            last = head.seq if head and head.epoch == member.epoch else 0
            gone = Revocation(id=node, at=stamp(self.clock.now()), last_seq=last, reason=reason, epoch=member.epoch)
            members = tuple(one for one in charter.members if one.id != node)
            return {"members": members, "revoked": (*charter.revoked, gone)}

        return await self._issue(revoked)

    async def halt(self, reason: str, lasting: timedelta) -> Membership:
        """Stop promotions and sends in the whole hive, for a time. Raises Fault."""
        if not timedelta(0) < lasting <= LONGEST_HALT:
            raise Fault("hive.bad-halt", f"a halt lasts up to {LONGEST_HALT.days} days")
        now = self.clock.now()
        halt = Halt(reason=reason, at=stamp(now), until=stamp(now + lasting))
        return await self._issue(lambda _charter: {"halt": halt})

    async def resume(self) -> Membership:
        """Lift the halt."""
        return await self._issue(lambda _charter: {"halt": None})

    async def renew_if_due(self) -> Membership | None:
        """A new version when a third of the old one's life is left."""
        return await self._issue(lambda _charter: {}) if self._is_due() else None

    def _is_due(self) -> bool:
        membership = self.hive.membership
        if membership is None or not self.hive.is_admin or membership.charter.admins.threshold > 1:
            return False
        return membership.charter.is_expired(self.clock.now() + _RENEW_BEFORE)

    async def _issue(self, change: Callable[[Charter], Changes]) -> Membership:
        """The next version with what `change` makes of the one in force, which nobody else replaces meanwhile."""
        await self.hive.ask_for_charter()
        async with self.hive.turn:
            membership = self.hive.membership
            if membership is None:
                raise Fault("hive.none", "this node is in no hive: `hive-node hive create` or `hive join` first")
            if not self.hive.is_admin:
                raise Fault("hive.not-admin", "only an admin of the hive may do this: ask the one who invited you")
            changes = change(membership.charter)
            charter = membership.charter.succeed(membership.hive, membership.digest, self.clock.now(), **changes)
            envelope = seal(CHARTER_TYPE, charter.payload(), [self.signer])
            return await self._keep(verify_next_charter(envelope.to_bytes(), membership))

    async def _keep(self, membership: Membership) -> Membership:
        await self.log.add_charter(membership.charter.version, membership.envelope.to_bytes())
        self.hive.membership = membership
        self.changed(membership)
        return membership
