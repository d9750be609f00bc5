"""Putting restored files in place of old ones so that SIGKILL at any point loses neither.

One rename makes the decision: `.restoring.partial`, complete and on the disk, becomes `.restoring`. From then on the files in it are
moved into the home one by one, each after what it replaces was moved into a folder aside; whoever finds `.restoring` goes on.
"""

import os
import shutil
from pathlib import Path
from typing import Final

from hive_node.adapters.whole_files import make_private, sync_folder
from hive_node.config.home import Home

FILES: Final = "files"
_ASIDE: Final = "aside"
# What SQLite wrote ahead belongs to the old database: beside the new one it would be read into it.
_BESIDE: Final = ("-wal", "-shm")


def commit(home: Home, staged: Path, aside: str) -> None:
    """Decide: from here on the home shall hold what is in `staged`, and `aside` what it held. Raises OSError."""
    with make_private(staged / _ASIDE) as file:
        file.write(aside.encode())
        file.flush()
        os.fsync(file.fileno())
    for folder in (staged, *(path for path in staged.rglob("*") if path.is_dir())):
        sync_folder(folder)
    staged.rename(home.restoring)
    sync_folder(home.root)


def finish_restore(home: Home) -> Path | None:
    """Do what is left of a restore that was decided; the home is the caller's alone. Returns the folder of what it replaced, or None
    where there was nothing to do. Done twice, or cut off and done again, it ends in the same. Raises OSError."""
    note = home.restoring / _ASIDE
    if not note.is_file():
        shutil.rmtree(home.restoring, ignore_errors=True)
        return None
    aside = home.root / note.read_text()
    aside.mkdir(mode=0o700, exist_ok=True)
    for staged in sorted((home.restoring / FILES).iterdir()):
        # As long as the new one waits, what stands in its place is the old one.
        for name in (*(staged.name + end for end in _BESIDE), staged.name):
            if (home.root / name).exists():
                (home.root / name).rename(aside / name)
        sync_folder(aside)
        staged.rename(home.root / staged.name)
    sync_folder(home.root)
    note.unlink()
    shutil.rmtree(home.restoring, ignore_errors=True)
    return aside
