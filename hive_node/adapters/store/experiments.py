"""Experiments, the ledger of ideas, samples and promotions. Each transition is one transaction with its event."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from pydantic import TypeAdapter
from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from hive_node.adapters.store.calls import money_of
from hive_node.adapters.store.database import Database, Statement, Survives, Transaction
from hive_node.adapters.store.journal import Journal
from hive_node.adapters.store.tables import experiments, ideas, promotions, samples, transitions, watches
from hive_node.domain import (
    TRANSITIONS,
    Adopted,
    Arm,
    Experiment,
    Idea,
    IdeaRecord,
    Promotion,
    Sample,
    State,
    Trial,
    Verdict,
    Watch,
    WatchState,
    WrongState,
)
from hive_node.ports import NotFound, Tally
from protocol.charter import stamp
from protocol.ids import EntryId
from protocol.wire import JsonValue

_EXPERIMENT: Final = TypeAdapter(Experiment)
_IDEA: Final = TypeAdapter(Idea)
_TRIAL: Final = TypeAdapter(Trial)
_VERDICT: Final = TypeAdapter(Verdict)
_SAMPLE: Final = TypeAdapter(Sample)
_PROMOTION: Final = TypeAdapter(Promotion)
_WATCH: Final = TypeAdapter(Watch)
_WATCHED: Final = [WatchState.OPEN.value, WatchState.REVERTING.value]
# Whole texts of files: enough to combine with, and no more.
_ELSEWHERE: Final = 32
_STEP: Final = insert(transitions)
_IDEA_ROW: Final = insert(ideas)
_SAMPLE_ROW: Final = insert(samples)
_AT: Final = (experiments.c.id == bindparam("its_id"), experiments.c.state == bindparam("its_state"))
_REPLACE: Final = (
    update(experiments).where(*_AT).values(state=bindparam("new_state"), document=bindparam("new_document"))
)
_OF: Final = ideas.c.experiment == bindparam("of")
_LATER_IDEAS: Final = select(ideas).where(_OF, ideas.c.number > bindparam("after")).order_by(ideas.c.number)
_IDEAS_PAGE: Final = _LATER_IDEAS.limit(bindparam("most"))
_COURSE: Final = _IDEAS_PAGE.with_only_columns(ideas.c.number, ideas.c.value, ideas.c.outcome)
_TRIED: Final = select(func.count()).where(
    ideas.c.task == bindparam("task"),
    ((ideas.c.diff == bindparam("diff")) & (ideas.c.outcome == State.REJECTED.value))
    | ((ideas.c.variant == bindparam("variant")) & _OF),
    ~(_OF & (ideas.c.number == bindparam("number"))),
)
_OPEN: Final = [state.value for state in State if TRANSITIONS[state]]


@dataclass(frozen=True, slots=True)
class ExperimentStore:
    """Where experiments live between any two moments."""

    database: Database
    journal: Journal

    async def create(self, experiment: Experiment, number: int) -> None:
        """Write a new experiment. Raises StoreError where its id is taken."""
        async with self.database.write() as transaction:
            row = {"id": experiment.id, "project": experiment.project, "number": number}
            await transaction.execute(insert(experiments).values(row | _columns(experiment)))
            await self.journal.sweep_in(transaction, await transaction.execute(*self._telling(experiment, None)))
        await self.journal.wake()

    async def next_number(self, project: str) -> int:
        """One more than the last experiment's number in `project`."""
        query = select(func.coalesce(func.max(experiments.c.number), 0)).where(experiments.c.project == project)
        async with self.database.read() as connection:
            return int((await connection.execute(query)).scalar_one()) + 1

    async def get(self, identity: str) -> Experiment:
        """The experiment of that id. Raises NotFound."""
        query = select(experiments.c.document).where(experiments.c.id == identity)
        async with self.database.read() as connection:
            document = (await connection.execute(query)).scalar_one_or_none()
        if document is None:
            raise NotFound(
                "experiment.unknown", f"there is no experiment {identity!r}: `hive-node experiment list` shows them"
            )
        return _EXPERIMENT.validate_python(document, strict=False)

    async def all(self, project: str | None = None) -> list[Experiment]:
        """Every experiment (of one project), oldest first."""
        query = select(experiments.c.document).order_by(experiments.c.project, experiments.c.number)
        if project is not None:
            query = query.where(experiments.c.project == project)
        async with self.database.read() as connection:
            return [_EXPERIMENT.validate_python(row[0], strict=False) for row in await connection.execute(query)]

    async def open(self) -> list[Experiment]:
        """Those that are not over, oldest first."""
        query = select(experiments.c.document).where(experiments.c.state.in_(_OPEN)).order_by(experiments.c.number)
        async with self.database.read() as connection:
            return [_EXPERIMENT.validate_python(row[0], strict=False) for row in await connection.execute(query)]

    async def move(
        self,
        before: State,
        after: Experiment,
        *,
        idea: Idea | None = None,
        trial: Trial | None = None,
        verdict: Verdict | None = None,
        promotion: Promotion | None = None,
        watch: Watch | None = None,
    ) -> Experiment:
        """One transition with everything that it makes true, or nothing at all. Raises WrongState.

        before: the state that the row must still have, so that of two callers one loses.
        """
        if after.state not in TRANSITIONS[before]:
            raise WrongState(after.id, before, f"become {after.state}")
        # Of an idea that a power cut takes back, a promotion leaves more than rows: those it does not take back.
        survives: Survives = "power cut" if promotion or not TRANSITIONS[after.state] else "crash"
        async with self.database.write(survives=survives) as transaction:
            after = await self._replace(transaction, before, after)
            statements = [self._step(before, after)]
            statements += [self._idea(after, idea)] if idea else []
            statements += [_tried(after, trial)] if trial else []
            statements += [_judged(after, verdict)] if verdict else []
            statements += self._promoted(after, promotion) if promotion else []
            statements += [_watching(watch)] if watch else []
            results = await transaction.execute_all([*statements, self._telling(after, verdict)])
            await self.journal.sweep_in(transaction, results[-1])
        await self.journal.wake()
        return after

    async def idea(self, experiment: str, number: int) -> IdeaRecord:
        """One idea with what became of it. Raises NotFound."""
        query = select(ideas).where(ideas.c.experiment == experiment, ideas.c.number == number)
        async with self.database.read() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            raise NotFound("idea.unknown", f"experiment {experiment} has no idea {number}")
        return _record(row)

    async def ideas(self, experiment: str, *, after: int = 0) -> list[IdeaRecord]:
        """Every idea of an experiment with a number above `after`, in order."""
        async with self.database.read() as connection:
            found = await connection.execute(_LATER_IDEAS, {"of": experiment, "after": after})
            return [_record(row) for row in found]

    async def ideas_page(self, experiment: str, after: int, limit: int) -> list[IdeaRecord]:
        """The first `limit` ideas with a number above `after`, in order."""
        async with self.database.read() as connection:
            found = await connection.execute(_IDEAS_PAGE, {"of": experiment, "after": after, "most": limit})
            return [_record(row) for row in found]

    async def course(self, experiment: str, after: int, limit: int) -> list[tuple[int, float | None, str | None]]:
        """Number, measured value and outcome of the first `limit` ideas with a number above `after`."""
        async with self.database.read() as connection:
            found = await connection.execute(_COURSE, {"of": experiment, "after": after, "most": limit})
            return [(row.number, row.value, row.outcome) for row in found]

    async def was_tried(self, experiment: Experiment, idea: Idea) -> bool:
        """Whether this very step was rejected before on this task, or this variant was taken up before in this experiment."""
        values: dict[str, Any] = {"task": experiment.task, "of": experiment.id, "number": idea.number}
        values |= {"diff": idea.diff, "variant": idea.variant}
        async with self.database.read() as connection:
            return bool((await connection.execute(_TRIED, values)).scalar_one())

    async def tallies(self, experiment: Experiment) -> dict[str, Tally]:
        """By operator: what became of its ideas in the other experiments on that task."""
        promoted = func.count().filter(ideas.c.outcome == State.PROMOTED.value)
        query = (
            select(ideas.c.operator, func.count(), promoted)
            .where(ideas.c.task == experiment.task, ideas.c.experiment != experiment.id, ideas.c.outcome.is_not(None))
            .group_by(ideas.c.operator)
        )
        async with self.database.read() as connection:
            return {row[0]: Tally(row[1], row[2]) for row in await connection.execute(query)}

    async def promoted_elsewhere(self, experiment: Experiment) -> list[Idea]:
        """The newest ideas that other experiments on that task promoted."""
        is_promoted = ideas.c.outcome == State.PROMOTED.value
        query = (
            select(ideas.c.document)
            .where(ideas.c.task == experiment.task, ideas.c.experiment != experiment.id, is_promoted)
            .order_by(ideas.c.at.desc(), ideas.c.experiment, ideas.c.number.desc())
            .limit(_ELSEWHERE)
        )
        async with self.database.read() as connection:
            return [_IDEA.validate_python(row[0], strict=False) for row in await connection.execute(query)]

    async def costs(self, experiment: str) -> dict[int, tuple[int, float]]:
        """By idea (0: the baseline): how many runs were made for it, and their seconds."""
        seconds = func.sum(samples.c.document["wall_s"].as_float())
        query = select(samples.c.idea, func.count(), seconds).where(samples.c.experiment == experiment)
        async with self.database.read() as connection:
            rows = await connection.execute(query.group_by(samples.c.idea))
            return {row[0]: (row[1], row[2]) for row in rows}

    async def keep_sample(self, experiment: Experiment, idea: int, arm: Arm, sample: Sample) -> None:
        """Write one run, and what the experiment has spent with it, at once. Raises WrongState where it has moved on meanwhile."""
        row = {
            "experiment": experiment.id,
            "idea": idea,
            "arm": arm,
            "at": stamp(self.journal.clock.now()),
            "document": _SAMPLE.dump_python(sample, mode="json"),
        }
        async with self.database.write(survives="crash") as transaction:
            await self._replace(transaction, experiment.state, experiment)
            await transaction.execute(_SAMPLE_ROW, row)

    async def samples(self, experiment: str, idea: int) -> list[tuple[Arm, Sample]]:
        """Every run made for an idea (0: for the baseline), in order."""
        query = select(samples).where(samples.c.experiment == experiment, samples.c.idea == idea).order_by(samples.c.id)
        async with self.database.read() as connection:
            rows = await connection.execute(query)
            return [(row.arm, _SAMPLE.validate_python(row.document, strict=False)) for row in rows]

    async def promotions(self, experiment: str) -> list[Promotion]:
        """Every promotion of an experiment, in order."""
        query = select(promotions.c.document).where(promotions.c.experiment == experiment).order_by(promotions.c.idea)
        async with self.database.read() as connection:
            return [_PROMOTION.validate_python(row[0], strict=False) for row in await connection.execute(query)]

    async def revert(self, after: Experiment, ideas: Sequence[int], verdict: Verdict) -> Experiment:
        """Write down that these promotions were taken back, in one transaction. Raises WrongState, StoreError."""
        async with self.database.write() as transaction:
            after = await self._replace(transaction, after.state, after)
            for number in ideas:
                await self._write_reverted(transaction, after, number, verdict)
            await self.journal.sweep_in(transaction, await transaction.execute(*self._telling(after, verdict)))
        await self.journal.wake()
        return after

    async def watches_due(self, now: datetime) -> list[Watch]:
        """Those whose time has come, the first due first."""
        is_due = watches.c.state.in_(_WATCHED) & (watches.c.due_at <= stamp(now))
        query = select(watches.c.document).where(is_due).order_by(watches.c.due_at, watches.c.idea)
        async with self.database.read() as connection:
            return [_WATCH.validate_python(row[0], strict=False) for row in await connection.execute(query)]

    async def watches(self, experiment: str) -> list[Watch]:
        """Those over the promotions of an experiment, in order."""
        query = select(watches.c.document).where(watches.c.experiment == experiment).order_by(watches.c.idea)
        async with self.database.read() as connection:
            return [_WATCH.validate_python(row[0], strict=False) for row in await connection.execute(query)]

    async def keep_watch(self, watch: Watch) -> None:
        """Write where a watch stands, over what it was."""
        async with self.database.write() as transaction:
            await transaction.execute(*_watching(watch))

    async def adopted(self) -> list[Adopted]:
        """Every promotion that stands and came from a recipe."""
        columns = (ideas.c.experiment, ideas.c.number, ideas.c.task, ideas.c.recipe)
        query = select(*columns).where(ideas.c.recipe.is_not(None), ideas.c.outcome == State.PROMOTED.value)
        async with self.database.read() as connection:
            rows = await connection.execute(query.order_by(ideas.c.experiment, ideas.c.number))
            return [Adopted(row.experiment, row.number, row.task, EntryId(row.recipe)) for row in rows]

    async def transitions(self, experiment: str) -> list[dict[str, Any]]:
        """Every transition of an experiment, in order."""
        query = select(transitions).where(transitions.c.experiment == experiment).order_by(transitions.c.id)
        async with self.database.read() as connection:
            return [dict(row) for row in (await connection.execute(query)).mappings()]

    async def _replace(self, transaction: Transaction, before: State, after: Experiment) -> Experiment:
        # What a model cost is in the books of its calls alone: a caller that looked before a call cannot undo it here.
        micro_dollars, tokens = await money_of(transaction, after.id)
        after = replace(after, spent=replace(after.spent, micro_dollars=micro_dollars, tokens=tokens))
        document = _EXPERIMENT.dump_python(after, mode="json")
        values = {
            "its_id": after.id,
            "its_state": before.value,
            "new_state": after.state.value,
            "new_document": document,
        }
        changed = await transaction.execute(_REPLACE, values)
        if changed.rowcount != 1:
            query = select(experiments.c.state).where(experiments.c.id == after.id)
            found = State((await transaction.execute(query)).scalar_one())
            raise WrongState(after.id, found, f"become {after.state}")
        return after

    def _step(self, before: State, after: Experiment) -> Statement:
        row = {"experiment": after.id, "iteration": after.iteration, "before": before.value, "after": after.state.value}
        return _STEP, row | {"at": stamp(self.journal.clock.now())}

    def _idea(self, experiment: Experiment, idea: Idea) -> Statement:
        return _IDEA_ROW, {
            "experiment": experiment.id,
            "number": idea.number,
            "task": experiment.task,
            "variant": idea.variant,
            "diff": idea.diff,
            "operator": idea.operator,
            "recipe": idea.recipe,
            "at": stamp(self.journal.clock.now()),
            "document": _IDEA.dump_python(idea, mode="json"),
        }

    def _promoted(self, experiment: Experiment, promotion: Promotion) -> list[Statement]:
        row = {
            "experiment": experiment.id,
            "idea": promotion.idea.number,
            "commit": promotion.commit,
            "variant": promotion.idea.variant,
            "at": stamp(self.journal.clock.now()),
            "document": _PROMOTION.dump_python(promotion, mode="json"),
        }
        outcome = _idea_row(experiment, promotion.idea.number).values(outcome=State.PROMOTED.value)
        return [(insert(promotions), row), (outcome, None)]

    async def _write_reverted(
        self, transaction: Transaction, experiment: Experiment, number: int, verdict: Verdict
    ) -> None:
        place = (promotions.c.experiment == experiment.id, promotions.c.idea == number)
        document = (await transaction.execute(select(promotions.c.document).where(*place))).scalar_one()
        reverted = document | {"is_reverted": True}
        await transaction.execute(update(promotions).where(*place).values(document=reverted))
        outcome: dict[str, Any] = {
            "outcome": State.REJECTED.value,
            "rule": verdict.rejected.rule if verdict.rejected else None,
            "verdict": _VERDICT.dump_python(replace(verdict, idea=number), mode="json"),
        }
        await transaction.execute(_idea_row(experiment, number).values(outcome))
        state = WatchState.REVERTED if number == verdict.idea else WatchState.OVER
        watch = (watches.c.experiment == experiment.id, watches.c.idea == number)
        found = (await transaction.execute(select(watches.c.document).where(*watch))).scalar_one_or_none()
        if found is not None:
            ended = replace(_WATCH.validate_python(found, strict=False), state=state)
            await transaction.execute(*_watching(ended))

    def _telling(self, experiment: Experiment, verdict: Verdict | None) -> Statement:
        rejected = verdict.rejected if verdict else None
        data: dict[str, JsonValue] = {
            "experiment": experiment.id,
            "project": experiment.project,
            "state": experiment.state.value,
            "iteration": experiment.iteration,
            "best": experiment.best,
            "promotions": experiment.promotions,
            "rule": rejected.rule if rejected else None,
            "stop_reason": experiment.stop_reason,
        }
        return self.journal.telling("experiment", data)


