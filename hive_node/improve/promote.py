"""Promote: what passed both gates becomes one commit on the experiment's branch, and is told to the hive."""

from dataclasses import replace
from datetime import timedelta
from typing import Final

from guardrails.baseline import GuardSamples
from guardrails.evidence import Evidence
from guardrails.verdict import Rejected
from hive_node.domain import Experiment, Files, Promotion, State, Trial, Watch, WatchState
from hive_node.improve.measuring import guard_samples
from hive_node.improve.message import commit_message
from hive_node.improve.news import recipe_news, replication_news
from hive_node.improve.revert import retract_idea
from hive_node.improve.run import change_of, surface_of
from hive_node.improve.workshop import Halted, Judged, Workshop
from hive_node.ports import Fault, News
from protocol.ids import EntryId

_CONSTITUTION: Final = "constitution."


async def promote(judged: Judged, workshop: Workshop) -> Experiment:
    """Carry out the verdict. Interrupted anywhere, a second call ends in the same commit, entry and rows.

    Raises Halted while nothing may be promoted.
    """
    if judged.verdict.rejected is not None:
        return await _reject(judged, judged.verdict.rejected, workshop)
    if reason := workshop.halt():
        raise Halted(reason)
    champion = await workshop.subject.files("champion")
    # Judged again on exactly what is committed: rules, spec or code may have changed since the run.
    again = workshop.constitution.judge(change_of(judged.idea, champion), surface_of(judged.experiment.spec))
    if isinstance(again, Rejected):
        # An earlier attempt may have got as far as telling the hive, before the rules were changed.
        await retract_idea(judged.idea.number, again, judged.experiment, workshop)
        return await _reject(judged, again, workshop)
    return await _accept(judged, champion, workshop)


async def _accept(judged: Judged, champion: Files, workshop: Workshop) -> Experiment:
    # Entry, commit, branch, row: each, done twice, is the same one. The row is last, so that a restart does what is missing.
    promotion = await _promotion(judged, workshop)
    await _commit(judged, promotion, None, workshop)  # a branch that was moved is found before anything is told
    environment = workshop.subject.environment
    told = await _tell(recipe_news(judged.experiment, promotion, champion, environment), workshop)
    commit = await _commit(judged, promotion, told, workshop)
    await _move_branch(judged.experiment, commit, workshop)
    await _tell_replication(judged, workshop)
    experiment = judged.experiment
    after = replace(
        experiment,
        state=State.PROMOTED,
        champion=commit,
        best=promotion.after,
        promotions=experiment.promotions + 1,
        gained=experiment.gained + promotion.evidence.gain,
        idle=0,
    )
    promotion = replace(promotion, commit=commit, recipe=told)
    watch = _watch(experiment, promotion, workshop)
    after = await workshop.ledger.move(experiment.state, after, promotion=promotion, watch=watch)
    workshop.subject.promote(commit)
    return after


async def _reject(judged: Judged, rejected: Rejected, workshop: Workshop) -> Experiment:
    experiment = judged.experiment
    by_constitution = rejected.rule.startswith(_CONSTITUTION)
    after = replace(
        experiment,
        state=State.REJECTED,
        idle=experiment.idle + 1,
        rejected_constitution=experiment.rejected_constitution + by_constitution,
        rejected_baseline=experiment.rejected_baseline + (not by_constitution),
        last_rejection=f"{rejected.rule}: {rejected.reason}",
    )
    verdict = replace(judged.verdict, rejected=rejected)
    await _tell_replication(replace(judged, verdict=verdict), workshop)
    return await workshop.ledger.move(experiment.state, after, verdict=verdict)


async def _promotion(judged: Judged, workshop: Workshop) -> Promotion:
    evidence, trial = _evidence(judged.trial)
    earlier = await workshop.ledger.promotions(judged.experiment.id)
    own = [promotion.recipe for promotion in earlier if promotion.recipe and not promotion.is_reverted]
    parents = [*own, judged.idea.recipe] if judged.idea.recipe else own
    return Promotion(
        idea=judged.idea,
        commit="",
        before=trial.champion_value or 0.0,
        after=trial.candidate_value or 0.0,
        evidence=evidence,
        guards={one.guard.metric: one.change() for one in _measured_guards(judged.experiment, trial)},
        parents=tuple(parents),
        parent=judged.experiment.champion,
    )


def _watch(experiment: Experiment, promotion: Promotion, workshop: Workshop) -> Watch | None:
    """When this promotion is measured again; None where the spec wants none of that."""
    moments = experiment.spec.watch.after_s
    if not moments:
        return None
    due_at = workshop.clock.now() + timedelta(seconds=moments[0])
    return Watch(experiment.id, promotion.idea.number, WatchState.OPEN, 0, due_at)


async def _commit(judged: Judged, promotion: Promotion, told: EntryId | None, workshop: Workshop) -> str:
    """The promotion's commit: the branch's, if an earlier attempt got that far, else one that no branch holds yet.

    Raises Fault(repository.branch-moved).
    """
    experiment, repository = judged.experiment, workshop.subject.repository
    files = {path: text.encode("utf-8") for path, text in judged.idea.files.items()}
    message = commit_message(experiment, promotion, told)
    commit = await repository.commit(experiment.champion, files, message, judged.verdict.at)
    found = await repository.branch(experiment.branch)
    if found == experiment.champion:
        return commit
    if found is None or not await repository.is_same_change(found, commit):
        raise Fault(
            "repository.branch-moved",
            f"branch {experiment.branch} does not stand where this experiment left it; it is left as it is",
        )
    return found


async def _move_branch(experiment: Experiment, commit: str, workshop: Workshop) -> None:
    repository = workshop.subject.repository
    if await repository.branch(experiment.branch) != commit:
        await repository.move_branch(experiment.branch, commit, experiment.champion)


async def _tell_replication(judged: Judged, workshop: Workshop) -> None:
    if judged.idea.recipe is not None:
        await _tell(replication_news(judged, workshop.subject.environment), workshop)


async def _tell(news: News | None, workshop: Workshop) -> EntryId | None:
    return await workshop.publisher.publish(news) if news else None


def _evidence(trial: Trial | None) -> tuple[Evidence, Trial]:
    if trial is None or trial.evidence is None:
        raise Fault("experiment.no-evidence", "a passing verdict without evidence: the database was changed by hand")
    return trial.evidence, trial


def _measured_guards(experiment: Experiment, trial: Trial) -> list[GuardSamples]:
    return [one for one in guard_samples(experiment.spec, trial.guards) if one.pairs]
