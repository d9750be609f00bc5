"""Invite and join: a one-time secret is proved, never sent, to an admin whose key the token pins (docs/protocol.md §2)."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from aiohttp import web

from hive_node.adapters.keyfile import NodeKey
from hive_node.adapters.peer_client import join_exchange
from hive_node.adapters.peer_server import answer, listen, problem
from hive_node.adapters.tls import certificate_of, join_client_context, join_server_context
from hive_node.hive import Hive
from hive_node.ports import Chance, CharterLog, Clock, Fault, Invite, Invites
from hive_node.share.charters import CharterOffice
from protocol.errors import Code, RemoteProtocolError
from protocol.ids import HiveId, NodeId, node_id_of_certificate, parse_node_id, sha256_hex
from protocol.limits import INVITE_WRONG_GUESSES, WORD_CHARS
from protocol.wire import JsonValue, dump_json, parse_object

_SECRET_BYTES: Final = 16
_REQUEST_BYTES: Final = 16 * 1024
# Nonces handed out and not yet used; a stranger asking for many makes the oldest void.
_NONCES: Final = 256
PREFIX: Final = "hive1-"
LIFETIME: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Token:
    """What an invited person is given: `hive1-` and base64url JSON. addresses: of the admin's join port."""

    hive: HiveId
    admin: NodeId
    invite: str
    secret: bytes
    addresses: tuple[tuple[str, int], ...]
    expires_at: str

    def text(self) -> str:
        tree = {
            "h": self.hive,
            "a": self.admin,
            "i": self.invite,
            "s": base64.b64encode(self.secret).decode(),
            "at": [list(address) for address in self.addresses],
            "x": self.expires_at,
        }
        return PREFIX + base64.urlsafe_b64encode(dump_json(tree)).decode().rstrip("=")

    @classmethod
    def parse(cls, text: str) -> "Token":
        """The token that a person pasted. Raises Fault(invite.malformed)."""
        try:
            raw = text.strip().removeprefix(PREFIX)
            tree = json.loads(base64.urlsafe_b64decode(raw + "=" * (-len(raw) % 4)))
            return cls(
                hive=HiveId(str(tree["h"])),
                admin=parse_node_id(str(tree["a"])),
                invite=str(tree["i"]),
                secret=base64.b64decode(tree["s"], validate=True),
                addresses=tuple((str(host), int(port)) for host, port in tree["at"]),
                expires_at=str(tree["x"]),
            )
        except (ValueError, KeyError, TypeError, RemoteProtocolError) as error:
            raise Fault(
                "invite.malformed", "that is no invite: paste the whole text that `hive-node hive invite` printed"
            ) from error


def proof(
    token_secret: bytes, hive: str, admin: str, invite: str, nonce: str, certificate: bytes, owner: str, name: str
) -> str:
    """HMAC-SHA256 over everything that the joiner says, base64; docs/protocol.md §2 spells the message out."""
    message = "\n".join(("hive-node join v1", hive, admin, invite, nonce, sha256_hex(certificate), owner, name))
    return base64.b64encode(hmac.new(token_secret, message.encode("utf-8"), hashlib.sha256).digest()).decode("ascii")


