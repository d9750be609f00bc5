"""The admin's side of joining: a port that is open only while an invite is, and a one-time secret proved, never sent (§2.12)."""

import asyncio
import base64
import hashlib
import hmac
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from http import HTTPStatus
from typing import Final

from aiohttp import web

from hive_node.adapters.admissions import Admissions
from hive_node.adapters.door import Door
from hive_node.adapters.invites import SECRET_BYTES, Token, proof
from hive_node.adapters.join_request import JoinRequest
from hive_node.adapters.keyfile import NodeKey
from hive_node.adapters.peer_client import CHAIN_BYTES
from hive_node.adapters.peer_server import answer
from hive_node.adapters.problems import problem
from hive_node.adapters.rates import Budgets, source_of
from hive_node.adapters.tls import join_server_context
from hive_node.hive import Hive
from hive_node.ports import Chance, CharterLog, Clock, Fault, Invite, Invites, Joiner
from hive_node.share.charters import CharterOffice
from protocol.errors import Code, RemoteProtocolError
from protocol.limits import HEADER_TIMEOUT_S, INVITE_WRONG_GUESSES, JOIN_REQUESTS_PER_MINUTE
from protocol.verification import Membership
from protocol.wire import JsonValue, parse_object

logger = logging.getLogger(__name__)

LIFETIME: Final = timedelta(hours=24)
_REQUEST_BYTES: Final = 16 * 1024
# Nonces handed out and not yet used; a stranger asking for many makes the oldest void.
_NONCES: Final = 256
# How long the port may take to open before the person who invites is told, and to close after the last answer.
_OPENING_S: Final = 5.0
_CLOSING_S: Final = 1.0
_LOOK_S: Final = 60.0
# Tried first where the config leaves the port open, so that a token outlives a restart: RFC 6335's dynamic ports.
_FIRST_PORT: Final = 49_152
_PORTS: Final = 16_384


