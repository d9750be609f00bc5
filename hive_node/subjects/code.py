"""Code in a git repository: three trees of the node's own, measured offline in the sandbox.

The trees are the pinned baseline, the champion and the candidate. Each run begins from exactly a commit (and, for the
candidate, its new files): what an earlier run left behind is gone. Protected files are read-only and hashed around each run.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Final

from guardrails.constitution.globs import matches
from guardrails.verdict import Rejected
from hive_node.config.project import ProjectSpec, StepSection
from hive_node.domain import Arm, Digest, Files, Sample
from hive_node.ports import (
    Fault,
    Repository,
    RunLimits,
    RunOutcome,
    Sandbox,
    SandboxedCommand,
    TreeEntry,
)
from hive_node.subjects.metrics import read_metrics
from protocol.ids import sha256_hex
from protocol.wire import dump_json

_LINK: Final = "120000"
_SUBMODULE: Final = "160000"
# Larger files are data, not code that an operator could edit.
_EDITABLE_BYTES: Final = 1024 * 1024
_TAIL_CHARS: Final = 2000


@dataclass(frozen=True, slots=True)
class Evaluator:
    """What a project is judged by, as its commit holds it. task: its digest; equal exactly when two nodes measure the same."""

    task: Digest
    protected: tuple[str, ...]
    editable: tuple[str, ...]


async def read_evaluator(repository: Repository, spec: ProjectSpec, commit: str) -> Evaluator:
    """The evaluator of `commit`. Raises Fault where a pattern of the surface matches no file."""
    entries = await repository.entries(commit)
    protected = _matching(entries, spec.surface.protected, commit, "protected")
    editable = [path for path in _matching(entries, spec.surface.editable, commit, "editable") if path not in protected]
    if not editable:
        raise Fault(
            "project.nothing-editable", "every editable file is protected too: [surface] leaves nothing to improve"
        )
    contents = await repository.read([entries[path].blob for path in protected])
    return Evaluator(_task(spec, protected, contents), tuple(protected), tuple(editable))


async def read_files(repository: Repository, commit: str, paths: Sequence[str]) -> dict[str, str]:
    """Text of those files at `commit`; files that are no text, or too large to edit, are left out."""
    entries = await repository.entries(commit)
    present = [path for path in paths if path in entries]
    contents = await repository.read([entries[path].blob for path in present])
    texts = {path: _text(content) for path, content in zip(present, contents, strict=True)}
    return {path: text for path, text in texts.items() if text is not None}


def variant_digest(files: Files) -> Digest:
    """The content address of one state of the editable surface: SHA-256 over every file's path and text."""
    return sha256_hex(dump_json(dict(files)))


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
    _candidate: Mapping[str, bytes] = field(default_factory=dict)

    async def open(self, base: str, champion: str) -> None:
        """Lay the three trees out."""
        arms: dict[Arm, str] = {"baseline": base, "champion": champion, "candidate": champion}
        for arm, commit in arms.items():
            self._git_folders[arm] = await self.repository.lay_out(self.folder / arm, commit)
            self._commits[arm] = commit

    async def close(self) -> None:
        """Take the trees away."""
        for arm in list(self._git_folders):
            await self.repository.remove(self.folder / arm)
            del self._git_folders[arm]

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
        """Run every step on the tree, in order, and read the metrics."""
        steps = [(step.name, step.run, step.timeout_s) for step in self.spec.step]
        return await self._run(arm, steps, self.spec.metric_names[1:])

    async def measure_holdout(self, arm: Arm) -> Sample:
        """Run the held-out command on the tree; its primary metric is what is read."""
        holdout = self.spec.holdout
        if holdout is None:
            raise Fault("project.no-holdout", "the spec has no [holdout]")
        return await self._run(arm, [("holdout", holdout.run, holdout.timeout_s)], ())

    async def _run(
        self, arm: Arm, steps: Sequence[tuple[str, tuple[str, ...], float]], guards: Sequence[str]
    ) -> Sample:
        tree = self.folder / arm
        await self.repository.reset(tree, self._git_folders[arm], self._commits[arm])
        if arm == "candidate":
            _write(tree, self._candidate)
        before = _digests(tree, self.evaluator.protected)
        outcomes: list[tuple[str, RunOutcome]] = []
        failure: Rejected | None = None
        for name, argv, timeout_s in steps:
            outcome = await self.sandbox.run(self._command(tree, argv, timeout_s))
            outcomes.append((name, outcome))
            failure = _judge_exit(name, outcome)
            if failure:
                break
        if _digests(tree, self.evaluator.protected) != before:
            failure = Rejected("trial.evaluator-changed", "A protected file was not the same after the run.")
        return self._sample(arm, outcomes, failure, guards)

    def _command(self, tree: Path, argv: tuple[str, ...], timeout_s: float) -> SandboxedCommand:
        return SandboxedCommand(
            argv=argv,
            workdir=tree,
            limits=replace(self.limits, wall_s=timeout_s, cpu_s=4 * timeout_s),
            read_only=_roots(tree, self.spec.surface.protected, self.evaluator.protected),
            masked=(PurePosixPath(".git"),),
        )

    def _sample(
        self, arm: Arm, outcomes: Sequence[tuple[str, RunOutcome]], failure: Rejected | None, guards: Sequence[str]
    ) -> Sample:
        metrics: dict[str, float] = {}
        if failure is None:
            output = b"".join(outcome.stdout + b"\n" for _, outcome in outcomes)
            is_clipped = any(outcome.stdout_truncated for _, outcome in outcomes)
            read = read_metrics(output, self.spec.metric, guards, is_clipped=is_clipped)
            metrics, failure = (read, None) if isinstance(read, dict) else ({}, read)
        return Sample(
            metrics=metrics,
            wall_s=sum(outcome.wall_s for _, outcome in outcomes),
            cpu_s=sum(outcome.cpu_s for _, outcome in outcomes),
            failure=failure,
            receipt=self._receipt(arm, outcomes),
        )

    def _receipt(self, arm: Arm, outcomes: Sequence[tuple[str, RunOutcome]]) -> dict[str, object]:
        last = outcomes[-1][1]
        return {
            "commit": self._commits[arm],
            "diff": sha256_hex(b"".join(path.encode() + b"\0" + text for path, text in sorted(self._candidate.items())))
            if arm == "candidate"
            else None,
            "task": self.evaluator.task,
            "environment": self.environment,
            "sandbox": last.backend,
            "limits": dict(last.limits),
            "steps": [
                {
                    "name": name,
                    "exit_code": outcome.exit_code,
                    "ending": outcome.ending,
                    "wall_s": round(outcome.wall_s, 6),
                    "cpu_s": round(outcome.cpu_s, 6),
                }
                for name, outcome in outcomes
            ],
        }


