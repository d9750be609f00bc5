"""Takes a promotion back, and all that were built on it: retracted, then one commit that restores what it replaced, then its rows."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from guardrails.verdict import Rejected
from hive_node.domain import Experiment, Promotion, Verdict, Watch
from hive_node.improve.message import one_line
from hive_node.improve.news import summary_news, summary_purpose
from hive_node.improve.workshop import Halted, Workshop
from hive_node.ports import Fault, News
from protocol.deltas import Retract
from protocol.limits import TEXT_CHARS

logger = logging.getLogger(__name__)


async def revert(watch: Watch, experiment: Experiment, workshop: Workshop) -> Experiment:
    """Carry out a watch that is `reverting`. Interrupted anywhere, a second call ends in the same commit, entries and rows.

    Raises Halted while nothing may be told; Fault(repository.branch-moved) where the branch is somebody else's by now.
    """
    if reason := workshop.halt():
        raise Halted(reason)
    rejected, decided_at = watch.reason, watch.decided_at
    if rejected is None or decided_at is None:
        raise Fault(
            "experiment.no-verdict",
            f"a promotion of {experiment.id} goes without a reason: the database was changed by hand",
        )
    standing = [one for one in await workshop.ledger.promotions(experiment.id) if not one.is_reverted]
    fallen = [one for one in standing if one.idea.number >= watch.idea]
    if not fallen:
        return experiment
    for promotion in fallen:
        await retract_idea(promotion.idea.number, rejected, experiment, workshop)
    commit = await _commit(fallen, rejected, decided_at, experiment, workshop)
    await _move_branch(experiment, commit, workshop)
    after = replace(
        experiment,
        champion=commit,
        best=fallen[0].before,
        promotions=experiment.promotions - len(fallen),
        reverted=experiment.reverted + len(fallen),
        gained=experiment.gained - sum(one.evidence.gain for one in fallen),
        last_rejection=f"{rejected.rule}: {rejected.reason}",
    )
    numbers = [one.idea.number for one in fallen]
    after = await workshop.ledger.revert(after, numbers, Verdict(watch.idea, rejected, decided_at))
    workshop.subject.promote(commit)
    logger.info("taken back", extra={"experiment": experiment.id, "ideas": numbers, "rule": rejected.rule})
    await _tell_new_summary(experiment, after, rejected, workshop)
    return after


async def retract_idea(number: int, rejected: Rejected, experiment: Experiment, workshop: Workshop) -> None:
    """Take back whatever the hive was told of an idea of this experiment. Done twice, it is the same."""
    for what in ("recipe", "replication"):
        await _retract(f"{what}:{experiment.id}:{number}", rejected, experiment, workshop)


async def _retract(purpose: str, rejected: Rejected, experiment: Experiment, workshop: Workshop) -> None:
    told = await workshop.publisher.told(purpose)
    if told is not None:
        body = Retract(entry=told, reason=one_line(rejected.reason)[:TEXT_CHARS])
        await workshop.publisher.publish(News(f"retract:{told}", body, experiment.spec.share_level))


async def _tell_new_summary(before: Experiment, after: Experiment, rejected: Rejected, workshop: Workshop) -> None:
    """An experiment that is over told its summary, which is no longer so."""
    if not after.is_over:
        return
    for count in range(after.reverted):
        await _retract(summary_purpose(replace(before, reverted=count)), rejected, before, workshop)
    if news := summary_news(after, await workshop.ledger.ideas(after.id), workshop.subject.environment):
        await workshop.publisher.publish(news)


async def _commit(
    fallen: Sequence[Promotion], rejected: Rejected, decided_at: datetime, experiment: Experiment, workshop: Workshop
) -> str:
    repository, parent = workshop.subject.repository, fallen[0].parent
    entries = await repository.entries(parent)
    paths = sorted({path for one in fallen for path in one.idea.files})
    there = [path for path in paths if path in entries]
    contents = await repository.read([entries[path].blob for path in there])
    files: dict[str, bytes | None] = dict.fromkeys(paths)
    files.update(zip(there, contents, strict=True))
    return await repository.commit(experiment.champion, files, _message(fallen, rejected, experiment), decided_at)


async def _move_branch(experiment: Experiment, commit: str, workshop: Workshop) -> None:
    repository = workshop.subject.repository
    found = await repository.branch(experiment.branch)
    if found == commit:
        return
    if found != experiment.champion:
        raise Fault(
            "repository.branch-moved",
            f"branch {experiment.branch} does not stand where this experiment left it; it is left as it is",
        )
    await repository.move_branch(experiment.branch, commit, experiment.champion)


def _message(fallen: Sequence[Promotion], rejected: Rejected, experiment: Experiment) -> str:
    ideas = ", ".join(str(one.idea.number) for one in fallen)
    trailers = "".join(f"Hive-Reverts: {one.commit}\n" for one in fallen)
    return (
        f"{experiment.spec.project.name}: take back idea {ideas}\n\n{one_line(rejected.reason)}\n\n"
        f"Hive-Rule: {rejected.rule}\nHive-Experiment: {experiment.id}\n{trailers}"
    )
