"""What calls of a language model may cost, and did: written before the call, with the experiment's sums, in one transaction."""

from dataclasses import asdict, dataclass
from typing import Any, Final

from sqlalchemy import bindparam, func, insert, select, update

from guardrails.budget import Budget, Spent, can_afford
from guardrails.prices import Usage
from hive_node.adapters.store.database import Database, Transaction
from hive_node.adapters.store.journal import Journal
from hive_node.adapters.store.tables import calls, experiments
from hive_node.ports import Call, NotFound
from protocol.charter import stamp

_SUMS: Final = (func.coalesce(func.sum(calls.c.micro_dollars), 0), func.coalesce(func.sum(calls.c.tokens), 0))
_MONEY: Final = select(*_SUMS).where(calls.c.experiment == bindparam("its_id"))


@dataclass(frozen=True, slots=True)
class CallStore:
    """The books. A call that was reserved and never ended, as by SIGKILL, counts in full for ever: it may have been made."""

    database: Database
    journal: Journal

    async def spent(self, experiment: str) -> Spent:
        """Everything that the experiment has spent. Raises NotFound."""
        async with self.database.read() as connection:
            return await self._spent(connection, experiment)

    async def reserve(self, experiment: str, idea: int, model: str, most: Spent, caps: Budget) -> int | None:
        """The number of a call that may cost `most`; None, and nothing written, where a cap would not hold then."""
        row = {"experiment": experiment, "idea": idea, "model": model, "state": "reserved"}
        row |= {"micro_dollars": most.micro_dollars, "tokens": most.tokens, "at": stamp(self.journal.clock.now())}
        async with self.database.write() as transaction:
            if not can_afford(caps, await self._spent(transaction, experiment), most):
                return None
            made = (await transaction.execute(insert(calls).values(row))).inserted_primary_key
            await self._add_up(transaction, experiment)
            return int(made[0]) if made else None

    async def settle(self, call: int, usage: Usage, micro_dollars: int) -> None:
        """What the call took and cost. Raises NotFound for one that is not open."""
        values = {"micro_dollars": micro_dollars, "tokens": usage.tokens, "usage": asdict(usage)}
        await self._end(call, {"state": "settled"} | values)

    async def release(self, call: int, reason: str) -> None:
        """The call was not made, or cost nothing; reason: the fault's code. Raises NotFound for one that is not open."""
        await self._end(call, {"state": "released", "micro_dollars": 0, "tokens": 0, "reason": reason})

    async def calls(self, experiment: str) -> list[Call]:
        """Every call of an experiment, in order."""
        query = select(calls).where(calls.c.experiment == experiment).order_by(calls.c.id)
        async with self.database.read() as connection:
            return [_call(row) for row in await connection.execute(query)]

    async def _end(self, call: int, values: dict[str, Any]) -> None:
        is_it = (calls.c.id == call) & (calls.c.state == "reserved")
        async with self.database.write() as transaction:
            found = (await transaction.execute(select(calls.c.experiment).where(is_it))).scalar_one_or_none()
            if found is None:
                raise NotFound("call.unknown", f"there is no open call {call}")
            await transaction.execute(update(calls).where(is_it).values(values))
            await self._add_up(transaction, found)

    async def _spent(self, connection: Transaction, experiment: str) -> Spent:
        return Spent(**(await _document(connection, experiment))["spent"])

    async def _add_up(self, transaction: Transaction, experiment: str) -> None:
        micro_dollars, tokens = await money_of(transaction, experiment)
        document = await _document(transaction, experiment)
        document["spent"] |= {"micro_dollars": micro_dollars, "tokens": tokens}
        await transaction.execute(update(experiments).where(experiments.c.id == experiment).values(document=document))


@dataclass(frozen=True, slots=True)
class AccountStore(CallStore):
    """The books of what is no experiment: an account is its calls, and nothing is kept of it elsewhere."""

    async def _spent(self, connection: Transaction, experiment: str) -> Spent:
        micro_dollars, tokens = await money_of(connection, experiment)
        return Spent(micro_dollars=micro_dollars, tokens=tokens)

    async def _add_up(self, transaction: Transaction, experiment: str) -> None:
        """There is no row to hold a sum."""


async def money_of(connection: Transaction, experiment: str) -> tuple[int, int]:
    """Micro-dollars and tokens of all calls of an experiment."""
    micro_dollars, tokens = (await connection.execute(_MONEY, {"its_id": experiment})).one()
    return int(micro_dollars), int(tokens)


async def _document(connection: Transaction, experiment: str) -> dict[str, Any]:
    query = select(experiments.c.document).where(experiments.c.id == experiment)
    found: dict[str, Any] | None = (await connection.execute(query)).scalar_one_or_none()
    if found is None:
        raise NotFound("experiment.unknown", f"there is no experiment {experiment!r}")
    return found


def _call(row: Any) -> Call:
    return Call(
        number=row.id,
        experiment=row.experiment,
        idea=row.idea,
        model=row.model,
        state=row.state,
        micro_dollars=row.micro_dollars,
        tokens=row.tokens,
        usage=Usage(**row.usage) if row.usage else None,
        reason=row.reason,
        at=row.at,
    )
