"""A member that was met: where, how it is doing, and what is still to do with it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

from hive_node.adapters.told import Told
from hive_node.ports import Chance
from protocol.ids import NodeId
from protocol.limits import ENTRIES_PER_ANSWER, REQUEST_BYTES
from protocol.sync import Missing

Source = Literal["mdns", "static", "invite", "inbound", "stored"]
Where = tuple[str, int]

FIRST_BACKOFF_S: Final = 5.0
LAST_BACKOFF_S: Final = 600.0
# What a scope guard withholds it withholds for good; a peer may get it from somebody else, though.
ASK_AGAIN_S: Final = 3600.0


def backoff_s(failures: int, chance: Chance) -> float:
    """Seconds to leave something alone that failed so often in a row: 5 s doubling to 10 min, shortened by up to half."""
    return min(LAST_BACKOFF_S, FIRST_BACKOFF_S * 2.0 ** min(failures - 1, 10)) * chance.uniform(0.5, 1.0)


@dataclass(slots=True)
class Contact:
    """A member that was met, and what is still to do with it.

    seen_at: its last sign of life. is_asleep: that was a goodbye. have, charter: the digests it told last. entries: how many it
    could show after the last exchange. settled: our digest and its own after an exchange that moved nothing: there is no use in
    another until one of them changes. asked: withheld numbers that it was asked for, since asked_at. has_told: its newest charter
    was fetched since we started. has_given_back: what it holds of our feed was. is_wanted: there is something to do. task: who does it, while there is.
    """

    node: NodeId
    host: str
    port: int
    sources: set[Source] = field(default_factory=set)
    seen_at: datetime | None = None
    failures: int = 0
    is_asleep: bool = False
    retry_at: float = 0.0
    have: str = ""
    entries: int | None = None
    charter_version: int = 0
    charter: str = ""
    looked_at: float = 0.0
    settled: tuple[str, str] = ("", "")
    has_told: bool = False
    has_given_back: bool = False
    is_due: bool = False
    is_wanted: bool = False
    outbox: list[bytes] = field(default_factory=list)
    asked: set[Missing] = field(default_factory=set)
    asked_at: float = 0.0
    task: asyncio.Task[None] | None = None

    @property
    def where(self) -> Where:
        return (self.host, self.port)

    @property
    def is_live(self) -> bool:
        """Whether it answered the last time, and did not say goodbye since."""
        return not self.failures and not self.is_asleep

    @property
    def is_attended(self) -> bool:
        """Whether somebody does what is wanted of it."""
        return self.task is not None and not self.task.done()

    def want(self) -> None:
        """Note that there is something to reconcile with it."""
        self.is_due = self.is_wanted = True

    def not_asked_for(self, lacking: Sequence[Missing], now: float) -> tuple[Missing, ...]:
        """Of the numbers that we lack those that it was not asked for within the hour: it may have them by now."""
        if now - self.asked_at >= ASK_AGAIN_S:
            self.asked.clear()
        self.asked.intersection_update(lacking)
        return tuple(one for one in lacking if one not in self.asked)

    def was_asked_for(self, wanted: Sequence[Missing], now: float) -> None:
        """It answered without them, or with all that it has of them."""
        self.asked_at = self.asked_at if self.asked else now
        self.asked.update(wanted)

    def hand(self, envelopes: Sequence[bytes]) -> None:
        """Note that these are to be pushed to it. What does not fit into one request is left to reconciliation."""
        size = sum(len(one) + 1 for one in (*self.outbox, *envelopes))
        if len(self.outbox) + len(envelopes) > ENTRIES_PER_ANSWER or size > REQUEST_BYTES:
            self.outbox.clear()
            self.is_due = True
        else:
            self.outbox += envelopes
        self.is_wanted = True

    def heard(self, told: Told, now: datetime) -> None:
        """It is alive. Whether we reach it is another matter, and worth a try: not one for each of its questions, though."""
        self.seen_at, self.retry_at, self.is_asleep = now, 0.0, False
        self.have = told.have or self.have
        if told.charter_version:
            self.charter_version, self.charter = told.charter_version, told.charter

    def slept(self, until: float) -> None:
        """It said goodbye: nothing is wanted of it until it is back, or until then, when a look may show that it is."""
        self.is_asleep, self.retry_at = True, until
        self.is_due = self.is_wanted = False
        self.outbox.clear()
