"""A run's scratch on disk, where there is no file system of its own for it: made, kept small, and taken away."""

import contextlib
import os
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_PREFIX: Final = "hive-node-scratch-"
_MOST_ENTRIES: Final = 50_000  # what is counted in a moment; more of them is a flood, whatever their size
_SHARE: Final = 20  # counting takes at most a twentieth of one core
_BLOCK_BYTES: Final = 512  # stat(2): st_blocks


@contextlib.contextmanager
def made() -> Iterator[Path]:
    """A private folder with `home` in it, gone afterwards, whatever was put into it."""
    _sweep()
    folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-")).resolve()
    try:
        (folder / "home").mkdir()
        yield folder
    finally:
        _remove(folder)


class ScratchWatch:
    """For one run; asked at each census. Blocks on disk count, so that a file with holes is as large as it is."""

    def __init__(self, folder: Path | None, most_bytes: int) -> None:
        self._folder = folder
        self._most_bytes = most_bytes
        self._not_before = 0.0

    def is_over(self) -> bool:
        begun = time.perf_counter()
        if self._folder is None or begun < self._not_before:
            return False
        entries = taken = 0
        try:
            for info in _below(self._folder):
                entries += 1
                taken += info.st_blocks * _BLOCK_BYTES
                if taken > self._most_bytes or entries > _MOST_ENTRIES:
                    return True
        except OSError:  # nested too deep to be reached, or closed by its modes: what cannot be counted is too much
            return True
        now = time.perf_counter()
        self._not_before = now + _SHARE * (now - begun)
        return False


def _below(folder: Path) -> Iterator[os.stat_result]:
    """Of each entry, deep ones too; what vanishes meanwhile is left out, and no link is followed. Raises OSError."""
    pending = [str(folder)]
    while pending:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError), os.scandir(pending.pop()) as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):
                    info = entry.stat(follow_symlinks=False)
                    yield info
                    if stat.S_ISDIR(info.st_mode):
                        pending.append(entry.path)


def _remove(folder: Path) -> None:
    with contextlib.suppress(OSError, RecursionError):
        shutil.rmtree(folder)
        return
    # Nested deeper than a path is long, or closed by its modes: programs made for it. `rm` follows no link.
    for argv in (("chmod", "-R", "u+rwX"), ("rm", "-rf")):
        subprocess.run([*argv, str(folder)], check=False, capture_output=True)


def _sweep() -> None:
    """Remove what a killed node of this user left."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        owner = folder.name.removeprefix(_PREFIX).partition("-")[0]
        with contextlib.suppress(OSError):
            if folder.lstat().st_uid == os.geteuid() and owner.isdigit() and not Path(f"/proc/{owner}").exists():
                _remove(folder)
