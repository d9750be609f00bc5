"""Getting into a hive, for those who were invited and those who were not: over the real join port, with real TLS."""

import asyncio
import base64
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hive_node.adapters.invites import Token, message, proof
from hive_node.adapters.tls import certificate_of, join_client_context, join_server_context
from hive_node.ports import Fault, StoreError
from protocol.errors import RemoteProtocolError
from protocol.ids import HiveId
from protocol.limits import INVITE_WRONG_GUESSES
from tests.fakes.hive import FakeNode
from tests.integration.hives import LOOPBACK, LiveNode, introduce, is_in_step, new_home, node_of, until
from tests.integration.raw_peer import Raw, dialled

EVE = FakeNode("eve")


@pytest.fixture
async def ada(tmp_path: Path) -> AsyncIterator[LiveNode]:
    async with node_of(tmp_path) as node:
        await node.members.create("test hive")
        await until(lambda: node.port)
        yield node


@pytest.fixture
async def bo(tmp_path: Path) -> AsyncIterator[LiveNode]:
    """A running node in no hive."""
    async with node_of(tmp_path, "bo") as node:
        yield node


async def token_of(node: LiveNode) -> Token:
    return Token.parse(await node.members.invite())


async def refused(node: LiveNode, token: str | Token) -> str:
    """The code by which a join fails; the node stays out."""
    with pytest.raises((Fault, RemoteProtocolError)) as caught:
        await node.members.join(token if isinstance(token, str) else token.text())
    assert node.hive.membership is None
    return str(caught.value.code)


def changed(token: Token, **fields: Any) -> Token:
    return Token(**{name: getattr(token, name) for name in Token.__slots__} | fields)


class Joiner:
    """Says what a test likes to a join port."""

    def __init__(self, raw: Raw, token: Token) -> None:
        self.raw = raw
        self.token = token

    async def nonce(self) -> str:
        reply = await self.raw.ask("GET", f"/hive/v1/join?invite={self.token.invite}")
        assert reply.status == 200, reply
        return str(reply.tree["nonce"])

    def said(self, nonce: str, who: FakeNode = EVE, **changes: Any) -> dict[str, Any]:
        """An honest request, but for `changes`, which are proved and signed like the rest."""
        certificate = certificate_of(who.signer)
        fields = {"owner": "eve", "name": "eve", "certificate": base64.b64encode(certificate).decode()} | changes
        raw = base64.b64decode(fields["certificate"])
        words = message(
            self.token.hive, self.token.admin, self.token.invite, nonce, raw, fields["owner"], fields["name"]
        )
        return {
            "invite": self.token.invite,
            "nonce": nonce,
            "node": who.id,
            "proof": proof(self.token.secret, words),
            "signature": base64.b64encode(who.signer.sign(words)).decode(),
        } | fields

    async def post(self, said: dict[str, Any]) -> str:
        """The code, or nothing where it was let in."""
        reply = await self.raw.ask("POST", "/hive/v1/join", json.dumps(said).encode())
        return "" if reply.status == 200 else reply.code

    async def ask(self, **changes: Any) -> str:
        return await self.post(self.said(await self.nonce()) | changes)


@asynccontextmanager
async def joiner(token: Token) -> AsyncIterator[Joiner]:
    host, port = token.addresses[0]
    assert host == LOOPBACK
    async with dialled(port, join_client_context(EVE.signer, token.admin)) as raw:
        yield Joiner(raw, token)


# --- tokens that are none ----------------------------------------------------------------------------------------------


def packed(tree: object) -> str:
    return "hive1-" + base64.urlsafe_b64encode(json.dumps(tree).encode()).decode().rstrip("=")


GOOD = {
    "h": "a" * 52,
    "a": EVE.id,
    "i": "0" * 16,
    "s": base64.b64encode(bytes(16)).decode(),
    "at": [[LOOPBACK, 7740]],
    "x": "2126-01-01T00:00:00+00:00",
}


