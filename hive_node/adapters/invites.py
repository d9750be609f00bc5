"""Invites: what an admin hands to a person, and how a joiner proves that it has it (docs/protocol.md §2.11, §2.12)."""

import base64
import hashlib
import hmac
import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from hive_node.ports import Fault
from protocol.errors import RemoteProtocolError
from protocol.ids import HiveId, NodeId, parse_node_id, sha256_hex
from protocol.wire import dump_json

PREFIX: Final = "hive1-"
SECRET_BYTES: Final = 16
# A machine has a few addresses; a token with more is a list of targets.
ADDRESSES: Final = 16
_TOKEN_CHARS: Final = 4096
_HIVE: Final = re.compile(r"[a-z2-7]{52}")
_INVITE: Final = re.compile(r"[0-9a-f]{1,64}")
_HOST: Final = re.compile(r"[0-9A-Za-z.:_%-]{1,255}")


@dataclass(frozen=True, slots=True)
class Token:
    """What an invited person is given: `hive1-` and base64url JSON. addresses: of the admin's join port."""

    hive: HiveId
    admin: NodeId
    invite: str
    secret: bytes
    addresses: tuple[tuple[str, int], ...]
    expires_at: datetime

    def text(self) -> str:
        """The token as it is handed over."""
        tree = {
            "h": self.hive,
            "a": self.admin,
            "i": self.invite,
            "s": base64.b64encode(self.secret).decode(),
            "at": [list(address) for address in self.addresses],
            "x": self.expires_at.isoformat(timespec="seconds"),
        }
        return PREFIX + base64.urlsafe_b64encode(dump_json(tree)).decode().rstrip("=")

    @classmethod
    def parse(cls, text: str) -> "Token":
        """The token that a person pasted. Raises Fault(invite.malformed)."""
        try:
            return _read(text.strip())
        except (ValueError, KeyError, TypeError, RecursionError, RemoteProtocolError) as error:
            raise Fault(
                "invite.malformed", "that is no invite: paste the whole text that `hive-node hive invite` printed"
            ) from error


def message(hive: str, admin: str, invite: str, nonce: str, certificate: bytes, owner: str, name: str) -> bytes:
    """Everything that a joiner says, in the eight lines that it proves and signs."""
    lines = ("hive-node join v1", hive, admin, invite, nonce, sha256_hex(certificate), owner, name)
    return "\n".join(lines).encode("utf-8")


def proof(secret: bytes, said: bytes) -> str:
    """HMAC-SHA256 over `message`, base64: whoever makes it has the secret."""
    return base64.b64encode(hmac.new(secret, said, hashlib.sha256).digest()).decode("ascii")


def _read(text: str) -> Token:
    if not text.startswith(PREFIX) or len(text) > _TOKEN_CHARS:
        raise ValueError("not a token")
    raw = text.removeprefix(PREFIX)
    tree = json.loads(base64.b64decode(raw + "=" * (-len(raw) % 4), altchars=b"-_", validate=True))
    secret, expires = base64.b64decode(tree["s"], validate=True), datetime.fromisoformat(_matching(tree["x"], None))
    addresses = tuple((_matching(host, _HOST), _port(port)) for host, port in tree["at"])
    if len(secret) != SECRET_BYTES or expires.tzinfo is None or len(addresses) > ADDRESSES:
        raise ValueError("not a token")
    return Token(
        hive=HiveId(_matching(tree["h"], _HIVE)),
        admin=parse_node_id(_matching(tree["a"], None)),
        invite=_matching(tree["i"], _INVITE),
        secret=secret,
        addresses=addresses,
        expires_at=expires,
    )


def _matching(value: object, pattern: re.Pattern[str] | None) -> str:
    if not isinstance(value, str) or (pattern is not None and not pattern.fullmatch(value)):
        raise ValueError("not a token")
    return value


def _port(value: object) -> int:
    if not isinstance(value, int) or not 0 < value < 65_536:
        raise ValueError("not a port")
    return value
