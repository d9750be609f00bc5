"""Keys that are a function of a name: the same story has the same bytes in every run. Good for nothing else."""

import base64
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hive_node.adapters.tls import certificate_of
from hive_node.simulation.moment import EPOCH
from protocol.charter import Member, stamp
from protocol.ids import NodeId, node_id


@dataclass(frozen=True)
class NamedKey:
    """The key of whoever has that name. Two with one name are the same node."""

    name: str

    @cached_property
    def private_key(self) -> Ed25519PrivateKey:
        """Ed25519, by RFC 8032 from the digest of the name."""
        return Ed25519PrivateKey.from_private_bytes(sha256(b"hive-node simulated key " + self.name.encode()).digest())

    @cached_property
    def node_id(self) -> NodeId:
        """The id that peers know it by."""
        return node_id(self.private_key.public_key().public_bytes_raw())

    def sign(self, message: bytes) -> bytes:
        """A signature of 64 bytes."""
        return self.private_key.sign(message)

    def member(self, owner: str) -> Member:
        """It, as a charter lists it."""
        certificate = base64.b64encode(certificate_of(self)).decode("ascii")
        return Member(id=self.node_id, certificate=certificate, owner=owner, name=self.name, joined_at=stamp(EPOCH))
