"""Control groups for one run: the kernel counts its tasks, memory and time as a whole, at every instant.

Version 1 keeps a hierarchy for each controller, which root may use. Version 2 has one: root may use it, and so may a user where a
part of it was delegated to him (what systemd starts for a user lies in such a part). Else there is none, and the receipt says so.
"""

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from hive_node.ports.sandbox import RunLimits

Hierarchy = tuple[Path, str]
"""Where it is mounted, and its controller in /proc/self/cgroup; none for version 2."""

_TOP: Final = Path("/sys/fs/cgroup")
HIERARCHIES: Final[tuple[Hierarchy, ...]] = (
    *((_TOP / name, name) for name in ("pids", "memory")),
    (_TOP, ""),
    (_TOP / "unified", ""),
)
LOWEST_WEIGHT: Final = [("cpu.weight.nice", "19")]  # what nice 19 weighs among processes
_PREFIX: Final = "hive-node-trial-"
_STALE_S: Final = 60.0
_THREADS: Final = "tasks"
_DELEGATED: Final = "user.delegate"  # systemd's mark on a group whose inside belongs to the service or user


@dataclass(frozen=True, slots=True)
class Group:
    """The groups that were made for one run. holds: the controllers that really bound it.

    homes: of those that a single thread may enter (version 1's), where this thread comes from.
    """

    folders: tuple[Path, ...]
    holds: frozenset[str]
    homes: Mapping[Path, Path] = field(default_factory=dict)

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """This thread, and so what it starts, in the groups that a thread may enter. Raises OSError.

        To move another process the kernel waits until nobody on the machine forks, 5 to 20 ms each time; to move oneself it does not.
        """
        try:
            for folder in self.homes:
                (folder / _THREADS).write_text("0")
            yield
        finally:
            for home in self.homes.values():
                (home / _THREADS).write_text("0")

    def join(self, pid: int, *, is_started_inside: bool) -> None:
        """Count this process, and all that it will start, in the group. Raises OSError.

        is_started_inside: it was started while the group was `entered`.
        """
        for folder in self.folders:
            if not (is_started_inside and folder in self.homes):
                (folder / "cgroup.procs").write_text(str(pid))

    def cpu_s(self) -> float:
        """Processor time of all that ran in it, also of what was killed; 0 where nothing counts it."""
        return max((_read_cpu_s(folder) for folder in self.folders), default=0.0)

    def has_run_out_of_memory(self) -> bool:
        """Whether the kernel killed something in it, because the group was full."""
        return any(_read_count(folder / name, "oom_kill") > 0 for folder in self.folders for name in _OOM_FILES)


_OOM_FILES: Final = ("memory.events", "memory.oom_control")  # version 2, version 1


@contextlib.contextmanager
def made(bounds: RunLimits) -> Iterator[Group | None]:
    """Groups that hold a run to its bounds, while the block runs; None where this process may make none."""
    name = f"{_PREFIX}{os.getpid()}-{os.urandom(4).hex()}"
    group = _make(name, bounds)
    try:
        yield group
    finally:
        _remove(group.folders if group else ())


def _make(name: str, bounds: RunLimits) -> Group | None:
    held: dict[Path, frozenset[str]] = {}
    homes: dict[Path, Path] = {}
    wanted = set(_settings(bounds))
    for hierarchy in HIERARCHIES:
        # Version 1 belongs to root; what the first hierarchy holds, another cannot.
        if (hierarchy[1] and os.geteuid() != 0) or not wanted & ({hierarchy[1]} if hierarchy[1] else wanted):
            continue
        for parent in _parents(*hierarchy):
            if holds := _try(parent / name, bounds):
                held[parent / name] = holds
                if hierarchy[1]:
                    homes[parent / name] = _own(*hierarchy)[0]
                wanted -= holds
                break
    return Group(tuple(held), frozenset().union(*held.values()), homes) if held else None


def _settings(bounds: RunLimits) -> dict[str, list[tuple[str, str]]]:
    """By controller: file and value, the deciding one first. A file that is not there is of the other version, or an extra."""
    memory = str(bounds.memory_bytes)
    return {
        "pids": [("pids.max", str(bounds.processes))],
        "memory": [
            ("memory.max", memory),
            ("memory.limit_in_bytes", memory),
            ("memory.memsw.limit_in_bytes", memory),
            ("memory.swap.max", "0"),
            ("memory.oom.group", "1"),
        ],
        "cpu": LOWEST_WEIGHT,
    }


def _try(group: Path, bounds: RunLimits) -> frozenset[str]:
    """Make it and set what can be set; gone again, and nothing held, where that is nothing."""
    try:
        group.mkdir()
    except OSError:
        return frozenset()
    holds = frozenset(controller for controller, files in _settings(bounds).items() if _set(group, files))
    if holds:
        _sweep(group)
    else:  # the controllers are not given to this part of the hierarchy
        group.rmdir()
    return holds


def _set(group: Path, files: list[tuple[str, str]]) -> bool:
    written = False
    for name, value in files:
        if (group / name).exists():
            with contextlib.suppress(OSError):
                (group / name).write_text(value)
                written = True
    return written


def _parents(mount: Path, controller: str) -> Iterator[Path]:
    """Where a group may be made: below the node's own, then, where version 2 forbids that, further up as far as allowed."""
    own = _own(mount, controller)
    if not own or not mount.is_dir():
        return
    for parent in [own[0], *own[0].parents]:
        # To move a process, one must be let write where its old and its new group meet.
        if os.access(parent / "cgroup.procs", os.W_OK):
            _hand_down(parent)
            yield parent
        if parent == mount:
            return


def _own(mount: Path, controller: str) -> list[Path]:
    """The group that this thread is in."""
    lines = [line.split(":", 2) for line in Path("/proc/thread-self/cgroup").read_text().splitlines()]
    return [mount / path.lstrip("/") for _, controllers, path in lines if controller in controllers.split(",")]


def _hand_down(parent: Path) -> None:
    """Give the controllers to the groups below, where systemd says that this is ours to do."""
    with contextlib.suppress(OSError):
        if os.getxattr(parent, _DELEGATED) == b"1":
            (parent / "cgroup.subtree_control").write_text("+pids +memory +cpu")


def _remove(folders: tuple[Path, ...]) -> None:
    for folder in folders:
        with contextlib.suppress(OSError):
            folder.rmdir()


def _sweep(fresh: Path) -> None:
    """Remove what a killed node left: groups a minute older than this one, if nothing is in them."""
    born = fresh.stat().st_mtime
    for group in fresh.parent.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            if born - group.stat().st_mtime > _STALE_S:
                group.rmdir()


def _read_cpu_s(folder: Path) -> float:
    return _read_count(folder / "cpu.stat", "usage_usec") / 1e6


def _read_count(path: Path, name: str) -> int:
    """A line `name number` of a file; 0 where there is no such file or line."""
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.split()[0] == name), 0)
