"""Sign: only what the scope guard let through can be signed; the type says so."""

from guardrails.scope import InScope
from protocol.deltas import Delta
from protocol.envelope import DELTA_TYPE, Envelope
from protocol.signing import Signer, seal


def sign(in_scope: InScope[Delta], signer: Signer) -> Envelope:
    """The envelope around exactly the bytes that were scanned."""
    return seal(DELTA_TYPE, in_scope.value.payload(), [signer])
