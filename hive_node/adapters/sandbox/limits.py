"""What bounds a run, by which means, and how a receipt says it.

Kernel limits hold for each process, and for the number of processes; the census holds for the tree, sampled. A control group
holds for the tree at every instant, where one can be had.
"""

import contextlib
import math
import os
import re
import resource
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from hive_node.adapters.sandbox import census, priority
from hive_node.adapters.sandbox.taskgroup import Group
from hive_node.ports.sandbox import Ending, RunLimits

ProcessBound = Literal["control group", "RLIMIT_NPROC", "none"]
"""Which part of the kernel refuses one process too many. Where none does, a fork bomb is a race against the census."""

SAMPLE_EVERY_S: Final[Mapping[ProcessBound, float]] = {"control group": 0.05, "RLIMIT_NPROC": 0.05, "none": 0.01}
OUTPUT_PATIENCE: Final = 4
"""A run that prints this many times what is kept of its output is ended: it will not stop by itself."""

_OPEN_FILES: Final = 4096  # a link step opens hundreds; the default hard limit of most distributions
_NPROC_IN_NAMESPACES: Final = (5, 14)
_BOUND_WORDS: Final[Mapping[ProcessBound, str]] = {
    "control group": "pids.max",
    "RLIMIT_NPROC": "RLIMIT_NPROC",
    "none": "not bounded by the kernel (RLIMIT_NPROC does not bind root, and no control group can be made)",
}
_SIGXCPU_CODE: Final = 128 + 24


@dataclass(frozen=True, slots=True)
class Means:
    """What holds one run, for the one who watches it and for its receipt.

    has_namespaces: of its own, as bubblewrap makes them; else RLIMIT_NPROC counts all that the user runs. syscalls: in words.
    is_started_inside: the supervisor too is in the group, since whoever kills it ends the run.
    """

    group: Group | None
    syscalls: str
    has_namespaces: bool = True
    is_started_inside: bool = False

    @property
    def held(self) -> frozenset[str]:
        return self.group.holds if self.group else frozenset()

    @property
    def processes(self) -> ProcessBound:
        return process_bound(self.group)

    @property
    def has_memory_group(self) -> bool:
        return "memory" in self.held


def process_bound(group: Group | None) -> ProcessBound:
    """How processes are counted here. Before Linux 5.14 RLIMIT_NPROC counts all that the user runs on the machine."""
    if group is not None and "pids" in group.holds:
        return "control group"
    return "RLIMIT_NPROC" if os.geteuid() != 0 and _has_namespaced_nproc() else "none"


def confine(pid: int, limits: RunLimits, means: Means) -> None:
    """Bound a run's first process, and put it behind all others, before it is let go; every descendant inherits that."""
    if means.group is not None:
        means.group.join(pid, is_started_inside=means.is_started_inside)
    for kind, (soft, hard) in _kernel_limits(limits, means).items():
        _lower(pid, kind, soft, hard)
    if means.processes != "none":  # else a bomb races against the census: what ends it must be run first
        priority.lower(pid)
    with contextlib.suppress(
        OSError
    ):  # a courtesy to the host, not a bound: when memory is short, the trial goes first
        Path(f"/proc/{pid}/oom_score_adj").write_text("1000")


def exceeded(limits: RunLimits, counted: census.Census) -> Ending | None:
    """Which limit the whole tree is over, if any; for its memory see `memory`."""
    if counted.tasks > limits.processes:
        return "process-limit"
    if counted.cpu_s > limits.cpu_s:
        return "cpu-limit"
    return None


def ending_of(exit_code: int) -> Ending:
    """How a run ended that nobody here killed: by itself, or by the kernel's limit on processor time."""
    return "cpu-limit" if exit_code == _SIGXCPU_CODE else "exited"


def in_force(limits: RunLimits, means: Means, autogroups: bool) -> Mapping[str, str]:
    """The bounds of a run in words, for its receipt: by what each is held, and what is not bounded."""
    sampled = (
        f"tree sampled every {SAMPLE_EVERY_S[means.processes] * 1000:.0f} ms"
        if census.is_supported()
        else "tree not bounded"
    )
    half = limits.memory_bytes // 2
    return {
        "wall": f"{limits.wall_s:g} s, then the tree is killed",
        "cpu": f"{limits.cpu_s:g} s: RLIMIT_CPU a process, {sampled}",
        "memory": f"{limits.memory_bytes} bytes: {_memory_words(means, sampled)}",
        "processes": f"{limits.processes}: {_process_words(means)}, {sampled}",
        "file": f"{limits.file_bytes} bytes: RLIMIT_FSIZE a file; the number of files in the tree is not bounded",
        "scratch": f"{half} bytes each in /tmp and /dev/shm: tmpfs"
        if means.has_namespaces
        else f"{half} bytes in $TMPDIR: sampled",
        "output": f"{limits.output_bytes} bytes kept a stream, ended at {OUTPUT_PATIENCE} times that",
        "syscalls": means.syscalls,
        "priority": priority.in_words(
            is_raced=means.processes == "none", has_group="cpu" in means.held, autogroups=autogroups
        ),
    }


def _memory_words(means: Means, sampled: str) -> str:
    if means.has_memory_group:
        return "control group, scratch and all that is shared included"
    return f"RLIMIT_DATA a process, {sampled}; memfd and System V segments not counted"


def _process_words(means: Means) -> str:
    words = _BOUND_WORDS[means.processes]
    return words if means.has_namespaces or means.processes != "RLIMIT_NPROC" else f"{words} above all that runs here"


def _kernel_limits(limits: RunLimits, means: Means) -> dict[int, tuple[int, int]]:
    """Soft and hard, by kind."""
    cpu_s = math.ceil(limits.cpu_s)
    both = {
        resource.RLIMIT_FSIZE: limits.file_bytes,
        resource.RLIMIT_NOFILE: _OPEN_FILES,
        resource.RLIMIT_CORE: 0,
    }
    if not means.has_memory_group:
        # Not RLIMIT_AS: Node and Java reserve far more address space than they ever touch.
        both[resource.RLIMIT_DATA] = limits.memory_bytes
    if means.processes == "RLIMIT_NPROC":
        both[resource.RLIMIT_NPROC] = limits.processes + (0 if means.has_namespaces else _tasks_of_all())
    # SIGXCPU tells what happened; SIGKILL, a second later, is for who ignores it.
    return {kind: (value, value) for kind, value in both.items()} | {resource.RLIMIT_CPU: (cpu_s, cpu_s + 1)}


def _tasks_of_all() -> int:
    """All tasks of this machine: an upper bound of this user's, at the price of one line (proc_loadavg(5))."""
    return int(Path("/proc/loadavg").read_text().split()[3].partition("/")[2])


def _lower(pid: int, kind: int, soft: int, hard: int) -> None:
    """Never raises a limit: the node's own may be narrower."""
    _, most = resource.prlimit(pid, kind)
    if most != resource.RLIM_INFINITY:
        soft, hard = min(soft, most), min(hard, most)
    resource.prlimit(pid, kind, (soft, hard))


def _has_namespaced_nproc() -> bool:
    version = re.match(r"(\d+)\.(\d+)", os.uname().release)
    return version is not None and (int(version[1]), int(version[2])) >= _NPROC_IN_NAMESPACES
