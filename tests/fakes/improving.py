"""The improve flow in one process: real git and real SQLite, and a sandbox that runs no command but answers from the tree.

The project has knobs, lines `NAME = number`, and costs: what one trial prints is a function of its tree.
"""

import asyncio
import re
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from guardrails.constitution import Constitution
from hive_node.adapters.git import GitRepository
from hive_node.adapters.store import Database, ExperimentStore, Journal
from hive_node.config.project import parse_project_spec
from hive_node.domain import Experiment, IdeaRecord, Project
from hive_node.improve.checking import Checker
from hive_node.improve.runner import Runner
from hive_node.improve.starting import Starter
from hive_node.improve.steps import Steps
from hive_node.improve.watch import Watchman
from hive_node.improve.workshop import Workshop
from hive_node.ports import (
    Draft,
    Fault,
    MissingCommand,
    News,
    Operator,
    RunLimits,
    RunOutcome,
    SandboxedCommand,
    SandboxReport,
    Situation,
)
from hive_node.subjects.code import CodeSubject
from hive_node.subjects.evaluator import read_evaluator
from protocol.ids import EntryId, sha256_hex

LIMITS = RunLimits(wall_s=1, cpu_s=1, memory_bytes=2**28, processes=16, file_bytes=2**24, output_bytes=2**16)
SPEC = """
[project]
name = "knobs"
[surface]
editable = ["src/*.py"]
protected = ["bench/**"]
[[step]]
name = "bench"
run = ["python", "-I", "bench/run.py"]
timeout_s = 30
[metric]
name = "cost"
direction = "lower"
{extra}
[budget]
iterations = 8
[share]
level = "recipes"
"""
KNOBS = "SIZE = 8\nRATE = 2\n"
_GIT = ("-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "init.defaultBranch=main")

Answer = Callable[[Path, SandboxedCommand], "str | RunOutcome | Awaitable[str | RunOutcome]"]


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *_GIT, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def make_repository(folder: Path, spec: str, files: dict[str, str] | None = None, *init: str) -> Path:
    """A repository of the knobs in one commit."""
    texts = {"src/knobs.py": KNOBS, "bench/run.py": "print('not run')\n", "hive.toml": spec} | (files or {})
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    git(folder, "init", "-q", *init)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "first")
    return folder


def knobs(tree: Path) -> dict[str, float]:
    """The values of a tree's knobs."""
    text = (tree / "src/knobs.py").read_text()
    return {name: float(value) for name, value in re.findall(r"^(\w+) = (\S+)$", text, re.MULTILINE)}


def distance(tree: Path, _command: SandboxedCommand) -> str:
    """The cost: least where SIZE is 20."""
    return f"METRIC cost={abs(knobs(tree)['SIZE'] - 20) + 1}\n"


def outcome(stdout: str = "", **changes: Any) -> RunOutcome:
    fields: dict[str, Any] = {
        "exit_code": 0,
        "ending": "exited",
        "stdout": stdout.encode(),
        "stderr": b"",
        "stdout_truncated": False,
        "stderr_truncated": False,
        "wall_s": 0.5,
        "cpu_s": 0.25,
        "backend": "scripted",
        "limits": {},
    }
    return RunOutcome(**(fields | changes))


@dataclass
class ScriptedSandbox:
    """Answers each command from its tree. runs: the arm of every run, in order."""

    answer: Answer = distance
    runs: list[str] = field(default_factory=list)
    most_at_once: int = 0
    _now: int = 0

    async def run(self, command: SandboxedCommand) -> RunOutcome:
        self.runs.append(command.workdir.name)
        self._now += 1
        self.most_at_once = max(self.most_at_once, self._now)
        try:
            await asyncio.sleep(0)
            answer = self.answer(command.workdir, command)
            answer = await answer if isinstance(answer, Awaitable) else answer
            return outcome(answer) if isinstance(answer, str) else answer
        finally:
            self._now -= 1

    async def probe(self) -> SandboxReport:
        return SandboxReport("scripted", works=True, version="1")

    def resolve(self, name: str, workdir: Path) -> PurePosixPath:
        if name == "no-such-program":
            raise MissingCommand(name, "install it")
        return PurePosixPath("/usr/bin", name)


