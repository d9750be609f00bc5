"""The share flow. A number of our feed is given out under one lock, and used only if the entry is written."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from guardrails.scope import Receipt as RemovedFrom
from guardrails.scope import ScopeGuard
from guardrails.verdict import Refused
from hive_node.hive import Hive
from hive_node.ports import Clock, Feed, News, Notes, Receipt, Spreader
from hive_node.share.append import append
from hive_node.share.compose import compose
from hive_node.share.send import send
from hive_node.share.sign import sign
from protocol.deltas import Delta
from protocol.ids import EntryId
from protocol.signing import Signer

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Share:
    """Tells the hive what was learned here.

    heard: told of every entry of ours. catch_up: makes memory follow the disk after a write that was cut off. refresh: makes
    the guard know what this machine is now, so that a secret set a moment ago is one.
    """

    hive: Hive
    feed: Feed
    guard: ScopeGuard
    signer: Signer
    spreader: Spreader
    notes: Notes
    clock: Clock
    heard: Callable[[EntryId, Delta], None]
    catch_up: Callable[[], Awaitable[None]]
    refresh: Callable[[], Awaitable[None]]

    async def publish(self, news: News) -> EntryId | None:
        """One piece of news as the next entry of our feed; the entry it became before, if it was told already.

        None where nothing leaves: no hive, a halt, a share level that does not cover it, or the scope guard's *no*.
        """
        if told := await self.feed.by_purpose(news.purpose):
            return told.id
        if self._is_silent(news):
            return None
        await self.hive.ask_for_feed()
        await self.refresh()
        async with self.hive.turn:
            await self.catch_up()
            if told := await self.feed.by_purpose(news.purpose):
                return told.id
            if self._is_silent(news):
                return None
            delta = compose(news, self.hive, self.clock.now())
            in_scope = self.guard.check_outgoing(delta, news.level)
            if isinstance(in_scope, Refused):
                await self._keep_refusal(news, in_scope)
                return None
            envelope = sign(in_scope, self.signer)
            entry = await append(envelope, news.purpose, self.feed, self.hive)
            self.heard(entry, in_scope.value)
        send(entry, envelope, self.spreader)
        await self._keep_receipt(news, in_scope.receipt)
        return entry

    async def told(self, purpose: str) -> EntryId | None:
        """The entry of ours that said this, if it was told."""
        entry = await self.feed.by_purpose(purpose)
        return entry.id if entry else None

    def _is_silent(self, news: News) -> bool:
        now = self.clock.now()
        reason = self.hive.why_silent(now) or self.hive.why_halted(now)
        if reason:
            logger.info("not shared", extra={"purpose": news.purpose, "reason": reason})
        return reason is not None

    async def _keep_refusal(self, news: News, refused: Refused) -> None:
        logger.info("scope guard refused", extra={"purpose": news.purpose, "rule": refused.rule})
        if refused.rule != "scope.level":  # a level that says no is the user's choice, not a finding
            await self.notes.keep_receipt(Receipt("out", news.purpose, "blocked", refused.rule, refused.places))
            await self.notes.tell("scope", decision="blocked", purpose=news.purpose, rule=refused.rule)

    async def _keep_receipt(self, news: News, removed: RemovedFrom) -> None:
        places = (
            *map(str, removed.redacted),
            *(f"{place} (dropped)" for place in removed.dropped),
        )
        if not places:
            await self.notes.keep_receipt(Receipt("out", news.purpose, "passed", "scope.clean"))
            return
        await self.notes.keep_receipt(Receipt("out", news.purpose, "redacted", "scope.redacted", places))
        await self.notes.tell("scope", decision="redacted", purpose=news.purpose, places=list(places))
