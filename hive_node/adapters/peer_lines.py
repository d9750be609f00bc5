"""Peers in words that a person would use."""

from collections.abc import Sequence
from dataclasses import dataclass

from hive_node.adapters.contacts import Contact
from hive_node.adapters.interfaces import authority
from hive_node.adapters.network import Network
from hive_node.hive import Hive
from hive_node.ports import PeerLine
from protocol.charter import Member, stamp
from protocol.ids import NodeId

# Where a peer was found, the most telling first.
_SOURCES = ("mdns", "static", "invite", "inbound", "stored")


@dataclass(frozen=True, slots=True)
class PeerLines:
    """Every member but ourselves, and how it is doing."""

    hive: Hive
    network: Network | None

    def lines(self) -> Sequence[PeerLine]:
        """By owner, then name."""
        membership = self.hive.membership
        others = [one for one in membership.members.values() if one.id != self.hive.node] if membership else []
        ours = self.hive.digest()
        return [self._line(member, ours) for member in sorted(others, key=lambda one: (one.owner, one.name, one.id))]

    def _line(self, member: Member, ours: str) -> PeerLine:
        node = NodeId(member.id)
        contact = self.network.contacts.get(node) if self.network else None
        head = self.hive.heads.get(node)
        sources = tuple(one for one in _SOURCES if contact and one in contact.sources)
        return PeerLine(
            node=node,
            name=member.name,
            owner=member.owner,
            state=self._state(node, contact, ours),
            address=authority(*contact.where) if contact else None,
            discovered_by=sources[0] if sources else None,
            sources=sources,
            seen_at=stamp(contact.seen_at) if contact and contact.seen_at else None,
            entries=head.seq if head else 0,
        )

    def _state(self, node: NodeId, contact: Contact | None, ours: str) -> str:
        if node in self.hive.quarantined:
            return "quarantined"
        if contact is None:
            return "never met"
        if contact.failures:
            return "away"
        return "in step" if contact.have == ours else "behind"
