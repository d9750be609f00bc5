"""A report in the form that was asked for: data, or a page for people."""

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from aiohttp import web

from hive_node.api.routing import BadRequest, Call

REPORT_FORMS: Final = (("format", "json (default), markdown or html"),)

Rendering: TypeAlias = Callable[[dict[str, Any]], str]


def in_form(call: Call, tree: dict[str, Any], as_markdown: Rendering, as_html: Rendering) -> Any:
    """The report as `format` says. Raises BadRequest."""
    match call.text("format") or "json":
        case "json":
            return tree
        case "markdown":
            return web.Response(text=as_markdown(tree), content_type="text/markdown")
        case "html":
            return web.Response(text=as_html(tree), content_type="text/html")
        case _:
            raise BadRequest("request.invalid", "format is json, markdown or html")
