"""How many members a node keeps to: everybody in a small hive, some in a big one (docs/protocol.md §7.1, docs/adr/0013)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from hive_node.adapters.contacts import Contact
from hive_node.adapters.places import PLACES
from hive_node.hive import Hive
from protocol.ids import NodeId
from protocol.limits import CONNECTIONS

# Whom a node of a big hive seeks out. With ln n + c a node a random graph is connected all but surely (Erdős–Rényi): 12 leaves
# 1 000 members a c of 5. Whoever sought us out is a neighbour too, as far as one port's connections go.
NEIGHBOURS: Final = 12
# A neighbour that fails so often in a row is let go where there are others to be had.
_PATIENCE: Final = 3


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """The members that were met, as a number that is to be neither too small nor too large."""

    hive: Hive
    contacts: Mapping[NodeId, Contact]

    @property
    def others(self) -> int:
        """How many members there are beside ourselves."""
        return len(self.hive.membership.members) - 1 if self.hive.membership else 0

    @property
    def is_big(self) -> bool:
        """Whether the hive has more members than a node seeks out."""
        return self.others > NEIGHBOURS

    @property
    def live(self) -> int:
        """How many answer."""
        return sum(one.is_live for one in self.contacts.values())

    @property
    def has_place(self) -> bool:
        """Whether one more who sought us out is taken for a neighbour."""
        return not self.is_big or len(self.contacts) < CONNECTIONS

    def room(self, dialling: int) -> int:
        """How many more places may be dialled, while so many are."""
        return NEIGHBOURS - self.live - dialling if self.is_big else PLACES

    def is_let_go(self, contact: Contact) -> bool:
        """Whether it failed so often that another should take its place."""
        return self.is_big and contact.failures >= _PATIENCE
