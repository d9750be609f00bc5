"""Joining at an admin's join port: the joiner's side (docs/protocol.md §2.12). The admin's is `join_desk`."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from hive_node.adapters.interfaces import authority
from hive_node.adapters.invites import Token, message, proof
from hive_node.adapters.keyfile import NodeKey
from hive_node.adapters.peer_client import CHAIN_BYTES, SMALL_BYTES, faults_of, read, refusal, session, url_of
from hive_node.adapters.tls import certificate_of, join_client_context
from hive_node.ports import Fault
from protocol.errors import Code, RemoteProtocolError
from protocol.wire import JsonValue, dump_json, parse_object

_PATH: Final = "/hive/v1/join"
# What a person can do about each of the admin's refusals.
_WORDS: Final[Mapping[Code, str]] = {
    Code.INVITE_UNKNOWN: "the admin's node does not know this invite: ask for another",
    Code.INVITE_EXPIRED: "the invite has expired: ask for another",
    Code.INVITE_USED: "the invite was used: ask for another",
    Code.INVITE_CLOSED: "the invite was closed after too many wrong proofs: ask for another",
    Code.INVITE_PROOF: "the admin's node does not accept this invite's proof: ask for another",
    Code.JOIN_DENIED: "an admin of the hive said no",
    Code.BAD_SCHEMA: "the admin's node does not accept this node's name or owner: printable characters, 128 at most",
    Code.TOO_LARGE: "the hive's charter chain is larger than this node takes",
    Code.UNAVAILABLE: "the admin's node cannot write its charter right now: try again later",
}


@dataclass(frozen=True, slots=True)
class Welcome:
    """What an admin handed over: the charter chain, unverified, and where its peer port is."""

    chain: list[bytes]
    host: str
    port: int


async def join(token: Token, key: NodeKey, owner: str, name: str, constitution: str | None = None) -> Welcome | None:
    """Ask the admin behind `token` to let us in, at each of its addresses in turn. None where we have to wait, and to ask again.

    constitution: the only one that we go by; a hive with another is not joined, and the invite stays good.
    Raises Fault with the admin's code, hive.other-constitution, or hive.unreachable.
    """
    asking = _Asking(token, key, owner, name, constitution)
    for host, port in token.addresses:
        try:
            return await asking.at(host, port)
        except RemoteProtocolError as error:
            if error.code is not Code.PEER_UNREACHABLE:
                words = _WORDS.get(error.code, "the admin's node refused")
                raise Fault(f"hive.{error.code}", f"{words} ({error.code})") from error
    tried = ", ".join(authority(host, port) for host, port in token.addresses) or "no address"
    raise Fault(
        "hive.unreachable",
        f"the admin's node does not answer at {tried}: it must be running, the invite unused and unexpired, and its port open",
    )


@dataclass(frozen=True, slots=True)
class _Asking:
    token: Token
    key: NodeKey
    owner: str
    name: str
    constitution: str | None

    async def at(self, host: str, port: int) -> Welcome | None:
        """Join at one address, whose key must be the admin's. Raises RemoteProtocolError, Fault."""
        where = url_of(host, port, _PATH)
        async with faults_of(host, port), session(join_client_context(self.key, self.token.admin)) as http:
            async with http.get(where, params={"invite": self.token.invite}, allow_redirects=False) as response:
                if response.status != 200:
                    raise await refusal(response)
                offered = parse_object(await read(response, SMALL_BYTES))
            self._check(offered.get("constitution"))
            body = dump_json(self._said(str(offered.get("nonce"))))
            async with http.post(where, data=body, allow_redirects=False) as response:
                if response.status == HTTPStatus.ACCEPTED:
                    return None
                if response.status != HTTPStatus.OK:
                    raise await refusal(response)
                welcome = parse_object(await read(response, CHAIN_BYTES))
        chain, peer_port = welcome.get("charter"), welcome.get("port")
        if not isinstance(chain, list):
            raise RemoteProtocolError(Code.PEER_MISBEHAVED, "an answer to a join has a charter")
        return Welcome([dump_json(one) for one in chain], host, peer_port if isinstance(peer_port, int) else 0)

    def _check(self, constitution: JsonValue) -> None:
        if self.constitution is not None and constitution not in {None, self.constitution}:
            raise Fault(
                "hive.other-constitution",
                "the hive is judged by other rules than this version of hive-node has: use the same version",
            )

    def _said(self, nonce: str) -> dict[str, JsonValue]:
        token, certificate = self.token, certificate_of(self.key)
        said = message(token.hive, token.admin, token.invite, nonce, certificate, self.owner, self.name)
        return {
            "invite": token.invite,
            "nonce": nonce,
            "node": self.key.node_id,
            "certificate": base64.b64encode(certificate).decode("ascii"),
            "owner": self.owner,
            "name": self.name,
            "proof": proof(token.secret, said),
            "signature": base64.b64encode(self.key.sign(said)).decode("ascii"),
        }