def test_the_token_that_the_malformed_ones_are_made_of_is_one() -> None:
    assert Token.parse(packed(GOOD)).addresses == ((LOOPBACK, 7740),)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hive1-",
        "hello",
        "hive1-!!!!",
        "hive1-" + "A" * 100_000,
        packed([]),
        packed({}),
        *(packed({name: value for name, value in GOOD.items() if name != missing}) for missing in GOOD),
        packed(GOOD | {"h": "short"}),
        packed(GOOD | {"a": "a" * 52}),
        packed(GOOD | {"i": "../../etc"}),
        packed(GOOD | {"s": "QQ=="}),
        packed(GOOD | {"s": "?"}),
        packed(GOOD | {"at": 1}),
        packed(GOOD | {"at": [[LOOPBACK]]}),
        packed(GOOD | {"at": [[LOOPBACK, 0]]}),
        packed(GOOD | {"at": [[LOOPBACK, 99_999]]}),
        packed(GOOD | {"at": [[LOOPBACK, "7740"]]}),
        packed(GOOD | {"at": [["evil.example/x", 7740]]}),
        packed(GOOD | {"at": [[LOOPBACK, 7740]] * 100}),
        packed(GOOD | {"x": "tomorrow"}),
        packed(GOOD | {"x": "2126-01-01T00:00:00"}),
        packed("[" * 1000),
        "hive1-" + base64.urlsafe_b64encode(b"[" * 3000).decode(),
    ],
)
def test_a_text_that_is_no_token_is_said_so(text: str) -> None:
    with pytest.raises(Fault) as caught:
        Token.parse(text)
    assert caught.value.code == "invite.malformed"


# --- invites that are good for nothing ---------------------------------------------------------------------------------


async def test_an_invite_is_good_for_one_node(ada: LiveNode, bo: LiveNode, tmp_path: Path) -> None:
    token = await token_of(ada)
    await token_of(ada)  # keeps the port open
    await bo.members.join(token.text())

    async with node_of(tmp_path, "cy") as cy:
        assert await refused(cy, token) == "hive.invite-used"
    assert ada.version == 2


async def test_an_invite_that_nobody_made_is_unknown(ada: LiveNode, bo: LiveNode) -> None:
    token = await token_of(ada)

    assert await refused(bo, changed(token, invite="0" * 16)) == "hive.invite-unknown"


async def test_an_invite_expires_by_either_clock(ada: LiveNode, bo: LiveNode) -> None:
    token = await token_of(ada)

    bo.clock.shift = timedelta(hours=25)
    assert await refused(bo, token) == "hive.invite-expired"
    bo.clock.shift, ada.clock.shift = timedelta(), timedelta(hours=25)
    assert await refused(bo, token) == "hive.invite-expired"


async def test_an_invite_closes_after_five_wrong_proofs_and_the_port_with_it(ada: LiveNode, bo: LiveNode) -> None:
    token = await token_of(ada)
    wrong = changed(token, secret=bytes(16))

    async with joiner(wrong) as guess:
        codes = [await guess.ask() for _ in range(INVITE_WRONG_GUESSES)]
        codes.append(await guess.post(guess.said("none")))
    assert codes == ["invite-proof"] * INVITE_WRONG_GUESSES + ["invite-closed"]

    stored = await ada.ground.peers.invite(token.invite)
    assert stored is not None
    assert stored.wrong == INVITE_WRONG_GUESSES
    await until(lambda: not ada.parts.desk.port)
    assert await refused(bo, token) == "hive.unreachable"
    assert ada.version == 1


async def test_guesses_at_once_are_counted_one_by_one(ada: LiveNode) -> None:
    token = await token_of(ada)
    async with AsyncExitStack() as stack:
        guesses = [await stack.enter_async_context(joiner(changed(token, secret=bytes(16)))) for _ in range(8)]
        nonces = [await one.nonce() for one in guesses]
        codes = await asyncio.gather(*(one.post(one.said(nonce)) for one, nonce in zip(guesses, nonces, strict=True)))

    assert sorted(codes) == ["invite-closed"] * 3 + ["invite-proof"] * 5


