"""What an admin's node issues: each act looks at the version in force, and makes the next one of it."""

import base64
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from hive_node.hive import Hive
from hive_node.ports import CharterLog, Clock, Fault
from hive_node.share.issuing import Issued, Issuer
from protocol.amendment import Amendment, Changes
from protocol.charter import LIFETIME, Admins, Charter, Halt, Member, Revocation, stamp
from protocol.envelope import CHARTER_TYPE
from protocol.ids import NodeId
from protocol.signing import Signer, seal
from protocol.verification import Membership, verify_first_charter

# Renewed when a third of its life is left, so that a hive with one admin on holiday does not stop.
RENEW_BEFORE: Final = LIFETIME / 3
# Admins take turns, the first listed first: two that renewed at once would issue two versions after one.
_RENEW_TURN: Final = timedelta(hours=6)
_RENEW_TURNS: Final = timedelta(days=20)
LONGEST_HALT: Final = timedelta(days=30)
# What this implementation goes by; the charter carries others' words as they are.
POLICIES: Final = {"join": ("open", "approve")}


@dataclass(frozen=True, slots=True)
class CharterOffice:
    """An admin's desk. changed, restore_memory: as the issuer's."""

    hive: Hive
    log: CharterLog
    signer: Signer
    clock: Clock
    changed: Callable[[Membership], None]
    restore_memory: Callable[[], Awaitable[None]]

    @property
    def issuer(self) -> Issuer:
        return Issuer(self.hive, self.log, self.signer, self.clock, self.changed, self.restore_memory)

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
            return await self.issuer.keep(verify_first_charter(envelope.to_bytes()))

    async def admit(self, node: NodeId, certificate: bytes, owner: str, name: str) -> Issued:
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

        return await self.issuer.issue(admitted)

    async def revoke(
        self, node: NodeId, reason: str, *, last_seq: int | None = None, keep_history: bool = False
    ) -> Issued:
        """Send a member away, admin or not. last_seq: the last of its numbers that stays; what is held here unless told.

        What it wrote until then stays in its feed and leaves the aggregate, unless keep_history. Raises Fault.
        """

        def revoked(charter: Charter) -> Changes:
            member = _member(charter, node)
            admins = charter.admins
            if node in admins.ids:
                admins = _seats(admins, drop=node)
            head = self.hive.heads.get(node)
            held = head.seq if head and head.epoch == member.epoch else 0
            gone = Revocation(
                id=node,
                at=stamp(self.clock.now()),
                last_seq=held if last_seq is None else last_seq,
                reason=reason,
                epoch=member.epoch,
                keep_history=keep_history,
            )
            members = tuple(one for one in charter.members if one.id != node)
            return {"members": members, "revoked": (*charter.revoked, gone), "admins": admins}

        return await self.issuer.issue(revoked)

    async def set_admins(
        self, *, add: NodeId | None = None, drop: NodeId | None = None, threshold: int | None = None
    ) -> Issued:
        """Who may issue charters, and how many of them must sign. Raises Fault."""
        return await self.issuer.issue(lambda charter: _changed_seats(charter, add, drop, threshold))

    async def raise_epoch(self, node: NodeId) -> Issued:
        """Let a member's feed begin again at 1: what it wrote before counts no more, a quarantine ends. Raises Fault."""

        def raised(charter: Charter) -> Changes:
            member = _member(charter, node)
            again = member.model_copy(update={"epoch": member.epoch + 1})
            return {"members": tuple(again if one.id == node else one for one in charter.members)}

        return await self.issuer.issue(raised)

    async def set_policy(self, key: str, value: str) -> Issued:
        """Set one of the hive's policies. Raises Fault."""
        if value not in POLICIES.get(key, ()):
            known = ", ".join(f"{name}={'|'.join(values)}" for name, values in POLICIES.items())
            raise Fault("hive.unknown-policy", f"there is no policy {key}={value}: {known}")
        return await self.issuer.issue(lambda charter: {"policy": charter.policy | {key: value}})

    async def adopt_constitution(self, digest: str) -> Issued:
        """Put the hive under the rules that this node goes by. Raises Fault."""

        def adopted(charter: Charter) -> Changes:
            if charter.constitution == digest:
                raise Fault("hive.same-constitution", "the hive is under this node's constitution already")
            return {"constitution": digest}

        return await self.issuer.issue(adopted)

    async def halt(self, reason: str, lasting: timedelta) -> Issued:
        """Stop promotions and sends in the whole hive, for a time. Raises Fault."""
        if not timedelta(0) < lasting <= LONGEST_HALT:
            raise Fault("hive.bad-halt", f"a halt lasts up to {LONGEST_HALT.days} days")
        now = self.clock.now()
        halt = Halt(reason=reason, at=stamp(now), until=stamp(now + lasting))
        return await self.issuer.issue(lambda _charter: {"halt": halt})

    async def resume(self) -> Issued:
        """Lift the halt."""
        return await self.issuer.issue(lambda _charter: {"halt": None})

    async def renew_if_due(self) -> Issued | None:
        """A new version when a third of the old one's life is left and it is our turn; a proposal, where one is not enough."""
        if not self._is_due() or any(one.change.is_renewal for one in await self.log.proposals()):
            return None
        return await self.issuer.issue(lambda _charter: {})

    async def issue_again(self, change: Amendment) -> Issued | None:
        """A change of ours that went with another branch, on top of the version in force; None where it is there already.

        Raises Fault where it makes no sense any more, or is not ours to make.
        """
        held = self.issuer.held()
        if change.on(held.charter) == {}:
            return None

        def again(charter: Charter) -> Changes:
            changes = change.on(charter)
            if changes is None:
                raise Fault("hive.overtaken", "fewer admins would be left than must sign")
            return changes

        return await self.issuer.issue(again)

    def _is_due(self) -> bool:
        membership = self.hive.membership
        if membership is None or not self.hive.is_admin:
            return False
        admins = membership.charter.admins.ids
        turn = admins.index(self.hive.node) * min(_RENEW_TURN, _RENEW_TURNS / len(admins))
        return membership.charter.is_expired(self.clock.now() + RENEW_BEFORE - turn)


