"""Taking in charters that others signed: the chain, one version after another; and which of two, where the hive has two."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from hive_node.hive import Hive
from hive_node.learn.forks import Ask, Retraced, is_vouched_for, other_versions, shared_version
from hive_node.ports import CharterLog, Fault
from protocol.amendment import ID_CHARS, amendment
from protocol.errors import Code, RemoteProtocolError
from protocol.ids import NodeId
from protocol.succession import Branch, Succession, succession
from protocol.verification import Membership, verify_first_charter, verify_next_charter

logger = logging.getLogger(__name__)

# Forks that were looked at and refused are not looked at again while both tips are the same; a hive has few at a time.
_JUDGED: Final = 64


@dataclass(frozen=True, slots=True)
class CharterReader:
    """changed: called with each new membership once it is on disk. restore_memory: reads what was stored of feeds again.

    judged: our tip's digest and another's that we did not take.
    """

    hive: Hive
    log: CharterLog
    changed: Callable[[Membership], None]
    restore_memory: Callable[[], Awaitable[None]]
    judged: dict[tuple[str, str], None] = field(default_factory=dict)

    async def restore(self) -> None:
        """The membership that the stored chain amounts to. Raises RemoteProtocolError where the file was tampered with."""
        async for membership in self._retrace():
            self.hive.membership = membership
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

    async def follow(self, ask: Ask, version: int, digest: str) -> None:
        """Take in what a peer has that is newer, or that is in force instead of ours (docs/protocol.md §2.7).

        ask: the peer's charters from a version on. version, digest: what it tells of its newest. Raises RemoteProtocolError, StoreError.
        """
        try:
            while self._version() < version:
                if not await self.take_in(await ask(self._version() + 1)):
                    return  # it promised more than it has
        except RemoteProtocolError as error:
            if error.code is not Code.CHARTER_CHAIN:
                raise
        else:
            if not digest or not version or await self._is_ours(version, digest):
                return
        if (self._digest(), digest) not in self.judged:
            await self._settle(ask, version, digest)

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

    async def _settle(self, ask: Ask, version: int, digest: str) -> None:
        """Two versions follow one: find it, and hold both sides against each other."""
        held = self.hive.membership
        if held is None:
            return
        shared = await shared_version(ask, self.log, min(version, held.charter.version))
        shown = await ask(shared + 1)
        if not shown or shared == held.charter.version:
            self._remember(digest)  # no fork: the one is an ancestor of the other, whatever digest the peer tells
            return
        if not is_vouched_for(shown[0], held):
            self._refuse(version, digest, "signed by fewer of this hive's admins than must sign")
            return
        ours = await self._ours_since(shared)
        theirs, tip, raws = await self._theirs(ours, other_versions(ask, shared + 1, version))
        if ours.branch is None or theirs is None or theirs.first == ours.branch.first:
            return
        if succession(ours.branch, theirs) is Succession.THEIRS:
            await self._switch(held, ours, tip, raws)
        elif ours.branch.denies(theirs):
            names = ", ".join(sorted(f"{_name(one, tip)} ({one[:ID_CHARS]})" for one in theirs.signers))
            self._refuse(
                version, digest, f"signed by {names}, of whom somebody was dismissed here or had no say any more"
            )
        else:
            self._remember(digest)  # ours is in force: the peer finds that out for itself

    async def _theirs(
        self, ours: Retraced, versions: AsyncIterator[bytes]
    ) -> tuple[Branch | None, Membership, list[bytes]]:
        """The other side, verified version by version; no more of it than it takes to refuse it."""
        theirs, tip, raws = None, ours.shared, list[bytes]()
        async for raw in versions:
            following = verify_next_charter(raw, tip)
            theirs = theirs.then(following) if theirs else Branch.begin(tip, following)
            tip = following
            raws.append(raw)
            if ours.branch is not None and ours.branch.denies(theirs):
                break
            await asyncio.sleep(0)
        return theirs, tip, raws

    async def _switch(self, held: Membership, ours: Retraced, tip: Membership, raws: Sequence[bytes]) -> None:
        async with self.hive.turn:
            if self.hive.membership is not held:
                return  # it went on meanwhile; the peer is looked at again
            cut = self.hive.beyond(tip)
            await self.log.switch(ours.shared.charter.version, raws, cut, ours.own)
            self.hive.membership = tip
            await self.restore_memory()
            fields = {"shared": ours.shared.charter.version, "to_issue_again": len(ours.own)}
            logger.warning("another charter is in force instead of ours", extra=fields)
            self._adopt(tip)

    def _refuse(self, version: int, digest: str, why: str) -> None:
        self._remember(digest)
        self.hive.fork = (
            f"a peer holds another charter, version {version}, that this node refuses ({Code.CHARTER_ROLLBACK}): {why}"
        )
        logger.warning("another charter is refused", extra={"code": Code.CHARTER_ROLLBACK, "version": version})

    def _remember(self, digest: str) -> None:
        while len(self.judged) >= _JUDGED:
            del self.judged[next(iter(self.judged))]
        self.judged[self._digest(), digest] = None

    async def _ours_since(self, shared: int) -> Retraced:
        """What we hold from version `shared` on, verified anew, and the changes among it that this node issued."""
        before: Membership | None = None
        found: Retraced | None = None
        async for membership in self._retrace():
            if membership.charter.version == shared:
                found = Retraced(membership)
            elif found is not None and before is not None:
                found.branch = found.branch.then(membership) if found.branch else Branch.begin(before, membership)
                if membership.envelope.signatures[0].keyid == self.hive.node:
                    change = amendment(before.charter, membership.charter)
                    found.own += [] if change.is_renewal else [change]
            before = membership
        if found is None:
            raise RemoteProtocolError(Code.CHARTER_CHAIN, "the chain went back meanwhile")
        return found

    async def _retrace(self) -> AsyncIterator[Membership]:
        """The hive after each stored version. A page of the chain is in memory at a time."""
        trusted: Membership | None = None
        while raws := await self.log.charters(trusted.charter.version + 1 if trusted else 1):
            for raw in raws:
                trusted = verify_next_charter(raw, trusted) if trusted else verify_first_charter(raw)
                yield trusted
                await asyncio.sleep(0)

    async def _take(self, following: Membership, raw: bytes) -> None:
        cut = self.hive.beyond(following)
        await self.log.add_charter(following.charter.version, raw, cut)
        if cut:
            # What a revoked author said later never counts, here either: else nodes would differ in what they believe.
            self.hive.membership = following
            await self.restore_memory()
        self._adopt(following)

    def _adopt(self, membership: Membership) -> None:
        self.hive.membership = membership
        self.hive.fork = None
        logger.info("charter taken in", extra={"version": membership.charter.version})
        self.changed(membership)

    async def _is_ours(self, version: int, digest: str) -> bool:
        if version == self._version():
            return digest == self._digest()
        return await self.log.digest_at(version) == digest

    def _version(self) -> int:
        return self.hive.membership.charter.version if self.hive.membership else 0

    def _digest(self) -> str:
        return self.hive.membership.digest if self.hive.membership else ""


def _name(node: str, membership: Membership) -> str:
    member = membership.charter.member(NodeId(node))
    return member.name if member else "somebody"