async def test_an_invite_of_a_hive_that_was_left_lets_nobody_into_the_next(ada: LiveNode, bo: LiveNode) -> None:
    token = await token_of(ada)
    await ada.members.leave()
    await until(lambda: not ada.port)
    await ada.members.create("another hive")
    await until(lambda: ada.port)
    await token_of(ada)

    assert await refused(bo, token) in {"hive.invite-used", "hive.invite-unknown"}
    assert await refused(bo, changed(await token_of(ada), hive=token.hive)) == "hive.invite-proof"


async def test_only_an_admin_invites(ada: LiveNode, bo: LiveNode) -> None:
    with pytest.raises(Fault) as caught:
        await bo.members.invite()
    assert caught.value.code == "hive.not-admin"
    await bo.members.join(await ada.members.invite())
    with pytest.raises(Fault) as caught:
        await bo.members.invite()
    assert caught.value.code == "hive.not-admin"


async def test_a_node_is_in_one_hive_at_a_time(ada: LiveNode, bo: LiveNode) -> None:
    await bo.members.create("its own")
    with pytest.raises(Fault) as caught:
        await bo.members.join((await token_of(ada)).text())
    assert caught.value.code == "hive.exists"


# --- joiners that lie --------------------------------------------------------------------------------------------------


async def test_another_members_certificate_lets_nobody_in_in_its_name(ada: LiveNode, bo: LiveNode) -> None:
    """Certificates are public: taken for a joiner, a member would lose its epoch, its owner and its name."""
    await bo.members.join(await ada.members.invite())
    version, token = ada.version, await token_of(ada)
    stolen = base64.b64encode(certificate_of(bo.key)).decode()

    async with joiner(token) as thief:
        assert await thief.post(thief.said(await thief.nonce(), certificate=stolen)) == "bad-key"
        assert await thief.post(thief.said(await thief.nonce(), certificate=stolen, node=bo.id)) == "bad-signature"
        assert await thief.post(thief.said(await thief.nonce(), node=bo.id)) == "bad-key"
        assert ada.version == version
        assert await thief.ask() == ""  # the invite is still good: nobody was let in
    assert ada.hive.membership is not None
    assert EVE.id in ada.hive.membership.members


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"owner": "a\x1b[2Jb"}, "bad-schema"),
        ({"name": "two\nlines"}, "bad-schema"),
        ({"name": "right\u202eleft"}, "bad-schema"),
        ({"name": "x" * 10_000}, "bad-schema"),
        ({"owner": ""}, "bad-schema"),
        ({"owner": 1}, "bad-schema"),
        ({"owner": None}, "bad-schema"),
        ({"certificate": "?"}, "bad-base64"),
        ({"certificate": ["x"]}, "bad-schema"),
        ({"certificate": "A" * 8000}, "bad-schema"),
        ({"signature": ""}, "bad-signature"),
        ({"signature": "QUJD"}, "bad-signature"),
        ({"nonce": "guessed"}, "invite-proof"),
        ({"invite": "0" * 16}, "invite-unknown"),
        ({"proof": "é"}, "invite-proof"),
    ],
)
async def test_a_joiner_that_says_nonsense_is_refused(ada: LiveNode, changes: dict[str, Any], code: str) -> None:
    async with joiner(await token_of(ada)) as eve:
        assert await eve.ask(**changes) == code
    assert ada.version == 1


async def test_a_nonce_is_good_for_one_attempt(ada: LiveNode) -> None:
    async with joiner(await token_of(ada)) as eve:
        said = eve.said(await eve.nonce())
        assert await eve.post(said | {"proof": "wrong"}) == "invite-proof"
        assert await eve.post(said) == "invite-proof"


