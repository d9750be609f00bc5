"""TLS between nodes over real sockets on loopback (docs/protocol.md §3)."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from hive_node.adapters import tls
from hive_node.adapters.keyfile import NodeKey
from protocol.errors import Code, RemoteProtocolError
from protocol.ids import NodeId

WELCOME = b"welcome\n"


def key(number: int) -> NodeKey:
    return NodeKey(Ed25519PrivateKey.from_private_bytes(number.to_bytes(32)))


def certificates(keys: Iterable[NodeKey]) -> list[bytes]:
    return [tls.certificate_of(one) for one in keys]


def forged(subject: str, issuer: str, holder: NodeKey, signer: NodeKey) -> bytes:
    """A certificate for `holder`'s key that says what the forger likes."""
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in (subject, issuer)]
    builder = x509.CertificateBuilder(names[1], names[0], holder.private_key.public_key(), 7)
    builder = builder.not_valid_before(datetime(2020, 1, 1, tzinfo=UTC)).not_valid_after(
        datetime(2100, 1, 1, tzinfo=UTC)
    )
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(
        x509.SubjectKeyIdentifier.from_public_key(holder.private_key.public_key()), critical=False
    ).add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.private_key.public_key()), critical=False)
    return builder.sign(signer.private_key, None).public_bytes(Encoding.DER)


def showing(side: int, holder: NodeKey, certificate: bytes, anchors: Iterable[bytes] = ()) -> ssl.SSLContext:
    """A context of the adapter's own make that shows a certificate of the test's choice."""
    context = tls._context(side, holder)
    context.verify_mode = ssl.CERT_REQUIRED if anchors else ssl.CERT_NONE
    tls.trust_more(context, anchors)
    tls._load(context, holder, certificate)
    return context


class Port:
    """A peer port that greets everyone who passes the handshake, and remembers whom it saw."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.seen: list[NodeId] = []


@asynccontextmanager
async def listening(context: ssl.SSLContext) -> AsyncIterator[Port]:
    port = Port(0)

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if context.verify_mode is ssl.CERT_REQUIRED:
                port.seen.append(tls.peer_of(writer.transport))
            writer.write(WELCOME)
            await writer.drain()
            await reader.read()
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0, ssl=context)
    port.number = server.sockets[0].getsockname()[1]
    try:
        yield port
    finally:
        server.close()
        await server.wait_closed()


async def visit(port: Port, context: ssl.SSLContext) -> NodeId:
    """Who answered. Raises ssl.SSLError or ConnectionError where one side refused the other."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port.number, ssl=context)
    try:
        if await reader.readline() != WELCOME:
            raise ConnectionResetError("no first answer")
        return tls.peer_of(writer.transport)
    finally:
        writer.close()


def refused() -> pytest.RaisesExc[ssl.SSLError | ConnectionError]:
    return pytest.raises((ssl.SSLError, ConnectionError))


# --- hostile ----------------------------------------------------------------------------------------------------------


async def test_a_stranger_is_refused_by_a_member() -> None:
    async with listening(tls.server_context(key(1), certificates([key(2)]))) as port:
        with refused():
            await visit(port, tls.client_context(key(3), certificates([key(1)])))
        assert port.seen == []


async def test_a_member_refuses_to_talk_to_a_stranger() -> None:
    async with listening(tls.server_context(key(3), certificates([key(2)]))) as port:
        with pytest.raises(ssl.SSLCertVerificationError):
            await visit(port, tls.client_context(key(2), certificates([key(1)])))


async def test_a_caller_without_a_certificate_is_refused() -> None:
    anonymous = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anonymous.check_hostname = False
    anonymous.verify_mode = ssl.CERT_NONE
    async with listening(tls.server_context(key(1), certificates([key(2)]))) as port:
        with refused():
            await visit(port, anonymous)
        assert port.seen == []


@pytest.mark.parametrize("issuer", ["itself", "the member", "somebody"])
async def test_a_stranger_under_a_members_name_is_refused(issuer: str) -> None:
    server, member, stranger = key(1), key(2), key(3)
    names = {"itself": member.node_id, "the member": member.node_id, "somebody": "somebody"}
    false = forged(member.node_id, names[issuer], stranger, stranger)
    context = showing(ssl.PROTOCOL_TLS_CLIENT, stranger, false, certificates([server]))
    async with listening(tls.server_context(server, certificates([member]))) as port:
        with refused():
            await visit(port, context)
        assert port.seen == []


async def test_a_member_cannot_bring_in_a_stranger() -> None:
    server, member, stranger = key(1), key(2), key(3)
    vouched = forged(stranger.node_id, member.node_id, stranger, member)
    context = showing(ssl.PROTOCOL_TLS_CLIENT, stranger, vouched, certificates([server]))
    async with listening(tls.server_context(server, certificates([member]))) as port:
        with refused():
            await visit(port, context)
        assert port.seen == []


async def test_a_certificate_without_its_key_opens_nothing() -> None:
    """Certificates are public: the charter lists them all."""
    with pytest.raises(ssl.SSLError):
        showing(ssl.PROTOCOL_TLS_CLIENT, key(3), tls.certificate_of(key(2)))


