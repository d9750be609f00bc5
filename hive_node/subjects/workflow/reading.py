"""Read: an experiment's events from the first to the last, cleaned; and what there is to know of its project now."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hive_node.advice.case import Case
from hive_node.advice.history import History, RunEvent
from hive_node.advice.limits import Ground
from hive_node.config.project import FILE, ProjectSpec, parse_project_spec
from hive_node.config.toml import ConfigError
from hive_node.domain import Experiment, IdeaRecord, Project
from hive_node.ports import Repository, RepositoryOpener
from hive_node.ports.advice import AdviceFault, Cleaner, Runs, SpecFiles, SpecText
from hive_node.subjects.evaluator import Evaluator, read_evaluator

# A run's last words are cut at this many characters when they are kept: what was cut in two is not to be recognised.
_SAID_CHARS = 200


@dataclass(frozen=True, slots=True)
class Site:
    """A project as it is now. now: its hive.toml on disk, spec: what that says. files: every path of the commit."""

    project: Project
    repository: Repository
    head: str
    now: SpecText
    spec: ProjectSpec
    evaluator: Evaluator
    files: frozenset[str]


async def read_site(project: Project, open_repository: RepositoryOpener, specs: SpecFiles) -> Site:
    """Raises Fault where the repository or its hive.toml cannot be read."""
    repository = await open_repository(project.path)
    now = await specs.read(repository.root)
    try:
        spec = parse_project_spec(now.text, str(repository.root / FILE))
    except ConfigError as error:
        raise AdviceFault("advice.spec", f"{error}: correct it first") from error
    head = await repository.head()
    evaluator = await read_evaluator(repository, spec, head)
    return Site(project, repository, head, now, spec, evaluator, frozenset(await repository.entries(head)))


async def read_case(experiment: Experiment, runs: Runs, cleaner: Cleaner, site: Site, most_pairs: int) -> Case:
    """Everything that was seen of one experiment. Raises Fault."""
    history = await read_history(experiment, runs, cleaner)
    return Case(
        experiment, history, await read_ideas(experiment, runs), site.evaluator.editable, site.files, most_pairs
    )


async def read_ideas(experiment: Experiment, runs: Runs) -> list[IdeaRecord]:
    """The ideas that were decided on: an open one is no event yet."""
    return [record for record in await runs.ideas(experiment.id) if record.outcome is not None]


async def read_history(experiment: Experiment, runs: Runs, cleaner: Cleaner) -> History:
    """The experiment's events. Nothing that a run printed gets any further than here before it was cleaned."""
    history = History(experiment.id, await runs.count_events(experiment.id))
    async for event in runs.events(experiment):
        history.take(event)
    printed = {event.said for event in history.told if event.said}
    history.say({said: await cleaner.clean(_whole_words(said)) for said in sorted(printed)})
    return history


async def read_event(experiment: str, event: str, runs: Runs, cleaner: Cleaner) -> RunEvent:
    """One event, cleaned as they all are. Raises NotFound."""
    found = await runs.event(await runs.get(experiment), event)
    return replace(found, said=await cleaner.clean(_whole_words(found.said)))


def ground_of(site: Site, cases: Sequence[Case]) -> Ground:
    """What decides which changes are allowed."""
    tallies = [(name, tally) for case in cases for name, tally in case.history.steps.items()]
    slowest: dict[str, float] = {}
    for name, tally in tallies:
        slowest[name] = max(slowest.get(name, 0.0), tally.slowest)
    return Ground(
        protected=frozenset(site.evaluator.protected),
        held_out=frozenset(site.evaluator.held_out),
        slowest=slowest,
        timed_out=frozenset(name for name, tally in tallies if tally.unchanged_timed_out),
    )


def _whole_words(said: str) -> str:
    """Without a last word that may have been cut: half of a secret is still told, and no longer known as one."""
    if len(said) < _SAID_CHARS:
        return said
    return said[: said.rstrip().rfind(" ") + 1].rstrip()
