"""The hive: found, invite, join, leave, halt, resume, send away; and the peers."""

from dataclasses import asdict

from aiohttp import web

from hive_node.api.models import (
    AdminsBody,
    HaltBody,
    JoinHive,
    NewHive,
    NoBody,
    Page,
    PolicyBody,
    Response,
    ResumeBody,
    RevokeBody,
)
from hive_node.api.parts import Parts
from hive_node.api.routing import Call, Route
from hive_node.ports import Joiner, StoredProposal
from hive_node.share.issuing import Issued
from hive_node.share.proposals import Seen
from protocol.charter import stamp
from protocol.limits import INVITE_WRONG_GUESSES
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
        Route("GET", "/v1/hive/invites", "Open invites, with wrong guesses", hive.invites, Page),
        Route("GET", "/v1/hive/joiners", "Who waits to be let in here", hive.joiners, Page),
        Route("POST", "/v1/hive/joiners/{id}/approve", "Let somebody in", hive.approve, Response),
        Route("POST", "/v1/hive/joiners/{id}/deny", "Turn somebody away", hive.deny, Response),
        Route("POST", "/v1/hive/join", "Join by an invite", hive.join, Response, JoinHive),
        Route("POST", "/v1/hive/halt", "Stop promotions and sends", hive.halt, Response, HaltBody),
        Route("POST", "/v1/hive/resume", "Lift a halt", hive.resume, Response, ResumeBody),
        Route("DELETE", "/v1/hive/members/{id}", "Send a member away", hive.revoke, Response, RevokeBody),
        Route("POST", "/v1/hive/members/{id}/epoch", "Let a member's feed begin again", hive.raise_epoch, Response),
        Route("POST", "/v1/hive/admins", "Who may issue charters", hive.admins, Response, AdminsBody),
        Route("POST", "/v1/hive/policy", "Set a policy of the hive", hive.policy, Response, PolicyBody),
        Route("POST", "/v1/hive/constitution", "Put the hive under this node's rules", hive.adopt, Response),
        Route("GET", "/v1/export/charters", "The chain of charters, NDJSON", hive.export, media="application/x-ndjson"),
        Route("GET", "/v1/hive/proposals", "Changes that admins have still to sign", hive.proposals, Page),
        Route("POST", "/v1/hive/proposals/{id}/sign", "Sign a proposal", hive.sign, Response),
        Route("POST", "/v1/hive/proposals/{id}/reject", "Turn a proposal down", hive.reject, Response),
    ]


