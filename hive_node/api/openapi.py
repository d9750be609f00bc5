"""OpenAPI 3.1 from the route table and its models."""

import re
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from hive_node import __version__
from hive_node.api.access import KEY_HEADER
from hive_node.api.models import NoBody, Problem
from hive_node.api.page import PAGE_WRITES
from hive_node.api.routing import Route

_PAGE = "a session of the web page, together with its cookie; it reads everything, and changes what docs/web.md lists"
_REF = "#/components/schemas/{model}"


def openapi(routes: Iterable[Route]) -> dict[str, Any]:
    """The document for `routes`."""
    table = list(routes)
    paths: dict[str, dict[str, Any]] = {}
    for route in table:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Hive node admin API", "version": __version__, "license": {"name": "Apache-2.0"}},
        "paths": paths,
        "components": {
            "schemas": _schemas(table),
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "page": {"type": "apiKey", "in": "header", "name": KEY_HEADER, "description": _PAGE},
            },
        },
        "security": [{"token": []}, {"page": []}],
    }


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "summary": route.summary,
        "operationId": re.sub(r"\W+", "_", f"{route.method.lower()}{route.path}").strip("_"),
        "parameters": [*_path_parameters(route.path), *_query_parameters(route)],
        "responses": {
            str(route.status): {"description": "done", "content": {route.media: {"schema": _reference(route.gives)}}},
            "default": {
                "description": "refused; `code` says why",
                "content": {"application/problem+json": {"schema": _reference(Problem)}},
            },
        },
    }
    if route.is_open:
        operation["security"] = []
    elif route.method != "GET" and (route.method, route.path) not in PAGE_WRITES:
        operation["security"] = [{"token": []}]
    if route.takes is not NoBody:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": _reference(route.takes)}},
        }
    if route.is_open:
        operation["security"] = []
    return operation


def _path_parameters(path: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"\{(\w+)\}", path)
    ]


def _query_parameters(route: Route) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "query", "required": False, "description": meaning, "schema": {"type": "string"}}
        for name, meaning in route.query
    ]


def _reference(model: type[BaseModel] | None) -> dict[str, Any]:
    return {"$ref": _REF.format(model=model.__name__)} if model else {}


def _schemas(routes: list[Route]) -> dict[str, Any]:
    models = {model for route in routes for model in (route.takes, route.gives) if model not in {None, NoBody}} | {
        Problem
    }
    inputs = sorted((model for model in models if model), key=lambda model: model.__name__)
    _, document = models_json_schema([(model, "validation") for model in inputs], ref_template=_REF)
    return dict(document.get("$defs", {}))
