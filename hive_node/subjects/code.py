"""Code in a git repository: three trees of the node's own, measured offline in the sandbox.

The trees are the pinned baseline, the champion and the candidate. Each run begins from exactly a commit (and, for the
candidate, its new files): what an earlier run left behind is gone. Protected files are read-only, and looked at after
every step.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Final

from guardrails.verdict import Rejected
from hive_node.config.project import ProjectSpec
from hive_node.domain import Arm, Files, Sample, StepRun
from hive_node.ports import (
    Fault,
    Repository,
    RepositoryError,
    RunLimits,
    RunOutcome,
    Sandbox,
    SandboxedCommand,
    SandboxFault,
)
from hive_node.subjects.evaluator import Evaluator, read_files
from hive_node.subjects.leavings import Leavings
from hive_node.subjects.metrics import read_metrics
from hive_node.subjects.seals import Seals
from protocol.ids import sha256_hex

logger = logging.getLogger(__name__)

_TAIL_CHARS: Final = 2000
_LINE_CHARS: Final = 200


@dataclass(frozen=True, slots=True)
class _Step:
    """A command of a run: its name, argument vector, seconds until it is killed, and what it finds empty."""

    name: str
    argv: tuple[str, ...]
    timeout_s: float
    masked: tuple[PurePosixPath, ...]


@dataclass(slots=True)
class CodeSubject:
    """One experiment's trees. Use `open` first; `close` takes the trees away, the branch stays."""

    repository: Repository
    sandbox: Sandbox
    spec: ProjectSpec
    evaluator: Evaluator
    limits: RunLimits
    folder: Path
    environment: str
    _git_folders: dict[Arm, Path] = field(default_factory=dict)
    _commits: dict[Arm, str] = field(default_factory=dict)
    _seals: dict[Arm, Seals] = field(default_factory=dict)
    _candidate: Mapping[str, bytes] = field(default_factory=dict)

    async def open(self, base: str, champion: str) -> None:
        """Lay the three trees out. Raises Fault; then there are none."""
        self._commits = {"baseline": base, "champion": champion, "candidate": champion}
        try:
            for arm in self._commits:
                await self._lay_out(arm)
            await self._refuse_conversions()
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Take the trees away."""
        for arm in self._commits:
            await self.repository.remove(self.folder / arm)
        await self.repository.remove(self.folder)
        self._git_folders.clear()

    async def files(self, arm: Arm) -> dict[str, str]:
        """The editable texts of the tree's commit."""
        return await read_files(self.repository, self._commits[arm], self.evaluator.editable)

    def put(self, files: Files) -> None:
        """Make `files` (path to whole text) what the candidate is, over the champion."""
        self._candidate = {path: text.encode("utf-8") for path, text in files.items()}

    def promote(self, commit: str) -> None:
        """`commit` is the champion now."""
        self._commits["champion"] = self._commits["candidate"] = commit
        self._candidate = {}

    async def measure(self, arm: Arm) -> Sample:
        """Run every step on the tree, in order, and read the metrics. Raises Fault where the sandbox or git cannot."""
        masked = _roots(self.folder / arm, self.spec.held_out, self.evaluator.held_out)
        steps = [_Step(step.name, step.run, step.timeout_s, masked) for step in self.spec.step]
        return await self._run(arm, steps, self.spec.metric_names[1:])

    async def measure_holdout(self, arm: Arm) -> Sample:
        """Run the held-out command on the tree; its primary metric is what is read. Raises Fault, as `measure`."""
        holdout = self.spec.holdout
        if holdout is None:
            raise Fault("project.no-holdout", "the spec has no [holdout]")
        return await self._run(arm, [_Step("holdout", holdout.run, holdout.timeout_s, ())], ())

    async def _run(self, arm: Arm, steps: Sequence[_Step], guards: Sequence[str]) -> Sample:
        tree = await self._fresh(arm)
        seals = self._seals[arm]
        before = await asyncio.to_thread(seals.digests, tree)
        leavings = await self._leavings(arm, tree) if len(steps) > 1 else None
        outcomes: list[tuple[_Step, RunOutcome]] = []
        failure: Rejected | None = None
        for step in steps:
            outcome = await self._execute(tree, step)
            outcomes.append((step, outcome))
            failure = _judge_exit(step.name, outcome)
            # After every step, not after the last: what one step put in the place of a protected file would be the next one's judge.
            if await asyncio.to_thread(seals.digests, tree) != before:
                failure = Rejected(
                    "trial.evaluator-changed", f"A protected file was not the same after step `{step.name}`."
                )
            elif failure is None and leavings is not None and step is not steps[-1]:
                failure = await leavings.judge(step.name)
            if failure:
                break
        metrics: dict[str, float] = {}
        if failure is None:
            read = await asyncio.to_thread(self._read, outcomes, guards)
            metrics, failure = (read, None) if isinstance(read, dict) else ({}, read)
        return Sample(
            metrics=metrics,
            wall_s=sum(outcome.wall_s for _, outcome in outcomes),
            cpu_s=sum(outcome.cpu_s for _, outcome in outcomes),
            failure=failure,
            receipt=self._receipt(arm, outcomes[-1][1]),
            steps=tuple(_step_run(step, outcome) for step, outcome in outcomes),
        )

    async def _fresh(self, arm: Arm) -> Path:
        """The tree as it is to be measured, laid out anew where it cannot be brought back."""
        tree = self.folder / arm
        try:
            await self._reset(tree, arm)
        except RepositoryError as error:
            # Deleted by hand, forgotten by `git worktree prune`, or left by a run in a state that cannot be cleaned.
            logger.info("tree laid out anew", extra={"tree": str(tree), "reason": str(error)})
            await self._lay_out(arm)
            await self._reset(tree, arm)
        return tree

    async def _lay_out(self, arm: Arm) -> None:
        self._git_folders[arm] = await self.repository.lay_out(self.folder / arm, self._commits[arm])
        self._seals[arm] = Seals(self.evaluator.protected)

    async def _reset(self, tree: Path, arm: Arm) -> None:
        known = {path: text.encode("utf-8") for path, text in (await self.files(arm)).items()}
        # The files that the candidate changes are written anew in every tree: nothing but their content tells the arms apart.
        fresh = (
            {path: known[path] for path in self._candidate if path in known} if arm != "candidate" else self._candidate
        )
        await self.repository.reset(tree, self._git_folders[arm], self._commits[arm], fresh, known)

    async def _leavings(self, arm: Arm, tree: Path) -> Leavings:
        commit, changed = self._commits[arm], self._candidate if arm == "candidate" else {}
        return await Leavings.watch(tree, self._git_folders[arm], self.repository, commit, changed)

    async def _execute(self, tree: Path, step: _Step) -> RunOutcome:
        try:
            return await self.sandbox.run(
                SandboxedCommand(
                    argv=step.argv,
                    workdir=tree,
                    limits=replace(self.limits, wall_s=step.timeout_s, cpu_s=4 * step.timeout_s),
                    read_only=_roots(
                        tree, (*self.spec.surface.protected, *self.spec.held_out), self.evaluator.protected
                    ),
                    masked=(PurePosixPath(".git"), *step.masked),
                )
            )
        except SandboxFault as fault:
            raise Fault(fault.code, f"step `{step.name}`: {fault}") from fault

    def _read(self, outcomes: Sequence[tuple[_Step, RunOutcome]], guards: Sequence[str]) -> dict[str, float] | Rejected:
        output = b"".join(outcome.stdout + b"\n" for _, outcome in outcomes)
        is_clipped = any(outcome.stdout_truncated for _, outcome in outcomes)
        return read_metrics(output, self.spec.metric, guards, is_clipped=is_clipped)

    def _receipt(self, arm: Arm, last: RunOutcome) -> dict[str, object]:
        return {
            "commit": self._commits[arm],
            "diff": sha256_hex(b"".join(path.encode() + b"\0" + text for path, text in sorted(self._candidate.items())))
            if arm == "candidate"
            else None,
            "task": self.evaluator.task,
            "environment": self.environment,
            "sandbox": last.backend,
            "limits": dict(last.limits),
        }

    async def _refuse_conversions(self) -> None:
        """A candidate is written as it will be committed; where git converts on checkout, the champion would not be."""
        for path, text in (await self.files("baseline")).items():
            if (self.folder / "baseline" / path).read_bytes() != text.encode("utf-8"):
                raise Fault(
                    "project.converted",
                    f"git changes {path!r} when it checks it out (eol, ident, filter or working-tree-encoding in "
                    ".gitattributes): take the attribute off, or the file out of [surface] editable",
                )