async def test_tls_1_2_is_refused_on_both_sides() -> None:
    def old(side: int) -> ssl.SSLContext:
        context = showing(side, key(2), tls.certificate_of(key(2)))
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
        return context

    async with listening(tls.server_context(key(1), certificates([key(2)]))) as port:
        with refused():
            await visit(port, old(ssl.PROTOCOL_TLS_CLIENT))
        assert port.seen == []
    async with listening(old(ssl.PROTOCOL_TLS_SERVER)) as port:
        with refused():
            await visit(port, tls.client_context(key(1), certificates([key(2)])))
        assert await visit(port, old(ssl.PROTOCOL_TLS_CLIENT)) == key(2).node_id, "it was the version and nothing else"


async def test_a_finished_handshake_is_not_yet_acceptance() -> None:
    """Under TLS 1.3 the client is done before the server has judged it: the refusal arrives with the first read."""
    async with listening(tls.server_context(key(1), certificates([key(2)]))) as port:
        stranger = tls.client_context(key(3), certificates([key(1)]))
        reader, writer = await asyncio.open_connection("127.0.0.1", port.number, ssl=stranger)
        assert tls.peer_of(writer.transport) == key(1).node_id, "connected, to all appearances"
        try:
            # asyncio's server hangs up without sending OpenSSL's alert on some versions: the end may look like either.
            answer = await reader.read(1)
        except (ssl.SSLError, ConnectionError):
            answer = b""
        assert answer == b""
        assert port.seen == []
        writer.close()


async def test_nobody_comes_back_by_ticket() -> None:
    """A resumed session would skip the certificates, and with them every later revocation."""
    loop = asyncio.get_running_loop()
    async with listening(tls.server_context(key(1), certificates([key(2)]))) as port:
        context = tls.client_context(key(2), certificates([key(1)]))

        def twice() -> list[tuple[bool, bool, NodeId]]:
            found, session = [], None
            for _ in range(2):
                with (
                    socket.create_connection(("127.0.0.1", port.number), timeout=10) as plain,
                    context.wrap_socket(plain, session=session) as secure,
                ):
                    assert secure.recv(100) == WELCOME
                    session = secure.session
                    ticket = session is not None and session.has_ticket
                    found.append((bool(secure.session_reused), ticket, tls.peer_of(secure)))
            return found

        assert await loop.run_in_executor(None, twice) == [(False, False, key(1).node_id)] * 2
        assert port.seen == [key(2).node_id] * 2


async def test_a_join_port_tells_nobody_apart_and_says_so() -> None:
    async with listening(tls.join_server_context(key(1))) as port:
        assert await visit(port, tls.join_client_context(key(9), key(1).node_id)) == key(1).node_id

    nobody: list[Code] = []

    async def look(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            tls.peer_of(writer.transport)
        except RemoteProtocolError as error:
            nobody.append(error.code)
        writer.write(WELCOME)
        writer.close()

    server = await asyncio.start_server(look, "127.0.0.1", 0, ssl=tls.join_server_context(key(1)))
    await visit(Port(server.sockets[0].getsockname()[1]), tls.join_client_context(key(9), key(1).node_id))
    server.close()
    await server.wait_closed()
    assert nobody == [Code.BAD_KEY]


async def test_a_joiner_sees_that_another_key_answers_than_the_invite_names() -> None:
    """The admin's name on an attacker's key, and an attacker under its own: the handshake fails before a word is said."""
    admin, attacker = key(1), key(3)
    false = forged(admin.node_id, admin.node_id, attacker, attacker)
    context = showing(ssl.PROTOCOL_TLS_SERVER, attacker, false)
    async with listening(context) as port:
        with pytest.raises((ssl.SSLError, RemoteProtocolError)):
            await visit(port, tls.join_client_context(key(9), admin.node_id))
    async with listening(tls.join_server_context(attacker)) as port:
        with pytest.raises(ssl.SSLError, match="another node"):
            await visit(port, tls.join_client_context(key(9), admin.node_id))


# --- as it should go --------------------------------------------------------------------------------------------------


async def test_two_members_know_one_another() -> None:
    async with listening(tls.server_context(key(1), certificates([key(1), key(2)]))) as port:
        assert await visit(port, tls.client_context(key(2), certificates([key(1), key(2)]))) == key(1).node_id
        assert port.seen == [key(2).node_id]


async def test_every_member_of_a_large_hive_is_known_by_its_own_name() -> None:
    members = [key(number) for number in range(1, 31)]
    async with listening(tls.server_context(members[0], certificates(members))) as port:
        for member in members:
            assert await visit(port, tls.client_context(member, certificates(members))) == members[0].node_id
        assert port.seen == [member.node_id for member in members]


async def test_a_member_that_joined_later_is_let_in_without_a_restart() -> None:
    context = tls.server_context(key(1), certificates([key(2)]))
    async with listening(context) as port:
        with refused():
            await visit(port, tls.client_context(key(3), certificates([key(1)])))
        tls.trust_more(context, certificates([key(3)]))
        await visit(port, tls.client_context(key(3), certificates([key(1)])))
        assert port.seen == [key(3).node_id]
