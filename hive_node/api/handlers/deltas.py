"""Deltas: what was said and heard, as entries; and all of it as NDJSON that anybody can verify."""

from collections.abc import Mapping
from typing import Any, TypeAlias

from aiohttp import web

from hive_node.api.models import Page, Response
from hive_node.api.parts import Parts
from hive_node.api.routing import BadRequest, Call, Route
from hive_node.ports import NotFound, Standing, StoredEntry
from protocol.wire import JsonValue, parse_object

_Receipt: TypeAlias = Mapping[str, Any]


def routes(parts: Parts) -> list[Route]:
    """The endpoints of deltas."""
    deltas = _Deltas(parts)
    filters = (
        ("limit", "items a page"),
        ("cursor", "`next` of the page before"),
        ("kind", "only this kind"),
        ("author", "only this node's"),
        ("standing", "good, or quarantined: those that the scope guard refused, without what they say"),
    )
    return [
        Route("GET", "/v1/deltas", "Entries, newest first", deltas.page, Page, query=filters),
        Route("GET", "/v1/deltas/{id}", "One entry with its envelope", deltas.get, Response),
        Route(
            "GET",
            "/v1/export/deltas",
            "Every envelope, feed by feed, as NDJSON",
            deltas.export,
            media="application/x-ndjson",
        ),
    ]


class _Deltas:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def page(self, call: Call) -> JsonValue:
        limit = call.limit()
        standing = _standing(call.text("standing"))
        found = await self._parts.deltas.page(
            limit=limit, before=call.cursor(), kind=call.text("kind"), author=call.text("author"), standing=standing
        )
        entries = [entry for _, entry in found]
        receipts = await self._parts.diary.receipts_of([one.id for one in entries])
        tell = self._told if standing == "good" else self._hidden
        return {
            "items": [tell(one, receipts.get(one.id)) for one in entries],
            "next": str(found[-1][0]) if len(found) == limit else None,
        }

    async def get(self, call: Call) -> JsonValue:
        entry = await self._parts.deltas.get(call.name("id"))
        if entry is None or entry.standing != "good":
            raise NotFound("delta.unknown", "there is no such entry: `hive-node delta list` shows them")
        receipts = await self._parts.diary.receipts_of([entry.id])
        receipt = receipts.get(entry.id)
        return {**self._told(entry, receipt), "receipt": receipt, "envelope": parse_object(entry.envelope.to_bytes())}

    async def export(self, call: Call) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await response.prepare(call.request)
        ends: dict[str, int] = {}
        async for entry in self._parts.deltas.all():
            # Where an entry is quarantined its feed's export ends: what follows could not be verified without it.
            header = entry.delta.header
            if header.seq == ends.get(header.author, 0) + 1 or header.seq == 1:
                ends[header.author] = header.seq
                await response.write(entry.envelope.to_bytes() + b"\n")
        await response.write_eof()
        return response

    def _hidden(self, entry: StoredEntry, receipt: _Receipt | None) -> dict[str, JsonValue]:
        return self._head(entry) | {"rule": receipt["rule"] if receipt else None}

    def _told(self, entry: StoredEntry, receipt: _Receipt | None) -> dict[str, JsonValue]:
        """removed: how much was taken out before it left; null for what others said."""
        regard = self._parts.beliefs.regard(entry.id, entry.delta)
        return {
            **self._head(entry),
            "removed": len(receipt["places"]) if receipt else None,
            "standing": regard.standing,
            "fell_with": regard.fell_with,
            "body": parse_object(entry.delta.raw).get("body"),
        }

    def _head(self, entry: StoredEntry) -> dict[str, JsonValue]:
        header = entry.delta.header
        return {
            "id": entry.id,
            "author": header.author,
            "owner": self._parts.hive.owners().get(entry.delta.author),
            "epoch": header.epoch,
            "seq": header.seq,
            "kind": header.kind,
            "issued_at": header.issued_at,
            "received_at": entry.received_at,
        }


def _standing(text: str | None) -> Standing:
    match text:
        case None | "good":
            return "good"
        case "quarantined":
            return "quarantined"
    raise BadRequest("request.invalid", "standing is good or quarantined")
