"""git, by its own command: reads commits, lays out trees of the node's own, moves the node's own branches.

The user's checkout, index, branches, hooks and stash are never touched: commits are made from a private index, branches
under `hive/` move by compare-and-swap, trees are detached worktrees in the node's home.
"""

import asyncio
import os
import tempfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from hive_node.ports import RepositoryError, TreeEntry

# A repository's own configuration may name programs (hooks, file monitors); none of them runs on the node's behalf.
_QUIET: Final = (
    "-c", "core.hooksPath=/dev/null",
    "-c", "core.fsmonitor=false",
    "-c", "core.autocrlf=false",
    "-c", "gc.auto=0",
    "-c", "advice.detachedHead=false",
    "-c", "commit.gpgSign=false",
)  # fmt: skip
_TIMEOUT_S: Final = 120.0
AUTHOR: Final = "hive-node"
EMAIL: Final = "hive-node@localhost"


class GitRepository:
    """One repository on this machine, named by its root."""

    def __init__(self, root: Path, common: Path) -> None:
        self.root = root
        self._common = common

    @classmethod
    async def open(cls, path: Path) -> "GitRepository":
        """The repository that holds `path`. Raises RepositoryError: not-a-repository, no-git."""
        if not path.is_dir():
            raise RepositoryError("repository.missing", f"{path}: no such folder")
        found = await _git(path, "rev-parse", "--path-format=absolute", "--show-toplevel", "--git-common-dir")
        root, common = found.decode().splitlines()
        return cls(Path(root), Path(common))

    async def head(self) -> str:
        """The commit that the user's checkout stands on. Raises RepositoryError(repository.empty)."""
        try:
            return await self._line("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
        except RepositoryError:
            raise RepositoryError(
                "repository.empty", f"{self.root}: the repository has no commits; make the first one, then try again"
            ) from None

    async def is_dirty(self) -> bool:
        """Whether the checkout differs from its commit, new files included."""
        return bool(await self._run("--no-optional-locks", "status", "--porcelain", "-z"))

    async def entries(self, commit: str) -> dict[str, TreeEntry]:
        """Every file of `commit`: path to mode and blob."""
        listing = await self._run("ls-tree", "-r", "-z", "--full-tree", commit)
        found = {}
        for line in listing.split(b"\0"):
            if line:
                facts, path = line.split(b"\t", 1)
                mode, _, blob = facts.split(b" ")
                found[os.fsdecode(path)] = TreeEntry(mode.decode(), blob.decode())
        return found

    async def read(self, blobs: Sequence[str]) -> list[bytes]:
        """The content of each blob, in order."""
        if not blobs:
            return []
        stream = await self._run("cat-file", "--batch", stdin="\n".join(blobs).encode() + b"\n")
        contents = []
        for _ in blobs:
            header, _, stream = stream.partition(b"\n")
            size = int(header.split(b" ")[2])
            contents.append(stream[:size])
            stream = stream[size + 1 :]
        return contents

    async def lay_out(self, folder: Path, commit: str) -> Path:
        """A detached worktree of `commit` at `folder`, new or made clean. Returns its private git folder."""
        if folder.exists():
            await self.remove(folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        await self._run("worktree", "add", "--detach", "--force", str(folder), commit)
        pointer = (folder / ".git").read_text(encoding="utf-8")
        return Path(pointer.removeprefix("gitdir:").strip())

    async def reset(self, folder: Path, git_folder: Path, commit: str) -> None:
        """Bring a laid-out tree back to exactly `commit`: nothing that a run left behind stays, ignored files included.

        The private git folder is named outright: what a run did to the tree's `.git` decides nothing.
        """
        where = (f"--git-dir={git_folder}", f"--work-tree={folder}")
        await _git(folder, *where, "reset", "--hard", "--quiet", commit)
        await _git(folder, *where, "clean", "-ffdxq", "-e", "/.git")

    async def remove(self, folder: Path) -> None:
        """Take a laid-out tree away."""
        try:
            await self._run("worktree", "remove", "--force", "--force", str(folder))
        except RepositoryError:
            await asyncio.to_thread(_remove_folder, folder)
            await self._run("worktree", "prune")

    async def commit(self, parent: str, files: Mapping[str, bytes], message: str, when: datetime) -> str:
        """A commit on `parent` with `files` replaced. The same arguments give the same commit id; no branch moves."""
        entries = await self.entries(parent)
        with tempfile.TemporaryDirectory(prefix="hive-node-index-") as folder:
            index = {"GIT_INDEX_FILE": str(Path(folder, "index"))}
            await self._run("read-tree", parent, environment=index)
            for path, content in sorted(files.items()):
                blob = (await self._run("hash-object", "-w", "--stdin", stdin=content)).decode().strip()
                mode = entries[path].mode if path in entries else "100644"
                await self._run("update-index", "--add", "--cacheinfo", f"{mode},{blob},{path}", environment=index)
            tree = (await self._run("write-tree", environment=index)).decode().strip()
        stamp = f"{int(when.timestamp())} +0000"
        who = {
            "GIT_AUTHOR_NAME": AUTHOR, "GIT_AUTHOR_EMAIL": EMAIL, "GIT_AUTHOR_DATE": stamp,
            "GIT_COMMITTER_NAME": AUTHOR, "GIT_COMMITTER_EMAIL": EMAIL, "GIT_COMMITTER_DATE": stamp,
        }  # fmt: skip
        made = await self._run("commit-tree", tree, "-p", parent, stdin=message.encode(), environment=who)
        return made.decode().strip()

    async def is_same_change(self, one: str, other: str) -> bool:
        """Whether two commits have one parent and one tree, whatever they say."""
        same = "%P %T"
        first, second = [await self._line("log", "-1", f"--format={same}", commit) for commit in (one, other)]
        return first == second

    async def branch(self, name: str) -> str | None:
        """The commit that branch `name` points at, or None."""
        try:
            return await self._line("rev-parse", "--verify", "--quiet", f"refs/heads/{name}^{{commit}}")
        except RepositoryError:
            return None

    async def move_branch(self, name: str, new: str, old: str | None) -> None:
        """Point branch `name` at `new`, if it still points at `old` (None: if it does not exist).

        Raises RepositoryError(repository.branch-moved).
        """
        try:
            await self._run("update-ref", f"refs/heads/{name}", new, old or "0" * len(new))
        except RepositoryError as error:
            raise RepositoryError(
                "repository.branch-moved", f"branch {name} was moved by somebody else; it is left as it is ({error})"
            ) from error

    async def _line(self, *arguments: str) -> str:
        return (await self._run(*arguments)).decode().strip()

    async def _run(self, *arguments: str, stdin: bytes = b"", environment: Mapping[str, str] | None = None) -> bytes:
        return await _git(self.root, *arguments, stdin=stdin, environment=environment)


async def _git(
    folder: Path, *arguments: str, stdin: bytes = b"", environment: Mapping[str, str] | None = None
) -> bytes:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    clean |= {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", **(environment or {})}
    try:
        process = await asyncio.create_subprocess_exec(
            "git", *_QUIET, *arguments, cwd=folder, env=clean,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
    except FileNotFoundError as error:
        raise RepositoryError("repository.no-git", "git is not installed: install it (apt-get install git)") from error
    try:
        out, problem = await asyncio.wait_for(process.communicate(stdin), _TIMEOUT_S)
    except BaseException:
        if process.returncode is None:
            process.kill()
            await process.wait()
        raise
    if process.returncode != 0:
        raise _fault(folder, arguments, problem.decode("utf-8", "replace").strip())
    return out


def _fault(folder: Path, arguments: Sequence[str], problem: str) -> RepositoryError:
    if "not a git repository" in problem:
        return RepositoryError("repository.none", f"{folder}: not a git repository (git init makes one)")
    if "dubious ownership" in problem:
        return RepositoryError(
            "repository.owner", f"{folder} belongs to another user: {problem.splitlines()[-1].strip()}"
        )
    if "No space left" in problem:
        return RepositoryError("repository.disk-full", f"the disk is full: git {_verb(arguments)} wrote nothing")
    last = problem.splitlines()[-1] if problem else "it said nothing"
    return RepositoryError("repository.git", f"git {_verb(arguments)} failed in {folder}: {last}")


def _verb(arguments: Sequence[str]) -> str:
    return next((one for one in arguments if not one.startswith("-")), "")


def _remove_folder(folder: Path) -> None:
    import shutil

    shutil.rmtree(folder, ignore_errors=True)
