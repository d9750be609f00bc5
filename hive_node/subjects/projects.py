"""Handing a repository over: what must hold before a node takes it, checked without touching it."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from hive_node.config.project import FILE, ProjectSpec, load_project_spec
from hive_node.domain import Project
from hive_node.operators.space import check_hints
from hive_node.ports import Clock, Fault, Repository, RepositoryOpener, Sandbox, SandboxFault
from hive_node.subjects.evaluator import Evaluator, is_text, read_evaluator, read_files
from hive_node.subjects.weaknesses import weaknesses


class ProjectShelf(Protocol):
    """Where projects are kept. Raises StoreError, NotFound."""

    async def add(self, project: Project) -> None: ...

    async def update(self, project: Project) -> None: ...

    async def all(self) -> list[Project]: ...

    async def get(self, identity: str) -> Project: ...

    async def remove(self, identity: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Added:
    """A project and what its user should know about it."""

    project: Project
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Projects:
    """The repositories at hand. changed: called when the set of them changes."""

    shelf: ProjectShelf
    open_repository: RepositoryOpener
    sandbox: Sandbox
    clock: Clock
    changed: Callable[[], Awaitable[None]]

    async def add(self, path: Path) -> Added:
        """Take a repository over. Raises Fault, ConfigError; then nothing was changed."""
        repository = await self.open_repository(path)
        if not is_text(str(repository.root)):
            raise Fault("project.path", f"the name of {str(repository.root)!r} is not UTF-8: rename the folder")
        spec, text = load_project_spec(repository.root)
        known = await self.shelf.all()
        if any(project.path == repository.root for project in known):
            raise Fault("project.exists", f"{repository.root} was added before: `hive-node project list` shows it")
        evaluator = await check_project(repository, spec, await repository.head(), self.sandbox)
        project = Project(
            id=_free_id(spec.project.name, {project.id for project in known}),
            path=repository.root,
            spec=spec,
            spec_text=text,
            task=evaluator.task,
            added_at=self.clock.now(),
        )
        await self.shelf.add(project)
        await self.changed()
        return Added(project, tuple(await _warnings(repository, spec, evaluator)))

    async def refresh(self, identity: str) -> Added:
        """Read a project's spec and commit again. Raises Fault, ConfigError, NotFound."""
        project = await self.shelf.get(identity)
        repository = await self.open_repository(project.path)
        spec, text = load_project_spec(repository.root)
        evaluator = await check_project(repository, spec, await repository.head(), self.sandbox)
        project = replace(project, spec=spec, spec_text=text, task=evaluator.task)
        await self.shelf.update(project)
        return Added(project, tuple(await _warnings(repository, spec, evaluator)))

    async def remove(self, identity: str) -> None:
        """Let go of a project; its branches stay. Raises NotFound."""
        await self.shelf.get(identity)
        await self.shelf.remove(identity)
        await self.changed()


async def check_project(repository: Repository, spec: ProjectSpec, commit: str, sandbox: Sandbox) -> Evaluator:
    """Everything that can be known of a project without running it. Raises Fault; its evaluator where all is well."""
    evaluator = await read_evaluator(repository, spec, commit)
    texts = await read_files(repository, commit, evaluator.editable)
    if not texts:
        raise Fault("project.nothing-editable", "no editable file is text in UTF-8 of at most 1 MiB")
    await asyncio.to_thread(check_hints, texts, spec.tune)
    commands = [(step.name, step.run[0]) for step in spec.step]
    commands += [("holdout", spec.holdout.run[0])] if spec.holdout else []
    for step, command in commands:
        # A path within the tree may be made by an earlier step; a program has to be there.
        if "/" not in command or command.startswith("/"):
            _resolve(sandbox, step, command, repository.root)
    return evaluator


def _resolve(sandbox: Sandbox, step: str, command: str, root: Path) -> None:
    try:
        sandbox.resolve(command, root)
    except SandboxFault as fault:
        raise Fault(fault.code, f"step `{step}`: {fault}") from fault


def _free_id(name: str, taken: set[str]) -> str:
    base = re.sub(r"[^a-z0-9-]+", "-", name.lower()).strip("-") or "project"
    return base if base not in taken else next(one for n in range(2, 10_000) if (one := f"{base}-{n}") not in taken)


async def _warnings(repository: Repository, spec: ProjectSpec, evaluator: Evaluator) -> list[str]:
    found = await weaknesses(repository, spec, evaluator, await repository.head())
    if await repository.is_dirty(FILE):
        found.append(
            "the checkout has uncommitted changes: experiments begin from the last commit, your files stay as they are"
        )
    return found
