"""Brings a laid-out tree back to what its commit holds, without asking git: what a run left behind is gone, and what it took is named.

git sees neither modes of folders, nor extended attributes, nor times: a run could talk to the next by them. Whatever is done to a
file or folder moves its change time, and nobody can put that back.
"""

import os
import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from hive_node.ports import RepositoryError, TreeEntry

_MARK: Final = "hive-node-laid-out"
_FOLDER_MODE: Final = 0o755
_POINTER: Final = ".git"  # out of every run's reach, and no file of the commit's
_ATTRIBUTES: Final = ("user.", "system.posix_acl_")  # those that an owner may set
_EXECUTABLE: Final = "100755"
_SUBMODULE: Final = "160000"


@dataclass(frozen=True, slots=True)
class Listing:
    """What a commit holds: every entry; its files and links; its folders, those of submodules among them."""

    entries: Mapping[str, TreeEntry]
    files: Collection[str]
    folders: Collection[str]

    @classmethod
    def of(cls, entries: Mapping[str, TreeEntry]) -> "Listing":
        """The listing of these entries."""
        folders = {path for path, entry in entries.items() if entry.mode == _SUBMODULE}
        files = entries.keys() - folders
        for path in entries:
            folders.update(_parents(path))
        return cls(entries, files, folders)


@dataclass(slots=True)
class Swept:
    """What a sweep found. missing: files of the listing that are not there any more. All paths are relative to the tree.

    touched: folders whose times are still to be put back. stubborn: folders that do not let themselves be deleted.
    """

    missing: set[str]
    touched: list[str] = field(default_factory=list)
    stubborn: list[str] = field(default_factory=list)


def mark(git_folder: Path, commit: str) -> None:
    """Remember that the tree of this private git folder is `commit`, whole, now. Blocks for a tick of the disk's clock."""
    marked, probe = git_folder / _MARK, git_folder / f"{_MARK}.tick"
    moment = marked.stat().st_mtime_ns if marked.exists() else None
    marked.write_text(commit)
    if moment is not None:
        os.utime(marked, ns=(moment, moment))
    # A run that begins within the same tick could change what then looks untouched.
    while not probe.exists() or probe.stat().st_ctime_ns <= marked.stat().st_ctime_ns:
        probe.touch()
    probe.unlink()


def marked_commit(git_folder: Path) -> str:
    """The commit that the tree was last laid out as. Raises RepositoryError where there is no mark."""
    try:
        return (git_folder / _MARK).read_text()
    except OSError as error:
        raise RepositoryError("repository.leftovers", f"{git_folder} has lost its mark: {error}") from error


def sweep(folder: Path, git_folder: Path, listing: Listing) -> Swept:
    """Delete all below `folder` that is not the listing's, or was touched since the mark; make touched folders plain.

    Blocks. Raises RepositoryError where that cannot be done.
    """
    swept = Swept(set(listing.files))
    try:
        since = (git_folder / _MARK).stat().st_ctime_ns
        _sweep(str(folder), "", since, listing, swept)
    except OSError as error:
        raise RepositoryError("repository.leftovers", f"{folder} cannot be cleaned: {error}") from error
    return swept


def fill(folder: Path, files: Mapping[str, bytes], listing: Listing) -> None:
    """Write these files, whole, as git would check them out. Blocks. The tree was just swept: no link is followed."""
    for path, content in files.items():
        for parent in reversed(_parents(path)):
            if not (folder / parent).is_dir():
                (folder / parent).mkdir()
                (folder / parent).chmod(_FOLDER_MODE)
        target = folder / path
        target.unlink(missing_ok=True)
        target.write_bytes(content)
        is_program = path in listing.entries and listing.entries[path].mode == _EXECUTABLE
        target.chmod(0o755 if is_program else 0o644)


def put_times_back(folder: Path, touched: Collection[str], files: Collection[str], git_folder: Path) -> None:
    """Give those folders and files that are there the time of the mark, which says nothing. Blocks."""
    moment = (git_folder / _MARK).stat().st_mtime_ns
    folders = {parent for path in files for parent in _parents(path)}
    for path in {*touched, *files, *folders, ""}:
        if os.path.lexists(full := folder / path):
            os.utime(full, ns=(moment, moment), follow_symlinks=False)


def _parents(path: str) -> list[str]:
    """The folders on the way to a file, nearest first."""
    found = []
    while path := os.path.dirname(path):
        found.append(path)
    return found


def _sweep(root: str, below: str, since: int, listing: Listing, swept: Swept) -> None:
    folder = os.path.join(root, below)
    if os.lstat(folder).st_ctime_ns > since:
        _make_plain(folder)
        swept.touched.append(below)
    with os.scandir(folder) as found:
        entries = list(found)
    for entry in entries:
        path = f"{below}/{entry.name}" if below else entry.name
        if entry.is_dir(follow_symlinks=False):
            if path in listing.folders:
                _sweep(root, path, since, listing, swept)
            else:
                _remove(root, path, swept)
        elif path != _POINTER:
            _sweep_file(entry, path, since, listing, swept)


def _sweep_file(entry: "os.DirEntry[str]", path: str, since: int, listing: Listing, swept: Swept) -> None:
    if path in listing.files and entry.stat(follow_symlinks=False).st_ctime_ns <= since:
        swept.missing.discard(path)
    else:
        os.unlink(entry.path)


def _remove(root: str, path: str, swept: Swept) -> None:
    try:
        shutil.rmtree(os.path.join(root, path))
    except (OSError, RecursionError):  # closed to its owner, or too deep: `rm` knows more ways
        swept.stubborn.append(path)


def _make_plain(folder: str) -> None:
    os.chmod(folder, _FOLDER_MODE)
    for name in os.listxattr(folder):
        if name.startswith(_ATTRIBUTES):
            os.removexattr(folder, name)
