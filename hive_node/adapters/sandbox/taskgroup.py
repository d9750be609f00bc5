"""A control group for the tasks of one run: the kernel exempts root from RLIMIT_NPROC, and from this it does not.

Only asked for where nothing else counts: a user's own groups need delegation, and for a user RLIMIT_NPROC does it.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

# Version 1 keeps a hierarchy for each controller; version 2 has one.
HIERARCHIES: Final = ((Path("/sys/fs/cgroup/pids"), "pids"), (Path("/sys/fs/cgroup"), ""))
_PREFIX: Final = "hive-node-trial-"
_STALE_S: Final = 60.0


@contextlib.contextmanager
def made(most_tasks: int) -> Iterator[Path | None]:
    """A group that holds at most so many tasks, while the block runs; None where this process may not make one."""
    name = f"{_PREFIX}{os.getpid()}-{os.urandom(4).hex()}"
    group = next((group for parent in _parents() if (group := _make(parent / name, most_tasks))), None)
    try:
        yield group
    finally:
        if group is not None:
            with contextlib.suppress(OSError):
                group.rmdir()


def join(group: Path, pid: int) -> None:
    """Count this process, and all that it will start, in the group."""
    (group / "cgroup.procs").write_text(str(pid))


def _parents() -> Iterator[Path]:
    """Where a group may be made: below the node's own, and, where version 2 forbids that, at the top as engines do."""
    lines = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines()]
    for mount, controller in HIERARCHIES:
        for _, controllers, path in lines:
            if controller in controllers.split(","):
                yield mount / path.lstrip("/")
        yield mount


def _make(group: Path, most_tasks: int) -> Path | None:
    try:
        group.mkdir()
    except OSError:
        return None
    try:
        (group / "pids.max").write_text(str(most_tasks))
    except OSError:  # the controller is not given to this part of the hierarchy
        group.rmdir()
        return None
    _sweep(group)
    return group


def _sweep(fresh: Path) -> None:
    """Remove what a killed node left: groups a minute older than this one, if nothing is in them."""
    born = fresh.stat().st_mtime
    for group in fresh.parent.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            if born - group.stat().st_mtime > _STALE_S:
                group.rmdir()