def _member(charter: Charter, node: NodeId) -> Member:
    member = charter.member(node)
    if member is None:
        raise Fault("hive.unknown-member", f"{node} is not a member: `hive-node hive members` lists them")
    return member


def _seats(admins: Admins, *, drop: NodeId) -> Admins:
    left = tuple(one for one in admins.ids if one != drop)
    if not left:
        raise Fault(
            "hive.last-admin", "the one admin of a hive stays: `hive-node hive admins add MEMBER` makes another first"
        )
    return _checked(Admins(threshold=admins.threshold, ids=left))


def _changed_seats(charter: Charter, add: NodeId | None, drop: NodeId | None, threshold: int | None) -> Changes:
    admins = charter.admins
    if threshold is not None:
        admins = admins.model_copy(update={"threshold": threshold})
    if add is not None:
        _member(charter, add)
        admins = admins.model_copy(update={"ids": tuple(dict.fromkeys([*admins.ids, add]))})
    if drop is not None:
        if drop not in admins.ids:
            raise Fault("hive.no-admin", f"{drop} is no admin: `hive-node hive members` shows who is")
        admins = _seats(admins, drop=drop)
    if admins == charter.admins:
        raise Fault("hive.unchanged", "that is how it is already")
    return {"admins": _checked(admins)}


def _checked(admins: Admins) -> Admins:
    if not 1 <= admins.threshold <= len(admins.ids):
        raise Fault(
            "hive.threshold",
            f"{admins.threshold} signatures cannot come from {len(admins.ids)} admins: "
            "set it with `hive-node hive admins --threshold N`, or add admins first",
        )
    return admins
