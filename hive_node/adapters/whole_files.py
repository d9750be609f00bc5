"""Files of somebody else's, written whole or not at all, with the mode that they had."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final

_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def replace_file(target: Path, content: bytes) -> None:
    """The whole file at once, with the mode that it had: never one that lets more in. Raises OSError; then it is as it was."""
    target.parent.mkdir(parents=True, exist_ok=True)
    mode = target.stat().st_mode & 0o7777 if target.exists() else None
    descriptor, temporary = tempfile.mkstemp(prefix=".hive-node-", dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), mode if mode is not None else 0o644 & ~_umask())
            os.fsync(file.fileno())
        Path(temporary).replace(target)
    except BaseException:
        with suppress(FileNotFoundError):
            Path(temporary).unlink()
        raise


def copy_aside(folder: Path, name: str, content: bytes) -> Path:
    """A copy under a name of its own in a folder that only this user can read. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, path = tempfile.mkstemp(prefix="kept-", suffix=f"-{name}", dir=folder)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return Path(path)


def sync_folder(folder: Path) -> None:
    """Names that came, went or changed in this folder survive a power cut once this returns. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_private(path: Path) -> BinaryIO:
    """A new file for writing, 0600 from its first moment on, synchronised by nobody yet. Raises OSError, also where one is there."""
    return os.fdopen(os.open(path, _NEW, 0o600), "wb")


def _umask() -> int:
    """What this process's files are denied. Read from the kernel: to ask umask(2) is to change it for every thread."""
    for line in Path("/proc/self/status").read_text("ascii", "replace").splitlines():
        if line.startswith("Umask:"):
            return int(line.split()[1], 8)
    return 0o077