class JoinDesk:
    """Hands out invites, and admits who proves to have one."""

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
        self._admissions = Admissions(office, invites, clock)
        self._log = log
        self._invites = invites
        self._key = key
        self._clock = clock
        self._chance = chance
        self._nonces: dict[str, str] = {}
        self._changed = asyncio.Event()
        self._turn = asyncio.Lock()
        self._questions = Budgets(JOIN_REQUESTS_PER_MINUTE, JOIN_REQUESTS_PER_MINUTE)
        self._peer_port: Callable[[], int] = lambda: 0
        self._made = 0
        self._fault: OSError | None = None
        self._settled = asyncio.Event()
        self.port = 0

    async def invite(self, addresses: Callable[[], Sequence[str]]) -> Token:
        """Open an invite, and the join port with it. Raises Fault where this node is no admin, or the port cannot be opened."""
        membership = self._hive.membership
        if membership is None or not self._hive.is_admin:
            raise Fault("hive.not-admin", "only an admin of a hive can invite: `hive-node hive create` makes one")
        secret = self._chance.token_bytes(SECRET_BYTES)
        expires = self._clock.now() + LIFETIME
        invite = Invite(self._chance.token_bytes(8).hex(), secret, expires, 0, None)
        await self._invites.open_invite(invite)
        self._made += 1
        self._changed.set()
        port = await self._opened_port()
        where = tuple((host, port) for host in addresses())
        return Token(membership.hive, self._hive.node, invite.id, secret, where, expires)

    async def open_invites(self) -> list[Invite]:
        """Invites that nobody has used yet, those that guesses have closed among them."""
        return await self._invites.invites()

    async def joiners(self) -> list[Joiner]:
        """Who waits to be let in here, oldest first."""
        return await self._admissions.waiting()

    async def approve(self, beginning: str) -> Joiner:
        """Let in the one who waits and whose node id begins so. Raises Fault."""
        async with self._turn:
            approved = await self._admissions.approve(beginning)
        self._changed.set()
        return approved

    async def deny(self, beginning: str) -> Joiner:
        """Turn away the one who waits and whose node id begins so. Raises Fault."""
        async with self._turn:
            denied = await self._admissions.deny(beginning)
        self._changed.set()
        return denied

    async def serve_on(self, host: str, port: int, peer_port: Callable[[], int]) -> None:
        """Open the join port while there is an open invite, until cancelled. peer_port: where members find this node."""
        self._peer_port = peer_port
        while True:
            self._changed.clear()
            if not await self._has_open_invite():
                await self._changed.wait()
            elif not await self._listen(host, port):
                await self._wait_for_change()

    async def _listen(self, host: str, port: int) -> bool:
        """Listen for as long as there is an open invite. False where the port could not be opened."""
        self._fault = None
        for number in [port] if port else [self._usual_port(), 0]:
            try:
                await self._listen_on(host, number)
                return True
            except OSError as error:
                self._fault = error
        logger.warning("join port cannot be opened", extra={"error": type(self._fault).__name__})
        self._settled.set()
        return False

    async def _listen_on(self, host: str, port: int) -> None:
        app = web.Application()
        app.router.add_get("/hive/v1/join", self._guarded(self._hand_nonce))
        app.router.add_post("/hive/v1/join", self._guarded(self._join))
        door = Door(app, join_server_context(self._key))
        failure: BaseException | None = None
        try:
            async with asyncio.TaskGroup() as group:
                serving = group.create_task(door.serve(host, port, self._opened))
                await self._keep_open()
                self._closed()
                serving.cancel()
        except* OSError as failed:
            failure = failed
        finally:
            self._closed()
        # Not raised in there: CPython's versions differ in whether they wrap what an `except*` raises.
        if failure is not None:
            raise OSError("the join port") from failure

    def _opened(self, port: int) -> None:
        self.port, self._fault = port, None
        self._settled.set()

    def _closed(self) -> None:
        self.port = 0
        self._settled.clear()

    async def _opened_port(self) -> int:
        try:
            async with asyncio.timeout(_OPENING_S):
                await self._settled.wait()
        except TimeoutError:
            pass
        if not self.port:
            raise Fault(
                "federation.join-port", "the join port cannot be opened: set [federation] join_port to what is free"
            )
        return self.port

    async def _keep_open(self) -> None:
        """Return once there is no open invite any more, and the last answer had time to go out."""
        is_over = False
        while True:
            self._changed.clear()
            made = self._made
            if await self._has_open_invite() or made != self._made:
                is_over = False
                await self._wait_for_change()
            elif is_over:
                return
            else:
                is_over = True
                await self._clock.sleep(_CLOSING_S)

    async def _has_open_invite(self) -> bool:
        """Whether anybody may still come, or come back for an answer."""
        if not self._hive.is_admin:
            return False
        if any(one.wrong < INVITE_WRONG_GUESSES for one in await self._invites.invites()):
            return True
        return bool(await self._admissions.waiting())

    async def _wait_for_change(self) -> None:
        try:
            async with asyncio.timeout(_LOOK_S):  # an invite may expire meanwhile
                await self._changed.wait()
        except TimeoutError:
            return

    def _usual_port(self) -> int:
        digest = hashlib.sha256(b"hive-node join port" + self._hive.node.encode("ascii")).digest()
        return _FIRST_PORT + int.from_bytes(digest[:8]) % _PORTS

    def _guarded(
        self, handler: Callable[[web.Request], Awaitable[web.Response]]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            if not self._questions.spend(source_of(request.remote or ""), self._clock.monotonic()):
                return problem(RemoteProtocolError(Code.TOO_MANY, "too many requests in a minute"))
            try:
                return await handler(request)
            except RemoteProtocolError as error:
                logger.info("join refused", extra={"code": error.code})
                return problem(error)
            except Fault as fault:
                logger.warning("a joiner could not be answered", extra={"code": fault.code})
                return problem(RemoteProtocolError(Code.UNAVAILABLE, "this node cannot do it right now"))

        return handle

    async def _hand_nonce(self, request: web.Request) -> web.Response:
        invite = await self._usable(request.query.get("invite", ""))
        membership = self._membership()
        nonce = base64.b64encode(self._chance.token_bytes(SECRET_BYTES)).decode("ascii")
        if len(self._nonces) >= _NONCES:
            self._nonces.pop(next(iter(self._nonces)))
        self._nonces[nonce] = invite.id
        return answer({"nonce": nonce, "constitution": membership.charter.constitution})

    async def _join(self, request: web.Request) -> web.Response:
        said = JoinRequest.read(parse_object(await _body(request)))
        async with self._turn:  # else six could guess at once, or two joiners use one invite
            return await self._admit(said)

    async def _admit(self, said: JoinRequest) -> web.Response:
        invite = await self._usable(said.invite)
        if self._nonces.pop(said.nonce, None) != invite.id:
            raise RemoteProtocolError(Code.INVITE_PROOF, "that nonce was not given for this invite")
        words = said.message(self._membership().hive, self._hive.node)
        if not hmac.compare_digest(proof(invite.secret, words).encode("ascii"), said.proof.encode("utf-8")):
            await self._invites.guess_wrong(invite.id)
            self._changed.set()
            raise RemoteProtocolError(Code.INVITE_PROOF, "the proof does not match")
        said.check_key(words)
        membership = self._membership()
        joiner = await self._admissions.known(said) or await self._admissions.take(said, invite, membership)
        response = await self._answer(joiner)
        self._changed.set()
        return response

    async def _answer(self, joiner: Joiner) -> web.Response:
        """The chain, once it lists the joiner; that it waits, before."""
        if not self._admissions.is_in(joiner, self._membership()):
            return answer({"pending": True}, HTTPStatus.ACCEPTED)
        chain: list[JsonValue] = [parse_object(raw) for raw in await _chain(self._log)]
        await self._admissions.welcomed(joiner)
        return answer({"charter": chain, "port": self._peer_port()})

    def _membership(self) -> Membership:
        if self._hive.membership is None or not self._hive.is_admin:
            raise RemoteProtocolError(Code.INVITE_CLOSED, "this node is no admin of the hive any more")
        return self._hive.membership

    async def _usable(self, identity: str) -> Invite:
        invite = await self._invites.invite(identity)
        if invite is None:
            raise RemoteProtocolError(Code.INVITE_UNKNOWN, "there is no such invite")
        if invite.used_by is not None:
            if await self._admissions.is_expected(identity):
                return invite
            raise RemoteProtocolError(Code.INVITE_USED, "the invite was used: ask for another")
        if invite.wrong >= INVITE_WRONG_GUESSES:
            raise RemoteProtocolError(Code.INVITE_CLOSED, "too many wrong proofs: ask for another invite")
        if invite.expires_at <= self._clock.now():
            raise RemoteProtocolError(Code.INVITE_EXPIRED, "the invite has expired: ask for another")
        return invite


async def _chain(log: CharterLog) -> list[bytes]:
    """The whole chain, while a joiner would take it. Raises RemoteProtocolError(too-large)."""
    found: list[bytes] = []
    while page := await log.charters(len(found) + 1):
        found += page
        if sum(map(len, found)) > CHAIN_BYTES:
            raise RemoteProtocolError(Code.TOO_LARGE, f"a chain of more than {CHAIN_BYTES} bytes")
    return found


async def _body(request: web.Request) -> bytes:
    data = bytearray()
    try:
        async with asyncio.timeout(HEADER_TIMEOUT_S):
            async for piece in request.content.iter_any():
                data += piece
                if len(data) > _REQUEST_BYTES:
                    raise RemoteProtocolError(Code.TOO_LARGE, f"a request to join has at most {_REQUEST_BYTES} bytes")
    except TimeoutError:
        raise RemoteProtocolError(Code.TOO_MANY, "the request took too long") from None
    return bytes(data)
