"""What a run leaves behind that git does not see: modes of folders, extended attributes, times. A run could talk to the next by them.

Whatever is done to a file or folder moves its change time, and nobody can put that back.
"""

import os
import stat
from pathlib import Path
from typing import Final

from hive_node.ports import RepositoryError

_MARK: Final = "hive-node-laid-out"
_FOLDER_MODE: Final = 0o755
_POINTER: Final = ".git"  # out of every run's reach, and no file of the commit's
_ATTRIBUTES: Final = ("user.", "system.posix_acl_")  # those that an owner may set


def mark(git_folder: Path) -> None:
    """Remember that the tree of this private git folder is as git laid it out, now."""
    (git_folder / _MARK).touch()


def drop_touched(folder: Path, git_folder: Path) -> list[str]:
    """Delete every file below `folder` that was touched since the mark, and make touched folders plain.

    Blocks. Returns those folders: their times are still to be put back, once git has filled them. Raises RepositoryError where
    that cannot be done.
    """
    touched = []
    try:
        since = (git_folder / _MARK).stat().st_ctime_ns
        for path, folders, files in os.walk(folder, onerror=_raise):
            if os.lstat(path).st_ctime_ns > since:
                _make_plain(path)
                touched.append(path)
            for name in files:
                _drop(Path(path, name), since)
            # A link to a folder is listed among the folders; one that is gone is not to be walked into.
            folders[:] = [name for name in folders if not _drop(Path(path, name), since)]
    except OSError as error:
        raise RepositoryError("repository.leftovers", f"{folder} cannot be cleaned: {error}") from error
    return touched


def put_times_back(folders: list[str], git_folder: Path) -> None:
    """Give those folders that are still there the time of the mark, which says nothing. Blocks."""
    moment = (git_folder / _MARK).stat().st_mtime_ns
    for path in folders:
        if os.path.isdir(path):
            os.utime(path, ns=(moment, moment))


def _make_plain(folder: str) -> None:
    os.chmod(folder, _FOLDER_MODE)
    for name in os.listxattr(folder):
        if name.startswith(_ATTRIBUTES):
            os.removexattr(folder, name)


def _drop(path: Path, since: int) -> bool:
    status = path.lstat()
    is_touched = status.st_ctime_ns > since and not stat.S_ISDIR(status.st_mode) and path.name != _POINTER
    if is_touched:
        path.unlink()
    return is_touched


def _raise(error: OSError) -> None:
    raise error
