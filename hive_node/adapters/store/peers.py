"""Peers' addresses, open invites, and who waits to be let in."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from hive_node.adapters.store.database import Database
from hive_node.adapters.store.tables import invites, joiners, peers
from hive_node.ports import Clock, Invite, Joiner, PeerAddress
from protocol.charter import parse_stamp, stamp
from protocol.ids import NodeId


@dataclass(frozen=True, slots=True)
class PeerStore:
    """Where members were last met, so that they are tried first next time."""

    database: Database
    clock: Clock

    async def addresses(self) -> list[PeerAddress]:
        """Every known address."""
        async with self.database.read() as connection:
            return [
                PeerAddress(
                    NodeId(row.node), row.host, row.port, row.source, row.last_seen, row.failures, _moment(row.retry_at)
                )
                for row in await connection.execute(select(peers).order_by(peers.c.node))
            ]

    async def met(self, node: NodeId, host: str, port: int, source: str) -> None:
        """A member answered at that address: remember it, and forget its failures."""
        values = {
            "host": host,
            "port": port,
            "source": source,
            "last_seen": stamp(self.clock.now()),
            "failures": 0,
            "retry_at": None,
        }
        async with self.database.write() as transaction:
            statement = upsert(peers).values(node=node, **values)
            await transaction.execute(statement.on_conflict_do_update(["node"], set_=values))

    async def failed(self, node: NodeId, retry_at: datetime) -> None:
        """A member did not answer at its known address, and is left alone until then."""
        values = {"failures": peers.c.failures + 1, "retry_at": stamp(retry_at)}
        async with self.database.write() as transaction:
            await transaction.execute(update(peers).where(peers.c.node == node).values(values))

    async def forget(self, node: NodeId | None = None) -> None:
        """Drop one member's address, or all."""
        async with self.database.write() as transaction:
            statement = delete(peers)
            await transaction.execute(statement if node is None else statement.where(peers.c.node == node))

    async def open_invite(self, invite: Invite) -> None:
        """Keep a new invite."""
        row = {"id": invite.id, "secret": invite.secret, "expires_at": stamp(invite.expires_at), "wrong": 0}
        async with self.database.write() as transaction:
            await transaction.execute(insert(invites).values(row))

    async def invite(self, identity: str) -> Invite | None:
        """The invite of that id, used or not."""
        async with self.database.read() as connection:
            row = (await connection.execute(select(invites).where(invites.c.id == identity))).one_or_none()
        if row is None:
            return None
        used_by = NodeId(row.used_by) if row.used_by else None
        return Invite(row.id, row.secret, parse_stamp(row.expires_at), row.wrong, used_by)

    async def invites(self) -> list[Invite]:
        """Every invite that is neither used nor expired."""
        async with self.database.read() as connection:
            identities = [row[0] for row in await connection.execute(select(invites.c.id))]
        found = [await self.invite(identity) for identity in identities]
        return [one for one in found if one and not one.used_by and one.expires_at > self.clock.now()]

    async def guess_wrong(self, identity: str) -> None:
        """Count a wrong proof."""
        async with self.database.write() as transaction:
            await transaction.execute(update(invites).where(invites.c.id == identity).values(wrong=invites.c.wrong + 1))

    async def use_invite(self, identity: str, node: NodeId) -> bool:
        """Spend an invite; False where somebody was quicker."""
        statement = update(invites).where(invites.c.id == identity, invites.c.used_by.is_(None)).values(used_by=node)
        async with self.database.write() as transaction:
            return bool((await transaction.execute(statement)).rowcount)

    async def joiners(self) -> list[Joiner]:
        """Who is waiting, or was answered, and whose time is not over yet; who asked first comes first."""
        async with self.database.read() as connection:
            rows = (await connection.execute(select(joiners).order_by(joiners.c.asked_at, joiners.c.node))).all()
        found = [
            Joiner(
                NodeId(row.node),
                row.invite,
                row.certificate,
                row.owner,
                row.name,
                parse_stamp(row.asked_at),
                parse_stamp(row.expires_at),
                row.state,
            )
            for row in rows
        ]
        return [one for one in found if one.expires_at > self.clock.now()]

    async def keep_joiner(self, joiner: Joiner) -> None:
        """Keep somebody who waits, or what became of it."""
        row = {
            "invite": joiner.invite,
            "certificate": joiner.certificate,
            "owner": joiner.owner,
            "name": joiner.name,
            "asked_at": stamp(joiner.asked_at),
            "expires_at": stamp(joiner.expires_at),
            "state": joiner.state,
        }
        async with self.database.write() as transaction:
            statement = upsert(joiners).values(node=joiner.node, **row)
            await transaction.execute(statement.on_conflict_do_update(["node"], set_=row))


def _moment(text: str | None) -> datetime | None:
    return parse_stamp(text) if text else None
