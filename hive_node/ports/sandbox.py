"""What a trial needs of a sandbox: the command, its limits, its outcome, and the faults an adapter may raise."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final, Literal, Protocol

from hive_node.ports.faults import Fault

Ending = Literal["exited", "timed-out", "output-capped", "cpu-limit", "memory-limit", "process-limit"]
"""How a run ended. All but `exited` mean that the sandbox killed the whole tree."""


@dataclass(frozen=True, slots=True)
class RunLimits:
    """The most that one run may take. Seconds and bytes; every number must be positive.

    wall_s: from start to end. cpu_s: all processes together. memory_bytes: one process, and all of them together; as much again,
    in halves, may lie in /tmp and /dev/shm. processes: tasks alive at once, threads included. file_bytes: one file.
    output_bytes: kept of standard output (its head) and of standard error (its tail), each.
    """

    wall_s: float
    cpu_s: float
    memory_bytes: int
    processes: int
    file_bytes: int
    output_bytes: int

    def __post_init__(self) -> None:
        for name in ("wall_s", "cpu_s", "memory_bytes", "processes", "file_bytes", "output_bytes"):
            value = getattr(self, name)
            if not 0 < value < float("inf"):
                raise ValueError(f"{name} must be a positive finite number, not {value}")


DEFAULT_LIMITS: Final = RunLimits(
    wall_s=120.0,  # a benchmark that a person would wait for; steps name their own in hive.toml
    cpu_s=480.0,  # four cores busy for the whole time; more is a runaway, not a benchmark
    memory_bytes=2 * 1024**3,  # a test suite fits, and a laptop of 8 GB goes on working beside it
    processes=256,  # a parallel build on 64 cores with its threads; a fork bomb passes it within milliseconds
    file_bytes=256 * 1024**2,  # a build product fits; a runaway log does not fill the disk
    output_bytes=1024**2,  # metric lines are a few kilobytes; the tail of a long failure fits
)


@dataclass(frozen=True, slots=True)
class SandboxedCommand:
    """One command to run on one tree. Paths in `read_only` and `masked` are relative to `workdir`, exist, and hold no link.

    argv: never a shell string; argv[0] is a name, a path relative to the tree (`./bench.sh`), or an absolute path.
    workdir: the folder that is the command's whole writable world; one run at a time.
    read_only: files and folders that the command may read and not change, create in, move or delete.
    masked: files and folders that the command finds empty.
    environment: added to a clean environment.
    """

    argv: tuple[str, ...]
    workdir: Path
    limits: RunLimits
    read_only: tuple[PurePosixPath, ...] = ()
    masked: tuple[PurePosixPath, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.argv or not self.argv[0]:
            raise ValueError("a command has at least a name")
        for text in (*self.argv, *self.environment, *self.environment.values()):
            if "\0" in text:
                raise ValueError("a command holds no NUL")
        for name in self.environment:
            if not name or "=" in name:
                raise ValueError(f"not the name of a variable: {name!r}")


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """What became of a run. The output is a stranger's: bytes, capped, not cleaned.

    exit_code: None where the sandbox killed it; 128 + n where signal n ended it, as a shell says.
    stdout: the first `output_bytes`; stderr: the last. cpu_s: user and system time of the whole tree.
    limits: for the receipt, what was bounded and by what, and what was not.
    """

    exit_code: int | None
    ending: Ending
    stdout: bytes
    stderr: bytes
    stdout_truncated: bool
    stderr_truncated: bool
    wall_s: float
    cpu_s: float
    backend: str
    limits: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SandboxReport:
    """What a sandbox found when it tried itself. `version` is empty where there is no program to ask."""

    backend: str
    works: bool
    version: str
    problem: str = ""
    remedy: str = ""


class SandboxFault(Fault):
    """A run was refused or broken by this machine, not judged. remedy: what a person can do; it is part of str()."""

    def __init__(self, code: str, message: str, remedy: str = "") -> None:
        super().__init__(code, f"{message}; {remedy}" if remedy else message)
        self.reason = message
        self.remedy = remedy


class SandboxUnavailable(SandboxFault):
    """There is no working sandbox here. The command was not run: there is no unsandboxed way."""


class MissingCommand(SandboxFault):
    """The command's program is not within what the sandbox shows. Nothing was run."""

    def __init__(self, name: str, remedy: str) -> None:
        super().__init__("sandbox.missing-command", f"{name!r} is not found in the sandbox", remedy)
        self.name = name


class UnsafeMount(SandboxFault):
    """A folder or file cannot be shown, protected or masked as asked. Nothing was run."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__("sandbox.unsafe-mount", f"{path}: {reason}")
        self.path = path


class Sandbox(Protocol):
    """Runs a stranger's code on a tree and comes back with all of it dead."""

    async def run(self, command: SandboxedCommand) -> RunOutcome:
        """Run to an end, bounded by the limits. Cancelling kills the tree and returns only when it is gone.

        Raises SandboxUnavailable, MissingCommand, UnsafeMount: then the command was not run to an end, and nothing may be
        concluded from it.
        """
        ...

    async def probe(self) -> SandboxReport:
        """Really run something, and say whether that works, and if not, what would help."""
        ...

    def resolve(self, name: str, workdir: Path) -> PurePosixPath:
        """Where in the sandbox argv[0] is found. Raises MissingCommand."""
        ...
