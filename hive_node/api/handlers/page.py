"""The web page's files, and signing in on it."""

from typing import Any

from aiohttp import web

from hive_node.api.access import Unauthorized, check_own_page
from hive_node.api.models import NoBody
from hive_node.api.page import address_of, check_caller, cookie_name, file_response, files, session_of
from hive_node.api.page_models import BeginSession, LinkOut, SessionOut
from hive_node.api.parts import Parts
from hive_node.api.routing import BadRequest, Call, Route, json_response
from hive_node.api.sessions import CODE_LIFE, SESSION_LIFE
from hive_node.ports import Fault, NotFound


def routes(parts: Parts) -> list[Route]:
    """The page, and the endpoints of its sessions."""
    page, session = _Page(parts), "/v1/page/session"
    return [
        Route("GET", "/", "The web page", page.index, is_open=True, media="text/html"),
        Route("GET", "/page/{file}", "The web page's files", page.file, is_open=True, media="*/*"),
        Route("POST", "/v1/page/links", "A link that signs a browser in, once", page.link, LinkOut, NoBody, 201),
        Route("POST", session, "Sign in with a link's code", page.begin, SessionOut, BeginSession, 201, is_open=True),
        Route("DELETE", session, "Sign out", page.end, status=204),
    ]


class _Page:
    def __init__(self, parts: Parts) -> None:
        self._doors = parts.doors
        self._sessions = parts.sessions
        self._caller_of = parts.caller_of
        self._files = files()

    async def index(self, call: Call) -> web.StreamResponse:
        return self._served(call, "index.html")

    async def file(self, call: Call) -> web.StreamResponse:
        return self._served(call, call.name("file"))

    async def link(self, _call: Call) -> Any:
        if (door := self._doors.get("api")) is None:
            raise Fault("page.no-door", "a browser needs the TCP door: set [api] tcp = true in config.toml")
        # After the #: a browser sends that to nobody, and the page takes it out of the address at once.
        url = f"http://{door}/#code={self._sessions.new_code()}"
        return {"url": url, "seconds": int(CODE_LIFE.total_seconds())}

    async def begin(self, call: Call) -> web.StreamResponse:
        check_own_page(call.request)
        await check_caller(call.request, self._caller_of)
        body: BeginSession = call.body
        signed = self._sessions.begin(body.code)
        response = json_response({"key": signed.key, "ends_at": signed.ends_at.isoformat()}, 201)
        life = int(SESSION_LIFE.total_seconds())
        # Not `Secure`: there is no TLS on loopback, and not every browser takes such a cookie there.
        name = cookie_name(call.request)
        response.set_cookie(name, signed.cookie, max_age=life, path="/", httponly=True, samesite="Strict")
        return response

    async def end(self, call: Call) -> web.StreamResponse:
        session = session_of(call.request)
        if session is None:
            raise Unauthorized("page.signed-out", "only a page that is signed in can sign out")
        self._sessions.end(session)
        response = web.Response(status=204)
        response.del_cookie(cookie_name(call.request), path="/", httponly=True, samesite="Strict")
        return response

    def _served(self, call: Call, name: str) -> web.StreamResponse:
        address_of(call.request, "sockname")
        if call.request.query_string:
            raise BadRequest("page.query", "the page takes nothing in its address: a code comes after the #")
        if name not in self._files:
            raise NotFound("page.no-such-file", "the page has no such file")
        return file_response(self._files[name])
