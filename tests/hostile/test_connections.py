"""Who may connect at all, and what a connection may cost: strangers, forged certificates, floods, drips, half of a goodbye."""

import socket
import ssl
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from hive_node.adapters.tls import certificate_of
from protocol.limits import CONNECTIONS, CONNECTIONS_PER_PEER, HEADER_TIMEOUT_S
from tests.fakes.hive import FakeNode
from tests.hostile.stage import BO, FLO, MALLORY, OLGA, REX, STRANGER, Stage
from tests.hostile.wire import GONE, LOOPBACK, PATIENCE_S, Wire, client_context, connected, dialled

NODE = b"GET /hive/v1/node HTTP/1.1\r\nHost: peer\r\n\r\n"
# Those who flood come from another address than the honest: nobody's budget is anybody else's.
ELSEWHERE = "127.0.0.2"
# What the machine may add to a limit before it counts as broken.
GRACE_S = 5.0


def is_refused(stage: Stage, who: FakeNode | None, certificate: bytes | None = None) -> bool:
    """Whether nothing at all is answered. A finished handshake is no acceptance under TLS 1.3."""
    try:
        with dialled(stage.port, who, certificate=certificate) as wire:
            wire.ask("GET", "/hive/v1/node")
    except GONE:
        return True
    return False


def certificate(subject: str, issuer: str, holder: FakeNode, signer: Ed25519PrivateKey) -> bytes:
    """For `holder`'s key, and saying what the forger likes."""
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in (subject, issuer)]
    genuine = x509.load_der_x509_certificate(certificate_of(holder.signer))
    builder = x509.CertificateBuilder(names[1], names[0], holder.private_key.public_key(), 7)
    builder = builder.not_valid_before(genuine.not_valid_before_utc).not_valid_after(genuine.not_valid_after_utc)
    for extension in genuine.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    return builder.sign(signer, None).public_bytes(Encoding.DER)


# --- who ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "who", [None, STRANGER, REX], ids=["nobody", "a stranger", "one who was sent away before the start"]
)
def test_nobody_but_members_is_answered(stage: Stage, who: FakeNode | None) -> None:
    assert is_refused(stage, who)


def test_a_certificate_in_a_members_name_opens_nothing(stage: Stage) -> None:
    for name in (BO.id, stage.node.id):
        assert is_refused(stage, STRANGER, certificate(name, name, STRANGER, STRANGER.private_key))
        assert is_refused(stage, STRANGER, certificate(STRANGER.id, name, STRANGER, STRANGER.private_key))
    vouched = certificate(STRANGER.id, MALLORY.id, STRANGER, MALLORY.private_key)
    assert is_refused(stage, STRANGER, vouched), "a member can bring in nobody"


def test_a_member_is_who_its_certificate_says_and_not_whom_it_claims_to_be(stage: Stage) -> None:
    """Its own key under another member's name: the anchor is the certificate that the charter lists."""
    assert is_refused(stage, MALLORY, certificate(BO.id, BO.id, MALLORY, MALLORY.private_key))


def test_older_versions_of_tls_are_refused(stage: Stage) -> None:
    context = client_context(BO)
    with warnings.catch_warnings(action="ignore"):
        context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2
    with connected(stage.port) as plain, pytest.raises(GONE):
        context.wrap_socket(plain)


def test_no_session_is_ever_resumed(stage: Stage) -> None:
    """Without a ticket there is no early data either."""
    with dialled(stage.port, BO) as wire:
        assert wire.ask("GET", "/hive/v1/node").status == 200
        assert isinstance(wire.plain, ssl.SSLSocket)
        assert wire.plain.session is None or not wire.plain.session.has_ticket
        session = wire.plain.session
    if session is not None:
        with connected(stage.port) as plain, client_context(BO).wrap_socket(plain) as again:
            assert not again.session_reused


# --- what is no TLS -----------------------------------------------------------------------------------------------------

HELLO = b"\x16\x03\x01"
NO_HANDSHAKES = {
    "HTTP in plain": NODE,
    "zeros": bytes(70_000),
    "a record beyond its limit": HELLO + b"\xff\xff" + bytes(66_000),
    "a hello of 16 MB": b"".join(HELLO + b"\x40\x00" + b"\x01\xff\xff\xff" + bytes(16_380) for _ in range(64)),
    "a hello in crumbs": b"".join(HELLO + b"\x00\x01" + bytes([byte]) for byte in b"\x01\xff\xff\xff" + bytes(5000)),
    "empty records": (HELLO + b"\x00\x00") * 20_000,
    "alerts": b"\x15\x03\x03\x00\x02\x01\x00" * 10_000,
    "SSL 2": b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10" + bytes(37),
}


@pytest.mark.parametrize("name", NO_HANDSHAKES)
def test_what_is_no_handshake_is_cut_off(stage: Stage, name: str) -> None:
    with connected(stage.port, ELSEWHERE) as plain:
        with suppress(*GONE):
            plain.sendall(NO_HANDSHAKES[name])
        assert Wire(plain).is_cut()


