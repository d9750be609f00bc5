"""A member without a daemon: it joins as any node does, signs entries, and speaks the peer protocol."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.author import Author, new_key
from benchmarks.daemons import LOOPBACK, Daemon, invite
from hive_node.adapters.invites import Token
from hive_node.adapters.joining import join
from hive_node.adapters.peer_client import PeerClient, SyncAnswer
from hive_node.adapters.tls import client_context
from protocol.envelope import Envelope
from protocol.ids import NodeId
from protocol.messages import SyncRequest
from protocol.sync import HaveVector
from protocol.verification import verify_chain


@dataclass(frozen=True, slots=True)
class Guest:
    """An author with a connection to one daemon. Make one with `welcome`; close it."""

    author: Author
    client: PeerClient
    daemon: NodeId
    port: int

    async def status(self) -> None:
        """Ask the least that can be asked."""
        await self.client.status(LOOPBACK, self.port)

    async def sync(self, held: HaveVector) -> SyncAnswer:
        """What the daemon holds beyond `held`."""
        return await self.client.sync(LOOPBACK, self.port, self.daemon, SyncRequest(held))

    async def push(self, entries: Sequence[Envelope]) -> None:
        """Hand entries over. Raises RuntimeError where one is not accepted."""
        raws = [entry.to_bytes() for entry in entries]
        outcomes = await self.client.push(LOOPBACK, self.port, self.daemon, raws)
        refused = [one for one in outcomes if one["status"] != "accepted"]
        if refused or len(outcomes) != len(entries):
            raise RuntimeError(f"{len(refused)} of {len(entries)} entries were not accepted: {refused[:1]}")


async def welcome(admin: Daemon, number: int) -> Guest:
    """Join the admin's hive through its join port."""
    key = new_key()
    token = Token.parse(invite(admin))
    chain = (await join(token, key, f"guest-{number}", f"guest-{number}")).chain
    membership = verify_chain(chain, token.hive)
    anchors = [member.certificate_der() for member in membership.members.values()]
    author = Author(key, token.hive, membership.charter.constitution)
    return Guest(author, PeerClient(client_context(key, anchors)), token.admin, admin.peer_port)
