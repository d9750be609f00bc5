"""What an admin's node does by itself: renews the charter, issues again what another branch displaced, tidies proposals."""

import asyncio
import logging
from dataclasses import dataclass, field
from typing import Final

from hive_node.hive import Hive
from hive_node.ports import CharterLog, Clock, Fault, Notes
from hive_node.share.charters import CharterOffice
from hive_node.share.issuing import current
from protocol.amendment import Amendment
from protocol.envelope import CHARTER_TYPE, parse_envelope
from protocol.limits import CHARTER_BYTES
from protocol.verification import Membership

logger = logging.getLogger(__name__)

# How often it is looked whether a renewal is due, and what failed is tried again.
LOOK_S: Final = 600.0


@dataclass(frozen=True, slots=True)
class Upkeep:
    """notes: told what became of each change that was not made where it was meant to be."""

    hive: Hive
    log: CharterLog
    office: CharterOffice
    notes: Notes
    clock: Clock
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self) -> None:
        """Look after every change of the charter, and from time to time, until cancelled."""
        while True:
            self.changed.clear()
            try:
                await self.look()
            except Fault as fault:
                logger.warning("the charter could not be kept up", extra={"code": fault.code})
            await self._wait()

    async def look(self) -> None:
        """Once. Raises Fault where something could not be written; it is done the next time."""
        await self._clear_away()
        for number, change in await self.log.to_issue_again():
            await self._issue_again(change)
            await self.log.issued_again(number)
        if (issued := await self.office.renew_if_due()) is not None:
            logger.info("charter renewed" if isinstance(issued, Membership) else "the charter's renewal is proposed")

    async def _clear_away(self) -> None:
        """Proposals to a version that is past: our own change is made again on the one in force, others' are theirs to make."""
        membership = self.hive.membership
        if membership is None:
            return
        for stored in await self.log.proposals():
            if current(stored, membership) is not None:
                continue
            envelope = parse_envelope(stored.envelope, max_bytes=CHARTER_BYTES, payload_type=CHARTER_TYPE)
            is_ours = envelope.signatures[0].keyid == self.hive.node and not stored.turned_down
            await self.log.drop_proposal(stored.id, again=stored.change if is_ours else None)

    async def _issue_again(self, change: Amendment) -> None:
        membership = self.hive.membership
        if membership is None or change.is_renewal:
            return
        words = "; ".join(change.words(membership.charter))
        try:
            issued = await self.office.issue_again(change)
        except Fault as fault:
            if not fault.code.startswith("hive."):
                raise
            logger.warning("a change was overtaken", extra={"change": words, "code": fault.code})
            await self.notes.tell("charter-change", change=words, outcome="dropped", reason=str(fault))
            return
        if issued is not None:
            outcome = "made again" if isinstance(issued, Membership) else "proposed again"
            logger.info("a change was overtaken", extra={"change": words, "outcome": outcome})
            await self.notes.tell("charter-change", change=words, outcome=outcome)

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(LOOK_S):
                await self.changed.wait()
        except TimeoutError:
            return
