"""Compose: news becomes a delta at the next place of our feed."""

from datetime import datetime

from hive_node.hive import Hive
from hive_node.ports import Fault, News
from protocol.charter import stamp
from protocol.deltas import KIND_OF, Delta, Header


def compose(news: News, hive: Hive, now: datetime) -> Delta:
    """The delta that says `news` as our next entry."""
    if hive.membership is None:
        raise Fault("hive.none", "this node is in no hive: `hive-node hive create` or `hive join` first")
    head = hive.own_head
    header = Header(
        hive=hive.membership.hive,
        author=hive.node,
        epoch=hive.own_epoch,
        seq=head.seq + 1 if head else 1,
        prev=head.id if head else None,
        issued_at=stamp(now),
        kind=KIND_OF[type(news.body)],
        constitution=hive.membership.charter.constitution,
    )
    return Delta.compose(header, news.body)