def clean_text(output: bytes) -> str:
    """The end of what a run printed, as data: decoded, without control characters, capped."""
    text = output.decode("utf-8", "replace")[-_TAIL_CHARS:]
    return "".join(
        character if character.isprintable() or character == "\n" else "\N{REPLACEMENT CHARACTER}" for character in text
    )


def _judge_exit(name: str, outcome: RunOutcome) -> Rejected | None:
    if outcome.ending == "exited" and outcome.exit_code == 0:
        return None
    said = clean_text(outcome.stderr or outcome.stdout).strip().splitlines()
    details = {"step": name, "exit_code": outcome.exit_code, "said": said[-1][:200] if said else ""}
    match outcome.ending:
        case "exited":
            return Rejected("trial.step-failed", f"Step `{name}` ended with {outcome.exit_code}.", details)
        case "timed-out":
            return Rejected("trial.timed-out", f"Step `{name}` did not end in time and was killed.", details)
        case _:
            return Rejected("trial.limit", f"Step `{name}` was killed: {outcome.ending}.", details)


def _matching(entries: Mapping[str, TreeEntry], globs: Sequence[str], commit: str, which: str) -> list[str]:
    for glob in globs:
        if not any(matches(glob, path) for path in entries):
            raise Fault(
                "project.no-such-file",
                f"[surface] {which} = {glob!r} matches no file of commit {commit[:12]}: correct it, or commit the files",
            )
    found = [path for path in sorted(entries) if any(matches(glob, path) for glob in globs)]
    links = [path for path in found if entries[path].mode in {_LINK, _SUBMODULE}]
    if links:
        raise Fault("project.link", f"[surface] {which} holds a link or submodule, {links[0]}: name plain files")
    return found


def _task(spec: ProjectSpec, protected: Sequence[str], contents: Sequence[bytes]) -> Digest:
    steps: Iterable[StepSection] = spec.step
    return sha256_hex(
        dump_json(
            {
                "protected": {path: sha256_hex(content) for path, content in zip(protected, contents, strict=True)},
                "steps": [[step.name, *step.run] for step in steps],
                "metric": [spec.metric.name, spec.metric.direction, spec.metric.pattern],
            }
        )
    )


def _text(content: bytes) -> str | None:
    if len(content) > _EDITABLE_BYTES or b"\0" in content:
        return None
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _write(tree: Path, files: Mapping[str, bytes]) -> None:
    for path, content in files.items():
        target = tree / path
        # The tree was just reset to a commit whose editable files are plain files: no link is followed here.
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def _digests(tree: Path, paths: Sequence[str]) -> list[str]:
    return [hashlib.sha256((tree / path).read_bytes()).hexdigest() if (tree / path).is_file() else "" for path in paths]


def _roots(tree: Path, globs: Sequence[str], files: Sequence[str]) -> tuple[PurePosixPath, ...]:
    """The fewest read-only binds: a whole folder where the spec protects one, single files elsewhere."""
    folders = {glob.removesuffix("/**") for glob in globs if glob.endswith("/**") and "*" not in glob[:-3]}
    folders = {folder for folder in folders if (tree / folder).is_dir()}
    alone = [path for path in files if not any(path.startswith(f"{folder}/") for folder in folders)]
    return tuple(PurePosixPath(path) for path in sorted({*folders, *alone}))
