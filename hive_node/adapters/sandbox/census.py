"""Count what a running sandbox takes, from the host's /proc: tasks, resident memory, processor time of the whole tree."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
# proc_pid_stat(5), fields after the parenthesised name, counted from 0: session, utime stime cutime cstime, num_threads, rss.
_SESSION: Final = 3
_TIMES: Final = slice(11, 15)
_THREADS: Final = 17
_RESIDENT: Final = 21
_OWN: Final = (b"RssAnon:", b"RssShmem:")
_PSS: Final = (b"Pss_Anon:", b"Pss_Shmem:")


@dataclass(frozen=True, slots=True)
class Census:
    """One moment of a tree: the resident bytes of each process, all tasks, and the time used by the living and the reaped.

    sessions: to each, one of its processes.
    """

    resident: Mapping[int, int]
    tasks: int
    cpu_s: float
    sessions: Mapping[int, int] = field(default_factory=dict)

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
    return _count([root], most_tasks)


def below(supervisor: int, most_tasks: int) -> Census:
    """As `take`, without the process itself: it is the node's, and adopts what its tree leaves orphaned."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return _count(list(_children(supervisor)), most_tasks)
    return _count([], most_tasks)


def _count(pending: list[int], most_tasks: int) -> Census:
    resident: dict[int, int] = {}
    sessions: dict[int, int] = {}
    tasks = ticks = 0
    while pending and tasks <= most_tasks:
        pid = pending.pop()
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it ended meanwhile
            fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
            resident[pid] = int(fields[_RESIDENT]) * _PAGE_BYTES
            sessions[int(fields[_SESSION])] = pid
            tasks += int(fields[_THREADS])
            ticks += sum(int(field) for field in fields[_TIMES])
            pending.extend(_children(pid))
    return Census(resident, tasks, ticks / _TICKS_PER_S, sessions)


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
