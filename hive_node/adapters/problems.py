"""Refusals as they go out: RFC 9457 problem documents, each with its code, also for what never became a request."""

from typing import Final

from aiohttp import web
from aiohttp.web_request import BaseRequest

from protocol.errors import Code, RemoteProtocolError
from protocol.wire import dump_json

_STATUS: Final = {
    Code.TOO_LARGE: 413,
    Code.TOO_MANY: 429,
    Code.NOT_A_MEMBER: 403,
    Code.NOT_AN_ADMIN: 403,
    Code.REVOKED: 403,
    Code.UNAVAILABLE: 503,
}
_RETRY_S: Final = "30"
_WHILE_READING: Final = (ConnectionError, web.RequestPayloadError)


def problem(error: RemoteProtocolError, status: int | None = None) -> web.Response:
    """A refusal with its stable code, by its code's status unless told another."""
    status = status or _STATUS.get(error.code, 400)
    body = dump_json(
        {"type": "about:blank", "title": "refused", "status": status, "code": error.code, "detail": error.detail}
    )
    headers = {"Retry-After": _RETRY_S} if status in {413, 429, 503} else {}
    return web.Response(status=status, body=body, headers=headers, content_type="application/problem+json")


class Speaker(web.RequestHandler):
    """Speaks HTTP on one connection. aiohttp's own refusals quote what was sent, and write of it to the log: these do not."""

    def handle_error(
        self,
        request: BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """What was no request, or a fault of ours. The connection ends with it."""
        if isinstance(exc, _WHILE_READING) or request.writer.output_size > 0:
            raise ConnectionError("the request's end will not come, or its answer has begun")
        if status < 500:
            response = problem(RemoteProtocolError(Code.BAD_REQUEST, "not HTTP/1.1 as this port reads it"), status)
        else:
            self.log_exception("a request could not be handled", exc_info=exc)
            response = problem(RemoteProtocolError(Code.UNAVAILABLE, "this node cannot do it right now"))
        response.force_close()
        return response

    async def finish_response(
        self, request: BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send an answer; of no such path or method, and of an expectation that nobody meets, in our words."""
        if isinstance(resp, web.HTTPException):
            allowed = resp.headers.get("Allow")
            resp = problem(RemoteProtocolError(Code.BAD_REQUEST, "this port answers nothing of the kind"), resp.status)
            if allowed is not None:
                resp.headers["Allow"] = allowed
        return await super().finish_response(request, resp, start_time)
