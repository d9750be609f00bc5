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


@dataclass(frozen=True, slots=True)
class Census:
    """One moment of a tree: the resident bytes of each process, all tasks, and the time used by the living and the reaped."""

    resident: Mapping[int, int]
    tasks: int
    cpu_s: float

    def resident_bytes(self) -> int:
        """A page that several processes map counts for each: an upper bound, and cheap."""
        return sum(self.resident.values())

    def proportional_bytes(self) -> int:
        """The same with a shared page divided among those that map it (Pss). Walks page tables: ask it rarely."""
        return sum(_proportional_bytes(pid, resident) for pid, resident in self.resident.items())


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


def _proportional_bytes(pid: int, resident_bytes: int) -> int:
    """A process that hides its maps (it can, by clearing its dumpable flag) is charged all that it has resident."""
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    except PermissionError:
        return resident_bytes
    line = next((line for line in rollup.splitlines() if line.startswith(b"Pss:")), None)
    return int(line.split()[1]) * 1024 if line else 0
