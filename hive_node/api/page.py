"""The web page: its files, what a browser may do with them, and how a person is let in. docs/web.md tells it whole."""

import asyncio
import os
from pathlib import Path
from typing import Final

from aiohttp import web

from hive_node.api.access import KEY_HEADER, Forbidden, check_own_page
from hive_node.api.sessions import Session, Sessions
from hive_node.ports import CallerOf

_FOLDER: Final = Path(__file__).with_name("web")
_MEDIA: Final = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_ROOT: Final = 0
_SESSION: Final = web.RequestKey("session", Session)

_NOTHING: Final = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
# Scripts, styles and data of this node alone, none of it inline; and no text ever becomes markup (trusted types).
_PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
_ALWAYS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",  # for browsers that do not know frame-ancestors
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": _NOTHING,
    "Cache-Control": "no-store",
}

# What the page may change; all else a person types. A session that is stolen starts nothing, shares nothing, lets nobody in.
PAGE_WRITES: Final = frozenset(
    {
        ("DELETE", "/v1/page/session"),
        ("POST", "/v1/experiments/{id}/stop"),
        ("POST", "/v1/agents/{id}/verdict"),
        ("POST", "/v1/agents/{id}/abort"),
        ("POST", "/v1/skills/{name}/approve"),
        ("POST", "/v1/skills/{name}/reject"),
        ("POST", "/v1/advice/{id}/apply"),
        ("POST", "/v1/advice/{id}/reject"),
    }
)


async def harden(_request: web.Request, response: web.StreamResponse) -> None:
    """What every answer tells a browser: guess nothing, frame nothing, keep nothing."""
    for name, value in _ALWAYS.items():
        response.headers.setdefault(name, value)


def files() -> dict[str, Path]:
    """The page's files by name. Only these are ever served: a path is looked up, never followed."""
    return {path.name: path for path in sorted(_FOLDER.iterdir()) if path.suffix in _MEDIA}


def file_response(path: Path) -> web.FileResponse:
    """One of the page's files, from disk; the browser asks each time whether it is still the same."""
    headers = {
        "Content-Type": f"{_MEDIA[path.suffix]}; charset=utf-8",
        "Content-Security-Policy": _PAGE_POLICY,
        "Cache-Control": "no-cache",
    }
    return web.FileResponse(path, headers=headers)


def cookie_name(request: web.Request) -> str:
    """One for each port: browsers keep the cookies of all ports of a host together."""
    return f"hive-node-{address_of(request, 'sockname')[1]}"


def address_of(request: web.Request, end: str) -> tuple[str, int]:
    """One end of the TCP connection: `sockname` is ours, `peername` the caller's. Raises Forbidden on the Unix socket."""
    found = request.get_extra_info(end)
    if not isinstance(found, tuple):
        raise Forbidden("page.no-browser", "a browser signs in over 127.0.0.1; on the socket nobody need sign in")
    return str(found[0]), int(found[1])


def is_signed(request: web.Request) -> bool:
    """Whether the page sent it, rightly or not."""
    return KEY_HEADER in request.headers


def check_session(request: web.Request, path: str, sessions: Sessions) -> None:
    """Refuse who is not signed in, and what the page may not do. path: as its route spells it. Raises Forbidden, Unauthorized."""
    check_own_page(request)
    session = sessions.find(request.cookies.get(cookie_name(request), ""), request.headers[KEY_HEADER])
    if request.method != "GET" and (request.method, path) not in PAGE_WRITES:
        raise Forbidden("page.not-allowed", "the page may not do this: `hive-node --help` shows the command that does")
    request[_SESSION] = session


def session_of(request: web.Request) -> Session | None:
    """Who asks, where the page does."""
    return request.get(_SESSION)


async def check_caller(request: web.Request, caller_of: CallerOf) -> None:
    """Refuse a browser of another user of this machine, who may have seen the link. Raises Forbidden."""
    ends = address_of(request, "peername"), address_of(request, "sockname")
    user = await asyncio.to_thread(caller_of, *ends)
    if user not in {os.geteuid(), _ROOT}:
        raise Forbidden("page.foreign-user", "the browser must run as the user that the node runs as")