class JoinDesk:
    """An admin's side. Listens only while an invite is open."""

    def __init__(
        self,
        hive: Hive,
        office: CharterOffice,
        log: CharterLog,
        invites: Invites,
        key: NodeKey,
        clock: Clock,
        chance: Chance,
    ) -> None:
        self._hive = hive
        self._office = office
        self._log = log
        self._invites = invites
        self._key = key
        self._clock = clock
        self._chance = chance
        self._nonces: dict[str, str] = {}
        self._changed = asyncio.Event()
        self._open = asyncio.Event()
        self.port = 0

    async def invite(self, addresses: Callable[[], Sequence[str]]) -> Token:
        """Open an invite, and the join port with it. Raises Fault where this node is no admin."""
        membership = self._hive.membership
        if membership is None or not self._hive.is_admin:
            raise Fault("hive.not-admin", "only an admin of a hive can invite: `hive-node hive create` makes one")
        secret = self._chance.token_bytes(_SECRET_BYTES)
        expires = self._clock.now() + LIFETIME
        invite = Invite(self._chance.token_bytes(8).hex(), secret, expires, 0, None)
        await self._invites.open_invite(invite)
        self._changed.set()
        await self._open.wait()
        where = tuple((host, self.port) for host in addresses())
        return Token(membership.hive, self._hive.node, invite.id, secret, where, expires.isoformat(timespec="seconds"))

    async def serve_on(self, host: str, port: int) -> None:
        """Open the join port while there is an open invite, until cancelled."""
        while True:
            self._changed.clear()
            if self._hive.is_admin and await self._invites.invites():
                await self._listen(host, port)
            else:
                await self._changed.wait()

    async def _listen(self, host: str, port: int) -> None:
        app = web.Application(client_max_size=_REQUEST_BYTES)
        app.router.add_get("/hive/v1/join", self._hand_nonce)
        app.router.add_post("/hive/v1/join", self._join)
        runner = web.AppRunner(app, access_log=None, keepalive_timeout=5)
        await runner.setup()
        try:
            listening = await listen(runner, host, port, join_server_context(self._key))
            self.port = listening.sockets[0].getsockname()[1]
            self._open.set()
            while await self._invites.invites():
                await self._wait_for_change()
            await self._clock.sleep(1.0)  # let the last answer go out
            listening.close()
        finally:
            self._open.clear()
            self.port = 0
            await runner.cleanup()

    async def _wait_for_change(self) -> None:
        try:
            async with asyncio.timeout(60):  # an invite may expire meanwhile
                await self._changed.wait()
        except TimeoutError:
            return
        self._changed.clear()

    async def _hand_nonce(self, request: web.Request) -> web.StreamResponse:
        try:
            invite = await self._usable(request.query.get("invite", ""))
        except RemoteProtocolError as error:
            return problem(error)
        nonce = base64.b64encode(self._chance.token_bytes(_SECRET_BYTES)).decode("ascii")
        if len(self._nonces) >= _NONCES:
            self._nonces.pop(next(iter(self._nonces)))
        self._nonces[nonce] = invite.id
        return answer({"nonce": nonce})

    async def _join(self, request: web.Request) -> web.StreamResponse:
        try:
            return await self._admit(parse_object(await request.content.read(_REQUEST_BYTES)))
        except RemoteProtocolError as error:
            return problem(error)

    async def _admit(self, said: dict[str, JsonValue]) -> web.StreamResponse:
        text = {name: _word(said.get(name)) for name in ("invite", "nonce", "node", "owner", "name", "proof")}
        certificate = _certificate(said.get("certificate"))
        invite = await self._usable(text["invite"])
        if self._nonces.pop(text["nonce"], None) != invite.id:
            raise RemoteProtocolError(Code.INVITE_PROOF, "that nonce was not given for this invite")
        membership = self._hive.membership
        if membership is None:
            raise RemoteProtocolError(Code.INVITE_CLOSED, "this node left the hive")
        expected = proof(
            invite.secret,
            membership.hive,
            self._hive.node,
            invite.id,
            text["nonce"],
            certificate,
            text["owner"],
            text["name"],
        )
        if not hmac.compare_digest(expected, text["proof"]):
            await self._invites.guess_wrong(invite.id)
            raise RemoteProtocolError(Code.INVITE_PROOF, "the proof does not match")
        node = node_id_of_certificate(certificate)
        if node != text["node"]:
            raise RemoteProtocolError(Code.BAD_KEY, "the certificate is another node's")
        if not await self._invites.use_invite(invite.id, node):
            raise RemoteProtocolError(Code.INVITE_USED, "the invite was used")
        await self._office.admit(node, certificate, text["owner"], text["name"])
        self._changed.set()
        return answer({"charter": [parse_object(raw) for raw in await self._log.charters()]})

    async def _usable(self, identity: str) -> Invite:
        invite = await self._invites.invite(identity)
        if invite is None:
            raise RemoteProtocolError(Code.INVITE_UNKNOWN, "there is no such invite")
        if invite.used_by is not None:
            raise RemoteProtocolError(Code.INVITE_USED, "the invite was used: ask for another")
        if invite.wrong >= INVITE_WRONG_GUESSES:
            raise RemoteProtocolError(Code.INVITE_CLOSED, "too many wrong proofs: ask for another invite")
        if invite.expires_at <= self._clock.now():
            raise RemoteProtocolError(Code.INVITE_EXPIRED, "the invite has expired: ask for another")
        return invite


async def join(token: Token, key: NodeKey, owner: str, name: str) -> list[bytes]:
    """Ask the admin behind `token` to let us in, at each of its addresses in turn. Returns the charter chain.

    Raises Fault with the admin's code, or hive.unreachable.
    """
    certificate = certificate_of(key)
    context = join_client_context(key)

    def prove(nonce: str) -> dict[str, str]:
        return {
            "invite": token.invite,
            "nonce": nonce,
            "node": key.node_id,
            "certificate": base64.b64encode(certificate).decode("ascii"),
            "owner": owner,
            "name": name,
            "proof": proof(token.secret, token.hive, token.admin, token.invite, nonce, certificate, owner, name),
        }

    for host, port in token.addresses:
        try:
            return await join_exchange(context, host, port, token.admin, token.invite, prove)
        except RemoteProtocolError as error:
            if error.code is not Code.PEER_UNREACHABLE:
                raise Fault(f"hive.{error.code}", f"the admin's node says no: {error.detail}") from error
    tried = ", ".join(f"{host}:{port}" for host, port in token.addresses) or "no address"
    raise Fault(
        "hive.unreachable",
        f"the admin's node does not answer at {tried}: it must be running, the invite unused and unexpired, and its port open",
    )


def _word(value: JsonValue) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= WORD_CHARS or not value.isprintable():
        raise RemoteProtocolError(Code.BAD_SCHEMA, f"expected a text of up to {WORD_CHARS} printable characters")
    return value


def _certificate(value: JsonValue) -> bytes:
    try:
        return base64.b64decode(value, validate=True) if isinstance(value, str) and len(value) <= 4096 else b""
    except ValueError:
        raise RemoteProtocolError(Code.BAD_BASE64, "the certificate is not base64") from None
