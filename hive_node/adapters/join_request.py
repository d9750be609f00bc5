"""What a joiner says of itself at the join port (docs/protocol.md §2.12). Nothing of it is believed before it is proved."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature

from hive_node.adapters.invites import message
from protocol.errors import Code, RemoteProtocolError
from protocol.ids import NodeId, node_id_of_certificate, public_key
from protocol.limits import WORD_CHARS
from protocol.wire import JsonValue

_ENCODED_CHARS: Final = 4096


@dataclass(frozen=True, slots=True)
class JoinRequest:
    """One request to be let in."""

    invite: str
    nonce: str
    node: NodeId
    certificate: bytes
    owner: str
    name: str
    proof: str
    signature: bytes

    @classmethod
    def read(cls, tree: Mapping[str, JsonValue]) -> "JoinRequest":
        """Raises RemoteProtocolError(bad-schema, bad-base64)."""
        return cls(
            invite=_word(tree.get("invite")),
            nonce=_word(tree.get("nonce")),
            node=NodeId(_word(tree.get("node"))),
            certificate=_decoded(tree.get("certificate")),
            owner=_word(tree.get("owner")),
            name=_word(tree.get("name")),
            proof=_word(tree.get("proof")),
            signature=_decoded(tree.get("signature")),
        )

    def message(self, hive: str, admin: str) -> bytes:
        """What it proves and signs."""
        return message(hive, admin, self.invite, self.nonce, self.certificate, self.owner, self.name)

    def check_key(self, words: bytes) -> None:
        """Certificates are known to every member: only whoever signs with its key is its node.

        Raises RemoteProtocolError(bad-key, bad-signature).
        """
        if node_id_of_certificate(self.certificate) != self.node:
            raise RemoteProtocolError(Code.BAD_KEY, "the certificate is another node's")
        try:
            public_key(self.node).verify(self.signature, words)
        except InvalidSignature:
            raise RemoteProtocolError(
                Code.BAD_SIGNATURE, "whoever joins signs with the key of its certificate"
            ) from None


def _word(value: JsonValue) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= WORD_CHARS or not value.isprintable():
        raise RemoteProtocolError(Code.BAD_SCHEMA, f"expected a text of up to {WORD_CHARS} printable characters")
    return value


def _decoded(value: JsonValue) -> bytes:
    if not isinstance(value, str) or len(value) > _ENCODED_CHARS:
        raise RemoteProtocolError(Code.BAD_SCHEMA, "expected base64")
    try:
        return base64.b64decode(value, validate=True)
    except ValueError:
        raise RemoteProtocolError(Code.BAD_BASE64, "not base64") from None
