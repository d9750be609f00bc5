"""Append: the entry is on disk before anybody hears of it."""

from hive_node.hive import Hive
from hive_node.ports import Feed
from protocol.deltas import Delta
from protocol.envelope import Envelope
from protocol.feed import Head
from protocol.ids import EntryId


async def append(envelope: Envelope, purpose: str, feed: Feed, hive: Hive) -> EntryId:
    """Write the envelope as the next entry of our own feed."""
    delta = Delta.parse(envelope.payload)
    await feed.add([(envelope, delta, "good")], purpose=purpose)
    hive.heads[hive.node] = Head(delta.header.epoch, delta.header.seq, envelope.id)
    return envelope.id
