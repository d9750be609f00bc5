"""Making envelopes. The key itself stays behind `Signer`; this module never sees it."""

from collections.abc import Sequence
from typing import Protocol

from protocol.envelope import Envelope, Signature, pae
from protocol.ids import NodeId


class Signer(Protocol):
    """Something that holds an Ed25519 key."""

    @property
    def node_id(self) -> NodeId:
        """The id of the key."""
        ...

    def sign(self, message: bytes) -> bytes:
        """The 64-byte Ed25519 signature of `message`."""
        ...


def seal(payload_type: str, payload: bytes, signers: Sequence[Signer]) -> Envelope:
    """`payload` signed by each of `signers`, in order."""
    message = pae(payload_type, payload)
    return Envelope(payload_type, payload, tuple(Signature(one.node_id, one.sign(message)) for one in signers))
