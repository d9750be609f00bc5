"""Faults as RFC 9457 problem documents: a status, a stable code, a sentence with the remedy."""

import logging
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from guardrails.constitution import ConstitutionError
from hive_node.api.access import Forbidden, Unauthorized
from hive_node.api.routing import BadRequest
from hive_node.config.toml import ConfigError
from hive_node.domain import WrongState
from hive_node.ports import Fault, NotFound
from protocol.errors import ProtocolError
from protocol.wire import dump_json

logger = logging.getLogger(__name__)

_BY_TYPE: Final[tuple[tuple[type[Fault], int], ...]] = (
    (Forbidden, 403),
    (Unauthorized, 401),
    (BadRequest, 400),
    (NotFound, 404),
)
_BY_CODE: Final = {
    "store.disk-full": 507,
    "repository.disk-full": 507,
    "store.failed": 500,
    "store.locked": 503,
    "hive.unreachable": 502,
}


def problem(status: int, code: str, detail: str, **more: str) -> web.Response:
    """A problem document; `more` are members of its own, which programs can act on."""
    body = dump_json({"type": "about:blank", "title": code, "status": status, "code": code, "detail": detail, **more})
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    return web.Response(status=status, body=body, headers=headers, content_type="application/problem+json")


def answer_fault(error: Exception) -> web.Response | None:
    """The answer to a fault that a person can act on; None for anything else."""
    match error:
        case ConfigError():
            return problem(422, "spec.invalid", str(error))
        case WrongState():
            return problem(409, "experiment.wrong-state", str(error), state=error.state.value)
        case Fault():
            status = next((number for kind, number in _BY_TYPE if isinstance(error, kind)), None)
            return problem(status or _BY_CODE.get(error.code, 409), error.code, str(error))
        case ProtocolError():
            return problem(409, f"hive.{error.code}", error.detail)
        case ConstitutionError():
            return problem(500, "constitution.unavailable", str(error))
        case web.HTTPRequestEntityTooLarge():
            return problem(413, "request.too-large", "the body is larger than this endpoint takes (4 MiB)")
        case web.HTTPNotFound():
            return problem(404, "request.no-such-path", "there is no such endpoint: see /openapi.json")
        case web.HTTPMethodNotAllowed():
            return problem(
                405, "request.wrong-method", f"this endpoint takes {', '.join(sorted(error.allowed_methods))}"
            )
        case web.HTTPException():
            return problem(error.status, "request.refused", error.reason)
        case _:
            return None


@web.middleware
async def problems(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Turn every fault into a problem document; our own bugs are logged, and say nothing of their insides."""
    try:
        return await handler(request)
    except Exception as error:
        answer = answer_fault(error)
        if answer is None:
            logger.exception("request failed", extra={"path": request.path})
            answer = problem(500, "internal", "this is a fault of hive-node; its log has the details")
        return answer
