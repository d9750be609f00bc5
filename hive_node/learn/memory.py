"""What the flows keep in memory of the store: heads, quarantine, beliefs. Read at the start, and whenever the two may differ."""

from dataclasses import dataclass

from hive_node.hive import Hive
from hive_node.learn.aggregate import Beliefs
from hive_node.ports import Feed
from protocol.holes import Holes


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory follows the disk."""

    hive: Hive
    feed: Feed
    beliefs: Beliefs

    async def restore(self) -> None:
        """Read everything again. Raises StoreError."""
        epochs = self.hive.epochs()
        self.hive.heads = heads = await self.feed.heads(epochs)
        shown = await self.feed.heads(epochs, shown_only=True)
        self.hive.shown_ends = {
            author: end if end and end.epoch == head.epoch else None
            for author, head in heads.items()
            if (end := shown.get(author)) != head
        }
        self.hive.holes = Holes(await self.feed.holes())
        self.hive.equivocators = await self.feed.equivocators()
        self.hive.holding = await self.feed.holding()
        await self.beliefs.rebuild(self.feed)
        self.hive.is_unsure = False

    async def catch_up(self) -> None:
        """The same, if a write was cut off: it may have reached the disk, and its numbers be used. Raises StoreError.

        What is held ahead of its place goes where nothing can come of it any more: its author was revoked before it, caught
        signing two entries at one number, given another epoch, or is no member.
        """
        if self.hive.is_unsure:
            await self.restore()
        if not self.hive.holding:
            return
        room = self.hive.room()
        if room != self.hive.held_under:
            await self.feed.trim_held(room)
            self.hive.holding = await self.feed.holding()
            self.hive.held_under = room
