"""A skill, really called: each call in a sandbox of its own, its input on standard input, its answer compared out here."""

import asyncio
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from statistics import median
from typing import Final

from guardrails.constitution import Change, Constitution, FileChange, Surface
from guardrails.verdict import Rejected
from hive_node.ports import RunLimits, RunOutcome, Sandbox, SandboxedCommand
from hive_node.skills.case import Case, is_same, why_too_few
from hive_node.skills.skill import ENTRY_POINT, Tried
from hive_node.subjects.skills.form import why_malformed
from protocol.errors import RemoteProtocolError
from protocol.wire import JsonValue, dump_json, parse_object

_SOURCE: Final = "skill.py"
_INPUT: Final = "input"
_HARNESS: Final = "harness.py"
_SURFACE: Final = Surface(editable=(_SOURCE,), protected=())
_SHOWN_CHARS: Final = 300
# An agent may call as often as it likes; so many run at a time, each with its own memory.
_AT_ONCE: Final = 4
LIMITS: Final = RunLimits(
    wall_s=30.0,  # what an agent would wait for; from 5 s on a skill counts as slow
    cpu_s=30.0,
    memory_bytes=512 * 1024**2,  # a tool for one value of a few megabytes
    processes=16,
    file_bytes=16 * 1024**2,
    output_bytes=4 * 1024**2,  # an answer as large as the largest input
)


@dataclass(frozen=True, slots=True)
class Called:
    """What one call came to. answer: meaningful where `problem` is empty. problem: in words, the skill's own at most in part."""

    answer: JsonValue
    problem: str
    seconds: float
    backend: str


@dataclass(frozen=True, slots=True)
class SkillTrials:
    """folder: where each call has its own tree, for as long as it lasts."""

    sandbox: Sandbox
    constitution: Constitution
    folder: Path
    _turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))

    async def call(self, source: str, given: JsonValue) -> Called:
        """Call the entry point once. Raises SandboxFault: then nothing may be concluded."""
        async with self._turns:
            tree = await asyncio.to_thread(self._laid_out, source, dump_json(given))
            try:
                outcome = await self.sandbox.run(self._command(tree))
            finally:
                await asyncio.to_thread(shutil.rmtree, tree, ignore_errors=True)
        return _read(outcome)

    async def validate(self, source: str, cases: Sequence[Case]) -> Tried:
        """Form, constitution, then every case, shown ones first; it ends with the first that is not answered right."""
        rejected = why_malformed(source) or self._why_forbidden(source) or why_too_few(cases)
        passed, times, backend = 0, [0.0], ""
        for case in sorted(cases, key=lambda one: one.is_held_out) if rejected is None else ():
            called = await self.call(source, case.given)
            times.append(called.seconds)
            backend = called.backend
            if rejected := _judged(case, called):
                break
            passed += 1
        held_out = sum(case.is_held_out for case in cases)
        return Tried(len(cases), passed, held_out, median(times[1:] or times), backend, rejected)

    def _why_forbidden(self, source: str) -> Rejected | None:
        change = Change("a small tool", (FileChange(_SOURCE, None, source),))
        answer = self.constitution.judge(change, _SURFACE)
        return answer if isinstance(answer, Rejected) else None

    def _laid_out(self, source: str, given: bytes) -> Path:
        self.folder.mkdir(parents=True, exist_ok=True)
        tree = Path(tempfile.mkdtemp(dir=self.folder))
        shutil.copyfile(Path(__file__).with_name(_HARNESS), tree / _HARNESS)
        (tree / _SOURCE).write_text(source, encoding="utf-8")
        (tree / _INPUT).write_bytes(given)
        return tree

    def _command(self, tree: Path) -> SandboxedCommand:
        python = str(self.sandbox.resolve("python3", tree))
        # No word of the skill or its input is read as shell: the file's name is ours, and so is each argument.
        script = f'exec "$@" < {_INPUT}'
        argv = ("sh", "-c", script, "sh", python, "-I", "-S", "-B", _HARNESS, _SOURCE, ENTRY_POINT)
        return SandboxedCommand(argv, tree, LIMITS, tuple(map(PurePosixPath, (_HARNESS, _SOURCE, _INPUT))))


def _read(outcome: RunOutcome) -> Called:
    answer, problem = _answer(outcome)
    return Called(answer, problem, outcome.wall_s, outcome.backend)


def _answer(outcome: RunOutcome) -> tuple[JsonValue, str]:
    if outcome.ending != "exited":
        return None, f"it was stopped ({outcome.ending})"
    try:
        said = parse_object(outcome.stdout)
    except RemoteProtocolError:
        return None, "it gave no answer" if not outcome.stdout else "its answer is no JSON that could be read again"
    if "answer" not in said:
        return None, f"it raised {str(said.get('raised', 'something'))[:_SHOWN_CHARS]}"
    return said["answer"], ""


def _judged(case: Case, called: Called) -> Rejected | None:
    """Why the case is not answered right. Of a held-out one nothing is told: the reason is read by who writes the next version."""
    if not called.problem and is_same(called.answer, case.expected):
        return None
    if case.is_held_out:
        return Rejected("skill.case.held-out", "a held-out case is not answered right", {"case": case.digest[:12]})
    what = called.problem or f"it answered {_short(called.answer)}"
    reason = f"for {_short(case.given)} {what}, where {_short(case.expected)} is right"
    return Rejected("skill.case.failed", reason, {"case": case.digest[:12]})


def _short(value: JsonValue) -> str:
    text = dump_json(value).decode("utf-8")
    return text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}…"
