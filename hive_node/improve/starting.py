"""Starting an experiment: everything that can be checked is checked before its row is written."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from hive_node.config.project import ProjectSpec, load_project_spec
from hive_node.domain import Experiment, Project, State
from hive_node.ports import Chance, Clock, Fault, Ledger, Repository, RepositoryOpener, Sandbox
from hive_node.subjects.projects import check_project


async def needs_nothing(_operator: str, _spec: ProjectSpec) -> None:
    """What an operator needs that makes its ideas by itself."""


@dataclass(frozen=True, slots=True)
class Starter:
    """Makes experiments. check_operator: raises Fault where an operator lacks what it needs for a project."""

    ledger: Ledger
    open_repository: RepositoryOpener
    sandbox: Sandbox
    clock: Clock
    chance: Chance
    check_operator: Callable[[str, ProjectSpec], Awaitable[None]] = needs_nothing
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def start(
        self, project: Project, operator: str, *, iterations: int | None, seed: int | None, is_stepwise: bool
    ) -> Experiment:
        """A new experiment on the project's last commit. Raises Fault, ConfigError; then there is none.

        Its branch is laid down with its baseline: a row that says so comes first.
        """
        report = await self.sandbox.probe()
        if not report.works:
            raise Fault("sandbox.unavailable", f"{report.problem}: {report.remedy}. Nothing is run without a sandbox")
        repository = await self.open_repository(project.path)
        spec, _ = load_project_spec(repository.root)
        if iterations is not None:
            spec = spec.model_copy(update={"budget": spec.budget.model_copy(update={"iterations": iterations})})
        if not is_stepwise:
            await self.check_operator(operator, spec)
        commit = await repository.head()
        evaluator = await check_project(repository, spec, commit, self.sandbox)
        async with self._turn:
            number = await self._free_number(project.id, repository)
            identity = f"{project.id}-{number}"
            experiment = Experiment(
                id=identity,
                project=project.id,
                task=evaluator.task,
                spec=spec,
                operator="manual" if is_stepwise else operator,
                is_stepwise=is_stepwise,
                state=State.CREATED,
                branch=branch_of(project.id, identity),
                base=commit,
                champion=commit,
                seed=seed if seed is not None else self.chance.seed(),
                created_at=self.clock.now(),
            )
            await self.ledger.create(experiment, number)
        return experiment

    async def _free_number(self, project: str, repository: Repository) -> int:
        # A branch of that name is somebody's work, from an earlier home perhaps: another number is taken.
        number = await self.ledger.next_number(project)
        while await repository.branch(branch_of(project, f"{project}-{number}")) is not None:
            number += 1
        return number


def branch_of(project: str, experiment: str) -> str:
    """Where an experiment's promotions are committed."""
    return f"hive/{project}/{experiment}"
