"""What a person does with the hive, carried out: each act checked first, then written, then told."""

import base64
import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from hive_node.adapters.federation import Federation
from hive_node.adapters.interfaces import addresses_of_this_machine, heard_at
from hive_node.adapters.invites import Token
from hive_node.adapters.join_desk import JoinDesk
from hive_node.adapters.joining import join
from hive_node.adapters.keyfile import NodeKey
from hive_node.adapters.sayable import Sayable
from hive_node.adapters.store import FeedStore, Journal, PeerStore
from hive_node.adapters.tls import certificate_of
from hive_node.config.node import NodeConfig
from hive_node.hive import Hive
from hive_node.learn.charters import CharterReader
from hive_node.ports import Clock, Fault, StoredProposal
from hive_node.share.charters import CharterOffice
from hive_node.share.issuing import Issued
from hive_node.share.proposals import ProposalDesk
from protocol.charter import Member, stamp
from protocol.holes import Holes
from protocol.ids import parse_node_id
from protocol.verification import Membership, verify_chain

LOCAL_HALT = "halt.local"


@dataclass(frozen=True, slots=True)
class Members:
    """The hive as its user steers it. left: called once everything of a hive is gone."""

    config: NodeConfig
    hive: Hive
    key: NodeKey
    constitution: str
    office: CharterOffice
    proposals: ProposalDesk
    reader: CharterReader
    desk: JoinDesk
    federation: Federation | None
    feed: FeedStore
    peers: PeerStore
    journal: Journal
    clock: Clock
    sayable: Sayable
    left: Callable[[], None]

    async def create(self, name: str) -> Membership:
        """Found a hive with this node as its admin."""
        self._federation().check_port()
        await self.sayable.check("name", name)
        await self._introduce()
        founder = Member(
            id=self.key.node_id,
            certificate=base64.b64encode(certificate_of(self.key)).decode("ascii"),
            owner=self.config.node.owner,
            name=self.config.node.name,
            joined_at=stamp(self.clock.now()),
        )
        return await self.office.found(name, founder, self.constitution)

    async def invite(self) -> str:
        """A one-time token for one node."""
        self._federation()
        return (await self.desk.invite(self._addresses)).text()

    async def join(self, token: str, is_waiting: bool = False) -> Membership | None:
        """Join the hive behind a token. None where an admin has to say so first.

        is_waiting: it was asked with before, and taken: the invite's own time no longer counts.
        """
        if self.hive.membership is not None:
            raise Fault("hive.exists", "this node is in a hive already: `hive-node hive leave` first")
        self._federation().check_port()
        parsed = Token.parse(token)
        if parsed.expires_at <= self.clock.now() and not is_waiting:
            raise Fault("hive.invite-expired", "the invite has expired: ask for another")
        await self._introduce()
        node = self.config.node
        welcome = await join(parsed, self.key, node.owner, node.name, self.constitution)
        if welcome is None:
            return None
        membership = verify_chain(welcome.chain, parsed.hive)
        if membership.charter.constitution != self.constitution:
            raise Fault("hive.other-constitution", "the hive's charter is under other rules than its admin's node said")
        if welcome.port:  # where members find the admin: known from here on, mDNS or not
            await self.peers.met(parsed.admin, welcome.host, welcome.port, "invite")
        await self.reader.join(membership, welcome.chain)
        return membership

    async def leave(self) -> None:
        """Leave: forget the charter, what was heard, and where the others are. Projects and experiments stay."""
        if self.hive.membership is None:
            raise Fault("hive.none", "this node is in no hive")
        async with self.hive.turn:
            await self.feed.forget_hive()
            await self._void_invites()
            await self.peers.forget()
            self.hive.membership = None
            self.hive.heads.clear()
            self.hive.equivocators.clear()
            self.hive.holding.clear()
            self.hive.shown_ends.clear()
            self.hive.holes = Holes()
        self.left()

    async def revoke(
        self, node: str, reason: str, *, last_seq: int | None = None, keep_history: bool = False
    ) -> Issued:
        """Send a member away."""
        await self.sayable.check("reason", reason)
        return await self.office.revoke(parse_node_id(node), reason, last_seq=last_seq, keep_history=keep_history)

    async def set_admins(self, add: str | None, drop: str | None, threshold: int | None) -> Issued:
        """Who may issue charters, and how many of them must sign."""
        return await self.office.set_admins(
            add=parse_node_id(add) if add else None, drop=parse_node_id(drop) if drop else None, threshold=threshold
        )

    async def raise_epoch(self, node: str) -> Issued:
        """Let a member's feed begin again."""
        return await self.office.raise_epoch(parse_node_id(node))

    async def set_policy(self, key: str, value: str) -> Issued:
        """Set one of the hive's policies."""
        return await self.office.set_policy(key, value)

    async def adopt_constitution(self) -> Issued:
        """Put the hive under this node's rules."""
        return await self.office.adopt_constitution(self.constitution)

    async def halt(self, reason: str, minutes: int, *, is_local: bool) -> Issued | None:
        """Stop promotions and sends, in the hive or on this node."""
        issued = None
        if is_local:
            await self.journal.remember(LOCAL_HALT, reason)
            self.hive.local_halt = reason
        else:
            await self.sayable.check("reason", reason)
            issued = await self.office.halt(reason, timedelta(minutes=minutes))
        await self.journal.tell("halt", reason=reason, local=is_local, proposed=isinstance(issued, StoredProposal))
        return issued

    async def resume(self, *, is_local: bool) -> Issued | None:
        """Lift a halt."""
        issued = None
        if is_local:
            await self.journal.remember(LOCAL_HALT, None)
            self.hive.local_halt = None
        else:
            issued = await self.office.resume()
        await self.journal.tell("resume", local=is_local, proposed=isinstance(issued, StoredProposal))
        return issued

    async def _introduce(self) -> None:
        """What every member will know of this node, and of whose it is."""
        await self.sayable.check("owner", self.config.node.owner)
        await self.sayable.check("name", self.config.node.name)

    async def _void_invites(self) -> None:
        """An invite to a hive that this node left is good for nothing, and for no other hive either."""
        for invite in await self.peers.invites():
            await self.peers.use_invite(invite.id, self.key.node_id)

    def _federation(self) -> Federation:
        if self.federation is None:
            raise Fault(
                "federation.off",
                "config.toml has no [federation]: this node opens no port to others until it says where",
            )
        return self.federation

    def _addresses(self) -> list[str]:
        listen = self.config.federation.listen if self.config.federation else ""
        if not ipaddress.ip_address(listen).is_unspecified:
            return [listen]
        found = heard_at(listen, addresses_of_this_machine())
        # A link-local address means something else on the joiner's machine; loopback is for who tries this on one machine.
        return [str(one.ip) for one in sorted(found, key=lambda one: one.ip.is_loopback) if not one.ip.is_link_local]
