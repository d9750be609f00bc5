"""Skills: the registry that agents list and call, and what a person decides."""

from typing import Any, Final

from guardrails.verdict import Rejected
from hive_node.api.handlers.task_events import WHOSE, scope_tree, which_of
from hive_node.api.models import NoBody, Page, Response
from hive_node.api.parts import Parts
from hive_node.api.routing import BadRequest, Call, Route
from hive_node.api.skill_models import CallOut, CallSkill, Change, Decide, Decline, NewCase, NewSignal
from hive_node.ports.skills import Which
from hive_node.skills.skill import State, Version
from protocol.wire import JsonValue

_EVERY: Final = ("all", "1: each skill's newest state, not the promoted ones alone")


def routes(parts: Parts) -> list[Route]:
    """The endpoints of skills."""
    skills, one = _Skills(parts), "/v1/skills/{name}"
    version = (("version", "which version; the newest unless told"),)
    return [
        Route("GET", "/v1/skills", "Skills that can be called", skills.all, Page, query=(*WHOSE, _EVERY)),
        Route("GET", one, "One skill: versions, cases, fitness", skills.get, Response),
        Route("POST", f"{one}/call", "Call its promoted version, in the sandbox", skills.call, CallOut, CallSkill),
        Route("GET", f"{one}/lineage", "Ancestors and descendants of a version", skills.lineage, Page, query=version),
        Route("POST", f"{one}/approve", "Validate again, and promote", skills.approve, Response, Decide),
        Route("POST", f"{one}/reject", "A person's no", skills.reject, Response, Decline),
        Route("POST", f"{one}/retry", "Another attempt where the last came to nothing", skills.retry, Response, NoBody),
        Route("POST", f"{one}/mutate", "A change of the promoted version", skills.mutate, Response, Change),
        Route("POST", f"{one}/cases", "An input and its right answer", skills.add_case, Response, NewCase),
        Route("POST", f"{one}/signals", "What is known of it only later", skills.signal, Response, NewSignal),
        Route("GET", "/v1/capabilities", "What engines have earned, by agent", skills.capabilities, Page, query=WHOSE),
    ]


class _Skills:
    def __init__(self, parts: Parts) -> None:
        self._service = parts.skills
        self._registry = parts.skills.registry

    async def all(self, call: Call) -> Any:
        every = call.text("all") not in {None, "0"}
        found = await self._registry.listed(which_of(call), every=every)
        return {"items": [version_tree(one) for one in found], "next": None}

    async def get(self, call: Call) -> Any:
        shelf, name = self._service.shelf, call.name("name")
        versions = await shelf.versions(name)
        newest = next((one for one in versions if one.state is State.PROMOTED), versions[-1])
        score = await self._registry.score(newest)
        cases = await shelf.cases(name)
        known = {case.digest for case in cases}
        return {
            **version_tree(newest),
            "source": newest.source,
            "versions": [version_tree(one) | {"source": one.source} for one in versions],
            "cases": [
                {"input": case.given, "expected": case.expected, "held_out": case.is_held_out, "event": case.event}
                for case in cases
            ],
            "unanswered": await shelf.unanswered(newest, known),
            "fitness": {"value": score.value, "objectives": dict(score.objectives), "missing": list(score.missing)},
        }

    async def call(self, call: Call) -> Any:
        body: CallSkill = call.body
        which = Which(body.owner, body.project, body.agent)
        is_known = "expected" in body.model_fields_set
        made = await self._registry.call(call.name("name"), body.input, which, body.expected, is_known=is_known)
        problem = made.called.problem or ("" if made.is_right is not False else "it is not the expected answer")
        return {
            "ok": not problem,
            "answer": made.called.answer,
            "problem": problem,
            "seconds": made.called.seconds,
            "skill": made.version.skill,
            "version": made.version.number,
            "key": made.key,
        }

    async def lineage(self, call: Call) -> Any:
        name, text = call.name("name"), call.text("version")
        if text is not None and not (text.isascii() and text.isdigit() and len(text) < 8):
            raise BadRequest("request.invalid", "version is a whole number")
        number = int(text) if text else (await self._service.shelf.versions(name))[-1].number
        rows = await self._service.shelf.lineage(name, number)
        items = [
            {
                "generation": one.generation,
                "version": one.number,
                "parent": one.parent,
                "state": one.state.value,
                "engine": one.engine,
                "words": one.words,
            }
            for one in rows
        ]
        return {"items": items, "next": None}

    async def approve(self, call: Call) -> Any:
        return version_tree(await self._registry.approve(call.name("name"), call.body.version))

    async def reject(self, call: Call) -> Any:
        body: Decline = call.body
        return version_tree(await self._registry.reject(call.name("name"), body.version, body.reason))

    async def retry(self, call: Call) -> Any:
        return version_tree(await self._registry.retry(call.name("name")))

    async def mutate(self, call: Call) -> Any:
        return version_tree(await self._registry.mutate(call.name("name"), call.body.words))

    async def add_case(self, call: Call) -> Any:
        body: NewCase = call.body
        return {"added": await self._registry.add_case(call.name("name"), body.input, body.expected)}

    async def signal(self, call: Call) -> Any:
        body: NewSignal = call.body
        is_new = await self._registry.signal(call.name("name"), body.key, body.objective, body.value)
        return {"counted": is_new}

    async def capabilities(self, call: Call) -> Any:
        found = await self._service.shelf.records(which_of(call))
        items = [
            {
                **scope_tree(scope),
                "engine": engine,
                "level": record.level.value,
                "successes": record.successes,
                "failures": record.failures,
                "credit": record.credit,
            }
            for scope, engine, record in found
        ]
        return {"items": items, "next": None}


def version_tree(version: Version) -> dict[str, Any]:
    """A version without its source, as every list shows it."""
    tried = version.tried
    return {
        "name": version.skill,
        "version": version.number,
        **scope_tree(version.scope),
        "state": version.state.value,
        "task": version.task,
        "words": version.words,
        "engine": version.engine,
        "parent": version.parent,
        "at": version.at.isoformat(),
        "events": list(version.events),
        "entry": version.entry,
        "tokens": version.tokens,
        "reason": _reason(version.reason),
        "tried": None
        if tried is None
        else {"cases": tried.cases, "passed": tried.passed, "held_out": tried.held_out, "seconds": tried.seconds,
              "sandbox": tried.backend},
    }  # fmt: skip


def _reason(rejected: Rejected | None) -> JsonValue:
    return {"rule": rejected.rule, "reason": rejected.reason} if rejected else None
