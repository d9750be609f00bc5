"""Experiments: start, watch, drive step by step, stop, report."""

from typing import Any

from aiohttp import web

from hive_node.api.models import ExperimentOut, NewExperiment, NewIdea, NoBody, Page, Response, StopExperiment
from hive_node.api.parts import Parts
from hive_node.api.routing import BadRequest, Call, Route
from hive_node.domain import Experiment
from hive_node.improve.report import Material, as_html, as_markdown, idea_row, overview, report
from protocol.deltas import Edit
from protocol.wire import JsonValue


def routes(parts: Parts) -> list[Route]:
    """The endpoints of experiments."""
    table = _Experiments(parts)
    of_project = (("project", "only this project's"),)
    forms = (("format", "json (default), markdown or html"),)
    one = "/v1/experiments/{id}"
    return [
        Route("GET", "/v1/experiments", "Experiments, oldest first", table.all, Page, query=of_project),
        Route("POST", "/v1/experiments", "Start one", table.start, ExperimentOut, NewExperiment, 201),
        Route("GET", one, "One experiment", table.get, ExperimentOut),
        Route("GET", f"{one}/trials", "Its ideas and what became of each", table.trials, Page, query=_PAGING),
        Route("GET", f"{one}/report", "Its report", table.report, Response, query=forms),
        Route("POST", f"{one}/edit", "Step: propose an edit of the champion", table.edit, ExperimentOut, NewIdea),
        Route("POST", f"{one}/run", "Step: measure the baseline, or the idea", table.run, ExperimentOut, NoBody),
        Route("POST", f"{one}/decide", "Step: let the gates judge what was run", table.decide, ExperimentOut, NoBody),
        Route("POST", f"{one}/finalize", "Step: end it", table.finalize, ExperimentOut, NoBody),
        Route("POST", f"{one}/stop", "End it now", table.stop, ExperimentOut, StopExperiment),
    ]


_PAGING = (("limit", "items a page"), ("cursor", "`next` of the page before"))


class _Experiments:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def all(self, call: Call) -> JsonValue:
        found = await self._parts.experiments.all(call.text("project"))
        return {"items": [_line(one) for one in found], "next": None}

    async def start(self, call: Call) -> JsonValue:
        wanted: NewExperiment = call.body
        project = await self._parts.projects.shelf.get(wanted.project)
        experiment = await self._parts.starting.start(
            project, wanted.operator, iterations=wanted.iterations, seed=wanted.seed, is_stepwise=wanted.stepwise
        )
        self._parts.runner.wake()
        return _line(experiment)

    async def get(self, call: Call) -> JsonValue:
        return _line(await self._parts.experiments.get(call.name("id")))

    async def trials(self, call: Call) -> Any:
        experiment = await self._parts.experiments.get(call.name("id"))
        first, limit = call.cursor() or 0, call.limit()
        rows = [idea_row(record, experiment) for record in await self._parts.experiments.ideas(experiment.id)]
        more = str(first + limit) if first + limit < len(rows) else None
        return {"items": rows[first : first + limit], "next": more}

    async def report(self, call: Call) -> Any:
        experiment = await self._parts.experiments.get(call.name("id"))
        ledger = self._parts.experiments
        material = Material(
            experiment,
            await ledger.ideas(experiment.id),
            await ledger.promotions(experiment.id),
            await ledger.samples(experiment.id, 0),
        )
        tree = report(material)
        match call.text("format") or "json":
            case "json":
                return tree
            case "markdown":
                return web.Response(text=as_markdown(tree), content_type="text/markdown")
            case "html":
                return web.Response(text=as_html(tree), content_type="text/html")
            case _:
                raise BadRequest("request.invalid", "format is json, markdown or html")

    async def edit(self, call: Call) -> JsonValue:
        idea: NewIdea = call.body
        edits = tuple(Edit(path=one.path, search=one.search, replace=one.replace) for one in idea.edits)
        return _line(await self._parts.steps.edit(call.name("id"), idea.idea, edits))

    async def run(self, call: Call) -> JsonValue:
        return _line(await self._parts.steps.run(call.name("id")))

    async def decide(self, call: Call) -> JsonValue:
        return _line(await self._parts.steps.decide(call.name("id")))

    async def finalize(self, call: Call) -> JsonValue:
        return _line(await self._parts.steps.finalize(call.name("id")))

    async def stop(self, call: Call) -> JsonValue:
        identity = (await self._parts.experiments.get(call.name("id"))).id
        await self._parts.steps.close(identity)
        return _line(await self._parts.runner.stop(identity, call.body.reason))


def _line(experiment: Experiment) -> JsonValue:
    # With its budget, so that a watcher can say how far it is.
    return overview(experiment) | {"budget": experiment.spec.budget.model_dump(mode="json")}
