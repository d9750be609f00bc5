"""Who asked to be let in with an invite, and what became of it: at once, or by a person's word (docs/protocol.md §2.12)."""

import logging
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from hive_node.adapters.join_request import JoinRequest
from hive_node.ports import Clock, Fault, Invite, Invites, Joiner
from hive_node.share.charters import CharterOffice
from protocol.charter import stamp
from protocol.errors import Code, RemoteProtocolError
from protocol.verification import Membership

logger = logging.getLogger(__name__)

# Who waits to be let in is let in within a week, or asks anew by another invite.
PENDING_LIFETIME: Final = timedelta(days=7)
_POLICY: Final = "join"
_BY_HAND: Final = "approve"
# An id's beginning that a person types; fewer characters could be anybody's.
_PREFIX: Final = 4


@dataclass(frozen=True, slots=True)
class Admissions:
    """For the join desk, which lets one at a time in here."""

    office: CharterOffice
    invites: Invites
    clock: Clock

    async def waiting(self) -> list[Joiner]:
        """Who waits, for a person's word or to come back for the answer; oldest first."""
        return [one for one in await self.invites.joiners() if one.state in {"pending", "approved"}]

    async def is_expected(self, invite: str) -> bool:
        """Whether whoever used that invite may come back with it; once it has the chain, no more."""
        return any(one.invite == invite and one.state != "joined" for one in await self.invites.joiners())

    async def known(self, said: JoinRequest) -> Joiner | None:
        """The same node's earlier request by the same invite.

        Not one who was handed the chain: it may have left since, and its feed would begin again in an epoch that was used.
        """
        for one in await self.invites.joiners():
            same = (one.node, one.invite, one.certificate) == (said.node, said.invite, said.certificate)
            if same and one.state != "joined":
                return one
        return None

    async def take(self, said: JoinRequest, invite: Invite, membership: Membership) -> Joiner:
        """A new request, proved: let in at once, unless a person has to say so. Raises RemoteProtocolError(invite-used)."""
        if not await self.invites.use_invite(invite.id, said.node):
            raise RemoteProtocolError(Code.INVITE_USED, "the invite was used")
        now = self.clock.now()
        joiner = Joiner(said.node, invite.id, said.certificate, said.owner, said.name, now, now + PENDING_LIFETIME)
        await self.invites.keep_joiner(joiner)
        if membership.charter.policy.get(_POLICY) == _BY_HAND:
            logger.info("somebody waits to be let in", extra={"node": said.node})
            return joiner
        return await self._let_in(joiner)

    async def approve(self, beginning: str) -> Joiner:
        """Let in the one who waits and whose node id begins so. Raises Fault."""
        return await self._let_in(await self._pending(beginning))

    async def deny(self, beginning: str) -> Joiner:
        """Turn that one away. Raises Fault."""
        denied = replace(await self._pending(beginning), state="denied")
        await self.invites.keep_joiner(denied)
        return denied

    def is_in(self, joiner: Joiner, membership: Membership) -> bool:
        """Whether the charter lists it since it asked. Raises RemoteProtocolError(join-denied)."""
        if joiner.state == "denied":
            raise RemoteProtocolError(Code.JOIN_DENIED, "an admin said no")
        member = membership.members.get(joiner.node)
        return joiner.state != "pending" and member is not None and member.joined_at >= stamp(joiner.asked_at)

    async def welcomed(self, joiner: Joiner) -> None:
        """It is handed the chain, once."""
        await self.invites.keep_joiner(replace(joiner, state="joined"))

    async def _let_in(self, joiner: Joiner) -> Joiner:
        approved = replace(joiner, state="approved")
        await self.invites.keep_joiner(approved)
        try:
            issued = await self.office.admit(joiner.node, joiner.certificate, joiner.owner, joiner.name)
        except Fault:
            await self.invites.keep_joiner(joiner)
            raise
        is_member = isinstance(issued, Membership)
        logger.info("member admitted" if is_member else "admission proposed", extra={"node": joiner.node})
        return approved

    async def _pending(self, beginning: str) -> Joiner:
        found = [one for one in await self.waiting() if one.state == "pending" and one.node.startswith(beginning)]
        if len(beginning) < _PREFIX or len(found) != 1:
            why = "nobody, or more than one, waits by that id"
            raise Fault("hive.no-joiner", f"{why}: `hive-node hive members --pending` lists them")
        return found[0]
