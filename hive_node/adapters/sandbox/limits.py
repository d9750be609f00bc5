"""What bounds a run, by which means, and how a receipt says it.

Kernel limits hold for each process, and for the number of processes; the census holds for the tree, sampled. A control group
holds for the tree at every instant: one for memory would be joined where `confine` joins the one for tasks.
"""

import contextlib
import math
import os
import re
import resource
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

from hive_node.adapters.sandbox import census, seccomp, taskgroup
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
    "none": "not bounded by the kernel (RLIMIT_NPROC does not bind root, and no control group can be made), nice 19",
}
_SIGXCPU_CODE: Final = 128 + 24


def process_bound(group: Path | None) -> ProcessBound:
    """How processes are counted here. Before Linux 5.14 RLIMIT_NPROC counts all that the user runs on the machine."""
    if group is not None:
        return "control group"
    return "RLIMIT_NPROC" if os.geteuid() != 0 and _has_namespaced_nproc() else "none"


def confine(pid: int, limits: RunLimits, group: Path | None) -> None:
    """Set the kernel's limits on a sandbox's first process, before it is let go; every descendant inherits them."""
    if group is not None:
        taskgroup.join(group, pid)
    for kind, (soft, hard) in _kernel_limits(limits, process_bound(group)).items():
        _lower(pid, kind, soft, hard)
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


def in_force(limits: RunLimits, bound: ProcessBound) -> Mapping[str, str]:
    """The bounds of a run in words, for its receipt: by what each is held, and what is not bounded."""
    sampled = (
        f"tree sampled every {SAMPLE_EVERY_S[bound] * 1000:.0f} ms" if census.is_supported() else "tree not bounded"
    )
    machine = os.uname().machine
    return {
        "wall": f"{limits.wall_s:g} s, then the tree is killed",
        "cpu": f"{limits.cpu_s:g} s: RLIMIT_CPU a process, {sampled}",
        "memory": f"{limits.memory_bytes} bytes: RLIMIT_DATA a process, {sampled}; memfd and System V segments not counted",
        "processes": f"{limits.processes}: {_BOUND_WORDS[bound]}, {sampled}",
        "file": f"{limits.file_bytes} bytes: RLIMIT_FSIZE a file; the number of files in the tree is not bounded",
        "scratch": f"{limits.memory_bytes // 2} bytes each in /tmp and /dev/shm: tmpfs",
        "output": f"{limits.output_bytes} bytes kept a stream, ended at {OUTPUT_PATIENCE} times that",
        "syscalls": f"seccomp {machine} v{seccomp.VERSION}"
        if seccomp.program(machine)
        else f"not filtered on {machine}",
    }


def _kernel_limits(limits: RunLimits, bound: ProcessBound) -> dict[int, tuple[int, int]]:
    """Soft and hard, by kind."""
    cpu_s = math.ceil(limits.cpu_s)
    both = {
        # Not RLIMIT_AS: Node and Java reserve far more address space than they ever touch.
        resource.RLIMIT_DATA: limits.memory_bytes,
        resource.RLIMIT_FSIZE: limits.file_bytes,
        resource.RLIMIT_NOFILE: _OPEN_FILES,
        resource.RLIMIT_CORE: 0,
    }
    if bound == "RLIMIT_NPROC":
        both[resource.RLIMIT_NPROC] = limits.processes
    # SIGXCPU tells what happened; SIGKILL, a second later, is for who ignores it.
    return {kind: (value, value) for kind, value in both.items()} | {resource.RLIMIT_CPU: (cpu_s, cpu_s + 1)}


def _lower(pid: int, kind: int, soft: int, hard: int) -> None:
    """Never raises a limit: the node's own may be narrower."""
    _, most = resource.prlimit(pid, kind)
    if most != resource.RLIM_INFINITY:
        soft, hard = min(soft, most), min(hard, most)
    resource.prlimit(pid, kind, (soft, hard))


def _has_namespaced_nproc() -> bool:
    version = re.match(r"(\d+)\.(\d+)", os.uname().release)
    return version is not None and (int(version[1]), int(version[2])) >= _NPROC_IN_NAMESPACES
