"""Experiments: start, watch, drive step by step, stop, report."""

from typing import Any, Final

from hive_node.api.models import (
    CourseOut,
    ExperimentOut,
    NewExperiment,
    NewIdea,
    NoBody,
    Page,
    Response,
    RollBack,
    StopExperiment,
)
from hive_node.api.parts import Parts
from hive_node.api.reports import REPORT_FORMS, in_form
from hive_node.api.routing import Call, Route
from hive_node.domain import Experiment
from hive_node.improve.rendering import as_html, as_markdown
from hive_node.improve.report import Material, course_head, idea_row, overview, report, sample_row, shown_runs
from hive_node.improve.steps import STEPS
from protocol.deltas import Edit
from protocol.wire import JsonValue


def routes(parts: Parts) -> list[Route]:
    """The endpoints of experiments."""
    table = _Experiments(parts)
    which = (("project", "only this project's"), ("open", "1: only those that are not over"))
    one = "/v1/experiments/{id}"
    return [
        Route("GET", "/v1/experiments", "Experiments, oldest first", table.all, Page, query=which),
        Route("POST", "/v1/experiments", "Start one", table.start, ExperimentOut, NewExperiment, 201),
        Route("GET", one, "One experiment", table.get, ExperimentOut),
        Route("GET", f"{one}/status", "The same", table.get, ExperimentOut),
        Route("GET", f"{one}/trials", "Its ideas and what became of each", table.trials, Page, query=_PAGING),
        Route(
            "GET",
            f"{one}/course",
            "The metric's path and every measured value",
            table.course,
            CourseOut,
            query=_PAGING[1:],
        ),
        Route("GET", f"{one}/trials/{{number}}", "One idea with every run that was made for it", table.trial, Response),
        Route("GET", f"{one}/report", "Its report", table.report, Response, query=REPORT_FORMS),
        Route("POST", f"{one}/edit", "Step: propose an edit of the champion", table.edit, ExperimentOut, NewIdea),
        Route("POST", f"{one}/run", "Step: measure the baseline, or the idea", table.run, ExperimentOut, NoBody),
        Route("POST", f"{one}/decide", "Step: let the gates judge what was run", table.decide, ExperimentOut, NoBody),
        Route("POST", f"{one}/finalize", "Step: end it", table.finalize, ExperimentOut, NoBody),
        Route("POST", f"{one}/rollback", "Take a promotion back", table.roll_back, ExperimentOut, RollBack),
        Route("POST", f"{one}/stop", "End it now", table.stop, ExperimentOut, StopExperiment),
    ]


_PAGING = (("limit", "items a page"), ("cursor", "`next` of the page before: the number of its last idea"))
# A picture has fewer columns; an answer of this size takes some 20 ms to make.
_POINTS: Final = 5_000


class _Experiments:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def all(self, call: Call) -> JsonValue:
        project = call.text("project")
        if call.text("open") in {None, "0"}:
            found = await self._parts.experiments.all(project)
        else:
            found = [one for one in await self._parts.experiments.open() if project in {None, one.project}]
        return {"items": [self._line(one) for one in found], "next": None}

    async def start(self, call: Call) -> JsonValue:
        wanted: NewExperiment = call.body
        project = await self._parts.projects.shelf.get(wanted.project)
        experiment = await self._parts.starting.start(
            project, wanted.operator, iterations=wanted.iterations, seed=wanted.seed, is_stepwise=wanted.stepwise
        )
        self._parts.runner.wake()
        return self._line(experiment)

    async def get(self, call: Call) -> JsonValue:
        return self._line(await self._parts.experiments.get(call.name("id")))

    async def trials(self, call: Call) -> Any:
        experiment = await self._parts.experiments.get(call.name("id"))
        limit = call.limit()
        found = await self._parts.experiments.ideas_page(experiment.id, call.cursor() or 0, limit + 1)
        rows = [idea_row(record, experiment) for record in found[:limit]]
        return {"items": rows, "next": str(rows[-1]["number"]) if len(found) > limit else None}

    async def course(self, call: Call) -> Any:
        experiment, first = await self._parts.experiments.get(call.name("id")), call.cursor() or 0
        found = await self._parts.experiments.course(experiment.id, first, _POINTS + 1)
        promotions = await self._parts.experiments.promotions(experiment.id)
        return {
            **course_head(experiment, promotions),
            "numbers": [number for number, _, _ in found[:_POINTS]],
            "values": [value for _, value, _ in found[:_POINTS]],
            "outcomes": [outcome or "open" for _, _, outcome in found[:_POINTS]],
            "next": str(found[_POINTS - 1][0]) if len(found) > _POINTS else None,
        }

    async def trial(self, call: Call) -> Any:
        experiment, number = await self._parts.experiments.get(call.name("id")), call.number("number")
        record = await self._parts.experiments.idea(experiment.id, number)
        runs = shown_runs(await self._parts.experiments.samples(experiment.id, number), experiment)
        return {**idea_row(record, experiment), "runs": [sample_row(arm, sample) for arm, sample in runs]}

    async def report(self, call: Call) -> Any:
        experiment = await self._parts.experiments.get(call.name("id"))
        ledger = self._parts.experiments
        promotions = await ledger.promotions(experiment.id)
        numbers = [0, *(one.idea.number for one in promotions)]
        runs = {number: await ledger.samples(experiment.id, number) for number in numbers}
        ideas, watches = await ledger.ideas(experiment.id), await ledger.watches(experiment.id)
        tree = report(Material(experiment, ideas, promotions, runs, await ledger.costs(experiment.id), watches))
        return in_form(call, tree, as_markdown, as_html)

    async def edit(self, call: Call) -> JsonValue:
        idea: NewIdea = call.body
        edits = tuple(Edit(path=one.path, search=one.search, replace=one.replace) for one in idea.edits)
        return self._line(await self._parts.steps.edit(call.name("id"), idea.idea, edits))

    async def run(self, call: Call) -> JsonValue:
        return self._line(await self._parts.steps.run(call.name("id")))

    async def decide(self, call: Call) -> JsonValue:
        return self._line(await self._parts.steps.decide(call.name("id")))

    async def finalize(self, call: Call) -> JsonValue:
        return self._line(await self._parts.steps.finalize(call.name("id")))

    async def roll_back(self, call: Call) -> JsonValue:
        wanted: RollBack = call.body
        return self._line(await self._parts.watchman.roll_back(call.name("id"), wanted.idea, wanted.reason))

    async def stop(self, call: Call) -> JsonValue:
        identity = (await self._parts.experiments.get(call.name("id"))).id
        await self._parts.steps.close(identity)
        return self._line(await self._parts.runner.stop(identity, call.body.reason))

    def _line(self, experiment: Experiment) -> dict[str, Any]:
        waiting = self._parts.runner.waiting.get(experiment.id)
        return overview(experiment) | {"waiting": waiting, "next": _next_steps(experiment)}


def _next_steps(experiment: Experiment) -> list[str]:
    """What a driver may do now; nothing where the node drives."""
    return list(STEPS[experiment.state]) if experiment.is_stepwise else []
