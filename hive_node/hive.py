"""What this node knows of its hive right now, in memory: the charter in force, the heads of all feeds, why it is silent."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from protocol.feed import Head
from protocol.ids import NodeId
from protocol.sync import have_digest
from protocol.verification import Membership


@dataclass(slots=True)
class Hive:
    """The one mutable view that the flows share; every change of it was written to the store before.

    local_halt: why the user of this machine stopped promotions and sends here; needs no admin.
    """

    node: NodeId
    membership: Membership | None = None
    heads: dict[NodeId, Head] = field(default_factory=dict)
    equivocators: set[NodeId] = field(default_factory=set)
    local_halt: str | None = None

    @property
    def own_head(self) -> Head | None:
        """The last entry of our own feed, in our present epoch."""
        head = self.heads.get(self.node)
        return head if head is not None and head.epoch == self.own_epoch else None

    @property
    def own_epoch(self) -> int:
        """Our epoch by the charter; 1 before there is one."""
        member = self.membership.members.get(self.node) if self.membership else None
        return member.epoch if member else 1

    @property
    def is_admin(self) -> bool:
        """Whether this node may issue charters."""
        return self.membership is not None and self.node in self.membership.charter.admins.ids

    def owners(self) -> Mapping[NodeId, str]:
        """Whose vote each node's word is; a revoked node's only where its history was kept."""
        if self.membership is None:
            return {}
        return {identity: member.owner for identity, member in self.membership.members.items()}

    def digest(self) -> str:
        """Over everything held: equal exactly when two nodes hold the same feeds."""
        return have_digest(self.heads)

    def why_silent(self, now: datetime) -> str | None:
        """Why nothing is sent or accepted now, or None."""
        if self.membership is None:
            return "this node is in no hive"
        if self.node not in self.membership.members:
            return "this node was revoked"
        if self.membership.charter.is_expired(now):
            return "the hive's charter has expired: an admin node renews it when it is online"
        return None

    def why_halted(self, now: datetime) -> str | None:
        """Why nothing is promoted or sent now, or None."""
        if self.local_halt is not None:
            return f"halted on this node: {self.local_halt}"
        halt = self.membership.charter.halt if self.membership else None
        if self.membership and halt and self.membership.charter.is_halted(now):
            return f"halted by an admin of the hive: {halt.reason}"
        return None
