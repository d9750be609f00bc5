"""What a run may do to which files, as Landlock takes it: rights for an entry and all below it, and nothing can be taken away again.

So a folder that holds something protected or masked gets no right to write; its other entries get theirs one by one. In that folder
itself nothing can be created, renamed or removed. Only listing is granted for the whole tree.
"""

import contextlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from hive_node.adapters.sandbox import mounts
from hive_node.adapters.sandbox.mounts import Mount
from hive_node.ports.sandbox import SandboxedCommand, UnsafeMount

Right = Literal["list", "read", "write", "use"]
"""list: the names in folders. read: files, too, and run them. write: all of that, and change, create, remove. use: of a device."""

_DEVICES: Final = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")


@dataclass(frozen=True, slots=True)
class Grant:
    """A right on a path and all below it; the path is no link."""

    path: str
    right: Right


def of_system(shown: Sequence[Mount]) -> list[Grant]:
    """What each run sees beside its tree: the same as under bubblewrap, but for what is made up there (/proc, /etc/passwd)."""
    hidden = {os.path.realpath(mount.destination) for mount in shown if mount.kind == "content" and not mount.content}
    folders = dict.fromkeys(os.path.realpath(mount.source) for mount in shown if mount.kind == "read-only")
    grants = [Grant(path, "use") for path in _DEVICES if Path(path).exists()]
    for folder in folders:
        grants += _granted(folder, "read", read_only=frozenset(), masked=frozenset(hidden))
    return grants


def of_tree(command: SandboxedCommand, scratch: Path, shown: Sequence[Mount]) -> list[Grant]:
    """The run's own tree and scratch. Raises UnsafeMount where the tree cannot be guarded so."""
    workdir = mounts.checked_workdir(command.workdir)
    for path in (*command.read_only, *command.masked):
        mounts.check_inside(workdir, path)
    _check_apart(workdir, shown)
    read_only = frozenset(f"{workdir}/{path}" for path in command.read_only)
    masked = frozenset(f"{workdir}/{path}" for path in command.masked)
    _check_maskable(masked)
    grants = [Grant(str(workdir), "list"), Grant(str(scratch), "write")]
    return grants + list(_granted(str(workdir), "write", read_only, masked))


def _granted(path: str, right: Right, read_only: frozenset[str], masked: frozenset[str]) -> Iterator[Grant]:
    """As much as can be said of the path itself; the rest entry by entry."""
    if path in masked or Path(path).is_symlink():  # a link needs no right; what it leads to does
        return
    if path in read_only:
        right = "read"
    guarded = masked if right == "read" else masked | read_only
    if not _holds_any(path, guarded):
        yield Grant(path, right)
        return
    yield Grant(path, "list")
    with os.scandir(path) as entries:
        names = sorted(entry.path for entry in entries)
    for name in names:
        yield from _granted(name, right, read_only, masked)


def _holds_any(path: str, guarded: Iterable[str]) -> bool:
    return any(other.startswith(f"{path}/") for other in guarded)


def _check_maskable(masked: Iterable[str]) -> None:
    """The names in a masked folder could be listed: listing is granted for the whole tree."""
    for path in masked:
        with contextlib.suppress(NotADirectoryError):
            if os.listdir(path):
                raise UnsafeMount(path, "a folder cannot be masked without namespaces; install bubblewrap")


def _check_apart(workdir: Path, shown: Sequence[Mount]) -> None:
    """What lies in a shown folder may be read, masked or not: rights add up."""
    for mount in shown:
        if mount.kind == "read-only" and mounts.overlap(str(workdir), os.path.realpath(mount.source)):
            raise UnsafeMount(str(workdir), f"the tree of a trial cannot lie in or hold {mount.source}, which is shown")