@pytest.mark.parametrize(("body", "code"), [(b"x" * 17_000, "too-large"), (b"[]", "bad-json"), (b"", "bad-json")])
async def test_a_request_to_join_that_is_none_is_refused(ada: LiveNode, body: bytes, code: str) -> None:
    async with joiner(await token_of(ada)) as eve:
        assert (await eve.raw.ask("POST", "/hive/v1/join", body)).code == code


async def test_a_request_that_comes_in_pieces_is_read_to_its_end(ada: LiveNode) -> None:
    async with joiner(await token_of(ada)) as eve:
        body = json.dumps(eve.said(await eve.nonce())).encode()
        head = b"POST /hive/v1/join HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body)
        for piece in (head, body[:100], body[100:900], body[900:]):
            await eve.raw.send(piece)
            await asyncio.sleep(0.02)
        assert (await eve.raw.reply()).status == 200
    assert ada.version == 2


# --- admins that lie ---------------------------------------------------------------------------------------------------


async def test_an_impostor_at_the_admins_address_hears_nothing(bo: LiveNode) -> None:
    heard = bytearray()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(1000):
                heard.extend(data)
                writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        except (ConnectionError, ssl.SSLError):
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(listen, LOOPBACK, 0, ssl=join_server_context(EVE.signer))
    async with server:
        port = server.sockets[0].getsockname()[1]
        token = Token(HiveId("a" * 52), FakeNode("the real admin").id, "0" * 16, bytes(16), ((LOOPBACK, port),), bo.clock.now() + timedelta(1))  # fmt: skip
        assert await refused(bo, token) == "hive.unreachable"
    assert heard == b""


async def test_a_chain_with_its_beginning_cut_off_is_no_chain(
    ada: LiveNode, bo: LiveNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = type(ada.ground.charters).charters

    async def cut(store: Any, first: int = 1) -> list[bytes]:
        return (await whole(store, first))[1:]

    token = await token_of(ada)
    monkeypatch.setattr(type(ada.ground.charters), "charters", cut)
    assert await refused(bo, token) == "wrong-hive"


async def test_a_hive_under_other_rules_is_not_joined_and_the_invite_stays_good(tmp_path: Path, bo: LiveNode) -> None:
    async with node_of(tmp_path, "di") as di:
        object.__setattr__(di.members, "constitution", "0" * 64)
        await di.members.create("strict")
        await until(lambda: di.port)
        token = await token_of(di)
        assert await refused(bo, token) == "hive.other-constitution"
        stored = await di.ground.peers.invite(token.invite)
        assert stored is not None
        assert stored.used_by is None
        assert di.version == 1


# --- and those who are welcome -----------------------------------------------------------------------------------------


async def test_two_joiners_at_once_with_one_invite_one_is_let_in(ada: LiveNode, bo: LiveNode, tmp_path: Path) -> None:
    async with node_of(tmp_path, "cy") as cy:
        token = (await token_of(ada)).text()
        outcomes = await asyncio.gather(bo.members.join(token), cy.members.join(token), return_exceptions=True)

    codes = sorted(one.code if isinstance(one, Fault) else "joined" for one in outcomes)
    assert codes == ["hive.invite-used", "joined"]
    assert ada.version == 2


async def test_two_joiners_at_once_with_an_invite_each_are_both_let_in(
    ada: LiveNode, bo: LiveNode, tmp_path: Path
) -> None:
    async with node_of(tmp_path, "cy") as cy:
        tokens = [(await token_of(ada)).text() for _ in range(2)]
        await asyncio.gather(bo.members.join(tokens[0]), cy.members.join(tokens[1]))

        assert ada.version == 3
        await until(lambda: bo.version == cy.version == 3)


async def test_the_join_port_is_open_only_while_an_invite_is(ada: LiveNode, bo: LiveNode) -> None:
    assert ada.parts.desk.port == 0
    token = await token_of(ada)
    assert ada.parts.desk.port == token.addresses[0][1]

    await bo.members.join(token.text())

    await until(lambda: ada.parts.desk.port == 0)
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(*token.addresses[0])


async def test_an_invite_made_while_the_port_is_closing_is_good(ada: LiveNode, bo: LiveNode, tmp_path: Path) -> None:
    await bo.members.join(await ada.members.invite())
    async with node_of(tmp_path, "cy") as cy:
        await cy.members.join(await ada.members.invite())
    assert ada.version == 3


async def test_an_invite_outlives_a_restart_of_the_admins_node(ada: LiveNode, bo: LiveNode) -> None:
    token = await ada.members.invite()
    await ada.stop()
    await ada.start()
    await until(lambda: ada.parts.desk.port)

    await bo.members.join(token)

    assert ada.version == bo.version == 2


async def test_a_join_port_that_is_taken_is_said_so(tmp_path: Path) -> None:
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), LOOPBACK, 0)
    async with server:
        taken = server.sockets[0].getsockname()[1]
        node = new_home(tmp_path, "di")
        node.home.config.write_text(node.home.config.read_text().replace("join_port = 0", f"join_port = {taken}"))
        await node.start()
        try:
            await node.members.create("test hive")
            await until(lambda: node.port)
            with pytest.raises(Fault) as caught:
                await node.members.invite()
        finally:
            await node.stop()
    assert caught.value.code == "federation.join-port"


