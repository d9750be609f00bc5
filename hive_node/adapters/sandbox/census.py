"""Count what a running sandbox takes, from the host's /proc: tasks, resident memory, processor time of the whole tree."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
# proc_pid_stat(5), fields after the parenthesised name, counted from 0: utime stime cutime cstime, num_threads, rss.
_TIMES: Final = slice(11, 15)
_THREADS: Final = 17
_RESIDENT: Final = 21
_OWN: Final = (b"RssAnon:", b"RssShmem:")
_PSS: Final = (b"Pss_Anon:", b"Pss_Shmem:")


@dataclass(frozen=True, slots=True)
class Census:
    """One moment of a tree: the resident bytes of each process, all tasks, and the time used by the living and the reaped."""

    resident: Mapping[int, int]
    tasks: int
    cpu_s: float

    def resident_bytes(self) -> int:
        """All that is mapped and in memory; what several processes share counts for each. An upper bound, and free."""
        return sum(self.resident.values())

    def own_bytes(self) -> int:
        """Without files, which the kernel can drop. Still an upper bound, after a fork a high one; cheap, takes no lock."""
        return sum(_field_bytes(f"/proc/{pid}/status", _OWN, resident) for pid, resident in self.resident.items())

    def proportional_bytes(self) -> int:
        """What is really taken: shared pages divided among their users. Slow; waits as long as a process is forking."""
        return sum(_field_bytes(f"/proc/{pid}/smaps_rollup", _PSS, resident) for pid, resident in self.resident.items())


def take(root: int, most_tasks: int) -> Census:
    """Count the tree under `root`, and stop counting soon after `most_tasks`: a bomb must not make the count expensive."""
    resident: dict[int, int] = {}
    tasks = ticks = 0
    pending = [root]
    while pending and tasks <= most_tasks:
        pid = pending.pop()
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it ended meanwhile
            fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
            resident[pid] = int(fields[_RESIDENT]) * _PAGE_BYTES
            tasks += int(fields[_THREADS])
            ticks += sum(int(field) for field in fields[_TIMES])
            pending.extend(_children(pid))
    return Census(resident, tasks, ticks / _TICKS_PER_S)


def is_supported() -> bool:
    """Whether this kernel tells who is whose child (CONFIG_PROC_CHILDREN)."""
    return Path("/proc/thread-self/children").exists()


def _children(pid: int) -> Iterator[int]:
    for task in os.listdir(f"/proc/{pid}/task"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            yield from map(int, Path(f"/proc/{pid}/task/{task}/children").read_bytes().split())


def _field_bytes(path: str, names: tuple[bytes, ...], resident_bytes: int) -> int:
    """The sum of these fields. A process that hides them (by clearing its dumpable flag) is charged all it has resident."""
    try:
        lines = Path(path).read_bytes().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    except PermissionError:
        return resident_bytes
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(names))
