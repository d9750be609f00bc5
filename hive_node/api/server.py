"""The admin API's two doors: a Unix socket that its file's mode guards, and loopback TCP that a token guards."""

import asyncio
import errno
import logging
import os
from collections.abc import Awaitable, Callable, Iterable, Set
from pathlib import Path
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Middleware

from hive_node.api.access import check_host, check_once, check_origin, check_token
from hive_node.api.openapi import openapi
from hive_node.api.page import check_session, harden, is_signed
from hive_node.api.problems import problems
from hive_node.api.routing import BODY_BYTES, Call, Route, handler_of
from hive_node.api.sessions import Sessions
from hive_node.ports import FatalError
from protocol.wire import JsonValue

logger = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_HOST: Final = "127.0.0.1"
# Listeners keep their streams open; they are told to go, not waited for.
_SHUTDOWN_S: Final = 1.0


class ApiServer:
    """The service that answers the admin. port: None for no TCP at all. doors: told what is open. sessions: of the web page."""

    def __init__(
        self,
        routes: Iterable[Route],
        socket: Path,
        token: str,
        port: int | None,
        doors: dict[str, str],
        sessions: Sessions,
    ) -> None:
        self._routes = list(routes)
        self._socket = socket
        self._token = token
        self._wanted = port
        self._doors = doors
        self._sessions = sessions
        self.ready = asyncio.Event()

    async def serve(self) -> None:
        """Answer on both doors until cancelled. Raises FatalError where a door cannot be opened."""
        by_socket, by_tcp = self._runner(is_socket=True), self._runner(is_socket=False)
        try:
            await by_socket.setup()
            await self._open_socket(by_socket)
            if self._wanted is not None:
                await by_tcp.setup()
                await self._open_tcp(by_tcp, self._wanted)
            self.ready.set()
            await asyncio.Event().wait()
        finally:
            self.ready.clear()
            self._doors.pop("api", None)
            await by_tcp.cleanup()
            await by_socket.cleanup()
            self._socket.unlink(missing_ok=True)

    async def _open_socket(self, runner: web.AppRunner) -> None:
        # The lock on the home says that no other daemon uses this socket: what lies there is of one that was killed.
        self._socket.unlink(missing_ok=True)
        before = os.umask(0o177)
        try:
            await web.UnixSite(runner, str(self._socket)).start()
        except OSError as error:
            raise FatalError("api.socket", f"{self._socket}: {error.strerror}: a shorter --home may help") from error
        finally:
            os.umask(before)

    async def _open_tcp(self, runner: web.AppRunner, port: int) -> None:
        site = web.TCPSite(runner, _HOST, port)
        try:
            await site.start()
        except OSError as error:
            reason = "is in use by another program" if error.errno == errno.EADDRINUSE else error.strerror
            raise FatalError(
                "api.port-in-use", f"{_HOST}:{port} {reason}: set [api] port in config.toml to a free one, or to 0"
            ) from error
        self._doors["api"] = f"{_HOST}:{runner.addresses[0][1]}"
        logger.info("admin API open", extra={"address": self._doors["api"]})

    def _runner(self, *, is_socket: bool) -> web.AppRunner:
        app = web.Application(client_max_size=BODY_BYTES, middlewares=[problems, self._guard(is_socket=is_socket)])
        app.on_response_prepare.append(harden)
        for route in self._all_routes():
            app.router.add_route(route.method, route.path, handler_of(route))
        return web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_S, handler_cancellation=True)

    def _all_routes(self) -> list[Route]:
        routes = list(self._routes)

        async def document(_call: Call) -> JsonValue:
            return openapi(routes)

        routes.append(Route("GET", "/openapi.json", "This document", document, is_open=True))
        return routes

    def _guard(self, *, is_socket: bool) -> Middleware:
        is_open = {(route.method, route.path) for route in self._all_routes() if route.is_open}

        @web.middleware
        async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
            check_once(request)
            check_host(request, is_socket=is_socket)
            check_origin(request)
            if not is_socket:
                self._check_right(request, is_open)
            return await handler(request)

        return guard

    def _check_right(self, request: web.Request, is_open: Set[tuple[str, str]]) -> None:
        resource = request.match_info.route.resource
        path = resource.canonical if resource else ""
        if (request.method, path) in is_open:
            return
        if is_signed(request) and "Authorization" not in request.headers:
            check_session(request, path, self._sessions)
        else:
            check_token(request, self._token)