async def test_who_joined_knows_where_the_admin_is_without_being_told(ada: LiveNode, bo: LiveNode) -> None:
    """No mDNS, no configured peers: the invite was enough."""
    await bo.members.join(await ada.members.invite())

    await until(lambda: is_in_step(ada, bo))
    entry = await bo.say()
    await until(lambda: ada.seq(bo) == 1)
    assert await ada.shown() == [entry]


async def test_who_left_and_joined_again_writes_in_a_new_epoch(ada: LiveNode, bo: LiveNode) -> None:
    await bo.members.join(await ada.members.invite())
    await until(lambda: bo.port)
    introduce(ada, bo)
    await bo.say()
    await until(lambda: ada.seq(bo) == 1)

    await bo.members.leave()
    await until(lambda: not bo.port)
    assert bo.hive.heads == {}
    await bo.members.join(await ada.members.invite())
    await until(lambda: bo.port)
    introduce(ada, bo)
    assert bo.hive.own_epoch == 2
    again = await bo.say()

    await until(lambda: again is not None and ada.hive.heads[bo.id].epoch == 2)
    await until(lambda: is_in_step(ada, bo))
    head = ada.hive.heads[bo.id]
    assert (head.seq, head.id) == (1, again)


async def test_a_node_that_is_told_to_join_twice_at_once_joins_once(ada: LiveNode, bo: LiveNode) -> None:
    tokens = [await ada.members.invite() for _ in range(2)]

    outcomes = await asyncio.gather(*(bo.members.join(token) for token in tokens), return_exceptions=True)

    assert sorted(one.code if isinstance(one, Fault) else "joined" for one in outcomes) == ["hive.exists", "joined"]
    assert bo.hive.membership is not None
    assert len(await bo.ground.charters.charters()) == bo.version


