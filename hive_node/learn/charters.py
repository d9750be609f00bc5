"""Taking in charters that others signed: the chain, one version after another, nothing skipped, nothing rolled back."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hive_node.hive import Hive
from hive_node.ports import CharterLog
from protocol.errors import Code, RemoteProtocolError
from protocol.ids import HiveId
from protocol.verification import Membership, verify_chain, verify_first_charter, verify_next_charter

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CharterReader:
    """changed: called with each new membership once it is on disk."""

    hive: Hive
    log: CharterLog
    changed: Callable[[Membership], None]

    async def restore(self) -> None:
        """The membership that the stored chain amounts to. Raises RemoteProtocolError where the file was tampered with."""
        raws = await self.log.charters()
        if raws:
            first = verify_first_charter(raws[0])
            self.hive.membership = verify_chain(raws, first.hive)

    async def join(self, raws: Sequence[bytes], expected: HiveId) -> Membership:
        """Take a whole chain of the hive that we were invited to. Raises RemoteProtocolError, StoreError."""
        membership = verify_chain(raws, expected)
        if self.hive.node not in membership.members:
            raise RemoteProtocolError(Code.NOT_A_MEMBER, "the charter that came back does not list this node")
        for version, raw in enumerate(raws, 1):
            await self.log.add_charter(version, raw)
        self._adopt(membership)
        return membership

    async def take_in(self, raws: Sequence[bytes]) -> int:
        """Take newer versions. Returns how many. Raises RemoteProtocolError at the first that does not follow."""
        taken = 0
        for raw in raws:
            membership = self.hive.membership
            if membership is None:
                break
            following = verify_next_charter(raw, membership)
            await self.log.add_charter(following.charter.version, raw)
            self._adopt(following)
            taken += 1
        return taken

    def _adopt(self, membership: Membership) -> None:
        self.hive.membership = membership
        logger.info("charter taken in", extra={"version": membership.charter.version})
        self.changed(membership)
