"""DSSE v1 envelopes: the signature covers the bytes as sent, and their type (docs/protocol.md §4).

Source: https://github.com/secure-systems-lab/dsse, protocol.md and envelope.md, version 1.0.
"""

import base64
import binascii
from dataclasses import dataclass, field
from typing import Final

from protocol.errors import Code, RemoteProtocolError
from protocol.ids import EntryId, entry_id
from protocol.wire import JsonValue, dump_json, parse_object

DELTA_TYPE: Final = "application/vnd.hive-node.delta.v1+json"
CHARTER_TYPE: Final = "application/vnd.hive-node.charter.v1+json"
_FAMILIES: Final = ("application/vnd.hive-node.delta.v", "application/vnd.hive-node.charter.v")
_SIGNATURE_BYTES: Final = 64


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature: `keyid` is the signer's node id as written, not yet checked; `sig` is 64 bytes."""

    keyid: str
    sig: bytes


@dataclass(frozen=True, slots=True)
class Envelope:
    """Signed bytes and what they claim to be. Holding one proves nothing: see `protocol.verification`."""

    payload_type: str
    payload: bytes
    signatures: tuple[Signature, ...]
    # SHA-256 of the payload, taken once: an entry is asked for it at each step on its way to the disk.
    id: EntryId = field(init=False, repr=False, compare=False)
    # Made at the first call of `to_bytes`: what is stored is passed on as well.
    _line: bytes = field(init=False, repr=False, compare=False, default=b"")

    def __post_init__(self) -> None:
        object.__setattr__(self, "id", entry_id(self.payload))

    def to_bytes(self) -> bytes:
        """The envelope as it travels: compact JSON, one line."""
        if not self._line:
            object.__setattr__(self, "_line", self._written())
        return self._line

    def _written(self) -> bytes:
        return dump_json(
            {
                "payloadType": self.payload_type,
                "payload": base64.b64encode(self.payload).decode("ascii"),
                "signatures": [
                    {"keyid": one.keyid, "sig": base64.b64encode(one.sig).decode("ascii")} for one in self.signatures
                ],
            }
        )


def pae(payload_type: str, payload: bytes) -> bytes:
    """The Pre-Authentication Encoding: `DSSEv1 SP len(type) SP type SP len(body) SP body`, lengths in bytes."""
    kind = payload_type.encode("utf-8")
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def parse_envelope(raw: bytes, *, max_bytes: int, payload_type: str) -> Envelope:
    """The envelope that `raw` spells, of the one type that the caller takes.

    Raises RemoteProtocolError: too-large, bad-json and its kin, bad-envelope, bad-base64, wrong-type, unsupported-version.
    Unknown members of the envelope are refused: nothing signs them, so nobody may carry them.
    """
    if len(raw) > max_bytes:
        raise RemoteProtocolError(Code.TOO_LARGE, f"an envelope has at most {max_bytes} bytes")
    outer = parse_object(raw)
    if outer.keys() != {"payloadType", "payload", "signatures"}:
        raise RemoteProtocolError(Code.BAD_ENVELOPE, "an envelope has payloadType, payload and signatures")
    payload = _base64(outer["payload"])
    signatures = _signatures(outer["signatures"])
    _check_type(outer["payloadType"], payload_type)
    return Envelope(payload_type, payload, signatures)


def _check_type(found: JsonValue, wanted: str) -> None:
    if found == wanted:
        return
    if isinstance(found, str) and found.startswith(_FAMILIES) and found.rsplit(".v", 1)[0] == wanted.rsplit(".v", 1)[0]:
        raise RemoteProtocolError(Code.UNSUPPORTED_VERSION, "this node speaks version 1")
    raise RemoteProtocolError(Code.WRONG_TYPE, f"expected {wanted}")


def _signatures(value: JsonValue) -> tuple[Signature, ...]:
    if not isinstance(value, list) or not value:
        raise RemoteProtocolError(Code.BAD_ENVELOPE, "signatures is a list with at least one")
    return tuple(_signature(one) for one in value)


def _signature(value: JsonValue) -> Signature:
    if not isinstance(value, dict) or value.keys() != {"keyid", "sig"} or not isinstance(value["keyid"], str):
        raise RemoteProtocolError(Code.BAD_ENVELOPE, "a signature has keyid and sig")
    sig = _base64(value["sig"])
    if len(sig) != _SIGNATURE_BYTES:
        raise RemoteProtocolError(Code.BAD_ENVELOPE, f"an Ed25519 signature has {_SIGNATURE_BYTES} bytes")
    return Signature(value["keyid"], sig)


def _base64(value: JsonValue) -> bytes:
    if not isinstance(value, str):
        raise RemoteProtocolError(Code.BAD_BASE64, "expected base64 text")
    try:
        data = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise RemoteProtocolError(Code.BAD_BASE64, "not base64 (RFC 4648 §4, padded)") from None
    # Spare bits in the last character would give one payload two spellings.
    if base64.b64encode(data).decode("ascii") != value:
        raise RemoteProtocolError(Code.BAD_BASE64, "base64 with spare bits")
    return data
