"""Advice without a daemon: real SQLite, git, files and scope guard; a sandbox that runs nothing, and a model that says what it is told to."""

import asyncio
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from guardrails.budget import Spent
from guardrails.evidence import Calibration
from guardrails.prices import Usage
from guardrails.scope import Engine, LocalFacts, ScopeGuard
from guardrails.scope.catalogue import load_rules
from guardrails.verdict import Rejected
from hive_node.adapters.cleaning import GuardedText
from hive_node.adapters.clock import SeededChance
from hive_node.adapters.git import GitRepository
from hive_node.adapters.spec_files import SpecOnDisk
from hive_node.adapters.store import AdviceStore, Database, ExperimentStore, Journal, ProjectStore, RunStore
from hive_node.domain import Arm, Baseline, Experiment, Idea, Sample, State, StepRun, Trial, Verdict
from hive_node.ports import Answer, Ending, ModelFault, Prompt
from hive_node.subjects.projects import Projects
from hive_node.subjects.workflow.checking import Checker
from hive_node.subjects.workflow.service import AdviceService, Advised
from hive_node.subjects.workflow.track import TrackRecord
from tests.fakes.agents import SetClock
from tests.fakes.improving import ScriptedSandbox, make_repository

SPEC = """\
# what is measured here
[project]
name = "knobs"
[surface]
editable = ["src/*.py"]
protected = ["bench/**", "tests/**"]
[[step]]
name = "bench"   # the only one
run = ["python", "-I", "bench/run.py"]
timeout_s = 600
[metric]
name = "cost"
direction = "lower"
[[guard]]
metric = "seconds"
direction = "lower"
tolerance = 0.5  # wide
[tune]
"src/knobs.py:SIZE" = { low = 1, high = 64 }
"""
FILES = {"tests/check.py": "print('fine')\n"}


@dataclass
class Oracle:
    """A language model that says this; None: there is none."""

    says: str | None = None
    prompts: list[Prompt] = field(default_factory=list)

    async def ask(self, experiment: Experiment, prompt: Prompt) -> Answer:
        if self.says is None:
            raise ModelFault("model.none", "config.toml names no model")
        self.prompts.append(prompt)
        return Answer(self.says, Usage(1, 1), Ending.DONE)

    @property
    def heard(self) -> str:
        return "\n".join(f"{one.system}\n{one.material}\n{one.question}" for one in self.prompts)


