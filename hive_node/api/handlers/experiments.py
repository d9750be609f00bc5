"""Experiments: start, watch, drive step by step, stop, report."""

from typing import Any

from hive_node.api.models import ExperimentOut, NewExperiment, NewIdea, NoBody, Page, Response, RollBack, StopExperiment
from hive_node.api.parts import Parts
from hive_node.api.reports import REPORT_FORMS, in_form
from hive_node.api.routing import Call, Route
from hive_node.domain import Experiment
from hive_node.improve.rendering import as_html, as_markdown
from hive_node.improve.report import Material, idea_row, overview, report, sample_row, shown_runs
from hive_node.improve.steps import STEPS
from protocol.deltas import Edit
from protocol.wire import JsonValue


def routes(parts: Parts) -> list[Route]:
    """The endpoints of experiments."""
    table = _Experiments(parts)
    of_project = (("project", "only this project's"),)
    one = "/v1/experiments/{id}"
    return [
        Route("GET", "/v1/experiments", "Experiments, oldest first", table.all, Page, query=of_project),
        Route("POST", "/v1/experiments", "Start one", table.start, ExperimentOut, NewExperiment, 201),
        Route("GET", one, "One experiment", table.get, ExperimentOut),
        Route("GET", f"{one}/status", "The same", table.get, ExperimentOut),
        Route("GET", f"{one}/trials", "Its ideas and what became of each", table.trials, Page, query=_PAGING),
        Route("GET", f"{one}/trials/{{number}}", "One idea with every run that was made for it", table.trial, Response),
        Route("GET", f"{one}/report", "Its report", table.report, Response, query=REPORT_FORMS),
        Route("POST", f"{one}/edit", "Step: propose an edit of the champion", table.edit, ExperimentOut, NewIdea),
        Route("POST", f"{one}/run", "Step: measure the baseline, or the idea", table.run, ExperimentOut, NoBody),
        Route("POST", f"{one}/decide", "Step: let the gates judge what was run", table.decide, ExperimentOut, NoBody),
        Route("POST", f"{one}/finalize", "Step: end it", table.finalize, ExperimentOut, NoBody),
        Route("POST", f"{one}/rollback", "Take a promotion back", table.roll_back, ExperimentOut, RollBack),
        Route("POST", f"{one}/stop", "End it now", table.stop, ExperimentOut, StopExperiment),
    ]


_PAGING = (("limit", "items a page"), ("cursor", "`next` of the page before"))


class _Experiments:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def all(self, call: Call) -> JsonValue:
        found = await self._parts.experiments.all(call.text("project"))
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
        first, limit = call.cursor() or 0, call.limit()
        rows = [idea_row(record, experiment) for record in await self._parts.experiments.ideas(experiment.id)]
        more = str(first + limit) if first + limit < len(rows) else None
        return {"items": rows[first : first + limit], "next": more}

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
