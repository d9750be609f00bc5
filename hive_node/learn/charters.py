"""Taking in charters that others signed: the chain, one version after another, nothing skipped, nothing rolled back."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from hive_node.hive import Hive
from hive_node.ports import CharterLog, Fault
from protocol.errors import Code, RemoteProtocolError
from protocol.feed import Head
from protocol.ids import NodeId
from protocol.verification import Membership, verify_chain, verify_first_charter, verify_next_charter

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CharterReader:
    """changed: called with each new membership once it is on disk. restore_memory: reads what was stored of feeds again."""

    hive: Hive
    log: CharterLog
    changed: Callable[[Membership], None]
    restore_memory: Callable[[], Awaitable[None]]

    async def restore(self) -> None:
        """The membership that the stored chain amounts to. Raises RemoteProtocolError where the file was tampered with."""
        raws = await self.log.charters()
        if raws:
            first = verify_first_charter(raws[0])
            self.hive.membership = verify_chain(raws, first.hive)
        if self.hive.membership is None or len(self.hive.membership.members) == 1:
            self.hive.peers_were_asked()  # there is nobody who could know more of our feed than we do
        else:
            self.hive.is_waking = True  # while we slept somebody may have been sent away

    async def join(self, chain: Membership, raws: Sequence[bytes]) -> None:
        """Take a whole chain, verified as `chain`, of the hive that we were invited to. Raises RemoteProtocolError, StoreError."""
        if self.hive.node not in chain.members:
            raise RemoteProtocolError(Code.NOT_A_MEMBER, "the charter that came back does not list this node")
        async with self.hive.turn:
            if self.hive.membership is not None:
                raise Fault("hive.exists", "this node is in a hive already: `hive-node hive leave` first")
            await self.log.keep_chain(raws)
            self.hive.peers_were_asked()  # every join begins another epoch, in which nothing was written yet
            self._adopt(chain)

    async def take_in(self, raws: Sequence[bytes]) -> int:
        """Take newer versions. Returns how many. Raises RemoteProtocolError at the first that does not follow, StoreError."""
        taken = 0
        for raw in raws:
            async with self.hive.turn:
                membership = self.hive.membership
                if membership is None:
                    break
                await self._take(verify_next_charter(raw, membership), raw)
                taken += 1
        return taken

    async def _take(self, following: Membership, raw: bytes) -> None:
        cut = _beyond_revocation(following, self.hive.heads)
        await self.log.add_charter(following.charter.version, raw, cut)
        if cut:
            # What a revoked author said later never counts, here either: else nodes would differ in what they believe.
            self.hive.membership = following
            await self.restore_memory()
        self._adopt(following)

    def _adopt(self, membership: Membership) -> None:
        self.hive.membership = membership
        logger.info("charter taken in", extra={"version": membership.charter.version})
        self.changed(membership)


def _beyond_revocation(membership: Membership, heads: dict[NodeId, Head]) -> list[tuple[NodeId, int, int]]:
    """Of revoked authors whose feed is held farther than it counts: author, epoch and the last number that counts."""
    return [
        (author, revoked.epoch, revoked.last_seq)
        for author, revoked in membership.revoked.items()
        if (head := heads.get(author)) and head.epoch == revoked.epoch and head.seq > revoked.last_seq
    ]
