"""What a trial sees: a fixed short list of read-only folders, the user's toolchains by name, and its own tree.

Never `/`, the home folder, or anything that changes while the machine runs: a host socket that is visible is reachable.
"""

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final, Literal

from hive_node.ports.sandbox import SandboxedCommand, UnsafeMount

WORK: Final = "/work"
HOME: Final = "/tmp/home"  # noqa: S108 - inside the sandbox, where /tmp is the trial's own
UID: Final = 1000

_SYSTEM: Final = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_LINKER: Final = ("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives")
_ACCOUNTS: Final = {
    "/etc/passwd": f"trial:x:{UID}:{UID}::{HOME}:/bin/sh\n",
    "/etc/group": f"trial:x:{UID}:\n",
    "/etc/hosts": "127.0.0.1 localhost trial\n::1 localhost\n",
    "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
}
_LIVE: Final = ("/proc", "/sys", "/dev", "/run", "/var", "/tmp", "/boot", WORK)  # noqa: S108

# Under the home folder: never part of a toolchain, and what programs keep beside their toolchains, shown empty.
_PRIVATE: Final = (
    ".ssh",
    ".gnupg",
    ".aws",
    ".azure",
    ".kube",
    ".docker",
    ".config",
    ".password-store",
    ".local/share/keyrings",
)
_CREDENTIALS: Final = (
    ".cargo/credentials",
    ".cargo/credentials.toml",
    ".gem/credentials",
    ".gradle/gradle.properties",
    ".m2/settings.xml",
    ".m2/settings-security.xml",
)

Kind = Literal["read-only", "read-write", "link", "content", "empty folder"]


@dataclass(frozen=True, slots=True)
class Mount:
    """One thing in the sandbox's tree. `source` is a host path, or where a link points; `content` is the adapter's own."""

    kind: Kind
    destination: str
    source: str = ""
    content: bytes = b""

    def arguments(self, open_content: Callable[[bytes], int]) -> list[str]:
        """As bubblewrap takes it; `open_content` gives the number of a descriptor that reads as the content."""
        match self.kind:
            case "read-only":
                return ["--ro-bind", self.source, self.destination]
            case "read-write":
                return ["--bind", self.source, self.destination]
            case "link":
                return ["--symlink", self.source, self.destination]
            case "content":
                return ["--ro-bind-data", str(open_content(self.content)), self.destination]
            case "empty folder":
                return ["--perms", "0555", "--tmpfs", self.destination, "--remount-ro", self.destination]

    def __str__(self) -> str:
        origin = f" from {self.source}" if self.source not in {"", self.destination} else ""
        return f"{self.destination}: {self.kind}{origin}"


def system() -> list[Mount]:
    """The host's programs and libraries, without its configuration, accounts or state."""
    shown = [_system_folder(path) for path in _SYSTEM if os.path.lexists(path)]
    shown += [Mount("read-only", path, path) for path in _LINKER if Path(path).exists()]
    return shown + [Mount("content", path, content=text.encode()) for path, text in _ACCOUNTS.items()]