def clean_text(output: bytes) -> str:
    """The end of what a run printed, as data: decoded, without control characters, capped."""
    text = output.decode("utf-8", "replace")[-_TAIL_CHARS:]
    return "".join(
        character if character.isprintable() or character == "\n" else "\N{REPLACEMENT CHARACTER}" for character in text
    )


def _step_run(step: _Step, outcome: RunOutcome) -> StepRun:
    return StepRun(
        step.name, step.argv, outcome.exit_code, outcome.ending, round(outcome.wall_s, 6), round(outcome.cpu_s, 6)
    )


def _judge_exit(name: str, outcome: RunOutcome) -> Rejected | None:
    if outcome.ending == "exited" and outcome.exit_code == 0:
        return None
    said = clean_text(outcome.stderr or outcome.stdout).strip().splitlines()
    details = {"step": name, "exit_code": outcome.exit_code, "said": said[-1][:_LINE_CHARS] if said else ""}
    match outcome.ending:
        case "exited":
            return Rejected("trial.step-failed", f"Step `{name}` ended with {outcome.exit_code}.", details)
        case "timed-out":
            return Rejected("trial.timed-out", f"Step `{name}` did not end in time and was killed.", details)
        case _:
            return Rejected("trial.limit", f"Step `{name}` was killed: {outcome.ending}.", details)


def _roots(tree: Path, globs: Sequence[str], files: Sequence[str]) -> tuple[PurePosixPath, ...]:
    """The fewest mounts: a whole folder where the spec names one, single files elsewhere."""
    folders = {glob.removesuffix("/**") for glob in globs if glob.endswith("/**") and "*" not in glob[:-3]}
    folders = {folder for folder in folders if (tree / folder).is_dir()}
    alone = [path for path in files if not any(path.startswith(f"{folder}/") for folder in folders)]
    return tuple(PurePosixPath(path) for path in sorted({*folders, *alone}))
