"""Verify and scope: docs/protocol.md §4's order, from raw bytes to a place in the batch."""

import logging

from guardrails.scope import ScopeGuard
from guardrails.verdict import Refused
from hive_node.hive import Hive
from hive_node.learn.outcomes import Arrived, Outcome
from hive_node.ports import Feed
from protocol.deltas import Delta
from protocol.envelope import Envelope
from protocol.errors import Code, RemoteProtocolError
from protocol.feed import Place
from protocol.verification import OutOfPlace, Verified, verify_entry, verify_proof

logger = logging.getLogger(__name__)


async def verify(raw: bytes, arrived: Arrived, hive: Hive, feed: Feed, guard: ScopeGuard) -> Outcome:
    """Judge one envelope; if it is good, or authentic and only unclean, it is added to the batch."""
    quarantined = hive.quarantined | {proof.author for proof in arrived.proofs}
    try:
        verified = verify_entry(raw, arrived.membership, arrived.heads, quarantined)
    except RemoteProtocolError as error:
        logger.info("entry refused", extra={"code": error.code})
        return Outcome(None, "refused", error.code)
    if isinstance(verified, OutOfPlace):
        return await _out_of_place(verified, arrived, hive, feed)
    return _scope(verified, arrived, guard)


def _scope(verified: Verified[Delta], arrived: Arrived, guard: ScopeGuard) -> Outcome:
    envelope, delta = verified.envelope, verified.value
    in_scope = guard.check_incoming(verified)
    if isinstance(in_scope, Refused):
        # Kept, so that the feed goes on, but not shown, not used, not passed on.
        arrived.take(envelope, delta, "quarantined")
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
    held = await _held_at(delta, arrived, feed)
    if held is None or held.id == envelope.id:
        return Outcome(envelope.id, "duplicate")
    arrived.proofs.append(verify_proof(held.to_bytes(), envelope.to_bytes(), arrived.membership))
    return Outcome(envelope.id, "refused", Code.EQUIVOCATION)


async def _held_at(delta: Delta, arrived: Arrived, feed: Feed) -> Envelope | None:
    in_batch = next((one for one, other, _ in arrived.rows if _is_same_place(delta, other)), None)
    if in_batch is not None:
        return in_batch
    stored = await feed.at(delta.author, delta.header.epoch, delta.header.seq)
    return stored.envelope if stored else None


def _is_same_place(one: Delta, other: Delta) -> bool:
    return (one.author, one.header.epoch, one.header.seq) == (other.author, other.header.epoch, other.header.seq)
