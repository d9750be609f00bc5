"""Advice on a project's spec: ask, look through, decide. Nothing is applied by itself."""

from collections.abc import Sequence
from typing import Any

from aiohttp import web

from hive_node.advice.proposal import Proposal
from hive_node.api.advice_models import AdviceOut, AskAdvice, ProposalOut
from hive_node.api.models import NoBody, Page, Response
from hive_node.api.parts import Parts
from hive_node.api.routing import BadRequest, Call, Route
from hive_node.subjects.workflow.reading import read_event
from hive_node.subjects.workflow.report import as_markdown, event_row, proposal_row, record_rows
from hive_node.subjects.workflow.track import Told


def routes(parts: Parts) -> list[Route]:
    """The endpoints of advice."""
    advice = _Advice(parts)
    which = (("project", "only this project's"), ("standing", "open, applied or rejected"))
    forms = (("format", "json (default) or markdown"),)
    one = "/v1/advice/{id}"
    return [
        Route("POST", "/v1/advice", "What these experiments suggest for hive.toml", advice.ask, AdviceOut, AskAdvice),
        Route("GET", "/v1/advice", "Proposals, oldest first", advice.all, Page, query=which),
        Route("GET", one, "One proposal", advice.get, ProposalOut, query=forms),
        Route("GET", "/v1/experiments/{id}/events/{event}", "What a piece of evidence is", advice.event, Response),
        Route("POST", f"{one}/apply", "Make its change in hive.toml", advice.apply, ProposalOut, NoBody),
        Route("POST", f"{one}/reject", "Turn it down, for ever", advice.reject, ProposalOut, NoBody),
    ]


class _Advice:
    def __init__(self, parts: Parts) -> None:
        self._service = parts.advice

    async def ask(self, call: Call) -> Any:
        body: AskAdvice = call.body
        advised = await self._service.advise(body.experiments, asks_model=body.model)
        rows = _rows(advised.proposals, advised.told)
        return {
            "items": rows,
            "dropped": advised.dropped.reasons,
            "dropped_words": [await self._service.cleaner.without_secrets(one) for one in advised.dropped.words],
            "unasked": advised.unasked,
            "records": record_rows(advised.told.records),
            "markdown": await self._markdown(rows, advised.told),
        }

    async def all(self, call: Call) -> Any:
        project, standing = call.text("project"), call.text("standing")
        if standing not in {None, "open", "applied", "rejected"}:
            raise BadRequest("request.invalid", "standing is open, applied or rejected")
        found = await self._service.shelf.all(project)
        told = await self._service.track.read()
        rows = _rows([one for one in found if standing in {None, one.standing.value}], told)
        return {"items": rows, "next": None, "records": record_rows(told.records)}

    async def get(self, call: Call) -> Any:
        told = await self._service.track.read()
        rows = _rows([await self._service.shelf.get(call.name("id"))], told)
        match call.text("format") or "json":
            case "json":
                return rows[0]
            case "markdown":
                return web.Response(text=await self._markdown(rows, told), content_type="text/markdown")
            case _:
                raise BadRequest("request.invalid", "format is json or markdown")

    async def event(self, call: Call) -> Any:
        service = self._service
        return event_row(await read_event(call.name("id"), call.name("event"), service.runs, service.cleaner))

    async def apply(self, call: Call) -> Any:
        return await self._row(await self._service.apply(call.name("id")))

    async def reject(self, call: Call) -> Any:
        return await self._row(await self._service.reject(call.name("id")))

    async def _row(self, proposal: Proposal) -> dict[str, Any]:
        return _rows([proposal], await self._service.track.read())[0]

    async def _markdown(self, rows: Sequence[dict[str, Any]], told: Told) -> str:
        """For people, who pass it on: a secret of the user's own hive.toml is no part of it either."""
        return await self._service.cleaner.without_secrets(as_markdown(rows, record_rows(told.records)))


def _rows(proposals: Sequence[Proposal], told: Told) -> list[dict[str, Any]]:
    return [proposal_row(one, told.records, told.effects.get(one.id)) for one in proposals]
