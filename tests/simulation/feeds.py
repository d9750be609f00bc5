"""Entries of a simulated node's key, at any place and saying anything: what its own node would never write."""

from typing import Any

from hive_node.simulation.moment import EPOCH
from hive_node.simulation.node import SimNode
from protocol.charter import stamp
from protocol.deltas import KIND_OF, Body, Delta, Header
from protocol.envelope import DELTA_TYPE, Envelope
from protocol.signing import seal
from tests.fakes.hive import summary


def entry(author: SimNode, body: Body | None = None, seq: int = 1, prev: str | None = None, **header: Any) -> Envelope:
    """Signed as any entry is."""
    membership = author.hive.membership
    assert membership is not None
    said = body or summary(0.001 * seq)
    fields = {
        "hive": membership.hive,
        "author": author.id,
        "epoch": author.hive.own_epoch,
        "seq": seq,
        "prev": prev,
        "issued_at": stamp(EPOCH),
        "kind": KIND_OF[type(said)],
        "constitution": membership.charter.constitution,
    } | header
    return seal(DELTA_TYPE, Delta.compose(Header.model_validate(fields), said).payload(), [author.key])


def feed(author: SimNode, count: int) -> list[Envelope]:
    """Its first entries, chained."""
    entries: list[Envelope] = []
    for seq in range(1, count + 1):
        entries.append(entry(author, None, seq, entries[-1].id if entries else None))
    return entries
