"""Peers in words that a person would use."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from guardrails.consensus import Standing
from hive_node.adapters.contacts import Contact
from hive_node.adapters.interfaces import authority
from hive_node.adapters.neighbours import Neighbourhood
from hive_node.adapters.network import Network
from hive_node.hive import Hive
from hive_node.ports import Addresses, Clock, PeerLine
from protocol.charter import Member, stamp
from protocol.ids import NodeId

# Where a peer was found, the most telling first.
_SOURCES = ("mdns", "static", "invite", "inbound", "stored")


@dataclass(frozen=True, slots=True)
class PeerLines:
    """Every member but ourselves, and how it is doing."""

    hive: Hive
    network: Network | None
    addresses: Addresses
    clock: Clock

    def lines(self) -> Sequence[PeerLine]:
        """By owner, then name; as far as memory goes, which a restart empties."""
        return self._lines({})

    async def lasting(self) -> Sequence[PeerLine]:
        """The same, with when each was last met before this start. Raises StoreError."""
        known = await self.addresses.addresses()
        return self._lines({one.node: one.last_seen for one in known if one.last_seen})

    def _lines(self, met: Mapping[NodeId, str]) -> Sequence[PeerLine]:
        membership = self.hive.membership
        others = [one for one in membership.members.values() if one.id != self.hive.node] if membership else []
        view = _View(self.hive, self.clock.now(), self.hive.digest(), self.hive.entries_shown())
        contacts = self.network.contacts if self.network else {}
        ordered = sorted(others, key=lambda one: (one.owner, one.name, one.id))
        return [view.line(one, contacts.get(NodeId(one.id)), met.get(NodeId(one.id))) for one in ordered]


@dataclass(frozen=True, slots=True)
class _View:
    """What every line is compared with. digest, entries: what this node can show of all feeds."""

    hive: Hive
    now: datetime
    digest: str
    entries: int

    def line(self, member: Member, contact: Contact | None, met: str | None) -> PeerLine:
        node = NodeId(member.id)
        head = self.hive.heads.get(node)
        sources = tuple(one for one in _SOURCES if contact and one in contact.sources)
        behind_by = self._behind_by(contact)
        state = self._state(node, contact, behind_by, met)
        seen_at = stamp(contact.seen_at) if contact and contact.seen_at else met
        return PeerLine(
            node=node,
            name=member.name,
            owner=member.owner,
            state=state,
            address=authority(*contact.where) if contact else None,
            discovered_by=sources[0] if sources else None,
            sources=sources,
            seen_at=seen_at,
            entries=head.seq if head else 0,
            behind_by=behind_by if state == "behind" else None,
            why=self._why(node, state, contact),
            standing=self._standing(node),
        )

    def _standing(self, node: NodeId) -> float:
        return round(self.hive.standings.get(node, Standing()).score(self.now.timestamp()), 1)

    def _state(self, node: NodeId, contact: Contact | None, behind_by: int | None, met: str | None) -> str:
        if node in self.hive.quarantined:
            return "quarantined"
        if self.hive.shunned_until(node, self.now):
            return "shunned"
        if contact is None:
            return self._unmet(met)
        if contact.is_asleep:
            return "asleep"
        if contact.failures:
            return "away"
        if contact.have == self.digest:
            return "in step"
        return "behind" if behind_by is None or behind_by > 0 else "ahead"

    def _unmet(self, met: str | None) -> str:
        # Nobody seeks out everybody in a big hive: who is no neighbour is heard through others, and none is missing.
        if Neighbourhood(self.hive, {}).is_big:
            return "through others"
        return "away" if met else "never met"

    def _behind_by(self, contact: Contact | None) -> int | None:
        return None if contact is None or contact.entries is None else self.entries - contact.entries

    def _why(self, node: NodeId, state: str, contact: Contact | None) -> str | None:
        if state == "quarantined":
            return (
                f"it signed two different entries at one number of its feed (epoch {self.hive.equivocators[node]}), as a node "
                "restored from an old backup does, or a liar: nothing it says counts until it has joined again by a new invite"
            )
        if state == "shunned" and (until := self.hive.shunned_until(node, self.now)):
            return (
                "it handed over entries whose signatures do not hold, as broken memory or a forger does: it is left alone "
                f"until {stamp(until)}"
            )
        return _why_away(contact) if state == "away" else None


def _why_away(contact: Contact | None) -> str:
    if contact is None:
        return "it was not met since this node was started"
    return f"it did not answer {contact.failures} times in a row" if contact.failures > 1 else "it does not answer"