class _Hive:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def peers(self, _call: Call) -> JsonValue:
        return {
            "items": [{**asdict(line), "sources": list(line.sources)} for line in await self._parts.peers.lasting()],
            "next": None,
        }

    async def get(self, _call: Call) -> JsonValue:
        membership = self._parts.hive.membership
        if membership is not None:
            return _tree(membership)
        joining = await self._parts.waiting.state()
        return {"id": None, "joining": joining} if joining else {"id": None}

    async def create(self, call: Call) -> JsonValue:
        return _tree(await self._parts.membering.create(call.body.name))

    async def leave(self, _call: Call) -> JsonValue:
        gave_up = await self._parts.waiting.give_up()
        if self._parts.hive.membership is not None or not gave_up:
            await self._parts.membering.leave()
        return {"id": None}

    async def invite(self, _call: Call) -> JsonValue:
        return {"token": await self._parts.membering.invite()}

    async def invites(self, _call: Call) -> JsonValue:
        return {
            "items": [
                {
                    "id": one.id,
                    "expires_at": stamp(one.expires_at),
                    "wrong": one.wrong,
                    "is_closed": one.wrong >= INVITE_WRONG_GUESSES,
                }
                for one in await self._parts.desk.open_invites()
            ],
            "next": None,
        }

    async def joiners(self, _call: Call) -> JsonValue:
        return {"items": [_joiner(one) for one in await self._parts.desk.joiners()], "next": None}

    async def approve(self, call: Call) -> JsonValue:
        return _joiner(await self._parts.desk.approve(call.name("id")))

    async def deny(self, call: Call) -> JsonValue:
        return _joiner(await self._parts.desk.deny(call.name("id")))

    async def join(self, call: Call) -> JsonValue:
        membership = await self._parts.waiting.ask(call.body.token)
        return _tree(membership) if membership else {"id": None, "joining": await self._parts.waiting.state()}

    async def halt(self, call: Call) -> JsonValue:
        body = call.body
        return self._halted(await self._parts.membering.halt(body.reason, body.minutes, is_local=body.local))

    async def resume(self, call: Call) -> JsonValue:
        return self._halted(await self._parts.membering.resume(is_local=call.body.local))

    async def revoke(self, call: Call) -> JsonValue:
        body, member = call.body, call.name("id")
        return self._issued(
            await self._parts.membering.revoke(
                member, body.reason, last_seq=body.last_seq, keep_history=body.keep_history
            )
        )

    async def raise_epoch(self, call: Call) -> JsonValue:
        return self._issued(await self._parts.membering.raise_epoch(call.name("id")))

    async def admins(self, call: Call) -> JsonValue:
        body = call.body
        return self._issued(await self._parts.membering.set_admins(body.add, body.drop, body.threshold))

    async def policy(self, call: Call) -> JsonValue:
        return self._issued(await self._parts.membering.set_policy(call.body.key, call.body.value))

    async def adopt(self, _call: Call) -> JsonValue:
        return self._issued(await self._parts.membering.adopt_constitution())

    async def export(self, call: Call) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await response.prepare(call.request)
        first = 1
        while page := await self._parts.chain.charters(first):
            first += len(page)
            await response.write(b"".join(raw + b"\n" for raw in page))
        await response.write_eof()
        return response

    async def proposals(self, _call: Call) -> JsonValue:
        return {"items": [_seen(one) for one in await self._parts.proposals.open()], "next": None}

    async def sign(self, call: Call) -> JsonValue:
        return self._issued(await self._parts.proposals.sign(call.name("id")))

    async def reject(self, call: Call) -> JsonValue:
        rejected = await self._parts.proposals.turn_down(call.name("id"))
        return {"id": rejected.id, "turned_down": [*rejected.turned_down]}

    def _issued(self, issued: Issued) -> dict[str, JsonValue]:
        """The charter in force after an act, and the proposal that the act is instead, if it is one."""
        membership = self._parts.hive.membership
        tree = _tree(membership) if membership else {}
        return tree | {"proposed": issued.id if isinstance(issued, StoredProposal) else None}

    def _halted(self, issued: Issued | None) -> dict[str, JsonValue]:
        return {
            "halted": self._parts.hive.why_halted(self._parts.clock.now()),
            "proposed": issued.id if isinstance(issued, StoredProposal) else None,
        }


def _joiner(joiner: Joiner) -> dict[str, JsonValue]:
    return {
        "id": joiner.node,
        "owner": joiner.owner,
        "name": joiner.name,
        "invite": joiner.invite,
        "asked_at": stamp(joiner.asked_at),
        "expires_at": stamp(joiner.expires_at),
        "state": joiner.state,
    }


def _seen(seen: Seen) -> dict[str, JsonValue]:
    proposal = seen.proposal
    return {
        "id": proposal.digest,
        "version": proposal.charter.version,
        "proposer": proposal.proposer,
        "proposed_at": seen.proposed_at,
        "changes": [*seen.words],
        "expires_at": proposal.charter.expires_at,
        "signers": [*sorted(proposal.signers)],
        "lacks": proposal.lacks,
        "turned_down": [*seen.turned_down],
    }


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
            {
                "id": one.id,
                "at": one.at,
                "reason": one.reason,
                "last_seq": one.last_seq,
                "keep_history": one.keep_history,
            }
            for one in charter.revoked
        ],
        "halt": charter.halt.model_dump() if charter.halt else None,
        "policy": dict(charter.policy),
    }