@dataclass
class ScriptedOperator:
    """Drafts what it is told to, in order. A draft is knobs to set, whole files, or a function of the situation."""

    drafts: list[Any] = field(default_factory=list)
    name: str = "scripted"
    seen: list[Situation] = field(default_factory=list)

    async def draft(self, situation: Situation) -> Draft | None:
        self.seen.append(situation)
        if len(situation.ledger) >= len(self.drafts):
            return None
        wanted = self.drafts[len(situation.ledger)]
        made = wanted(situation) if callable(wanted) else wanted
        made = await made if isinstance(made, Awaitable) else made
        if isinstance(made, Draft):
            return made
        text = situation.champion["src/knobs.py"]
        for name, value in made.items():
            text = re.sub(rf"^{name} = .*$", f"{name} = {value}", text, flags=re.MULTILINE)
        return Draft("scripted", f"Set {made}", {"src/knobs.py": text})


@dataclass
class Told:
    """The share flow, remembered. A purpose is told once for ever."""

    entries: dict[str, News] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    is_silent: bool = False

    async def publish(self, news: News) -> EntryId | None:
        self.calls.append(news.purpose)
        if self.is_silent:
            return None
        self.entries.setdefault(news.purpose, news)
        return EntryId(sha256_hex(news.purpose.encode()))

    async def told(self, purpose: str) -> EntryId | None:
        return EntryId(sha256_hex(purpose.encode())) if purpose in self.entries else None

    def kinds(self) -> list[str]:
        return [purpose.split(":")[0] for purpose in self.entries]


@dataclass
class TickingClock:
    """A second passes at every look; sleeping takes no time, or lasts until it is let go, and is remembered."""

    slept: list[float] = field(default_factory=list)
    lets_go: asyncio.Event = field(default_factory=asyncio.Event)
    _looks: int = 0

    def __post_init__(self) -> None:
        self.lets_go.set()

    def now(self) -> datetime:
        self._looks += 1
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self._looks)

    def monotonic(self) -> float:
        return float(self._looks)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0.001)
        await self.lets_go.wait()


@dataclass
class Alternating:
    """Chance that is none: coins alternate."""

    _flips: int = 0

    def token_bytes(self, count: int) -> bytes:
        return bytes(count)

    def uniform(self, low: float, high: float) -> float:
        return (low + high) / 2

    def coin(self) -> bool:
        self._flips += 1
        return bool(self._flips % 2)

    def sample(self, population: Sequence[Any], count: int) -> list[Any]:
        return list(population)[:count]

    def seed(self) -> int:
        return 1


@dataclass
class PatientMachine:
    """A machine that is in its owner's use for as long as `reason` says why."""

    reason: str | None = None

    def why_wait(self) -> str | None:
        return self.reason


@dataclass
class Opinions:
    """What the hive thinks of recipes: that all stand, until told otherwise."""

    fallen: dict[str, Literal["retracted", "refuted"]] = field(default_factory=dict)
    changes: int = 0

    def fall(self, recipe: EntryId, how: Literal["retracted", "refuted"]) -> None:
        self.fallen[recipe] = how
        self.changes += 1

    def why_fallen(self, _task: str, recipe: EntryId) -> Literal["retracted", "refuted"] | None:
        return self.fallen.get(recipe)


