"""The part of the daemon that speaks to other nodes. Runs only while this node is in a hive; what it opens, the config names."""

import asyncio
import errno
import logging
import ssl
from collections.abc import Iterable, Sequence

from hive_node.adapters.interfaces import authority
from hive_node.adapters.join_desk import JoinDesk
from hive_node.adapters.keyfile import NodeKey
from hive_node.adapters.listening import listening_at
from hive_node.adapters.mdns import Discovery
from hive_node.adapters.network import Network
from hive_node.adapters.peer_client import PeerClient
from hive_node.adapters.peer_server import PeerServer
from hive_node.adapters.recognising import DiscoveredAddress
from hive_node.adapters.tls import client_context, server_context, trust_more
from hive_node.adapters.told import told_of
from hive_node.config.node import FederationSection
from hive_node.hive import Hive
from hive_node.ports import Chance, Clock, FatalError, Fault
from hive_node.share.upkeep import Upkeep
from protocol.verification import Membership

logger = logging.getLogger(__name__)


class Federation:
    """Peer port, join port, discovery, network: one task group, begun when there is a hive, ended when it is left."""

    def __init__(
        self,
        config: FederationSection,
        hive: Hive,
        key: NodeKey,
        server: PeerServer,
        network: Network,
        desk: JoinDesk,
        upkeep: Upkeep,
        clock: Clock,
        chance: Chance,
        doors: dict[str, str],
    ) -> None:
        """doors: told what is open, by name, as host:port."""
        self._config = config
        self._hive = hive
        self._key = key
        self._server = server
        self._network = network
        self._desk = desk
        self._upkeep = upkeep
        self._clock = clock
        self._chance = chance
        self._doors = doors
        self._changed = asyncio.Event()
        self._contexts: list[ssl.SSLContext] = []
        self._finding: Discovery | None = None
        self.client: PeerClient | None = None

    @property
    def undiscovered(self) -> str | None:
        """Why members on the local network cannot be found now; None where they can, or are not looked for."""
        return self._finding.problem if self._finding else None

    async def serve(self) -> None:
        """Wait for a hive, take part in it, until cancelled. Raises FatalError where the peer port cannot be opened."""
        while True:
            self._changed.clear()
            if self._hive.membership is not None:
                await self._take_part(self._hive.membership)
            else:
                await self._changed.wait()

    def charter_changed(self, membership: Membership) -> None:
        """Trust new members from now on. Who is no member any more is refused at its next request."""
        for context in self._contexts:
            trust_more(context, _anchors(membership))
        for node in set(self._network.contacts) - membership.members.keys():
            self._network.forget(node)
        self._upkeep.changed.set()
        self._changed.set()
        self._network.poke()

    def left(self) -> None:
        """This node is in no hive any more."""
        self._changed.set()

    def check_port(self) -> None:
        """Raises Fault where the peer port is taken, so that nothing is begun that could not be finished."""
        if self._server.port or self._config.port == 0:
            return
        try:
            listening_at(self._config.listen, self._config.port).close()
        except OSError as error:
            raise Fault("federation.port-in-use", self._explain(error)) from error

    async def _take_part(self, membership: Membership) -> None:
        hive = membership.hive
        anchors = list(_anchors(membership))
        serving, calling = server_context(self._key, anchors), client_context(self._key, anchors)
        self._contexts = [serving, calling]
        self.client = PeerClient(calling, self._told, self._network.heard)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._listen(serving))
                join_port, peer_port = self._config.join_port, lambda: self._server.port
                group.create_task(self._desk.serve_on(self._config.listen, join_port, peer_port))
                group.create_task(self._network.serve())
                group.create_task(self._upkeep.serve())
                if self._config.mdns.enabled:
                    self._finding = self._discovery(membership)
                    group.create_task(self._finding.serve())
                while self._hive.membership is not None and self._hive.membership.hive == hive:
                    self._changed.clear()
                    await self._changed.wait()
                raise _Left
        except* _Left:
            logger.info("left the hive")
        finally:
            self._doors.pop("peer", None)
            await self.client.close()
            self.client, self._contexts, self._finding = None, [], None

    def _told(self) -> dict[str, str]:
        return told_of(self._hive, self._server.port, is_leaving=self._network.is_leaving)

    async def _listen(self, tls: ssl.SSLContext) -> None:
        try:
            await self._server.serve_on(self._config.listen, self._config.port, tls, self._opened)
        except OSError as error:
            if error.errno in {errno.EADDRINUSE, errno.EACCES, errno.EADDRNOTAVAIL}:
                raise FatalError("federation.port-in-use", self._explain(error)) from error
            raise

    def _opened(self, port: int) -> None:
        self._doors["peer"] = authority(self._config.listen, port)
        logger.info("peer port open", extra={"listen": self._config.listen, "port": port})

    def _explain(self, error: OSError) -> str:
        return (
            f"{authority(self._config.listen, self._config.port)} cannot be opened ({error.strerror}): set [federation] listen and port "
            "in config.toml to what is free, or port to 0"
        )

    def _discovery(self, membership: Membership) -> Discovery:
        return Discovery(
            membership.hive,
            self._config.listen,
            lambda: self._server.port,
            self._config.mdns.interfaces,
            self._clock,
            self._chance,
            self._on_address,
        )

    def _on_address(self, found: DiscoveredAddress) -> None:
        self._network.suggest(found.host, found.port, "mdns")


class _Left(Exception):
    pass


def static_peers(config: FederationSection) -> Sequence[tuple[str, int]]:
    """`federation.peers` as addresses."""
    return [(host.strip("[]"), int(port)) for host, _, port in (peer.rpartition(":") for peer in config.peers)]


def _anchors(membership: Membership) -> Iterable[bytes]:
    return [member.certificate_der() for member in membership.members.values()]
