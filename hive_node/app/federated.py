"""The side of the node that has to do with its hive: sharing, learning, charters, joining, and the network."""

from collections.abc import Sequence

from hive_node.adapters.federation import Federation, static_peers
from hive_node.adapters.join_desk import JoinDesk
from hive_node.adapters.membering import LOCAL_HALT, Members
from hive_node.adapters.network import Network
from hive_node.adapters.peer_client import PeerClient
from hive_node.adapters.peer_server import PeerServer
from hive_node.adapters.sayable import Sayable
from hive_node.adapters.waiting import WaitingRoom
from hive_node.app.foundation import Foundation
from hive_node.config.node import FederationSection
from hive_node.learn.aggregate import Beliefs
from hive_node.learn.charters import CharterReader
from hive_node.learn.memory import Memory
from hive_node.learn.pipeline import Learn
from hive_node.learn.standing import Crediting, restore_standings
from hive_node.learn.suggest import Suggest
from hive_node.ports import FatalError
from hive_node.share.charters import CharterOffice
from hive_node.share.pipeline import Share
from hive_node.share.proposals import ProposalDesk
from hive_node.share.upkeep import Upkeep
from protocol.errors import RemoteProtocolError
from protocol.ids import NodeId
from protocol.verification import Membership


class Federated:
    """Each part once, in the order in which they need one another. network, federation: None where the config has no such section.

    doors: what is open now, by name, as host:port.
    """

    def __init__(self, ground: Foundation) -> None:
        self._ground = ground
        self.doors: dict[str, str] = {}
        self.network: Network | None = None
        self.federation: Federation | None = None
        self._spreader = _Spreader()
        self._build_flows()
        self._build_charters()
        if ground.config.federation is not None:
            self._build_network(ground.config.federation)
        self.members = self._build_members()

    async def restore(self) -> None:
        """Read what the store has of the hive. Raises FatalError where its charter does not verify."""
        ground = self._ground
        try:
            await self.reader.restore()
        except RemoteProtocolError as error:
            raise FatalError(
                "store.charter", f"{ground.home.database}: the stored charter does not verify ({error.code})"
            ) from error
        halt = await ground.journal.recall(LOCAL_HALT)
        ground.hive.local_halt = str(halt) if halt else None
        await restore_standings(ground.hive, ground.journal)
        await self.memory.restore()

    def undiscovered(self) -> str | None:
        """Why members on the local network cannot be found now."""
        return self.federation.undiscovered if self.federation else None

    def client(self) -> PeerClient | None:
        """What asks peers; None while this node is in no hive."""
        return self.federation.client if self.federation else None

    def _build_flows(self) -> None:
        ground = self._ground
        self.beliefs = Beliefs(ground.hive)
        self.memory = Memory(ground.hive, ground.feed, self.beliefs)
        self.share = Share(
            ground.hive,
            ground.feed,
            ground.guard,
            ground.key,
            self._spreader,
            ground.journal,
            ground.clock,
            self.beliefs.add_own,
            self.memory.catch_up,
            ground.own.refresh,
        )
        self.learn = Learn(
            ground.hive,
            ground.feed,
            ground.guard,
            self.beliefs,
            self._spreader,
            ground.journal,
            ground.clock,
            self.share,
            self.memory.catch_up,
        )
        self.crediting = Crediting(self.share, ground.hive, self.beliefs, ground.journal, ground.clock)
        self.suggest = Suggest(ground.hive, self.beliefs, ground.feed)

    def _build_charters(self) -> None:
        hive, charters, key, clock = self._ground.hive, self._ground.charters, self._ground.key, self._ground.clock
        changed, restore = self._charter_changed, self.memory.restore
        self.reader = CharterReader(hive, charters, changed, restore)
        self.office = CharterOffice(hive, charters, key, clock, changed, restore)
        self.proposals = ProposalDesk(hive, charters, key, clock, self.office.issuer)
        self.desk = JoinDesk(hive, self.office, charters, self._ground.peers, key, clock, self._ground.chance)
        self.waiting = WaitingRoom(hive, self._ground.journal, clock, self._ground.chance, self._join)

    def _build_network(self, section: FederationSection) -> None:
        ground = self._ground
        self.network = self._spreader.network = Network(
            ground.hive,
            ground.feed,
            self.learn,
            self.reader,
            self.client,
            ground.peers,
            ground.clock,
            ground.chance,
            static_peers(section),
            self.proposals,
        )
        contacted = self.network.contacted
        self.federation = Federation(
            section,
            ground.hive,
            ground.key,
            PeerServer(ground.hive, ground.feed, ground.charters, self.learn, ground.clock, contacted, self.proposals),
            self.network,
            self.desk,
            Upkeep(ground.hive, ground.charters, self.office, ground.journal, ground.clock),
            ground.clock,
            ground.chance,
            self.doors,
        )

    def _build_members(self) -> Members:
        ground = self._ground
        return Members(
            config=ground.config,
            hive=ground.hive,
            key=ground.key,
            constitution=ground.constitution.digest,
            office=self.office,
            proposals=self.proposals,
            reader=self.reader,
            desk=self.desk,
            federation=self.federation,
            feed=ground.feed,
            peers=ground.peers,
            journal=ground.journal,
            clock=ground.clock,
            sayable=Sayable(ground.guard, ground.own.refresh),
            left=self._left,
        )

    async def _join(self, token: str, is_waiting: bool) -> Membership | None:
        return await self.members.join(token, is_waiting)

    def _charter_changed(self, membership: Membership) -> None:
        self.beliefs.recount()
        if self.federation is not None:
            self.federation.charter_changed(membership)

    def _left(self) -> None:
        self.beliefs.clear()
        if self.network is not None:
            self.network.forget()
        if self.federation is not None:
            self.federation.left()


class _Spreader:
    """Carries nothing until there is a network."""

    def __init__(self) -> None:
        self.network: Network | None = None

    def spread(self, envelopes: Sequence[bytes], *, source: NodeId | None) -> None:
        if self.network is not None:
            self.network.spread(envelopes, source=source)

    def ask(self, source: NodeId) -> None:
        if self.network is not None:
            self.network.ask(source)
