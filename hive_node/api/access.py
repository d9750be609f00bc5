"""Who may ask. Looked at in this order, before any handler: repeated headers, Host, Origin and Referer, then the token."""

import hmac
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from hive_node.ports import Fault

KEY_HEADER: Final = "X-Hive-Node-Key"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

# A browser sends what its address bar says: a foreign name that resolves to loopback is a rebinding attack.
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})
# What decides who may ask is said once: of two, a proxy or a parser may have looked at the other one.
_ONCE: Final = ("Host", "Origin", "Referer", "Authorization", "Cookie", "Sec-Fetch-Site", "Content-Type", KEY_HEADER)


class Forbidden(Fault):
    """The caller may not ask this at all."""


class Unauthorized(Fault):
    """No token, or a wrong one."""


def check_once(request: web.Request) -> None:
    """Refuse a request that says twice what decides. Raises Forbidden."""
    for name in _ONCE:
        if len(request.headers.getall(name, ())) > 1:
            raise Forbidden("request.repeated-header", f"{name} may be sent only once")


def check_host(request: web.Request, *, is_socket: bool) -> None:
    """Refuse names that are not this machine's own. Raises Forbidden."""
    host = request.headers.get("Host", "")
    name = host.rpartition(":")[0] if not host.endswith("]") and ":" in host else host
    if not is_socket and name.lower() not in _LOOPBACK:
        raise Forbidden("request.foreign-host", "the Host header must be localhost, 127.0.0.1 or [::1]")


def check_origin(request: web.Request) -> None:
    """Refuse requests that another site's page made. Raises Forbidden."""
    own = {f"http://{request.headers.get('Host', '')}".lower()}
    origin = request.headers.get("Origin")
    if origin is not None and origin.lower() not in own:
        raise Forbidden("request.foreign-origin", "requests of other sites are refused")
    referer = request.headers.get("Referer")
    if referer is not None and _origin_of(referer) not in own:
        raise Forbidden("request.foreign-origin", "requests of other sites are refused")
    if request.headers.get("Sec-Fetch-Site", "none") not in {"none", "same-origin"}:
        raise Forbidden("request.foreign-origin", "requests of other sites are refused")


def check_own_page(request: web.Request) -> None:
    """Refuse what the node's own page did not send. A browser that does not say where from is refused. Raises Forbidden."""
    if request.headers.get("Sec-Fetch-Site") != "same-origin":
        raise Forbidden("request.foreign-origin", "only the node's own page may ask this (Sec-Fetch-Site: same-origin)")
    if request.method != "GET" and "Origin" not in request.headers:
        raise Forbidden("request.foreign-origin", "only the node's own page may ask this (Origin is missing)")


def check_token(request: web.Request, token: str) -> None:
    """Refuse who does not hold the admin token. Raises Unauthorized."""
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not given:
        raise Unauthorized("auth.missing", "send `Authorization: Bearer <token>`; `hive-node api token` prints it")
    if not hmac.compare_digest(given.strip().encode(), token.encode()):
        raise Unauthorized("auth.wrong", "that is not this node's token; `hive-node api token` prints it")


def _origin_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()
