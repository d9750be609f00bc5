"""Append: the entry is on disk before anybody hears of it."""

from hive_node.hive import Hive
from hive_node.ports import Feed
from protocol.deltas import Delta
from protocol.envelope import Envelope
from protocol.feed import Head
from protocol.ids import EntryId


async def append(envelope: Envelope, purpose: str, feed: Feed, hive: Hive) -> EntryId:
    """Write the envelope as the next entry of our own feed. Raises StoreError; then its number is as free as it was.

    Cut off in the middle, the entry may be written or not: until memory has caught up with the disk, nobody writes.
    """
    delta = Delta.parse(envelope.payload)
    hive.is_unsure = True
    await feed.add([(envelope, delta, "good")], purpose=purpose)
    hive.heads[hive.node] = Head(delta.header.epoch, delta.header.seq, envelope.id)
    hive.is_unsure = False
    return envelope.id
