"""Health, status, events, metrics, and the guards on their own: scan and constitution."""

import asyncio
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from hive_node import __version__
from hive_node.api.metrics import exposition
from hive_node.api.models import Health, Page, ScanBody, Status
from hive_node.api.page import session_of
from hive_node.api.parts import Parts
from hive_node.api.routing import BadRequest, Call, Route
from hive_node.api.tally import Tally
from hive_node.ports.agents import AgentTally
from hive_node.share.charters import RENEW_BEFORE
from hive_node.share.proposals import Seen
from protocol.wire import JsonValue, dump_json

_BEAT_S = 15.0


def routes(parts: Parts) -> list[Route]:
    """The node's own endpoints."""
    node = _Node(parts)
    after = (("after", "id of the last event seen; else the Last-Event-ID header; else only new events"),)
    return [
        Route("GET", "/v1/health", "Whether the daemon answers", node.health, Health, is_open=True),
        Route("GET", "/v1/status", "The node in a screenful", node.status, Status),
        Route(
            "GET",
            "/v1/events",
            "Server-sent events, ids without gaps",
            node.events,
            query=after,
            media="text/event-stream",
        ),
        Route("GET", "/v1/receipts", "What the scope guard did, by kind and place", node.receipts, Page),
        Route("POST", "/v1/scan", "Secrets and personal data in a text", node.scan, Page, ScanBody),
        Route("GET", "/v1/constitution", "The rules in force, and their digest", node.constitution, Page),
        Route("GET", "/metrics", "Prometheus metrics", node.metrics, media="text/plain"),
    ]


class _Node:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._tally = Tally(parts)

    async def health(self, _call: Call) -> JsonValue:
        return {"status": "ok"}

    async def status(self, _call: Call) -> JsonValue:
        return await status_tree(self._parts, self._tally)

    async def scan(self, call: Call) -> JsonValue:
        text: str = call.body.text
        # A large text takes a while: beside the event loop.
        findings = await asyncio.to_thread(self._parts.guard.scan_text, text)
        items: list[JsonValue] = [
            {
                "kind": one.kind,
                "entity": one.entity,
                "rule": one.rule,
                "start": one.start,
                "end": one.end,
                "line": text.count("\n", 0, one.start) + 1,
                "confidence": one.confidence,
                "decoded_from": one.decoded_from,
            }
            for one in findings
        ]
        return {"items": items, "next": None}

    async def constitution(self, _call: Call) -> JsonValue:
        rules: list[JsonValue] = [
            {"id": rule.id, "reason": rule.reason, "is_shipped": rule.is_shipped, "patterns": rule.patterns}
            for rule in self._parts.constitution.describe()
        ]
        return {
            "digest": self._parts.constitution.digest,
            "own_digest": self._parts.constitution.own_digest,
            "items": rules,
            "next": None,
        }

    async def receipts(self, call: Call) -> Any:
        return {"items": await self._parts.diary.receipts(call.limit()), "next": None}

    async def metrics(self, _call: Call) -> web.Response:
        status = await status_tree(self._parts, self._tally)
        text = exposition(status, await self._parts.experiments.all())
        return web.Response(body=text, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    async def events(self, call: Call) -> web.StreamResponse:
        last = await self._first(call)
        session = session_of(call.request)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        await response.prepare(call.request)
        await response.write(b": open\n\n")
        while session is None or self._parts.sessions.is_live(session):
            seen = self._parts.diary.tellings()  # looked at before reading: nothing told meanwhile is slept through
            found = await self._parts.diary.after(last)
            for event in found:
                await response.write(
                    b"id: %d\nevent: %s\ndata: %s\n\n"
                    % (event.id, event.kind.encode(), dump_json({"at": event.at, "data": event.data}))
                )
                last = event.id
            if not found:
                await self._wait(seen, response)
        return response

    async def _wait(self, seen: int, response: web.StreamResponse) -> None:
        try:
            async with asyncio.timeout(_BEAT_S):
                await self._parts.diary.wait_past(seen)
        except TimeoutError:
            await response.write(b": beat\n\n")  # a listener that is gone is noticed here

    async def _first(self, call: Call) -> int:
        given = call.text("after") or call.request.headers.get("Last-Event-ID")
        if given is None:
            return await self._parts.diary.last_event()
        if not given.isascii() or not given.isdigit() or len(given) > 18:
            raise BadRequest("request.invalid", "an event id is a number")
        return int(given)


async def status_tree(parts: Parts, tally: Tally) -> dict[str, JsonValue]:
    """The node in a screenful."""
    counts = await tally.counts()
    now, membership = parts.clock.now(), parts.hive.membership
    hive: JsonValue = None
    if membership is not None:
        charter = membership.charter
        hive = {
            "id": membership.hive,
            "name": charter.name,
            "version": charter.version,
            "members": len(charter.members),
            "is_admin": parts.hive.is_admin,
            "expires_at": charter.expires_at,
            "warnings": [*await _warnings(parts)],
        }
    return {
        "version": __version__,
        "build": parts.build,
        "id": parts.hive.node,
        "name": parts.name,
        "owner": parts.owner,
        "hive": hive,
        "peers": sum(line.state in {"in step", "behind", "ahead"} for line in parts.peers.lines()),
        "projects": counts.projects,
        "experiments": {**counts.experiments},
        "agents": _agents(counts.agents, parts.agents.troubles),
        "store": {**parts.store_size()},
        "deltas": {
            "sent": counts.deltas["own"],
            "received": counts.deltas["received"],
            "quarantined": counts.deltas["quarantined"],
            "refused": counts.refused,
        },
        "scope_guard": {
            "scanned": sum(counts.receipts.values()),
            "redacted": counts.receipts.get("redacted", 0),
            "blocked": counts.receipts.get("blocked", 0),
        },
        "heads": {author: [head.epoch, head.seq, head.id] for author, head in sorted(parts.hive.heads.items())},
        "have": parts.hive.digest(),
        "halted": parts.hive.why_halted(now),
        "silent": parts.hive.why_silent(now),
        "undiscovered": parts.undiscovered(),
        "restarts": dict(parts.restarts),
        "doors": dict(parts.doors),
    }


def _agents(tally: AgentTally, troubles: Mapping[str, str]) -> JsonValue:
    running: list[JsonValue] = [
        {"agent": one.agent, "contest": one.number, "operator": one.operator, "sessions": {**one.sessions}}
        for one in tally.running
    ]
    return {
        "kept": tally.agents,
        "contests": {**tally.contests},
        "sessions": {**tally.sessions},
        "running": running,
        "troubles": {**troubles},
    }


async def _warnings(parts: Parts) -> list[str]:
    """What a person should see to, about the charter."""
    membership = parts.hive.membership
    found = [parts.hive.fork] if parts.hive.fork else []
    if membership is None:
        return found
    admins = membership.charter.admins
    if admins.threshold > 1 and membership.charter.is_expired(parts.clock.now() + RENEW_BEFORE):
        found.append(
            f"the charter expires at {membership.charter.expires_at}: {admins.threshold} admins must sign its renewal, "
            "`hive-node hive proposals` shows it"
        )
    if parts.hive.is_admin and (waiting := [one for one in await parts.proposals.open() if _is_unsigned(one, parts)]):
        found.append(f"{len(waiting)} proposed changes wait for this admin: `hive-node hive proposals`")
    return found


def _is_unsigned(seen: Seen, parts: Parts) -> bool:
    return parts.hive.node not in seen.proposal.signers and not seen.turned_down