def scratch(memory_bytes: int) -> list[str]:
    """Fresh /proc and /dev, and scratch that lives in memory, bounded, half of it each.

    /proc is sealed: what root's files allow by ownership alone (/proc/sys/kernel/core_pattern runs programs outside) would
    otherwise be writable to a trial of a node that runs as root, whatever capabilities were dropped.
    """
    size = ["--perms", "1777", "--size", str(max(1, memory_bytes // 2)), "--tmpfs"]
    live = ["--proc", "/proc", "--remount-ro", "/proc", "--dev", "/dev", *size, "/dev/shm", "--remount-ro", "/dev"]  # noqa: S108
    return [*live, *size, "/tmp", "--dir", HOME]  # noqa: S108


def toolchains(folders: Iterable[Path], private: Iterable[Path] = ()) -> list[Mount]:
    """Folders outside the system, read-only, under the name they were given and under their real one.

    Raises UnsafeMount for one that holds more than a toolchain can: a home, `private`, a folder of the running system.
    """
    secrets = _private_paths(private)
    paths = dict.fromkeys(path for folder in folders for path in _both_names(folder, secrets))
    shown = [Mount("read-only", path, os.path.realpath(path)) for path in paths if not _is_shown_by_system(path)]
    hidden = [path for path in _under_homes(_CREDENTIALS) if is_shown(path, shown) and Path(path).is_file()]
    return shown + [Mount("content", path) for path in hidden]


def interpreter() -> tuple[Path, Path]:
    """The Python that this node's own environment was made from, and the folder it lives in."""
    base = Path(sys.base_prefix)
    return base / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}", base


def tree(command: SandboxedCommand) -> list[Mount]:
    """The trial's tree, writable; over it what is protected and masked, outer paths first.

    Raises UnsafeMount where a protected or masked path is missing, or leads through a link (out of the tree, perhaps).
    """
    workdir = checked_workdir(command.workdir)
    for path in (*command.read_only, *command.masked):
        check_inside(workdir, path)
    masked = _outermost(command.masked, covered_by=())
    read_only = _outermost(command.read_only, covered_by=masked)
    pinned = _ancestors((*masked, *read_only), covered_by=(*masked, *read_only))
    mounts = [(path, Mount("read-write", f"{WORK}/{path}", f"{workdir}/{path}")) for path in pinned]
    mounts += [(path, Mount("read-only", f"{WORK}/{path}", f"{workdir}/{path}")) for path in read_only]
    mounts += [(path, _mask(workdir, path)) for path in masked]
    mounts.sort(key=lambda placed: len(placed[0].parts))
    return [Mount("read-write", WORK, str(workdir)), *(mount for _, mount in mounts)]


def is_shown(path: str, mounts: Sequence[Mount]) -> bool:
    """Whether a host path, followed through its links, is a file that the sandbox shows under the same name."""
    shown = [mount.destination for mount in mounts if mount.kind in {"read-only", "link"}]
    return all(any(_is_within(name, root) for root in shown) for name in (path, os.path.realpath(path)))


def _system_folder(path: str) -> Mount:
    """On a merged-/usr system `/bin` is a link into /usr; elsewhere it is a folder of its own."""
    return Mount("link", path, os.readlink(path)) if Path(path).is_symlink() else Mount("read-only", path, path)


def _both_names(folder: Path, private: Sequence[str]) -> tuple[str, str]:
    given = os.path.abspath(folder.expanduser())
    real = os.path.realpath(given)
    if not Path(real).is_dir():
        raise UnsafeMount(given, "no such folder, or not one that this user can enter")
    for name in (given, real):
        if reason := _why_too_wide(name, private):
            raise UnsafeMount(name, f"cannot be shown as a toolchain: {reason}")
    return given, real


def _why_too_wide(path: str, private: Sequence[str]) -> str:
    homes = _homes()
    if path == "/" or any(_is_within(home, path) for home in homes):
        return "it holds the whole home folder; name the toolchain's own folder"
    if any(overlap(path, secret) for secret in private):
        return "it holds credentials, or the node's own files; name the toolchain's own folder"
    if any(_is_within(path, home) for home in homes - {"/"}):
        return ""  # before what follows: a home may lie under /var
    if path == "/etc" or any(overlap(path, live) for live in _LIVE):
        return "it is a folder of the running system, or of the trial itself"
    return ""


def _private_paths(private: Iterable[Path]) -> list[str]:
    given = [os.path.abspath(path.expanduser()) for path in private]
    return [*_under_homes(_PRIVATE), *given, *map(os.path.realpath, given)]


def _under_homes(names: Iterable[str]) -> list[str]:
    return [f"{home}/{name}" for name in names for home in sorted(_homes())]


def overlap(one: str, other: str) -> bool:
    return _is_within(one, other) or _is_within(other, one)


def _homes() -> set[str]:
    home = os.path.expanduser("~")
    return {home, os.path.realpath(home)}


def _is_shown_by_system(path: str) -> bool:
    return any(_is_within(path, root) for root in _SYSTEM)


def _is_within(path: str, root: str) -> bool:
    return PurePosixPath(path).is_relative_to(root)


def checked_workdir(folder: Path) -> Path:
    if not folder.is_absolute() or not folder.is_dir():
        raise UnsafeMount(str(folder), "the tree of a trial is an existing folder, by its absolute path")
    real = folder.resolve()
    if any(_is_within(home, str(real)) for home in _homes()) or str(real) in {"/", *_SYSTEM, *_LIVE}:
        raise UnsafeMount(str(folder), "is no tree of a trial: the candidate could write all of it")
    return real


def check_inside(workdir: Path, path: PurePosixPath) -> None:
    """Each step is a real folder or file: bubblewrap follows links on the host, and a candidate can plant them."""
    if path.is_absolute() or not path.parts or ".." in path.parts:
        raise UnsafeMount(str(path), "must be relative to the tree and stay in it")
    step = workdir
    for part in path.parts:
        step /= part
        if step.is_symlink():
            raise UnsafeMount(str(path), "leads through a symbolic link")
        if not (step.is_dir() or step.is_file()):
            raise UnsafeMount(str(path), "is missing from the tree, or neither a file nor a folder")


def _outermost(paths: Iterable[PurePosixPath], covered_by: Iterable[PurePosixPath]) -> tuple[PurePosixPath, ...]:
    unique = set(paths)
    covers = set(covered_by)
    return tuple(
        sorted(path for path in unique if covers.isdisjoint({path, *path.parents}) and unique.isdisjoint(path.parents))
    )


def _ancestors(paths: Iterable[PurePosixPath], covered_by: Iterable[PurePosixPath]) -> list[PurePosixPath]:
    """The folders between the tree and what is protected: as mounts of their own they cannot be moved aside.

    Without that, `mv bench old; mkdir bench` puts a candidate's file where the next step looks for the protected one.
    """
    covers = set(covered_by)
    between = {parent for path in paths for parent in path.parents if parent.parts}
    return sorted(path for path in between if covers.isdisjoint({path, *path.parents}))


def _mask(workdir: Path, path: PurePosixPath) -> Mount:
    return Mount("empty folder" if (workdir / path).is_dir() else "content", f"{WORK}/{path}")