def _tried(experiment: Experiment, trial: Trial) -> Statement:
    values = {"trial": _TRIAL.dump_python(trial, mode="json"), "value": trial.candidate_value}
    return _idea_row(experiment, trial.idea).values(values), None


def _judged(experiment: Experiment, verdict: Verdict) -> Statement:
    values: dict[str, Any] = {"verdict": _VERDICT.dump_python(verdict, mode="json")}
    if experiment.state is State.REJECTED and verdict.rejected:
        values |= {"outcome": State.REJECTED.value, "rule": verdict.rejected.rule}
    return _idea_row(experiment, verdict.idea).values(values), None


def _watching(watch: Watch) -> Statement:
    document = _WATCH.dump_python(watch, mode="json")
    row = {"state": watch.state.value, "due_at": stamp(watch.due_at), "document": document}
    statement = upsert(watches).values(experiment=watch.experiment, idea=watch.idea, **row)
    return statement.on_conflict_do_update(["experiment", "idea"], set_=row), None


def _idea_row(experiment: Experiment, number: int) -> Any:
    return update(ideas).where(ideas.c.experiment == experiment.id, ideas.c.number == number)


def _columns(experiment: Experiment) -> dict[str, Any]:
    return {"state": experiment.state.value, "document": _EXPERIMENT.dump_python(experiment, mode="json")}


def _record(row: Any) -> IdeaRecord:
    return IdeaRecord(
        idea=_IDEA.validate_python(row.document, strict=False),
        at=row.at,
        outcome=State(row.outcome) if row.outcome else None,
        trial=_TRIAL.validate_python(row.trial, strict=False) if row.trial is not None else None,
        verdict=_VERDICT.validate_python(row.verdict, strict=False) if row.verdict is not None else None,
    )
