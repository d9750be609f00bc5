"""The hive: found, invite, join, leave, halt, resume, send away; and the peers."""

from dataclasses import asdict

from hive_node.api.models import (
    HaltBody,
    JoinHive,
    NewHive,
    NoBody,
    Page,
    Response,
    ResumeBody,
    RevokeBody,
)
from hive_node.api.parts import Parts
from hive_node.api.routing import Call, Route
from protocol.verification import Membership
from protocol.wire import JsonValue


def routes(parts: Parts) -> list[Route]:
    """The endpoints of the hive."""
    hive = _Hive(parts)
    return [
        Route("GET", "/v1/peers", "Members, and how each is doing", hive.peers, Page),
        Route("GET", "/v1/hive", "The charter in force", hive.get, Response),
        Route("POST", "/v1/hive", "Found a hive", hive.create, Response, NewHive, 201),
        Route("DELETE", "/v1/hive", "Leave the hive", hive.leave, Response),
        Route("POST", "/v1/hive/invites", "Open a one-time invite", hive.invite, Response, NoBody, 201),
        Route("POST", "/v1/hive/join", "Join by an invite", hive.join, Response, JoinHive),
        Route("POST", "/v1/hive/halt", "Stop promotions and sends", hive.halt, Response, HaltBody),
        Route("POST", "/v1/hive/resume", "Lift a halt", hive.resume, Response, ResumeBody),
        Route("DELETE", "/v1/hive/members/{id}", "Send a member away", hive.revoke, Response, RevokeBody),
    ]


class _Hive:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def peers(self, _call: Call) -> JsonValue:
        return {
            "items": [{**asdict(line), "sources": list(line.sources)} for line in self._parts.peers.lines()],
            "next": None,
        }

    async def get(self, _call: Call) -> JsonValue:
        membership = self._parts.hive.membership
        return _tree(membership) if membership else {"id": None}

    async def create(self, call: Call) -> JsonValue:
        return _tree(await self._parts.membering.create(call.body.name))

    async def leave(self, _call: Call) -> JsonValue:
        await self._parts.membering.leave()
        return {"id": None}

    async def invite(self, _call: Call) -> JsonValue:
        return {"token": await self._parts.membering.invite()}

    async def join(self, call: Call) -> JsonValue:
        return _tree(await self._parts.membering.join(call.body.token))

    async def halt(self, call: Call) -> JsonValue:
        await self._parts.membering.halt(call.body.reason, call.body.minutes, is_local=call.body.local)
        return {"halted": self._parts.hive.why_halted(self._parts.clock.now())}

    async def resume(self, call: Call) -> JsonValue:
        await self._parts.membering.resume(is_local=call.body.local)
        return {"halted": self._parts.hive.why_halted(self._parts.clock.now())}

    async def revoke(self, call: Call) -> JsonValue:
        return _tree(await self._parts.membering.revoke(call.name("id"), call.body.reason))


def _tree(membership: Membership) -> dict[str, JsonValue]:
    charter = membership.charter
    return {
        "id": membership.hive,
        "name": charter.name,
        "version": charter.version,
        "issued_at": charter.issued_at,
        "expires_at": charter.expires_at,
        "constitution": charter.constitution,
        "admins": list(charter.admins.ids),
        "threshold": charter.admins.threshold,
        "members": [
            {"id": one.id, "owner": one.owner, "name": one.name, "joined_at": one.joined_at, "epoch": one.epoch}
            for one in charter.members
        ],
        "revoked": [
            {"id": one.id, "at": one.at, "reason": one.reason, "last_seq": one.last_seq} for one in charter.revoked
        ],
        "halt": charter.halt.model_dump() if charter.halt else None,
    }
