"""Which skill of its scope an event is about: the error's signature first, then the words of the task."""

from collections.abc import Iterable

from hive_node.skills.engine import Episode
from hive_node.skills.event import Kind, TaskEvent
from hive_node.skills.signature import ALIKE, signature, similarity
from hive_node.skills.skill import Version


def is_alike(one: TaskEvent, other: TaskEvent) -> bool:
    """Whether two failures are of one kind."""
    return (
        other.report.kind is Kind.TASK_FAILED
        and signature(one.report.error) == signature(other.report.error)
        and similarity(one.report.task, other.report.task) >= ALIKE
    )


def skill_for(episode: Episode) -> Version | None:
    """The newest version of the skill that was asked for because of events like this one."""
    report = episode.event.report
    failed = signature(report.error) if report.kind is Kind.TASK_FAILED else None
    fitting = [one for one in episode.versions if failed is None or one.signature == failed]
    return _closest(report.task, fitting)


def promoted_for(task: str, versions: Iterable[Version]) -> Version | None:
    """The one whose task is most like this one, if any is alike."""
    return _closest(task, list(versions))


def _closest(task: str, versions: list[Version]) -> Version | None:
    best = max(versions, key=lambda one: similarity(task, one.task), default=None)
    return best if best is not None and similarity(task, best.task) >= ALIKE else None
