"""What a process takes, read off the kernel."""

import time
from dataclasses import dataclass
from pathlib import Path

_KIB_PER_MIB = 1024


@dataclass(frozen=True, slots=True)
class Memory:
    """MiB. rss: all that is mapped and in memory. pss: shared pages divided among their users. uss: this process's alone."""

    rss: float
    pss: float
    uss: float


def memory_of(pid: int | str = "self") -> Memory:
    """Its memory now (proc_pid_smaps_rollup(5))."""
    sizes: dict[str, float] = {}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()[1:]:
        name, value, *_ = line.split()
        sizes[name.rstrip(":")] = int(value) / _KIB_PER_MIB
    return Memory(sizes["Rss"], sizes["Pss"], sizes["Private_Clean"] + sizes["Private_Dirty"])


def peak_mib(pid: int) -> float:
    """The most that was resident at any time (proc_pid_status(5))."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / _KIB_PER_MIB


def cpu_s(pid: int) -> float:
    """Processor time that all its threads have used, ended ones included."""
    # clock_getcpuclockid(3): the kernel's number for another process's clock. /proc counts in steps of 10 ms, too
    # coarse for two thousandths of a core.
    return time.clock_gettime((~pid << 3) | 2)
