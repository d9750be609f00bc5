"""Who is signed in on the web page: kept in memory alone, so that a restart signs everybody out.

A session is two secrets, and every request needs both. The cookie is one that no script can read; but browsers send it to every
port of 127.0.0.1, also to another program's. The key is one that the page sends as a header; no other origin can read or send
it, but a script in the page could. Neither opens anything alone.
"""

from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from hmac import compare_digest
from typing import Final

from hive_node.api.access import Unauthorized
from hive_node.ports import Chance, Clock

# Long enough for a browser to start, too short for a link that is found later.
CODE_LIFE: Final = timedelta(seconds=60)
# A working day: who comes back tomorrow asks for another link.
SESSION_LIFE: Final = timedelta(hours=12)
# More than a person has browsers; the oldest goes first, so that nothing grows.
_MOST: Final = 16
_SECRET_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Both secrets of a new session, told once."""

    cookie: str
    key: str
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Session:
    """What is remembered of one: no secret, only what tells that one is right."""

    cookie: bytes
    key: bytes
    ends_at: datetime


@dataclass(slots=True)
class Sessions:
    """The codes that are not spent, by digest with their end, and the sessions, by their cookie's digest."""

    clock: Clock
    chance: Chance
    _codes: dict[bytes, datetime] = field(default_factory=dict)
    _sessions: dict[bytes, Session] = field(default_factory=dict)

    def new_code(self) -> str:
        """What a link carries: good once, for CODE_LIFE."""
        code = self._secret()
        self._codes[_digest(code)] = self.clock.now() + CODE_LIFE
        _keep_newest(self._codes)
        return code

    def begin(self, code: str) -> SignedIn:
        """Spend a code. Raises Unauthorized for one that was spent, is too old, or was never given out."""
        ends_at, now = self._codes.pop(_digest(code), None), self.clock.now()
        if ends_at is None or now >= ends_at:
            raise Unauthorized("page.code-spent", "this link was used, or is over a minute old: run `hive-node open`")
        signed = SignedIn(self._secret(), self._secret(), now + SESSION_LIFE)
        session = Session(_digest(signed.cookie), _digest(signed.key), signed.ends_at)
        self._sessions[session.cookie] = session
        _keep_newest(self._sessions)
        return signed

    def find(self, cookie: str, key: str) -> Session:
        """The session that both secrets are of. Raises Unauthorized."""
        session = self._sessions.get(_digest(cookie))
        if session is None or not compare_digest(session.key, _digest(key)) or not self.is_live(session):
            raise Unauthorized("page.signed-out", "nobody is signed in here: run `hive-node open`")
        return session

    def is_live(self, session: Session) -> bool:
        """Whether it was neither ended nor is over."""
        return self._sessions.get(session.cookie) is session and self.clock.now() < session.ends_at

    def end(self, session: Session) -> None:
        """Sign out."""
        self._sessions.pop(session.cookie, None)

    def _secret(self) -> str:
        return urlsafe_b64encode(self.chance.token_bytes(_SECRET_BYTES)).rstrip(b"=").decode("ascii")


def _digest(secret: str) -> bytes:
    # Looked up by digest: how long that takes says nothing of the secret.
    return sha256(secret.encode("utf-8", "surrogateescape")).digest()


def _keep_newest(kept: dict[bytes, datetime] | dict[bytes, Session]) -> None:
    while len(kept) > _MOST:
        del kept[next(iter(kept))]
