"""Proposals as rows, and an experiment's events as one stream, read from the rows that its course left."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import TypeAdapter
from sqlalchemy import Select, func, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from hive_node.adapters.store.database import Database
from hive_node.adapters.store.experiments import ExperimentStore
from hive_node.adapters.store.journal import Journal
from hive_node.adapters.store.tables import advice, ideas, samples
from hive_node.advice.history import RunEvent
from hive_node.advice.proposal import Proposal
from hive_node.domain import Experiment, IdeaRecord, State, StepRun
from hive_node.ports import NotFound
from protocol.charter import stamp

_PROPOSAL: Final = TypeAdapter(Proposal)
_RUN: Final = "run-"
_IDEA: Final = "idea-"
_END: Final = "end"
# Larger is no number of a row.
_MOST_DIGITS: Final = 15


@dataclass(frozen=True, slots=True)
class AdviceStore:
    """Proposals. A decision is one transaction with its event."""

    database: Database
    journal: Journal

    async def keep(self, proposals: Sequence[Proposal]) -> None:
        """Write those that are new; one that is there stays as it stands."""
        if not proposals:
            return
        rows = [
            {"id": one.id, "project": one.project, "made_at": stamp(one.made_at)} | _columns(one) for one in proposals
        ]
        async with self.database.write() as transaction:
            await transaction.execute(upsert(advice).on_conflict_do_nothing(), rows)

    async def get(self, identity: str) -> Proposal:
        """The proposal of that id. Raises NotFound."""
        query = select(advice.c.document).where(advice.c.id == identity)
        async with self.database.read() as connection:
            document = (await connection.execute(query)).scalar_one_or_none()
        if document is None:
            raise NotFound("advice.unknown", f"there is no proposal {identity!r}: `hive-node advise list` shows them")
        return _PROPOSAL.validate_python(document, strict=False)

    async def all(self, project: str | None = None) -> list[Proposal]:
        """Every proposal (for one project), oldest first."""
        query = select(advice.c.document).order_by(advice.c.made_at, advice.c.id)
        if project is not None:
            query = query.where(advice.c.project == project)
        async with self.database.read() as connection:
            return [_PROPOSAL.validate_python(row[0], strict=False) for row in await connection.execute(query)]

    async def decide(self, proposal: Proposal) -> None:
        """Write what was decided over what stood."""
        told = {"id": proposal.id, "project": proposal.project, "standing": proposal.standing.value}
        async with self.database.write() as transaction:
            await transaction.execute(update(advice).where(advice.c.id == proposal.id).values(_columns(proposal)))
            await self.journal.tell_in(transaction, "advice", told)
        await self.journal.wake()


@dataclass(frozen=True, slots=True)
class RunStore:
    """Experiments with their events. database: the one that `experiments` is in."""

    database: Database
    experiments: ExperimentStore

    async def get(self, identity: str) -> Experiment:
        """As ExperimentStore.get. Raises NotFound."""
        return await self.experiments.get(identity)

    async def all(self, project: str | None = None) -> list[Experiment]:
        """As ExperimentStore.all."""
        return await self.experiments.all(project)

    async def ideas(self, experiment: str, *, after: int = 0) -> list[IdeaRecord]:
        """As ExperimentStore.ideas."""
        return await self.experiments.ideas(experiment, after=after)

    async def count_events(self, experiment: str) -> int:
        """How many events there are: runs, verdicts, and the end."""
        runs = select(func.count()).where(samples.c.experiment == experiment)
        verdicts = select(func.count()).where(ideas.c.experiment == experiment, ideas.c.outcome.is_not(None))
        async with self.database.read() as connection:
            found = await connection.execute_all([(runs, None), (verdicts, None)])
        return sum(int(one.scalar_one()) for one in found) + (await self.get(experiment)).is_over

    async def known_events(self, experiment: Experiment, ids: Sequence[str]) -> set[str]:
        """Those of the ids that are events of it."""
        runs, verdicts = _numbers(ids, _RUN), _numbers(ids, _IDEA)
        of_runs = select(samples.c.id).where(samples.c.experiment == experiment.id, samples.c.id.in_(runs))
        of_ideas = select(ideas.c.number).where(ideas.c.experiment == experiment.id, ideas.c.number.in_(verdicts))
        async with self.database.read() as connection:
            found = await connection.execute_all(
                [(of_runs, None), (of_ideas.where(ideas.c.outcome.is_not(None)), None)]
            )
        known = {f"{kind}{row[0]}" for kind, rows in zip((_RUN, _IDEA), found, strict=True) for row in rows}
        return known | ({_END} & set(ids) if experiment.is_over else set())

    async def event(self, experiment: Experiment, identity: str) -> RunEvent:
        """One event of it; what was printed is as it came. Raises NotFound."""
        if identity not in await self.known_events(experiment, [identity]):
            raise NotFound("event.unknown", f"experiment {experiment.id} has no event {identity!r}")
        if identity == _END:
            return _end(experiment)
        is_run = identity.startswith(_RUN)
        number = int(identity.removeprefix(_RUN if is_run else _IDEA))
        query = _runs(experiment).where(samples.c.id == number) if is_run else _verdicts(experiment, number)
        async with self.database.read() as connection:
            row = (await connection.execute(query)).one()
        return _run(row, experiment) if is_run else _verdict(row)

    async def events(self, experiment: Experiment) -> AsyncIterator[RunEvent]:
        """Each run in order, then each verdict, then the end; what was printed is as it came."""
        async with self.database.read() as connection:
            async for row in connection.stream(_runs(experiment).order_by(samples.c.id)):
                yield _run(row, experiment)
            async for row in connection.stream(_verdicts(experiment).order_by(ideas.c.number)):
                yield _verdict(row)
        if experiment.is_over:
            yield _end(experiment)


def _runs(experiment: Experiment) -> Select[Any]:
    columns = (samples.c.id, samples.c.idea, samples.c.arm, samples.c.at, samples.c.document)
    return select(*columns).where(samples.c.experiment == experiment.id)


def _verdicts(experiment: Experiment, number: int | None = None) -> Select[Any]:
    columns = (ideas.c.number, ideas.c.at, ideas.c.rule, ideas.c.outcome)
    query = select(*columns).where(ideas.c.experiment == experiment.id, ideas.c.outcome.is_not(None))
    return query if number is None else query.where(ideas.c.number == number)


def _columns(proposal: Proposal) -> dict[str, Any]:
    return {"standing": proposal.standing.value, "document": _PROPOSAL.dump_python(proposal, mode="json")}


def _run(row: Any, experiment: Experiment) -> RunEvent:
    document, failure = row.document, row.document["failure"]
    steps = tuple(_step(step) for step in document["steps"])
    holdout = experiment.spec.holdout
    is_held_out = holdout is not None and [step.argv for step in steps] == [tuple(holdout.run)]
    details = failure["details"] if failure else {}
    return RunEvent(
        id=f"{_RUN}{row.id}",
        at=row.at,
        kind="run",
        idea=row.idea,
        arm=row.arm,
        rule=failure["rule"] if failure else None,
        step=details.get("step"),
        # Of cases that no operator may see neither a number nor a word is told.
        said="" if is_held_out else str(details.get("said") or ""),
        steps=steps,
        metrics={} if is_held_out else document["metrics"],
        wall_s=document["wall_s"],
        is_held_out=is_held_out,
    )


def _verdict(row: Any) -> RunEvent:
    return RunEvent(f"{_IDEA}{row.number}", row.at, "verdict", row.number, rule=row.rule, outcome=row.outcome)


def _end(experiment: Experiment) -> RunEvent:
    rule = "experiment.failed" if experiment.state is State.FAILED else None
    return RunEvent(_END, "", "end", 0, rule=rule, said=experiment.stop_reason or "")


def _numbers(ids: Sequence[str], kind: str) -> list[int]:
    rest = [one.removeprefix(kind) for one in ids if one.startswith(kind)]
    return [int(one) for one in rest if one.isascii() and one.isdigit() and len(one) <= _MOST_DIGITS]


def _step(step: dict[str, Any]) -> StepRun:
    return StepRun(**(step | {"argv": tuple(step["argv"])}))
