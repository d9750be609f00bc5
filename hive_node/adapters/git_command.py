"""Starts git, and whatever else a tree on disk needs; turns what goes wrong into words that a person can act on."""

import asyncio
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from hive_node.ports import RepositoryError

_SETTINGS: Final = (
    # A repository's or its user's own settings may name programs; none of them runs on the node's behalf.
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "commit.gpgSign=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "submodule.recurse=false",
    # A tree is whole, and byte for byte what the commit holds.
    "core.autocrlf=false",
    "core.sparseCheckout=false",
    "i18n.commitEncoding=UTF-8",
    # What a run changed is seen, though it put size, time and mode bits back as they were.
    "core.trustctime=true",
    "core.checkStat=default",
    "core.ignoreStat=false",
    "core.fileMode=true",
    "core.untrackedCache=false",
    "advice.detachedHead=false",
)
_OPTIONS: Final = tuple(word for setting in _SETTINGS for word in ("-c", setting))
_TIMEOUT_S: Final = 120.0
_GRACE_S: Final = 10.0
_LEAST_ROOM_BYTES: Final = 64 * 1024
# A worktree that another git adds or takes away just now is half there, and whoever lists them all stumbles over it.
_HALF_MADE: Final = re.compile(r"failed to read .*worktrees/.*")
_BUSY_TRIES: Final = 20
_BUSY_WAIT_S: Final = 0.05


async def git(
    folder: Path, *arguments: str, stdin: bytes = b"", environment: Mapping[str, str] | None = None, umask: int = -1
) -> bytes:
    """What git prints, run in `folder`; umask -1 is the node's own. Raises RepositoryError."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    clean |= {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", **(environment or {})}
    command = ("git", *_OPTIONS, *arguments)
    tries = 0
    while True:
        status, out, problem = await _run(*command, folder=folder, stdin=stdin, environment=clean, umask=umask)
        if status == 0:
            return out
        fault, tries = _fault(folder, arguments, problem), tries + 1
        if fault.code != "repository.busy" or tries == _BUSY_TRIES:
            raise fault
        await asyncio.sleep(_BUSY_WAIT_S)


async def remove_tree(folder: Path) -> None:
    """Delete `folder` with all that is in it, if it is there. Raises RepositoryError(repository.leftovers)."""
    if not os.path.lexists(folder):
        return
    status, _, _ = await _run("rm", "-rf", "--", str(folder))
    if status != 0:
        # A run may leave folders that not even their owner can open.
        await _run("chmod", "-R", "u+rwX", "--", str(folder))
        status, _, problem = await _run("rm", "-rf", "--", str(folder))
        if status != 0:
            raise RepositoryError("repository.leftovers", f"{folder} cannot be removed: {_last_line(problem)}")


async def _run(
    *command: str,
    folder: Path = Path("/"),
    stdin: bytes = b"",
    environment: Mapping[str, str] | None = None,
    umask: int = -1,
) -> tuple[int, bytes, str]:
    """A command's exit code, output and complaints. Raises RepositoryError where it cannot be started or does not end."""
    try:
        process = await asyncio.create_subprocess_exec(
            *command, cwd=folder, env=environment, umask=umask,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
    except (FileNotFoundError, NotADirectoryError) as error:
        if not folder.is_dir():
            raise RepositoryError("repository.missing", f"{folder}: there is no such folder") from error
        raise RepositoryError(
            "repository.no-git", f"{command[0]} is not installed: install it (apt-get install {command[0]})"
        ) from error
    except OSError as error:
        raise RepositoryError(
            "repository.start", f"{command[0]} cannot be run in {folder}: {error.strerror}"
        ) from error
    try:
        out, problem = await asyncio.wait_for(process.communicate(stdin), _TIMEOUT_S)
    except TimeoutError as error:
        raise RepositoryError(
            "repository.slow", f"{command[0]} did not end within {_TIMEOUT_S:.0f} s in {folder}"
        ) from error
    finally:
        if process.returncode is None:
            await _end(process)
    return process.returncode or 0, out, problem.decode("utf-8", "replace").strip()


async def _end(process: asyncio.subprocess.Process) -> None:
    process.terminate()  # git then removes its lock files; killed outright it would leave them for ever
    try:
        await asyncio.wait_for(process.wait(), _GRACE_S)
    except TimeoutError:
        process.kill()
        await process.wait()


def _fault(folder: Path, arguments: Sequence[str], problem: str) -> RepositoryError:
    verb = next((one for one in arguments if not one.startswith("-")), "")
    if "not a git repository" in problem:
        return RepositoryError("repository.none", f"{folder}: not a git repository (git init makes one)")
    if "must be run in a work tree" in problem:
        return RepositoryError(
            "repository.bare",
            f"{folder} has no checkout: it is a bare repository, or the inside of one; name a checkout",
        )
    if "dubious ownership" in problem:
        return RepositoryError("repository.owner", f"{folder} belongs to another user: {_last_line(problem)}")
    if _HALF_MADE.search(problem):
        return RepositoryError(
            "repository.busy", f"another git is at work on {folder}'s worktrees: {_last_line(problem)}"
        )
    if "No space left" in problem or "Disk quota exceeded" in problem or _is_full(folder, arguments):
        return RepositoryError("repository.disk-full", f"the disk is full: git {verb} wrote nothing")
    return RepositoryError("repository.git", f"git {verb} failed in {folder}: {_last_line(problem)}")


def _is_full(folder: Path, arguments: Sequence[str]) -> bool:
    """Whether a disk that the command writes to has no room: git does not always say why it could not write."""
    for path in (folder, *(Path(one) for one in arguments if one.startswith("/"))):
        there = next(one for one in (path, *path.parents) if one.exists())
        disk = os.statvfs(there)
        if disk.f_bavail * disk.f_frsize < _LEAST_ROOM_BYTES or (disk.f_files and not disk.f_favail):
            return True
    return False


def _last_line(problem: str) -> str:
    return problem.splitlines()[-1].strip() if problem else "it said nothing"