async def test_a_chain_that_could_not_be_written_whole_is_not_written_at_all(
    ada: LiveNode, bo: LiveNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a chain would read, after a restart, as if the node had been revoked."""
    token = await ada.members.invite()

    async def cut_off(*_arguments: Any) -> None:
        raise StoreError("store.disk-full", "full")

    with monkeypatch.context() as patch:
        patch.setattr(bo.ground.journal, "tell_in", cut_off)
        assert await refused(bo, token) == "store.disk-full"
    await bo.stop()
    await bo.start()
    assert bo.hive.membership is None
    await bo.members.join(await ada.members.invite())


# --- let in by hand ------------------------------------------------------------------------------------------------------


async def test_where_joins_are_approved_a_joiner_waits_over_restarts_and_is_let_in_by_hand(tmp_path: Path) -> None:
    async with node_of(tmp_path, "ada") as ada, node_of(tmp_path, "bo") as bo:
        await ada.members.create("by hand")
        await until(lambda: ada.port)
        await ada.members.set_policy("join", "approve")

        assert await bo.parts.waiting.ask(await ada.members.invite()) is None
        (waiting,) = await ada.parts.desk.joiners()
        assert (waiting.node, waiting.owner, waiting.name, waiting.state) == (bo.id, "owner-bo", "bo", "pending")
        assert ada.version == 2
        await bo.stop()
        await ada.stop()
        bo.clock.shift = ada.clock.shift = timedelta(
            days=2
        )  # the invite itself is over; who came with it in time is not
        await ada.start()
        await bo.start()
        await until(lambda: ada.parts.desk.port)
        await bo.parts.waiting.ask_again()
        assert bo.hive.membership is None
        assert (await bo.parts.waiting.state() or {})["refused"] is None

        await ada.parts.desk.approve(bo.id[:16])
        await bo.parts.waiting.ask_again()

        assert bo.hive.membership is not None
        assert bo.id in bo.hive.membership.members
        assert await bo.parts.waiting.state() is None
        await until(lambda: not ada.parts.desk.port)  # nobody is waited for any more


async def test_who_is_turned_away_is_told_and_asks_no_more(tmp_path: Path) -> None:
    async with node_of(tmp_path, "ada") as ada, node_of(tmp_path, "bo") as bo:
        await ada.members.create("by hand")
        await until(lambda: ada.port)
        await ada.members.set_policy("join", "approve")
        token = await ada.members.invite()
        assert await bo.parts.waiting.ask(token) is None

        await ada.parts.desk.deny(bo.id[:16])
        await ada.members.invite()  # the port stays open
        await bo.parts.waiting.ask_again()

        assert "said no" in str((await bo.parts.waiting.state() or {})["refused"])
        assert await refused(bo, token) == "hive.join-denied"
        assert ada.version == 2
        with pytest.raises(Fault) as caught:
            await ada.parts.desk.approve(bo.id[:16])
        assert caught.value.code == "hive.no-joiner"
        assert await bo.parts.waiting.give_up()
        assert not await bo.parts.waiting.give_up()


async def test_somebody_elses_pending_invite_lets_nobody_in(tmp_path: Path) -> None:
    async with node_of(tmp_path, "ada") as ada, node_of(tmp_path, "bo") as bo, node_of(tmp_path, "eve") as eve:
        await ada.members.create("by hand")
        await until(lambda: ada.port)
        await ada.members.set_policy("join", "approve")
        token = await ada.members.invite()
        assert await bo.parts.waiting.ask(token) is None

        assert await refused(eve, token) == "hive.invite-used"
        await ada.parts.desk.approve(bo.id[:16])
        assert await refused(eve, token) == "hive.invite-used"
        assert await bo.members.join(token) is not None


async def test_where_two_admins_must_sign_a_joiner_waits_for_both(tmp_path: Path) -> None:
    async with node_of(tmp_path, "ada") as ada, node_of(tmp_path, "bo") as bo, node_of(tmp_path, "cy") as cy:
        await ada.members.create("two keys")
        await until(lambda: ada.port)
        await bo.members.join(await ada.members.invite())
        await until(lambda: bo.port)
        introduce(ada, bo)
        proposed = await ada.members.set_admins(bo.id, None, 2)

        async def sign(identity: str) -> None:
            async with asyncio.timeout(20):
                while not [one for one in await bo.parts.proposals.open() if one.proposal.digest == identity]:
                    await asyncio.sleep(0.05)
            await bo.parts.proposals.sign(identity)

        await sign(proposed.id)  # type: ignore[union-attr]
        await until(lambda: ada.version == 3)
        token = await ada.members.invite()
        assert await cy.members.join(token) is None
        (admission,) = await ada.ground.charters.proposals()
        await sign(admission.id)
        await until(lambda: ada.version == 4)

        assert await cy.members.join(token, is_waiting=True) is not None
