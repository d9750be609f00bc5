"""What the flows keep in memory of the store: heads, quarantine, beliefs. Read at the start, and whenever the two may differ."""

from dataclasses import dataclass

from hive_node.hive import Hive
from hive_node.learn.aggregate import Beliefs
from hive_node.ports import Feed


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory follows the disk."""

    hive: Hive
    feed: Feed
    beliefs: Beliefs

    async def restore(self) -> None:
        """Read everything again. Raises StoreError."""
        self.hive.heads = await self.feed.heads()
        self.hive.equivocators = await self.feed.equivocators()
        self.hive.holding = await self.feed.holding()
        await self.beliefs.rebuild(self.feed)
        self.hive.is_unsure = False

    async def catch_up(self) -> None:
        """The same, if a write was cut off: it may have reached the disk, and its numbers be used. Raises StoreError."""
        if self.hive.is_unsure:
            await self.restore()
