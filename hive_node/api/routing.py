"""A route is data: what it takes, what it gives, who may call it. Requests are validated before a handler sees them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

from aiohttp import web
from pydantic import BaseModel, ValidationError

from hive_node.api.models import NoBody, Response
from hive_node.ports import Fault
from protocol.errors import RemoteProtocolError
from protocol.wire import JsonValue, dump_json, parse_object

BODY_BYTES: Final = 4 * 1024 * 1024
PAGE: Final = 50
MOST_ITEMS: Final = 500

Handle = Callable[["Call"], Awaitable[Any]]


class BadRequest(Fault):
    """The request itself cannot be taken."""


@dataclass(frozen=True, slots=True)
class Call:
    """A validated request."""

    request: web.Request
    body: Any

    def name(self, key: str) -> str:
        """A part of the path."""
        return self.request.match_info[key]

    def number(self, key: str) -> int:
        """A part of the path that is a number. Raises BadRequest."""
        text = self.name(key)
        if not (text.isascii() and text.isdigit() and len(text) < 10):
            raise BadRequest("request.invalid", f"{key} is a whole number")
        return int(text)

    def text(self, key: str) -> str | None:
        """A query parameter."""
        return self.request.query.get(key)

    def limit(self) -> int:
        """`limit`: how many items a page has. Raises BadRequest."""
        text = self.request.query.get("limit", str(PAGE))
        if not text.isascii() or not text.isdigit() or not 1 <= int(text[:6]) <= MOST_ITEMS:
            raise BadRequest("request.invalid", f"limit is a number from 1 to {MOST_ITEMS}")
        return int(text[:6])

    def cursor(self) -> int | None:
        """`cursor`: where the page begins. Raises BadRequest."""
        text = self.request.query.get("cursor")
        if text is not None and not (text.isascii() and text.isdigit() and len(text) < 19):
            raise BadRequest("request.invalid", "cursor is what the page before gave as `next`")
        return int(text) if text is not None else None


@dataclass(frozen=True, slots=True)
class Route:
    """method, path: as aiohttp spells them. query: names of parameters, with what they mean."""

    method: Literal["GET", "POST", "DELETE"]
    path: str
    summary: str
    handle: Handle
    gives: type[Response] | None = None
    takes: type[BaseModel] = NoBody
    status: int = 200
    is_open: bool = False
    query: tuple[tuple[str, str], ...] = ()
    media: str = "application/json"


def handler_of(route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """The aiohttp handler of a route."""

    async def handle(request: web.Request) -> web.StreamResponse:
        result = await route.handle(Call(request, await _body(request, route.takes)))
        if isinstance(result, web.StreamResponse):
            return result
        return json_response(result, route.status)

    return handle


def json_response(tree: JsonValue, status: int = 200) -> web.Response:
    """A JSON answer that no browser guesses the type of."""
    return web.Response(status=status, body=dump_json(tree), content_type="application/json")


async def _body(request: web.Request, model: type[BaseModel]) -> BaseModel | None:
    if request.method == "GET":
        return None
    raw = await request.read()
    if not raw and model is NoBody:
        return NoBody()
    try:
        return model.model_validate(parse_object(raw or b"{}"))
    except RemoteProtocolError as error:
        raise BadRequest("request.not-json", f"the body is not a JSON object: {error.detail}") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the body"
        raise BadRequest("request.invalid", f"`{place}`: {first['msg']}") from None
