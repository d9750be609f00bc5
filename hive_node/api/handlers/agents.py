"""Coding agents and their sessions."""

from pathlib import Path
from typing import Any

from guardrails.budget import cap_in_micro_dollars
from hive_node.agents.session import Agent
from hive_node.agents.signals import Signals
from hive_node.agents.variant import Variant
from hive_node.api.agent_models import (
    AgentOut,
    EndSession,
    HookBody,
    HookOut,
    NewAgent,
    NewSession,
    ReportSignals,
    ReturnTo,
    Say,
)
from hive_node.api.models import NoBody, Page, Response
from hive_node.api.parts import Parts
from hive_node.api.reports import REPORT_FORMS, in_form
from hive_node.api.routing import BadRequest, Call, Route
from hive_node.improve.agent_rendering import as_html, as_markdown
from hive_node.ports.agents import AgentFault
from hive_node.subjects.agents.attendance import Given
from hive_node.subjects.agents.report import Dossier, dossier, overview, report, session_row
from hive_node.subjects.agents.service import Wish
from protocol.deltas import ShareLevel
from protocol.wire import JsonValue


def routes(parts: Parts) -> list[Route]:
    """The endpoints of agents and sessions."""
    agents, sessions = _Agents(parts), _Sessions(parts)
    one = "/v1/agents/{id}"
    which = (("agent", "whose sessions"), ("limit", "items a page"))
    return [
        Route("GET", "/v1/agents", "Agents, by id", agents.all, Page),
        Route("POST", "/v1/agents", "Look after an agent", agents.add, AgentOut, NewAgent, 201),
        Route("GET", one, "One agent: who leads, how sure, what is next", agents.get, AgentOut),
        Route("DELETE", one, "Take everything of ours out of its files, and let it go", agents.forget, Response),
        Route("GET", f"{one}/report", "Its report", agents.report, Response, query=REPORT_FORMS),
        Route("GET", f"{one}/check", "What it needs, tried", agents.check, Response),
        Route("POST", f"{one}/verdict", "What a person says of a session", agents.say, Response, Say),
        Route("POST", f"{one}/roll", "A new challenger now", agents.roll, AgentOut, NoBody),
        Route("POST", f"{one}/abort", "End the running contest", agents.abort, AgentOut, NoBody),
        Route("POST", f"{one}/rollback", "Return to an earlier champion", agents.roll_back, AgentOut, ReturnTo),
        Route("GET", "/v1/sessions", "An agent's sessions, newest first", sessions.all, Page, query=which),
        Route("POST", "/v1/sessions", "A session begins, or goes on", sessions.begin, Response, NewSession),
        Route("POST", "/v1/sessions/{id}/signals", "What was seen of it", sessions.report, Response, ReportSignals),
        Route("POST", "/v1/sessions/{id}/end", "It is over", sessions.end, Response, EndSession),
        Route("POST", "/v1/sessions/hook", "An agent's own hook", sessions.hook, HookOut, HookBody),
    ]