class Advising:
    """`await Advising(tmp_path).open()`."""

    def __init__(self, root: Path, spec: str = SPEC) -> None:
        self.root = root
        self.path = make_repository(root / "repo", spec, FILES)
        self.clock, self.oracle, self.sandbox = SetClock(), Oracle(), ScriptedSandbox()
        self.count = 0
        self.service: AdviceService

    async def open(self, empty: Path | None = None) -> "Advising":
        if empty is not None:
            shutil.copy(empty, self.root / "hive.db")
        self.database = await Database.open(self.root / "hive.db")
        self.journal = Journal(self.database, self.clock)
        self.ledger = ExperimentStore(self.database, self.journal)
        projects = Projects(ProjectStore(self.database), GitRepository.open, self.sandbox, self.clock, _nothing)
        await projects.add(self.path)
        runs = RunStore(self.database, self.ledger)
        guard = ScopeGuard(engine(), LocalFacts.of([], bytes(32)))
        shelf, cleaner = AdviceStore(self.database, self.journal), GuardedText(guard, _nothing)
        self.service = AdviceService(
            runs=runs,
            shelf=shelf,
            projects=projects,
            open_repository=GitRepository.open,
            specs=SpecOnDisk(self.root / "kept"),
            cleaner=cleaner,
            counsel=self.oracle,
            checker=Checker(runs, self.sandbox),
            clock=self.clock,
            chance=SeededChance(3),
            track=TrackRecord(runs, shelf, cleaner),
            most_pairs=40,
        )
        return self

    @property
    def spec(self) -> Path:
        return self.path / "hive.toml"

    async def experiment(self, *samples: tuple[int, Arm, Sample], noise: float = 0.0, **changes: Any) -> Experiment:
        """An experiment that is over, with those runs: (idea, arm, sample)."""
        self.count += 1
        project = (await self.service.projects.refresh("knobs")).project
        calibration = Calibration(
            n=5, mean=10.0, sd=noise * 10, noise=noise, deterministic=not noise, suggested_pairs=2
        )
        experiment = Experiment(
            id=f"knobs-{self.count}", project="knobs", task=project.task, spec=project.spec, operator="tune", is_stepwise=False,
            state=State.FINALIZED, branch="hive/knobs", base="a" * 40, champion="a" * 40, seed=1,
            created_at=self.clock.now() + timedelta(seconds=1), baseline=Baseline(calibration, {"cost": 10.0}, "test"), best=8.0,
            spent=Spent(), stop_reason="iterations",
        )  # fmt: skip
        experiment = replace(experiment, **changes)
        await self.ledger.create(experiment, self.count)
        for idea, arm, sample in samples:
            await self.ledger.keep_sample(experiment, idea, arm, sample)
        return experiment

    async def idea(self, experiment: Experiment, number: int, *, rule: str | None = None, **trial: Any) -> None:
        """An idea that was decided on."""
        parameters = trial.pop("parameters", {})
        idea = Idea(number, "tune", "words", {}, (), f"{number:064x}", f"{number:064x}", parameters=parameters)
        fields = {
            "evidence": None,
            "alpha": 0.05,
            "guards": {},
            "failure": None,
            "champion_value": None,
            "candidate_value": None,
        }
        made = Trial(number, **(fields | trial))
        rejected = Rejected(rule or "baseline.not-better", "no")
        at = replace(experiment, state=State.BASELINED)
        await self._force(experiment, at)
        at = await self.ledger.move(at.state, replace(at, state=State.PROPOSED, iteration=number), idea=idea)
        at = await self.ledger.move(at.state, replace(at, state=State.TRIED), trial=made)
        at = await self.ledger.move(
            at.state, replace(at, state=State.JUDGED), verdict=Verdict(number, rejected, self.clock.now())
        )
        at = await self.ledger.move(
            at.state, replace(at, state=State.REJECTED), verdict=Verdict(number, rejected, self.clock.now())
        )
        await self._force(at, replace(experiment, iteration=number))

    async def advise(self, *experiments: Experiment, model: bool = False) -> Advised:
        return await self.service.advise([one.id for one in experiments], asks_model=model)

    def applies(self, diff: str) -> None:
        """git itself takes the diff, and what comes out is a spec."""
        done = subprocess.run(["git", "apply", "--check", "-"], cwd=self.path, input=diff.encode(), capture_output=True)
        assert done.returncode == 0, done.stderr.decode()

    async def _force(self, before: Experiment, after: Experiment) -> None:
        """To a state that its rows need, whatever leads there."""
        async with self.database.write() as transaction:
            from hive_node.adapters.store.experiments import _columns
            from hive_node.adapters.store.tables import experiments

            await transaction.execute(experiments.update().where(experiments.c.id == before.id).values(_columns(after)))


@cache
def engine() -> Engine:
    """A few rules: this is about what becomes of what they find."""
    return Engine([one for one in load_rules() if one.provider == "github"])


async def _nothing() -> None:
    await asyncio.sleep(0)


def passed(cost: float = 8.0, wall_s: float = 0.5, step: str = "bench") -> Sample:
    ran = StepRun(step, ("python", "-I", "bench/run.py"), 0, "exited", wall_s, wall_s)
    return Sample({"cost": cost, "seconds": 1.0}, wall_s, wall_s, steps=(ran,))


def failed(said: str = "", rule: str = "trial.step-failed", wall_s: float = 0.5, step: str = "bench") -> Sample:
    is_late = rule == "trial.timed-out"
    ran = StepRun(
        step,
        ("python", "-I", "bench/run.py"),
        None if is_late else 1,
        "timed-out" if is_late else "exited",
        wall_s,
        0.1,
    )
    details = {"step": step, "exit_code": 1, "said": said}
    return Sample({}, wall_s, wall_s, Rejected(rule, "Step failed.", details), steps=(ran,))


def runs(count: int, arm: Arm = "candidate", sample: Sample | None = None) -> Sequence[tuple[int, Arm, Sample]]:
    """A run each for so many ideas."""
    return [(number + 1, arm, sample or passed()) for number in range(count)]
