"""Equivocation: an author who signed two entries at one number is heard no more, here or, by the proof, anywhere (§5.5)."""

import logging
from base64 import b64decode, b64encode

from hive_node.hive import Hive
from hive_node.learn.outcomes import Arrived
from hive_node.ports import Feed, News
from protocol.deltas import Equivocation, ShareLevel
from protocol.errors import Code, RemoteProtocolError
from protocol.limits import PROOF_CHARS
from protocol.verification import Membership, Proof, verify_proof

logger = logging.getLogger(__name__)


async def convict(proof: Proof, feed: Feed, hive: Hive) -> bool:
    """Keep the proof, and quarantine its author. False where as good a one is kept already, or the author began anew since."""
    if hive.equivocators.get(proof.author, 0) >= proof.epoch or proof.epoch < hive.epochs().get(proof.author, 0):
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


def proven(one: bytes, other: bytes, membership: Membership) -> Proof | None:
    """What two envelopes prove; None where that is nothing."""
    try:
        return verify_proof(one, other, membership)
    except RemoteProtocolError as error:
        logger.info("a proof that proves nothing", extra={"code": error.code})
        return None


def accusation(proof: Proof) -> News | None:
    """The proof as news; None where two envelopes of such a size do not fit into one: those are handed over by `prove`."""
    first, second = (b64encode(one.to_bytes()).decode("ascii") for one in (proof.first, proof.second))
    if max(len(first), len(second)) > PROOF_CHARS:
        logger.info("a proof is too large for an entry", extra={"author": proof.author})
        return None
    purpose = f"equivocation:{proof.author}:{proof.epoch}"
    return News(purpose, Equivocation(first=first, second=second), ShareLevel.SUMMARIES)


def _proof(body: Equivocation, membership: Membership) -> Proof | None:
    try:
        first, second = (b64decode(one, validate=True) for one in (body.first, body.second))
    except ValueError:
        logger.info("a proof that proves nothing", extra={"code": Code.BAD_BASE64})
        return None
    return proven(first, second, membership)
