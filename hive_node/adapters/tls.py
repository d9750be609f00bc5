"""TLS between nodes: certificates that are pure functions of a key, and the contexts that hold them (docs/protocol.md §3)."""

import asyncio
import hashlib
import logging
import os
import ssl
from asyncio.sslproto import SSLProtocol
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final, Protocol

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from protocol.errors import Code, RemoteProtocolError
from protocol.ids import NodeId, node_id_of_certificate

logger = logging.getLogger(__name__)

# RFC 5280 §4.1.2.5: 99991231235959Z says "no expiry". Membership ends in the charter; a clock two days off ends nothing.
_NOT_BEFORE: Final = datetime(2020, 1, 1, tzinfo=UTC)
_NOT_AFTER: Final = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
_SERIAL_BYTES: Final = 16
# asyncio keeps a buffer for each TLS connection, and writes it over with zeros: a quarter of a megabyte, where a record has 16 KiB.
# There is no other place to say so.
SSLProtocol.max_size = 32 * 1024


class CertifiedKey(Protocol):
    """A node's key, open to this module because TLS signs with it itself."""

    @property
    def node_id(self) -> NodeId: ...

    @property
    def private_key(self) -> Ed25519PrivateKey: ...


def certificate_of(key: CertifiedKey) -> bytes:
    """The DER certificate of `key`: self-signed, CN = node id, the same bytes each time it is made."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, key.node_id)])
    public = key.private_key.public_key()
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(public)
        .serial_number(_serial(public.public_bytes_raw()))
        .not_valid_before(_NOT_BEFORE)
        .not_valid_after(_NOT_AFTER)
        # CA:FALSE although it is an anchor: a member vouches for itself and can bring in nobody else.
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_SIGNS_HANDSHAKES, critical=True)
        .add_extension(_BOTH_SIDES, critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )
    return builder.sign(key.private_key, None).public_bytes(Encoding.DER)


def server_context(key: CertifiedKey, anchors: Iterable[bytes]) -> ssl.SSLContext:
    """The peer port's context: a client without a certificate among `anchors` (DER) is refused.

    The charter is checked at each request besides, by `peer_of`: an anchor cannot be taken out of a context.
    """
    context = _context(ssl.PROTOCOL_TLS_SERVER, key)
    context.verify_mode = ssl.CERT_REQUIRED
    trust_more(context, anchors)
    return context


def client_context(key: CertifiedKey, anchors: Iterable[bytes]) -> ssl.SSLContext:
    """A dialling node's context. A finished handshake is not acceptance: under TLS 1.3 the server's no is read first."""
    context = _context(ssl.PROTOCOL_TLS_CLIENT, key)
    context.verify_mode = ssl.CERT_REQUIRED
    trust_more(context, anchors)
    return context


def join_server_context(key: CertifiedKey) -> ssl.SSLContext:
    """The join port's context: a joiner has no membership to show yet, so no certificate is asked for."""
    return _context(ssl.PROTOCOL_TLS_SERVER, key)


def join_client_context(key: CertifiedKey, admin: NodeId) -> ssl.SSLContext:
    """A joiner's context: whoever answers with another key than `admin` fails the handshake, before a word is said.

    The handshake proves that the other side holds the certificate's key (RFC 8446 §4.4.3), chain or no chain.
    """

    class Pinned(ssl.SSLObject):
        def do_handshake(self) -> None:
            super().do_handshake()
            if _node_of(self) != admin:
                raise ssl.SSLCertVerificationError("another node answers than the one that made the invite")

    context = _context(ssl.PROTOCOL_TLS_CLIENT, key)
    context.sslobject_class = Pinned
    return context


def trust_more(context: ssl.SSLContext, anchors: Iterable[bytes]) -> None:
    """Add `anchors` (DER) to a context in use, as the charter grows. Those that it has already are passed over.

    One unusable certificate is logged and left out: its member cannot connect, which must not cut off the others.
    """
    usable = [anchor for anchor in anchors if _is_usable(anchor)]
    if usable:
        context.load_verify_locations(cadata=b"".join(usable))


def peer_of(connection: ssl.SSLObject | ssl.SSLSocket | asyncio.BaseTransport | None) -> NodeId:
    """The node at the other end. Raises RemoteProtocolError(bad-key) where no node's certificate was shown.

    None is a transport that is closed already, as frameworks hand it out.
    """
    tls = connection.get_extra_info("ssl_object") if isinstance(connection, asyncio.BaseTransport) else connection
    der = tls.getpeercert(binary_form=True) if tls is not None else None
    if der is None:
        raise RemoteProtocolError(Code.BAD_KEY, "the peer showed no certificate")
    return node_id_of_certificate(der)


def _node_of(tls: ssl.SSLObject) -> NodeId | None:
    der = tls.getpeercert(binary_form=True)
    try:
        return node_id_of_certificate(der) if der else None
    except RemoteProtocolError:
        return None


_SIGNS_HANDSHAKES: Final = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)
_BOTH_SIDES: Final = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])


def _serial(public: bytes) -> int:
    # Positive and under 20 octets (RFC 5280 §4.1.2.2): the set bit keeps it from ever being 0.
    digest = hashlib.sha256(b"hive-node certificate serial" + public).digest()
    return int.from_bytes(digest[:_SERIAL_BYTES]) | 1


def _context(side: int, key: CertifiedKey) -> ssl.SSLContext:
    context = ssl.SSLContext(side)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.maximum_version = ssl.TLSVersion.TLSv1_3
    # Identity is the key: peers have addresses, not names. Verification is chosen by the caller, on top of this.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    # Python 3.13 turns strictness on in one of its constructors; here both versions judge alike.
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_STRICT
    if side == ssl.PROTOCOL_TLS_SERVER:
        # A resumed session skips the certificates: a revoked peer could come back by ticket.
        context.num_tickets = 0
    _load(context, key, certificate_of(key))
    return context


def _load(context: ssl.SSLContext, key: CertifiedKey, certificate: bytes) -> None:
    """Give key and certificate to OpenSSL, which Python lets read it from a path only.

    The path is that of an anonymous file in memory (memfd_create(2)): it never has a name that another user could open,
    never touches a disk, and is gone with its descriptor, after `kill -9` too. A temporary file would need all three
    to be arranged, and would leave the key in the freed blocks.
    """
    pem = key.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with os.fdopen(os.memfd_create("tls", os.MFD_CLOEXEC), "wb") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(pem + ssl.DER_cert_to_PEM_cert(certificate).encode("ascii"))
        file.flush()
        context.load_cert_chain(f"/proc/self/fd/{file.fileno()}")


def _is_usable(anchor: bytes) -> bool:
    try:
        identity = node_id_of_certificate(anchor)
    except RemoteProtocolError as error:
        logger.warning("a member's certificate was left out: %s", error.detail)
        return False
    if _is_authority(anchor):
        logger.warning("a member's certificate was left out: %s made it an authority over others", identity)
        return False
    return True


def _is_authority(anchor: bytes) -> bool:
    try:
        extensions = x509.load_der_x509_certificate(anchor).extensions
        return extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        # A version 1 certificate without the extension counts as an authority to OpenSSL.
        return True
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return True
