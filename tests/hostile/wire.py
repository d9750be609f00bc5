"""TLS and HTTP by hand, on a socket: no library of the project, nothing that would mend what a test got wrong on purpose."""

import socket
import ssl
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from hive_node.adapters.tls import certificate_of
from tests.fakes.hive import FakeNode
from tests.fakes.replies import Reply

LOOPBACK = "127.0.0.1"
PATIENCE_S = 20.0
GONE = (ConnectionError, ssl.SSLError, EOFError)


class Wire:
    """One connection."""

    def __init__(self, plain: socket.socket) -> None:
        self.plain = plain
        self.rest = b""

    def send(self, *data: bytes) -> None:
        self.plain.sendall(b"".join(data))

    def ask(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Reply:
        """One request as anybody writes it."""
        lines = {"Host": "peer", "Content-Length": str(len(body))} | dict(headers or {})
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self.send(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode("latin-1"), body)
        return self.reply()

    def post(self, *envelopes: bytes) -> list[tuple[str, str | None]]:
        """Entries handed over; (status, code) of each."""
        return self.ask("POST", "/hive/v1/entries", b"\n".join(envelopes)).results

    def reply(self) -> Reply:
        """The next answer. Raises EOFError where the other side hung up instead."""
        while b"\r\n\r\n" not in self.rest:
            self._more()
        head, _, self.rest = self.rest.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        size = int(headers.get("content-length", "0"))
        while len(self.rest) < size:
            self._more()
        body, self.rest = self.rest[:size], self.rest[size:]
        return Reply(int(first.split()[1]), headers, body)

    def replies(self) -> list[Reply]:
        """Every answer until the other side hangs up."""
        found = []
        try:
            while True:
                found.append(self.reply())
        except GONE:
            return found

    def is_cut(self) -> bool:
        """Whether the other side hangs up, whatever it still says."""
        try:
            while self.plain.recv(65_536):
                pass
        except GONE:
            pass
        return True

    def _more(self) -> None:
        data = self.plain.recv(65_536)
        if not data:
            raise EOFError("hung up")
        self.rest += data


@contextmanager
def connected(port: int, source: str = LOOPBACK) -> Iterator[socket.socket]:
    """A TCP connection, and nothing more."""
    with socket.create_connection((LOOPBACK, port), PATIENCE_S, (source, 0)) as plain:
        yield plain


@contextmanager
def dialled(port: int, who: FakeNode | None, *, certificate: bytes | None = None) -> Iterator[Wire]:
    """A TLS connection under somebody's key and certificate, or nobody's."""
    context = client_context(who, certificate)
    with connected(port) as plain, context.wrap_socket(plain) as secure:
        yield Wire(secure)


def client_context(who: FakeNode | None, certificate: bytes | None = None) -> ssl.SSLContext:
    """Trusts whoever answers: who that is, is not what is tested here."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if who is not None:
        context.load_cert_chain(pem_of(who, certificate))
    return context


def server_context(who: FakeNode) -> ssl.SSLContext:
    """Asks nobody for a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem_of(who))
    return context


@lru_cache(maxsize=256)
def pem_of(who: FakeNode, certificate: bytes | None = None) -> Path:
    """Its key and certificate, in a file as OpenSSL reads it."""
    certificate = certificate or certificate_of(who.signer)
    key = who.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with tempfile.NamedTemporaryFile(dir=_folder().name, suffix=".pem", delete=False) as file:
        file.write(key + ssl.DER_cert_to_PEM_cert(certificate).encode("ascii"))
    return Path(file.name)


@lru_cache(maxsize=1)
def _folder() -> "tempfile.TemporaryDirectory[str]":
    return tempfile.TemporaryDirectory(prefix="hive-hostile-")