def test_garbage_after_the_handshake_is_cut_off(stage: Stage) -> None:
    for garbage in (b"\x17\x03\x03\x00\x20" + bytes(32), b"\x00" * 100, HELLO + b"\x00\x10" + bytes(16)):
        with connected(stage.port) as plain:
            secure = client_context(OLGA).wrap_socket(plain)
            assert Wire(secure).ask("GET", "/hive/v1/node").status == 200
            with socket.socket(fileno=secure.detach()) as bare:
                bare.settimeout(PATIENCE_S)
                bare.sendall(garbage)
                assert Wire(bare).is_cut()


# --- how many, and for how long ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", autouse=True)
def drips(stage: Stage) -> Iterator[None]:
    """A byte a second in every phase of a connection, beside all other stories: each is cut at the limit of its phase."""
    hello = _hello()
    with ExitStack() as stack:
        dripping = [
            Drip("the handshake", stack.enter_context(connected(stage.port, "127.0.0.3")), hello),
            Drip("nothing", stack.enter_context(connected(stage.port, "127.0.0.3")), b""),
            Drip("headers", stack.enter_context(dialled(stage.port, FLO)).plain, NODE),
            Drip("silence", stack.enter_context(dialled(stage.port, FLO)).plain, b""),
        ]
        yield
        for one in dripping:
            one.thread.join(HEADER_TIMEOUT_S + GRACE_S)
            assert one.lasted is not None, f"{one.phase}: never cut off"
            assert HEADER_TIMEOUT_S - 1 <= one.lasted <= HEADER_TIMEOUT_S + GRACE_S, f"{one.phase}: {one.lasted:.1f} s"


class Drip:
    """A connection over which a byte goes a second, and how long that was put up with."""

    def __init__(self, phase: str, plain: socket.socket, data: bytes) -> None:
        self.phase, self.plain, self.data = phase, plain, data
        self.lasted: float | None = None
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        began = time.monotonic()
        self.plain.settimeout(1.0)
        with suppress(*GONE):
            for at in range(60):
                if self.data:
                    self.plain.sendall(self.data[at : at + 1])
                try:
                    if not self.plain.recv(1):
                        break
                except TimeoutError:
                    continue
        self.lasted = time.monotonic() - began


def _hello() -> bytes:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with suppress(ssl.SSLWantReadError):
        client_context(STRANGER).wrap_bio(incoming, outgoing).do_handshake()
    return outgoing.read()


def test_ten_thousand_connections_shut_out_nobody(stage: Stage) -> None:
    """Opened as fast as can be, a few hundred held at a time; an honest member gets a new connection all the while."""
    held: list[socket.socket] = []
    served = 0
    for number in range(10_000):
        one = socket.socket()
        one.bind((ELSEWHERE, 0))
        one.setblocking(False)
        with suppress(BlockingIOError):
            one.connect((LOOPBACK, stage.port))
        held.append(one)
        if len(held) == 200:
            for old in held:
                old.close()
            held.clear()
        if number % 2000 == 1000:
            with dialled(stage.port, BO) as wire:
                served += wire.ask("GET", "/hive/v1/node").status == 200
    assert served == 5


def test_a_member_takes_no_more_places_than_its_own(stage: Stage) -> None:
    with ExitStack() as stack:
        wires = [stack.enter_context(dialled(stage.port, FLO)) for _ in range(CONNECTIONS_PER_PEER + 4)]
        answered = 0
        for wire in wires:
            with suppress(*GONE):
                answered += wire.ask("GET", "/hive/v1/node").status == 200
        assert 0 < answered <= CONNECTIONS_PER_PEER
        with dialled(stage.port, BO) as wire:
            assert wire.ask("GET", "/hive/v1/node").status == 200


def test_half_closed_connections_are_closed(stage: Stage) -> None:
    with ExitStack() as stack:
        halves = [stack.enter_context(connected(stage.port, ELSEWHERE)) for _ in range(CONNECTIONS // 2)]
        for plain in halves:
            plain.shutdown(socket.SHUT_WR)
        assert all(Wire(plain).is_cut() for plain in halves)
    with dialled(stage.port, OLGA) as wire:
        wire.send(NODE)
        wire.plain.shutdown(socket.SHUT_WR)
        assert Wire(wire.plain).is_cut()


def test_who_hangs_up_in_the_middle_leaves_no_trace(stage: Stage) -> None:
    for part in (b"POST /hive/v1/entries HTTP/1.1\r\nContent-Length: 1000\r\n\r\nhalf", NODE[:20], b"x"):
        for _ in range(5):
            with dialled(stage.port, OLGA) as wire:
                wire.send(part)
    bad_chunk = b"POST /hive/v1/entries HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"
    with dialled(stage.port, OLGA) as wire:
        wire.send(bad_chunk)
    # That nothing of it is logged as an error is asserted of all stories together.