class Improving:
    """A node's improve flow over one project."""

    def __init__(self, folder: Path, database: Database, constitution: Constitution, spec: str) -> None:
        self.folder = folder
        self.database = database
        self.constitution = constitution
        self.path = make_repository(folder / "repo", spec)
        self.clock = TickingClock()
        self.journal = Journal(database, self.clock)
        self.ledger = ExperimentStore(database, self.journal)
        self.sandbox = ScriptedSandbox()
        self.operator: Operator = ScriptedOperator()
        self.told = Told()
        self.halted: str | None = None
        self.machine = PatientMachine()
        self.places = asyncio.Semaphore(1)
        self.repute = Opinions()
        self.renew()

    def renew(self) -> None:
        """As after a restart: everything but what is on disk is new."""
        self.runner = Runner(self.ledger, self.open_workshop, self.told, "test", self.clock, self.places, self.machine)
        self.watchman = Watchman(self.ledger, self.open_workshop, self.clock, self.places, self.machine, self.repute)
        self.checker = Checker(self.open_for_check, self.places)
        self.steps = Steps(self.ledger, self.open_workshop, self.places)
        self.starter = Starter(self.ledger, GitRepository.open, self.sandbox, self.clock, Alternating())

    def project(self) -> Project:
        text = SPEC.format(extra="")  # starting reads the file itself
        return Project("knobs", self.path, parse_project_spec(text), text, "0" * 64, self.clock.now())

    def drafts(self, *drafts: Any) -> None:
        self.operator = ScriptedOperator(list(drafts))

    async def start(
        self, *, stepwise: bool = False, iterations: int | None = None, operator: str = "scripted"
    ) -> Experiment:
        return await self.starter.start(self.project(), operator, iterations=iterations, seed=1, is_stepwise=stepwise)

    async def finish(self, *identities: str) -> list[Experiment]:
        """Run until those experiments are over."""
        async with self.running():
            for identity in identities:
                while not (await self.ledger.get(identity)).is_over:
                    await asyncio.sleep(0.002)
        return [await self.ledger.get(identity) for identity in identities]

    async def improve(self, *drafts: Any, **options: Any) -> Experiment:
        """One experiment over those drafts, from its start to its end."""
        if drafts:
            self.drafts(*drafts)
        experiment = await self.start(**options)
        return (await self.finish(experiment.id))[0]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The runner serves for as long as the block runs; its own failure is the block's."""
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self.runner.serve())
            try:
                yield
            finally:
                task.cancel()

    async def ideas(self, experiment: Experiment) -> list[IdeaRecord]:
        return await self.ledger.ideas(experiment.id)

    async def rules(self, experiment: Experiment) -> list[str]:
        """What became of each idea: `promoted`, or the rule that rejected it."""
        return [
            record.verdict.rejected.rule if record.verdict and record.verdict.rejected else str(record.outcome)
            for record in await self.ideas(experiment)
        ]

    def branch_files(self, experiment: Experiment, path: str = "src/knobs.py") -> list[str]:
        """The file at each commit of the branch, oldest first."""
        commits = git(self.path, "rev-list", "--reverse", experiment.branch).split()
        return [git(self.path, "show", f"{commit}:{path}") + "\n" for commit in commits]

    def worktrees(self) -> list[str]:
        listed = git(self.path, "worktree", "list", "--porcelain")
        return [line for line in listed.splitlines() if line.startswith("worktree ")][1:]

    async def open_for_check(self, project: Project) -> CodeSubject:
        repository = await GitRepository.open(project.path)
        head = await repository.head()
        evaluator = await read_evaluator(repository, project.spec, head)
        trees = self.folder / "trees" / "check"
        subject = CodeSubject(repository, self.sandbox, project.spec, evaluator, LIMITS, trees, "test")
        await subject.open(head, head)
        return subject

    async def open_workshop(self, experiment: Experiment) -> Workshop:
        if not self.path.is_dir():
            raise Fault("repository.missing", "gone")
        repository = await GitRepository.open(self.path)
        evaluator = await read_evaluator(repository, experiment.spec, experiment.base)
        subject = CodeSubject(
            repository, self.sandbox, experiment.spec, evaluator, LIMITS, self.folder / "trees" / experiment.id, "test"
        )
        await subject.open(experiment.base, experiment.champion)
        return Workshop(
            ledger=self.ledger,
            subject=subject,
            operator=self.operator,
            constitution=self.constitution,
            publisher=self.told,
            clock=self.clock,
            chance=Alternating(),
            halt=lambda: self.halted,
        )
