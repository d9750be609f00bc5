"""The charter chain, and what is about to become a part of it: proposals, and changes to be issued again."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.dialects.sqlite import insert as upsert

from hive_node.adapters.store.database import Database, Transaction
from hive_node.adapters.store.journal import Journal
from hive_node.adapters.store.tables import amendments, charters, entries, held, proposals
from hive_node.ports import Cut, StoredProposal
from protocol.amendment import Amendment
from protocol.charter import stamp
from protocol.envelope import CHARTER_TYPE, parse_envelope
from protocol.ids import NodeId
from protocol.limits import ANSWER_BYTES, CHARTER_BYTES


@dataclass(frozen=True, slots=True)
class CharterStore:
    """One chain: a node is in one hive at a time."""

    database: Database
    journal: Journal

    async def charters(self, first: int = 1) -> list[bytes]:
        """The chain from version `first`, as envelopes: as many as fit into one answer, and one in any case."""
        found: list[bytes] = []
        total = 0
        async for raw in self._from(first):
            total += len(raw) + 1
            if found and total > ANSWER_BYTES:
                break
            found.append(raw)
        return found

    async def digest_at(self, version: int) -> str | None:
        """SHA-256 of the payload of that version; None where it is not held."""
        query = select(charters.c.envelope).where(charters.c.version == version)
        async with self.database.read() as connection:
            raw = (await connection.execute(query)).scalar_one_or_none()
        if raw is None:
            return None
        return parse_envelope(_bytes(raw), max_bytes=CHARTER_BYTES, payload_type=CHARTER_TYPE).id

    async def keep_chain(self, envelopes: Sequence[bytes]) -> None:
        """Keep a whole chain, version 1 first, or nothing of it: half of one would read as if this node had been revoked."""
        async with self.database.write() as transaction:
            await transaction.execute(insert(charters), _rows(1, envelopes))
            await self.journal.tell_in(transaction, "charter", {"version": len(envelopes)})
        await self.journal.wake()

    async def add_charter(self, version: int, envelope: bytes, cut: Sequence[Cut] = ()) -> None:
        """Keep one more version. Raises StoreError where that version is kept already.

        cut: feeds that end there by this version; what was held beyond goes with it.
        """
        async with self.database.write() as transaction:
            await transaction.execute(insert(charters), _rows(version, [envelope]))
            await _end_feeds(transaction, cut)
            await self.journal.tell_in(transaction, "charter", {"version": version})
        await self.journal.wake()

    async def switch(
        self, shared: int, envelopes: Sequence[bytes], cut: Sequence[Cut], again: Sequence[Amendment]
    ) -> None:
        """Keep other versions in place of all after `shared`. again: this node's own changes that went with those."""
        async with self.database.write() as transaction:
            await transaction.execute(delete(charters).where(charters.c.version > shared))
            await transaction.execute(insert(charters), _rows(shared + 1, envelopes))
            await _end_feeds(transaction, cut)
            await self._remember(transaction, again)
            event = {"version": shared + len(envelopes), "shared": shared, "to_issue_again": len(again)}
            await self.journal.tell_in(transaction, "charter-switched", event)
        await self.journal.wake()

    async def to_issue_again(self) -> list[tuple[int, Amendment]]:
        """This node's own changes that another branch displaced, oldest first, each with its number."""
        async with self.database.read() as connection:
            rows = await connection.execute(select(amendments).order_by(amendments.c.id))
            return [(row.id, Amendment.model_validate(row.document)) for row in rows]

    async def issued_again(self, number: int) -> None:
        """That one is done with."""
        async with self.database.write() as transaction:
            await transaction.execute(delete(amendments).where(amendments.c.id == number))

    async def proposals(self) -> list[StoredProposal]:
        """Every proposal, oldest first."""
        async with self.database.read() as connection:
            rows = await connection.execute(select(proposals).order_by(proposals.c.at, proposals.c.id))
            return [
                StoredProposal(
                    row.id,
                    row.envelope,
                    Amendment.model_validate(row.change),
                    row.at,
                    tuple(NodeId(one) for one in row.turned_down),
                )
                for row in rows
            ]

    async def keep_proposal(self, proposal: StoredProposal) -> None:
        """Keep a proposal as it is now, over what it was."""
        row = {
            "envelope": proposal.envelope,
            "change": proposal.change.model_dump(mode="json"),
            "at": proposal.at,
            "turned_down": list(proposal.turned_down),
        }
        async with self.database.write() as transaction:
            statement = upsert(proposals).values(id=proposal.id, **row)
            await transaction.execute(statement.on_conflict_do_update(["id"], set_=row))

    async def drop_proposal(self, identity: str, again: Amendment | None = None) -> None:
        """Forget a proposal. again: its change, where that is to be made on another version."""
        async with self.database.write() as transaction:
            await transaction.execute(delete(proposals).where(proposals.c.id == identity))
            if again is not None:
                await self._remember(transaction, [again])

    async def _remember(self, transaction: Transaction, again: Sequence[Amendment]) -> None:
        now = stamp(self.journal.clock.now())
        for change in again:
            row = {"document": change.model_dump(mode="json"), "at": now}
            await transaction.execute(insert(amendments).values(row))

    async def _from(self, first: int) -> AsyncIterator[bytes]:
        query = select(charters.c.envelope).where(charters.c.version >= first).order_by(charters.c.version)
        async with self.database.read() as connection:
            async for row in connection.stream(query):
                yield _bytes(row.envelope)


def _bytes(stored: object) -> bytes:
    # Whoever edits the file by hand leaves text: what it says is for verification to refuse.
    return stored if isinstance(stored, bytes) else str(stored).encode()


def _rows(first: int, envelopes: Sequence[bytes]) -> list[dict[str, Any]]:
    return [{"version": version, "envelope": envelope} for version, envelope in enumerate(envelopes, first)]


async def _end_feeds(transaction: Transaction, cut: Sequence[Cut]) -> None:
    for author, epoch, last in cut:
        for table in (entries, held):
            ends = (table.c.author == author, table.c.epoch == epoch, table.c.seq > last)
            await transaction.execute(delete(table).where(*ends))
