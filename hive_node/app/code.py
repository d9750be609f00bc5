"""The side of the node that improves code: projects, trials in a sandbox, experiments, and the watch after a promotion."""

import asyncio
import logging
import platform
import sys
from pathlib import Path
from typing import Final

from hive_node.adapters.git import GitRepository
from hive_node.adapters.machine import Machine
from hive_node.adapters.plugins import SANDBOXES, load
from hive_node.adapters.sandbox import build as build_sandbox
from hive_node.adapters.store import CallStore, ExperimentStore
from hive_node.adapters.unprotected import Unprotected
from hive_node.app.federated import Federated
from hive_node.app.foundation import Foundation
from hive_node.config.node import LimitsSection, SandboxSection
from hive_node.config.project import ProjectSpec
from hive_node.domain import Experiment, Project
from hive_node.improve.budget import budget_of
from hive_node.improve.checking import Checker
from hive_node.improve.runner import Runner
from hive_node.improve.starting import Starter
from hive_node.improve.steps import Steps
from hive_node.improve.watch import Watchman
from hive_node.improve.workshop import Workshop
from hive_node.operators.auto import Auto
from hive_node.operators.combine import Combine
from hive_node.operators.controlled import Controlled
from hive_node.operators.llm import Llm
from hive_node.operators.purse import Purse
from hive_node.operators.recipe import FromRecipes
from hive_node.operators.tune import Tune
from hive_node.ports import ModelFault, Operator, RunLimits, Sandbox
from hive_node.subjects.code import CodeSubject
from hive_node.subjects.evaluator import read_evaluator
from hive_node.subjects.projects import Projects

logger = logging.getLogger(__name__)

_MIB: Final = 1024 * 1024


class CodeParts:
    """Each part once. Experiments share one sandbox, one count of trials at a time, and one look at how busy the machine is."""

    def __init__(self, ground: Foundation, federated: Federated) -> None:
        self._ground = ground
        self._federated = federated
        limits, clock, chance = ground.config.limits, ground.clock, ground.chance
        self.sandbox = _sandbox(ground.config.sandbox, ground.home.root)
        self._calls = CallStore(ground.database, ground.journal)
        turns = asyncio.Semaphore(limits.trials_at_once)
        machine = Machine(limits.on_battery, limits.busy_share, clock.monotonic)
        self.experiments = ExperimentStore(ground.database, ground.journal)
        self.projects = Projects(ground.shelf, GitRepository.open, self.sandbox, clock, ground.own.gather)
        self.runner = Runner(
            self.experiments, self._open_workshop, federated.share, environment_class(), clock, turns, machine
        )
        self.watchman = Watchman(self.experiments, self._open_workshop, clock, turns, machine, federated.beliefs)
        self.steps = Steps(self.experiments, self._open_workshop, turns)
        self.checker = Checker(self._open_for_check, turns)
        self.starter = Starter(self.experiments, GitRepository.open, self.sandbox, clock, chance, self._check_operator)

    async def _open_for_check(self, project: Project) -> CodeSubject:
        repository = await GitRepository.open(project.path)
        head = await repository.head()
        subject = await self._subject(repository, project.spec, head, f"{project.id}-check")
        await subject.open(head, head)
        return subject

    async def _subject(self, repository: GitRepository, spec: ProjectSpec, base: str, name: str) -> CodeSubject:
        evaluator = await read_evaluator(repository, spec, base)
        trees, limits = self._ground.home.worktrees / name, _run_limits(self._ground.config.limits)
        return CodeSubject(repository, self.sandbox, spec, evaluator, limits, trees, environment_class())

    async def _open_workshop(self, experiment: Experiment) -> Workshop:
        project = await self.projects.shelf.get(experiment.project)
        repository = await GitRepository.open(project.path)
        subject = await self._subject(repository, experiment.spec, experiment.base, experiment.id)
        operator = await self._operator(experiment)
        await subject.open(experiment.base, experiment.champion)
        return Workshop(
            ledger=self.experiments,
            subject=subject,
            operator=operator,
            constitution=self._ground.constitution,
            publisher=self._federated.crediting,
            clock=self._ground.clock,
            chance=self._ground.chance,
            halt=self._ground.why_halted,
        )

    async def _operator(self, experiment: Experiment) -> Operator:
        # New for each run of an experiment: what they remember of its ledger goes with it.
        suggest = self._federated.suggest
        recipe, tune, combine = FromRecipes(suggest), Tune(), Combine(self.experiments)
        match experiment.operator:
            case "tune":
                return tune
            case "recipe":
                return recipe
            case "combine":
                return combine
            case "llm":
                return Controlled(await self._llm(experiment), tune)
            case "auto":
                others = await self._llm_if_any(experiment)
                return Auto((recipe, tune, combine, *others), (self.experiments, suggest))
            case _:  # driven step by step: nobody is asked
                return Auto(())

    async def _llm(self, experiment: Experiment) -> Operator:
        ground, models = self._ground, self._ground.models
        caps, most = budget_of(experiment), models.most_output()
        purse = Purse(await ground.model(), self._calls, models.price(), caps, ground.clock, most)
        return Llm(purse, self._federated.suggest, ground.chance)

    async def _llm_if_any(self, experiment: Experiment) -> list[Operator]:
        """The language model, where there is one and this project may pay for it."""
        try:
            await self._ground.models.check(experiment.spec)
            return [await self._llm(experiment)]
        except ModelFault as fault:
            logger.debug("no language model", extra={"experiment": experiment.id, "code": fault.code})
            return []

    async def _check_operator(self, name: str, spec: ProjectSpec) -> None:
        if name == "llm":
            await self._ground.models.check(spec)


def environment_class() -> str:
    """The kind of machine a measurement was made on; figures of different kinds are not compared."""
    version = ".".join(platform.python_version_tuple()[:2])
    return f"{sys.platform}-{platform.machine()}-cpython{version}"


def _sandbox(section: SandboxSection, private: Path) -> Sandbox:
    match section.backend:
        case "none":
            logger.warning("trials run UNPROTECTED: sandbox.backend is none in config.toml")
            return Unprotected()
        case "plugin":
            logger.info("trials run in a sandbox of the user's own", extra={"plugin": section.plugin})
            sandbox: Sandbox = load(SANDBOXES, section.plugin or "")()
            return sandbox
        case backend:
            tools = {name: Path(path) for name, path in section.tools.items()}
            toolchains = [Path(path).expanduser() for path in section.toolchains]
            return build_sandbox(backend, toolchains, tools, private=(private,))


def _run_limits(limits: LimitsSection) -> RunLimits:
    return RunLimits(
        wall_s=1.0,  # each step's own takes its place
        cpu_s=1.0,
        memory_bytes=limits.memory_mib * _MIB,
        processes=limits.processes,
        file_bytes=limits.file_mib * _MIB,
        output_bytes=limits.output_kib * 1024,
    )
