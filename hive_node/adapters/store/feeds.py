"""Feed entries, entries held for a gap, proofs of equivocation."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Integer, Select, delete, func, insert, literal_column, or_, select, true, tuple_, update
from sqlalchemy.dialects.sqlite import insert as upsert

from hive_node.adapters.store.database import Database
from hive_node.adapters.store.journal import Journal
from hive_node.adapters.store.tables import amendments, charters, entries, held, joiners, proofs, proposals
from hive_node.ports import Carried, Standing, StoredEntry
from protocol.charter import stamp
from protocol.deltas import Delta
from protocol.envelope import DELTA_TYPE, Envelope, parse_envelope
from protocol.feed import Head
from protocol.ids import EntryId, NodeId
from protocol.limits import ENTRIES_PER_ANSWER, ENVELOPE_BYTES, HELD_IN_ALL, HELD_PER_AUTHOR
from protocol.sync import Missing, unshown
from protocol.wire import JsonValue

GOOD: Final[Standing] = "good"
QUARANTINED: Final[Standing] = "quarantined"
_ADD: Final = insert(entries)
_ROWID: Final = literal_column("entries.rowid", Integer)


@dataclass(frozen=True, slots=True)
class FeedStore:
    """Every author's feed, as far as it is held here."""

    database: Database
    journal: Journal

    async def forget_hive(self) -> None:
        """Leave: drop the charter and all that was to become of it, every entry, and what was held."""
        async with self.database.write() as transaction:
            for table in (charters, amendments, proposals, joiners, entries, held, proofs):
                await transaction.execute(delete(table))

    async def heads(self, epochs: Mapping[NodeId, int], *, shown_only: bool = False) -> dict[NodeId, Head]:
        """The last entry held of each author, in the epoch that is told or else in the newest; where asked so, of those in good
        standing alone."""
        by_epoch = entries.c.author, entries.c.epoch
        among = entries.c.standing == GOOD if shown_only else true()
        last = select(*by_epoch, func.max(entries.c.seq)).where(among).group_by(*by_epoch)
        query = select(*by_epoch, entries.c.seq, entries.c.id).where(tuple_(*by_epoch, entries.c.seq).in_(last))
        found: dict[NodeId, Head] = {}
        async with self.database.read() as connection:
            for row in await connection.execute(query.order_by(*by_epoch)):
                if row.epoch <= epochs.get(NodeId(row.author), row.epoch):
                    found[NodeId(row.author)] = Head(row.epoch, row.seq, EntryId(row.id))
        return found

    async def holes(self) -> list[Missing]:
        """Numbers that no entry is held at, though one is after them."""
        before = func.lag(entries.c.seq, 1, 0).over(
            partition_by=(entries.c.author, entries.c.epoch), order_by=entries.c.seq
        )
        steps = select(entries.c.author, entries.c.epoch, entries.c.seq, before.label("before")).subquery()
        async with self.database.read() as connection:
            rows = await connection.execute(select(steps).where(steps.c.seq > steps.c.before + 1))
            return [Missing(NodeId(row.author), row.epoch, row.before + 1, row.seq - 1) for row in rows]

    async def add(self, arrived: Sequence[tuple[Envelope, Delta, Standing]], *, purpose: str | None = None) -> None:
        """Write entries, each (envelope, delta, standing), in one transaction. purpose: what an own entry says, once for ever."""
        now = stamp(self.journal.clock.now())
        rows = [_row(envelope, delta, standing, purpose, now) for envelope, delta, standing in arrived]
        async with self.database.write() as transaction:
            await transaction.execute(_ADD, rows)
            await self.journal.tell_in(transaction, "delta", *map(_event, rows))
        await self.journal.wake()

    async def stand(self, verdicts: Mapping[EntryId, Standing]) -> None:
        """Show entries, or keep them back, from here on."""
        async with self.database.write() as transaction:
            for standing in (GOOD, QUARANTINED):
                ids = [one for one, verdict in verdicts.items() if verdict == standing]
                await transaction.execute(update(entries).where(entries.c.id.in_(ids)).values(standing=standing))

    async def by_purpose(self, purpose: str) -> StoredEntry | None:
        """Our own entry that says `purpose`, if it was written."""
        found = await self._entries(select(entries).where(entries.c.purpose == purpose))
        return found[0] if found else None

    async def get(self, identity: str) -> StoredEntry | None:
        """The entry of that id."""
        found = await self._entries(select(entries).where(entries.c.id == identity))
        return found[0] if found else None

    async def at(self, author: NodeId, epoch: int, seq: int) -> StoredEntry | None:
        """The entry held at one place of a feed."""
        place = (entries.c.author == author, entries.c.epoch == epoch, entries.c.seq == seq)
        found = await self._entries(select(entries).where(*place))
        return found[0] if found else None

    async def page(
        self,
        *,
        limit: int,
        before: int | None = None,
        kind: str | None = None,
        author: str | None = None,
        standing: Standing = GOOD,
    ) -> list[tuple[int, StoredEntry]]:
        """Entries in that standing, newest first, with the cursor of each."""
        query = select(_ROWID.label("cursor"), entries).where(entries.c.standing == standing).order_by(_ROWID.desc())
        query = query.limit(limit)
        if before is not None:
            query = query.where(before > _ROWID)
        if kind is not None:
            query = query.where(entries.c.kind == kind)
        if author is not None:
            query = query.where(entries.c.author == author)
        async with self.database.read() as connection:
            return [(row.cursor, _stored(row)) for row in await connection.execute(query)]

    async def all(self) -> AsyncIterator[StoredEntry]:
        """Every entry in good standing, feed by feed in order; what the fold is rebuilt from."""
        query = (
            select(entries).where(entries.c.standing == GOOD).order_by(entries.c.author, entries.c.epoch, entries.c.seq)
        )
        async with self.database.read() as connection:
            async for row in connection.stream(query):
                yield _stored(row)

    async def carried(
        self, missing: Sequence[Missing], limit: int = ENTRIES_PER_ANSWER, to: NodeId | None = None
    ) -> Carried:
        """The envelopes in those ranges, in order, `limit` at most, and which of their numbers stay here.

        to: who is shown its own entries whatever our scope guard said of them: it would else use their numbers again (§5.7).
        """
        is_shown = or_(entries.c.standing == GOOD, entries.c.author == to)
        found: list[bytes] = []
        withheld: list[Missing] = []
        async with self.database.read() as connection:
            for one in missing:
                if len(found) >= limit:
                    return Carried(found, withheld, has_more=True)
                query = (
                    select(entries.c.seq, entries.c.envelope)
                    .where(entries.c.author == one.author, entries.c.epoch == one.epoch)
                    .where(entries.c.seq.between(one.first, one.last), is_shown)
                    .order_by(entries.c.seq)
                    .limit(limit - len(found))
                )
                rows = (await connection.execute(query)).all()
                found += [row.envelope for row in rows]
                shown = [row.seq for row in rows]
                withheld += unshown(one, shown, is_cut=len(found) >= limit)
        return Carried(found, withheld, has_more=len(found) >= limit)

    async def counts(self, own: NodeId | None) -> dict[str, int]:
        """How many entries are ours, how many are others', how many are quarantined."""
        query = select(entries.c.author == own, entries.c.standing, func.count()).group_by(
            entries.c.author == own, entries.c.standing
        )
        result = {"own": 0, "received": 0, "quarantined": 0}
        async with self.database.read() as connection:
            for is_own, standing, count in await connection.execute(query):
                result["quarantined" if standing == QUARANTINED else "own" if is_own else "received"] += count
        return result

    async def hold(self, delta: Delta, envelope: Envelope) -> bool:
        """Keep an authentic entry that came ahead of its place; False where its author's room, or everybody's, is used up."""
        of_its_author = func.count().filter(held.c.author == delta.author)
        async with self.database.write() as transaction:
            counted = await transaction.execute(select(func.count(), of_its_author).select_from(held))
            in_all, of_author = counted.one()
            if of_author >= HELD_PER_AUTHOR or in_all >= HELD_IN_ALL:
                return False
            row = {"author": delta.author, "epoch": delta.header.epoch, "seq": delta.header.seq}
            statement = upsert(held).values(row | {"envelope": envelope.to_bytes()})
            await transaction.execute(statement.on_conflict_do_nothing())
        return True

    async def holding(self) -> set[NodeId]:
        """Authors of whom anything is held."""
        async with self.database.read() as connection:
            return {NodeId(row[0]) for row in await connection.execute(select(held.c.author).distinct())}

    async def trim_held(self, room: Mapping[NodeId, tuple[int, int]]) -> None:
        """Drop what is held of anybody but these authors, of another epoch than theirs, or after their last number."""
        async with self.database.write() as transaction:
            for author in (await transaction.execute(select(held.c.author).distinct())).scalars().all():
                epoch, last = room.get(author, (0, 0))
                is_beyond = or_(held.c.epoch != epoch, held.c.seq > last)
                await transaction.execute(delete(held).where(held.c.author == author, is_beyond))

    async def release(self, author: NodeId, epoch: int, seq: int) -> bytes | None:
        """Take out what is held for one place; drop everything held at or before it."""
        async with self.database.write() as transaction:
            place = (held.c.author == author, held.c.epoch == epoch)
            query = select(held.c.envelope).where(*place, held.c.seq == seq)
            found = (await transaction.execute(query)).scalar_one_or_none()
            await transaction.execute(delete(held).where(*place, held.c.seq <= seq))
        return found

    async def keep_proof(self, author: NodeId, epoch: int, first: bytes, second: bytes) -> None:
        """Keep a proof that `author` signed two entries at one number, in place of an older epoch's."""
        row = {"first": first, "second": second, "at": stamp(self.journal.clock.now())}
        async with self.database.write() as transaction:
            statement = upsert(proofs).values(author=author, **row)
            await transaction.execute(statement.on_conflict_do_update(["author"], set_=row))
            await self.journal.tell_in(transaction, "equivocation", {"author": author, "epoch": epoch})
        await self.journal.wake()

    async def equivocators(self) -> dict[NodeId, int]:
        """Authors of whom a proof is kept, and the epoch that it is of."""
        async with self.database.read() as connection:
            rows = (await connection.execute(select(proofs.c.author, proofs.c.first))).all()
        return {NodeId(row.author): _delta(row.first).header.epoch for row in rows}

    async def proofs(self, authors: Iterable[NodeId]) -> list[tuple[bytes, bytes]]:
        """The two envelopes of each proof that is kept of those authors, in the order of their ids."""
        query = select(proofs).where(proofs.c.author.in_(list(authors))).order_by(proofs.c.author)
        async with self.database.read() as connection:
            return [(row.first, row.second) for row in await connection.execute(query)]

    async def _entries(self, query: Select[Any]) -> list[StoredEntry]:
        async with self.database.read() as connection:
            return [_stored(row) for row in await connection.execute(query)]


def _row(envelope: Envelope, delta: Delta, standing: str, purpose: str | None, now: str) -> dict[str, Any]:
    return {
        "id": envelope.id,
        "author": delta.author,
        "epoch": delta.header.epoch,
        "seq": delta.header.seq,
        "kind": delta.kind,
        "task": getattr(delta.body, "task", None),
        "envelope": envelope.to_bytes(),
        "standing": standing,
        "purpose": purpose,
        "received_at": now,
    }


def _event(row: Mapping[str, Any]) -> dict[str, JsonValue]:
    return {name: row[name] for name in ("id", "author", "seq", "kind", "standing")}


def _stored(row: Any) -> StoredEntry:
    # Our own file: what is in it was verified before it was written.
    envelope = parse_envelope(row.envelope, max_bytes=ENVELOPE_BYTES, payload_type=DELTA_TYPE)
    return StoredEntry(EntryId(row.id), Delta.parse(envelope.payload), envelope, row.standing, row.received_at)


def _delta(raw: bytes) -> Delta:
    return Delta.parse(parse_envelope(raw, max_bytes=ENVELOPE_BYTES, payload_type=DELTA_TYPE).payload)
