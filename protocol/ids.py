"""Names that prove themselves: node ids are public keys, entry and hive ids are digests (docs/protocol.md §1)."""

import base64
import hashlib
from functools import lru_cache
from typing import Final, NewType

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.x509.oid import NameOID

from protocol.errors import Code, RemoteProtocolError

NodeId = NewType("NodeId", str)
HiveId = NewType("HiveId", str)
EntryId = NewType("EntryId", str)

KEY_BYTES: Final = 32
ID_CHARS: Final = 52

_P: Final = 2**255 - 19
_D: Final = -121665 * pow(121666, _P - 2, _P) % _P
# The y coordinates of the eight points whose order divides 8. A signature under one of them can be made to verify for
# every message; OpenSSL accepts them as keys, and Wycheproof's vectors do not say otherwise.
_SMALL_ORDER_Y: Final = frozenset(
    {
        0,
        1,
        _P - 1,
        int.from_bytes(bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little"),
        int.from_bytes(bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"), "little"),
    }
)


def node_id(public_key: bytes) -> NodeId:
    """The id of a 32-byte Ed25519 public key: lower-case base32 without padding, 52 characters.

    Raises RemoteProtocolError(bad-key) for small-order points, points off the curve and non-canonical encodings.
    """
    _check_point(public_key)
    return NodeId(_base32(public_key))


@lru_cache(maxsize=2048)
def public_key(identity: str) -> Ed25519PublicKey:
    """The key that a node id is. Raises RemoteProtocolError(bad-key) unless it is one, spelt in the one right way."""
    if len(identity) != ID_CHARS:
        raise RemoteProtocolError(Code.BAD_KEY, f"a node id has {ID_CHARS} characters")
    try:
        raw = base64.b32decode(identity.upper() + "====")
    except ValueError:
        raise RemoteProtocolError(Code.BAD_KEY, "a node id is lower-case base32") from None
    if _base32(raw) != identity:
        raise RemoteProtocolError(Code.BAD_KEY, "a node id has one spelling: lower case, no padding, no spare bits")
    _check_point(raw)
    return Ed25519PublicKey.from_public_bytes(raw)


def parse_node_id(text: str) -> NodeId:
    """`text` as a node id. Raises RemoteProtocolError(bad-key)."""
    public_key(text)
    return NodeId(text)


def node_id_of_certificate(der: bytes) -> NodeId:
    """The node a DER certificate speaks for: its Ed25519 key, which its CN must repeat.

    Raises RemoteProtocolError(bad-key) for any other certificate.
    """
    try:
        certificate = x509.load_der_x509_certificate(der)
        key = certificate.public_key()
        names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    except (ValueError, TypeError, OverflowError, UnsupportedAlgorithm, x509.InvalidVersion):
        raise RemoteProtocolError(Code.BAD_KEY, "not a certificate") from None
    if not isinstance(key, Ed25519PublicKey):
        raise RemoteProtocolError(Code.BAD_KEY, "a node's certificate carries an Ed25519 key")
    identity = node_id(key.public_bytes_raw())
    if [name.value for name in names] != [identity]:
        raise RemoteProtocolError(Code.BAD_KEY, "a node's certificate has its node id as the one CN")
    return identity


def sha256_hex(data: bytes) -> str:
    """SHA-256 of `data` as 64 lower-case hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def entry_id(payload: bytes) -> EntryId:
    """The id of a feed entry: SHA-256 of its payload (docs/protocol.md §5)."""
    return EntryId(sha256_hex(payload))


def hive_id(first_charter_payload: bytes) -> HiveId:
    """The id of a hive: base32 of the SHA-256 of its first charter's payload (docs/protocol.md §2)."""
    return HiveId(_base32(hashlib.sha256(first_charter_payload).digest()))


def _base32(raw: bytes) -> str:
    return base64.b32encode(raw).decode("ascii").rstrip("=").lower()


def _check_point(raw: bytes) -> None:
    if len(raw) != KEY_BYTES:
        raise RemoteProtocolError(Code.BAD_KEY, f"an Ed25519 key has {KEY_BYTES} bytes")
    y = int.from_bytes(raw, "little") & (2**255 - 1)
    if y >= _P:
        raise RemoteProtocolError(Code.BAD_KEY, "non-canonical key encoding")
    if y in _SMALL_ORDER_Y:
        raise RemoteProtocolError(Code.BAD_KEY, "small-order key")
    # RFC 8032 §5.1.3: x² = (y² − 1) / (d·y² + 1) must have a root.
    x_squared = (y * y - 1) * pow(_D * y * y + 1, _P - 2, _P) % _P
    if pow(x_squared, (_P - 1) // 2, _P) != 1:
        raise RemoteProtocolError(Code.BAD_KEY, "not a point of the curve")
