import os
import ssl
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtensionOID, NameOID

from hive_node.adapters.keyfile import NodeKey
from hive_node.adapters.tls import (
    certificate_of,
    client_context,
    join_client_context,
    join_server_context,
    peer_of,
    server_context,
    trust_more,
)
from protocol.errors import Code, RemoteProtocolError
from protocol.ids import node_id_of_certificate


def key(number: int = 1) -> NodeKey:
    return NodeKey(Ed25519PrivateKey.from_private_bytes(number.to_bytes(32)))


def certificate_with(key: NodeKey, *extensions: x509.ExtensionType) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, key.node_id)])
    builder = x509.CertificateBuilder(name, name, key.private_key.public_key(), 1)
    builder = builder.not_valid_before(datetime(2020, 1, 1, tzinfo=UTC)).not_valid_after(
        datetime(2100, 1, 1, tzinfo=UTC)
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=True)
    return builder.sign(key.private_key, None).public_bytes(Encoding.DER)


# --- hostile ----------------------------------------------------------------------------------------------------------


def test_a_certificate_that_would_vouch_for_others_is_no_anchor(caplog: pytest.LogCaptureFixture) -> None:
    authority = certificate_with(key(2), x509.BasicConstraints(ca=True, path_length=None))
    context = client_context(key(1), [authority])
    assert context.cert_store_stats()["x509"] == 0
    assert "authority" in caplog.text


def test_a_certificate_that_does_not_say_whether_it_vouches_is_no_anchor() -> None:
    context = client_context(key(1), [certificate_with(key(2))])
    assert context.cert_store_stats()["x509"] == 0


def test_a_certificate_whose_extension_is_rubbish_is_no_anchor() -> None:
    rubbish = x509.UnrecognizedExtension(ExtensionOID.BASIC_CONSTRAINTS, b"\xff")
    context = client_context(key(1), [certificate_with(key(2), rubbish)])
    assert context.cert_store_stats()["x509"] == 0


def test_one_unusable_certificate_does_not_cut_off_the_other_members(caplog: pytest.LogCaptureFixture) -> None:
    context = server_context(key(1), [b"", b"not DER", certificate_of(key(2)), certificate_of(key(3))[:-1]])
    assert context.cert_store_stats()["x509"] == 1
    assert "left out" in caplog.text
    assert "not DER" not in caplog.text


def test_a_connection_without_a_certificate_is_nobody() -> None:
    class Anonymous(ssl.SSLObject):
        def __init__(self) -> None: ...

        def getpeercert(self, binary_form: bool = False) -> None:
            return None

    for connection in (Anonymous.__new__(Anonymous), None):
        with pytest.raises(RemoteProtocolError, match="showed no certificate") as caught:
            peer_of(connection)
        assert caught.value.code is Code.BAD_KEY


def test_no_context_speaks_anything_but_tls_1_3() -> None:
    contexts = [
        server_context(key(), []),
        client_context(key(), []),
        join_server_context(key()),
        join_client_context(key(), key().node_id),
    ]
    for context in contexts:
        assert context.minimum_version is context.maximum_version is ssl.TLSVersion.TLSv1_3


def test_membership_contexts_demand_a_certificate() -> None:
    assert server_context(key(), []).verify_mode is ssl.CERT_REQUIRED
    assert client_context(key(), []).verify_mode is ssl.CERT_REQUIRED


def test_no_anchor_of_the_machine_is_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt")
    assert client_context(key(), []).cert_store_stats()["x509"] == 0


def test_a_secret_log_in_the_environment_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", "/dev/null")
    assert client_context(key(), []).keylog_filename is None


def test_loading_the_key_leaves_no_file_and_no_descriptor(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[str] = []
    load_cert_chain = ssl.SSLContext.load_cert_chain

    def watched(context: ssl.SSLContext, certfile: str) -> None:
        loaded.append(os.readlink(certfile))
        load_cert_chain(context, certfile)

    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", watched)
    before = set(os.listdir("/proc/self/fd"))
    server_context(key(), [])
    assert set(os.listdir("/proc/self/fd")) <= before
    assert loaded == ["/memfd:tls (deleted)"], "the key had a name in a file system"


# --- as it should go --------------------------------------------------------------------------------------------------


def test_a_certificate_names_its_node() -> None:
    assert node_id_of_certificate(certificate_of(key())) == key().node_id


def test_a_certificate_is_the_same_bytes_each_time() -> None:
    assert certificate_of(key()) == certificate_of(key())


def test_certificates_of_two_nodes_differ_in_name_and_serial() -> None:
    one, two = (x509.load_der_x509_certificate(certificate_of(key(number))) for number in (1, 2))
    assert one.subject != two.subject
    assert one.serial_number != two.serial_number
    assert 0 < one.serial_number < 2**159


def test_a_clock_two_days_off_is_within_every_certificate() -> None:
    certificate = x509.load_der_x509_certificate(certificate_of(key()))
    for skew in (timedelta(days=-2), timedelta(days=2)):
        now = datetime.now(UTC) + skew
        assert certificate.not_valid_before_utc < now < certificate.not_valid_after_utc
    assert certificate.not_valid_after_utc == datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


def test_a_certificate_may_not_sign_certificates() -> None:
    extensions = x509.load_der_x509_certificate(certificate_of(key())).extensions
    assert not extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert not extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign


def test_a_growing_charter_adds_only_what_is_new() -> None:
    context = server_context(key(1), [certificate_of(key(2))])
    trust_more(context, [certificate_of(key(2)), certificate_of(key(3))])
    trust_more(context, [])
    assert context.cert_store_stats()["x509"] == 2
