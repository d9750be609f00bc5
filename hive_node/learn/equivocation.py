"""Equivocation: an author who signed two entries at one number is heard no more, here or, by the proof, anywhere (§5.5)."""

import logging
from base64 import b64decode, b64encode

from hive_node.hive import Hive
from hive_node.learn.outcomes import Arrived
from hive_node.ports import Feed, News
from protocol.deltas import Equivocation, ShareLevel
from protocol.errors import RemoteProtocolError
from protocol.limits import PROOF_CHARS
from protocol.verification import Membership, Proof, verify_proof

logger = logging.getLogger(__name__)


async def convict(proof: Proof, feed: Feed, hive: Hive) -> bool:
    """Keep the proof, and quarantine its author. False where as good a one is kept already."""
    if hive.equivocators.get(proof.author, 0) >= proof.epoch:
        return False
    await feed.keep_proof(proof.author, proof.epoch, proof.first.to_bytes(), proof.second.to_bytes())
    hive.equivocators[proof.author] = proof.epoch
    level = logging.ERROR if proof.author == hive.node else logging.WARNING
    logger.log(level, "author quarantined", extra={"author": proof.author, "epoch": proof.epoch, "seq": proof.seq})
    return True


def told_proofs(arrived: Arrived) -> list[Proof]:
    """The proofs that a batch told of. Each is verified here: who accuses is not believed."""
    told = [one.value.value.body for one in arrived.believed]
    proofs = [_proof(body, arrived.membership) for body in told if isinstance(body, Equivocation)]
    return [one for one in proofs if one is not None]


def accusation(proof: Proof) -> News | None:
    """The proof as news; None where two envelopes of such a size do not fit into one."""
    first, second = (b64encode(one.to_bytes()).decode("ascii") for one in (proof.first, proof.second))
    if max(len(first), len(second)) > PROOF_CHARS:
        logger.warning("a proof is too large to be passed on", extra={"author": proof.author})
        return None
    purpose = f"equivocation:{proof.author}:{proof.epoch}"
    return News(purpose, Equivocation(first=first, second=second), ShareLevel.SUMMARIES)


def _proof(body: Equivocation, membership: Membership) -> Proof | None:
    try:
        return verify_proof(b64decode(body.first, validate=True), b64decode(body.second, validate=True), membership)
    except (ValueError, RemoteProtocolError) as error:
        logger.info("a proof that proves nothing", extra={"error": type(error).__name__})
        return None