class _Agents:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._service = parts.agents

    async def all(self, _call: Call) -> Any:
        return {"items": [overview(await self._found(one)) for one in await self._service.shelf.all()], "next": None}

    async def add(self, call: Call) -> Any:
        body: NewAgent = call.body
        folder = Path(body.folder) if body.folder is not None else None
        if folder is not None and not folder.is_absolute():
            raise BadRequest("request.invalid", "`folder`: write its absolute path")
        wish = Wish(
            body.kind,
            folder,
            body.name,
            ShareLevel(body.share),
            body.model,
            body.max_sessions,
            body.max_days,
            cap_in_micro_dollars(body.dollars),
            {str(name): weight for name, weight in body.weights.items()},
        )
        return await self._told(await self._service.add(wish))

    async def get(self, call: Call) -> Any:
        return await self._told(await self._agent(call))

    async def forget(self, call: Call) -> Any:
        identity = call.name("id")
        return {"forgotten": identity, "kept": await self._service.forget(identity)}

    async def report(self, call: Call) -> Any:
        tree = report(await self._found(await self._agent(call), is_whole=True))
        return in_form(call, tree, as_markdown, as_html)

    async def check(self, call: Call) -> Any:
        found = await self._service.examine(await self._agent(call))
        items = [{"check": one.check, "state": one.state, "found": one.found, "fix": one.fix} for one in found]
        return {"ok": all(one.state != "fail" for one in found), "items": items}

    async def say(self, call: Call) -> Any:
        agent = await self._agent(call)
        session = await self._service.attendance.judge(agent, call.body.session, is_good=call.body.good)
        return {"agent": agent.id, "session": session.id, "good": session.signals.good, "bad": session.signals.bad}

    async def roll(self, call: Call) -> Any:
        return await self._told(await self._service.roll(call.name("id")))

    async def abort(self, call: Call) -> Any:
        await self._service.abort(call.name("id"))
        return await self._told(await self._agent(call))

    async def roll_back(self, call: Call) -> Any:
        return await self._told(await self._service.roll_back(call.name("id"), call.body.to))

    async def _agent(self, call: Call) -> Agent:
        return await self._service.shelf.get(call.name("id"))

    async def _told(self, agent: Agent) -> dict[str, Any]:
        return overview(await self._found(await self._service.shelf.get(agent.id)))

    async def _found(self, agent: Agent, *, is_whole: bool = False) -> Dossier:
        trouble, now = self._service.troubles.get(agent.id), self._parts.clock.now()
        return await dossier(self._service.shelf, agent, trouble, now, is_whole=is_whole)


class _Sessions:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._service = parts.agents

    async def all(self, call: Call) -> Any:
        agent = await self._service.shelf.get(call.text("agent") or "")
        found = await self._service.shelf.latest(agent.id, call.limit())
        return {"items": [session_row(one, found) for one in found], "next": None}

    async def begin(self, call: Call) -> Any:
        body: NewSession = call.body
        agent = await self._service.shelf.get(body.agent)
        if not self._service.adapters[agent.kind].tells_sessions:
            raise AgentFault(
                "session.by-block", f"sessions of {agent.kind} are blocks of time: they begin by themselves"
            )
        identity = body.id or self._parts.clock.now().strftime("%Y%m%dT%H%M%S%f")
        return self._given(agent, await self._service.attendance.begin(agent, identity))

    async def report(self, call: Call) -> Any:
        body: ReportSignals = call.body
        agent = await self._service.shelf.get(body.agent)
        counts = body.signals.model_dump()
        session = await self._service.attendance.report(agent, call.name("id"), Signals(**counts))
        for is_good in [True] * body.good + [False] * body.bad:
            session = await self._service.attendance.judge(agent, session.id, is_good=is_good)
        return {"agent": agent.id, "session": session.id}

    async def end(self, call: Call) -> Any:
        agent = await self._service.shelf.get(call.body.agent)
        await self._service.attendance.end(agent, call.name("id"), None)
        return {"agent": agent.id, "session": call.name("id")}

    async def hook(self, call: Call) -> JsonValue:
        """What the agent is to read. A session in a folder that nobody looks after is none of ours: nothing."""
        body: HookBody = call.body
        attendance = self._service.attendance
        agent = await attendance.of_folder(body.kind, Path(body.cwd))
        if agent is None:
            return {"stdout": ""}
        match body.event:
            case "Check":
                said = Variant(system_prompt_prefix=body.session_id)
                return {"stdout": self._service.adapters[agent.kind].answer(said)}
            case "SessionStart":
                given = await attendance.begin(agent, body.session_id, body.transcript_path)
                return {"stdout": self._service.adapters[agent.kind].answer(given.variant)}
            case "Stop":
                await attendance.goes_on(agent, body.session_id, body.transcript_path)
            case "SessionEnd":
                is_cleared = body.reason == "clear"
                await attendance.end(agent, body.session_id, body.transcript_path, cleared=is_cleared)
        return {"stdout": ""}

    def _given(self, agent: Agent, given: Given) -> dict[str, Any]:
        rendered = self._service.adapters[agent.kind].render(given.variant)
        return {
            "agent": agent.id,
            "session": given.session.id,
            "arm": given.session.arm.value,
            "digest": given.variant.digest,
            "variant": given.variant.tree(),
            "rendered": {place: content.decode("utf-8") for place, content in rendered.items()},
        }
