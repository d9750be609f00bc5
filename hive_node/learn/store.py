"""Store: a batch in one transaction; memory follows only once it is on disk."""

from hive_node.hive import Hive
from hive_node.learn.outcomes import Arrived
from hive_node.ports import Feed


async def store(arrived: Arrived, feed: Feed, hive: Hive) -> None:
    """Write the batch. Raises StoreError; then nothing of it is believed or passed on."""
    if arrived.rows:
        hive.is_unsure = True
        await feed.add(arrived.rows)
        hive.heads.update({author: arrived.heads[author] for author in arrived.touched})
        hive.shown_ends = arrived.shown_ends
        for span in arrived.opened:
            hive.holes.open(span)
        for span in arrived.filled:
            hive.holes.fill(span.author, span.epoch, span.first)
        hive.is_unsure = False
