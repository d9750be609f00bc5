"""What agents report, who handles it, and what they are told."""

from typing import Any, Final
from uuid import uuid4

from hive_node.api.models import NoBody, Page, Response
from hive_node.api.parts import Parts
from hive_node.api.routing import BadRequest, Call, Route
from hive_node.api.skill_models import METADATA_BYTES, EventsOut, NewEvent, NewEvents
from hive_node.ports.skills import Which
from hive_node.skills.event import Kind, Report, Scope
from protocol.wire import dump_json

WHOSE: Final = (("agent", "of this agent alone"), ("project", "of this project"), ("owner", "of this owner"))


def routes(parts: Parts) -> list[Route]:
    """The endpoints of reported events."""
    events = _TaskEvents(parts)
    listed = (*WHOSE, ("kind", "of this kind"), ("limit", "items a page"), ("cursor", "`next` of the page before"))
    return [
        Route(
            "POST", "/v1/events", "Report what happened: one event, or `events`", events.add, EventsOut, NewEvents, 202
        ),
        Route("GET", "/v1/events/reported", "Reported events, newest first", events.all, Page, query=listed),
        Route("GET", "/v1/handlers", "How far each handler has come", events.handlers, Page),
        Route(
            "GET", "/v1/handlers/{name}/deliveries", "Its results and failures, newest first", events.deliveries, Page
        ),
        Route("POST", "/v1/handlers/{name}/retry", "Take up what it gave up", events.again, Response, NoBody),
        Route("GET", "/v1/guidance", "What an agent should be told", events.guidance, Page, query=WHOSE),
    ]


class _TaskEvents:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._service = parts.skills

    async def add(self, call: Call) -> Any:
        body: NewEvents = call.body
        stored = await self._service.intake.report([self._report(one) for one in body.events])
        duplicates = sum(not one.is_new for one in stored)
        return {"ids": [one.id for one in stored], "stored": len(stored) - duplicates, "duplicates": duplicates}

    async def all(self, call: Call) -> Any:
        limit, kind = call.limit(), call.text("kind")
        if kind is not None and kind not in set(Kind):
            raise BadRequest("request.invalid", f"kind is one of {', '.join(Kind)}")
        found = await self._service.log.page(
            which_of(call), kind=Kind(kind) if kind else None, before=call.cursor(), limit=limit
        )
        return {
            "items": [event.tree() for event in found],
            "next": str(found[-1].id) if found and found[-1].id > 1 else None,
        }

    async def handlers(self, _call: Call) -> Any:
        lines = await self._service.deliveries.lines()
        names = ("name", "handled", "behind", "waiting", "given_up", "last_error")
        return {"items": [{name: getattr(line, name) for name in names} for line in lines], "next": None}

    async def deliveries(self, call: Call) -> Any:
        return {"items": await self._service.deliveries.results(call.name("name"), call.limit()), "next": None}

    async def again(self, call: Call) -> Any:
        return {"handler": call.name("name"), "again": await self._service.again(call.name("name"))}

    async def guidance(self, call: Call) -> Any:
        found = await self._service.shelf.guidance(which_of(call))
        return {
            "items": [
                {
                    **scope_tree(scope),
                    "at": at,
                    "signature": told.signature,
                    "text": told.text,
                    "events": list(told.events),
                }
                for scope, at, told in found
            ],
            "next": None,
        }

    def _report(self, told: NewEvent) -> Report:
        if len(dump_json(told.metadata)) > METADATA_BYTES:
            raise BadRequest("request.invalid", f"`metadata`: has at most {METADATA_BYTES} bytes of JSON")
        both = {"input": told.input, "expected": told.expected}
        io = {name: value for name, value in both.items() if name in told.model_fields_set}
        return Report(
            kind=Kind(told.kind),
            scope=Scope(told.owner or self._parts.owner, told.project, told.agent),
            key=told.key or f"own-{uuid4().hex}",
            task=told.task,
            episode=told.episode,
            error=told.error,
            outcome=told.outcome,
            skill=told.skill,
            seconds=told.seconds,
            tokens=told.tokens,
            passed=told.passed,
            io=io,
            metadata=told.metadata,
        )


def which_of(call: Call) -> Which:
    """Whose rows a request asks for."""
    return Which(call.text("owner"), call.text("project"), call.text("agent"))


def scope_tree(scope: Scope) -> dict[str, str]:
    """Whose it is, as every list shows it."""
    return {"owner": scope.owner, "project": scope.project, "agent": scope.agent}
