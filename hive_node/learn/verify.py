"""Verify and scope: docs/protocol.md §4's order, from raw bytes to a place in the batch."""

import logging
from collections.abc import Mapping

from guardrails.scope import ScopeGuard
from guardrails.verdict import Refused
from hive_node.hive import Hive
from hive_node.learn.outcomes import Arrived, Outcome
from hive_node.ports import Feed
from protocol.deltas import Delta
from protocol.envelope import Envelope
from protocol.errors import Code, RemoteProtocolError
from protocol.feed import Head, Place
from protocol.ids import NodeId
from protocol.verification import OutOfPlace, Verified, verify_entry, verify_proof

logger = logging.getLogger(__name__)


async def verify(raw: bytes, arrived: Arrived, hive: Hive, feed: Feed, guard: ScopeGuard) -> Outcome:
    """Judge one envelope; if it is good, or authentic and only unclean, it is added to the batch."""
    quarantined = hive.quarantined | {proof.author for proof in arrived.proofs}
    try:
        found = verify_entry(raw, arrived.membership, arrived.heads, quarantined)
        if isinstance(found, OutOfPlace) and (before := await _beside_a_hole(found, arrived, hive, feed)) is not None:
            found = verify_entry(raw, arrived.membership, before, quarantined)
    except RemoteProtocolError as error:
        logger.debug("entry refused", extra={"code": error.code})
        return Outcome(None, "refused", error.code)
    if isinstance(found, OutOfPlace):
        return await _out_of_place(found, arrived, hive, feed)
    return _scope(found, arrived, guard)


async def _beside_a_hole(found: OutOfPlace, arrived: Arrived, hive: Hive, feed: Feed) -> Mapping[NodeId, Head] | None:
    """The heads to judge an entry by that follows numbers withheld from us, or is one of them; None for any other.

    What stands before it is known by its own word, if it is not held: an author's `prev` is signed, and nobody can invent one.
    Raises RemoteProtocolError(broken-chain) where the entry after it, held, names another one.
    """
    delta = found.delta
    author, epoch, seq = delta.author, delta.header.epoch, delta.header.seq
    if found.place is Place.GAP:
        is_beside = arrived.may_skip_to(delta)
    else:
        is_beside = hive.holes.covers(author, epoch, seq) and await _held_at(author, epoch, seq, arrived, feed) is None
    if not is_beside:
        return None
    after = await _held_at(author, epoch, seq + 1, arrived, feed)
    if after is not None and Delta.parse(after.payload).prev != found.envelope.id:
        raise RemoteProtocolError(Code.BROKEN_CHAIN, "the entry held after this one follows another")
    before = await _held_at(author, epoch, seq - 1, arrived, feed)
    known = before.id if before is not None else delta.prev
    return {author: Head(epoch, seq - 1, known)} if known is not None else {}


def _scope(verified: Verified[Delta], arrived: Arrived, guard: ScopeGuard) -> Outcome:
    envelope, delta = verified.envelope, verified.value
    in_scope = guard.check_incoming(verified)
    if isinstance(in_scope, Refused):
        # Kept, so that the feed goes on, but not shown, not used, not passed on.
        arrived.take(envelope, delta, "quarantined")
        arrived.refusals.append((envelope.id, in_scope))
        logger.info("entry quarantined", extra={"entry": envelope.id, "rule": in_scope.rule})
        return Outcome(envelope.id, "refused", Code.SCOPE_REFUSED)
    arrived.take(envelope, delta, "good")
    arrived.believed.append(in_scope)
    arrived.to_pass_on.append(envelope.to_bytes())
    return Outcome(envelope.id, "accepted")


async def _out_of_place(found: OutOfPlace, arrived: Arrived, hive: Hive, feed: Feed) -> Outcome:
    envelope, delta = found.envelope, found.delta
    if found.place is Place.GAP:
        hive.holding.add(delta.author)
        is_held = await feed.hold(delta, envelope)
        return Outcome(envelope.id, "gap") if is_held else Outcome(envelope.id, "refused", Code.GAP_FULL)
    held = await _held_at(delta.author, delta.header.epoch, delta.header.seq, arrived, feed)
    if held is None or held.id == envelope.id:
        return Outcome(envelope.id, "duplicate")
    arrived.proofs.append(verify_proof(held.to_bytes(), envelope.to_bytes(), arrived.membership))
    return Outcome(envelope.id, "refused", Code.EQUIVOCATION)


async def _held_at(author: NodeId, epoch: int, seq: int, arrived: Arrived, feed: Feed) -> Envelope | None:
    for envelope, delta, _ in arrived.rows:
        if (delta.author, delta.header.epoch, delta.header.seq) == (author, epoch, seq):
            return envelope
    stored = await feed.at(author, epoch, seq)
    return stored.envelope if stored else None
