"""git, by its own command: reads commits, lays out trees of the node's own, moves the node's own branches.

The user's checkout, index, branches, hooks and stash are never touched: commits are made from a private index, branches
under `hive/` move by compare-and-swap, trees are detached worktrees in the node's home.
"""

import asyncio
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from hive_node.adapters.contents import blobs, listings
from hive_node.adapters.git_command import git, remove_tree
from hive_node.adapters.leftovers import Listing, fill, mark, marked_commit, put_times_back, sweep
from hive_node.ports import RepositoryError, TreeEntry

AUTHOR: Final = "hive-node"
EMAIL: Final = "hive-node@localhost"
# Trees look the same on every machine, whoever runs the node.
_TREE_UMASK: Final = 0o022


class GitRepository:
    """One repository on this machine, named by its root."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._listings = listings()
        self._blobs = blobs()

    @classmethod
    async def open(cls, path: Path) -> "GitRepository":
        """The repository that holds `path`. Raises RepositoryError: missing, none, bare, owner, no-git."""
        found = await git(path, "rev-parse", "--path-format=absolute", "--show-toplevel")
        return cls(_path(found))

    async def head(self) -> str:
        """The commit that the user's checkout stands on. Raises RepositoryError(repository.empty)."""
        commit = await self._commit_at("HEAD")
        if commit is None:
            raise RepositoryError(
                "repository.empty", f"{self.root}: the repository has no commits; make the first one, then try again"
            )
        return commit

    async def is_dirty(self, besides: str) -> bool:
        """Whether the checkout differs from its commit in anything but the file `besides`; new files count."""
        where = ("--", ":/", f":(top,exclude,literal){besides}")
        return bool(await self._run("--no-optional-locks", "status", "--porcelain", "-z", *where))

    async def entries(self, commit: str) -> dict[str, TreeEntry]:
        """Every file of `commit`: path to mode and blob."""
        return dict((await self._listing(commit)).entries)

    async def read(self, blobs: Sequence[str]) -> list[bytes]:
        """The content of each blob, in order. Raises RepositoryError(repository.damaged)."""
        found = {blob: content for blob in blobs if (content := self._blobs.get(blob)) is not None}
        if wanted := [blob for blob in dict.fromkeys(blobs) if blob not in found]:
            stream = await self._run("cat-file", "--batch", stdin="\n".join(wanted).encode() + b"\n")
            for blob, content in zip(wanted, self._contents(wanted, memoryview(stream)), strict=True):
                found[blob] = content
                self._blobs.keep(blob, content)
        return [found[blob] for blob in blobs]

    async def lay_out(self, folder: Path, commit: str) -> Path:
        """A detached worktree of `commit` at `folder`, new, whatever was there. Returns its private git folder."""
        await self.remove(folder)
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RepositoryError("repository.folder", f"{folder.parent} cannot be made: {error.strerror}") from error
        await git(self.root, "worktree", "add", "--detach", "--force", str(folder), commit, umask=_TREE_UMASK)
        git_folder = _path((folder / ".git").read_bytes().removeprefix(b"gitdir: "))
        await asyncio.to_thread(mark, git_folder, commit)
        return git_folder

    async def reset(
        self, folder: Path, git_folder: Path, commit: str, fresh: Mapping[str, bytes], known: Mapping[str, bytes]
    ) -> None:
        """Bring a laid-out tree back to exactly `commit`, with `fresh` in it: nothing that a run left behind stays.

        known: files of the commit that git would check out as they are here; it is not started where they are all that is
        missing. The private git folder is named outright: what a run did to the tree's `.git` decides nothing. Raises
        RepositoryError where that cannot be done; then `lay_out` still can.
        """
        listing = await self._listing(commit)
        swept = await asyncio.to_thread(sweep, folder, git_folder, listing)
        for path in swept.stubborn:
            await remove_tree(folder / path)
        if marked_commit(git_folder) != commit or swept.missing - known.keys() - fresh.keys():
            where = (f"--git-dir={git_folder}", f"--work-tree={folder}")
            await git(folder, *where, "reset", "--hard", "--quiet", commit, umask=_TREE_UMASK)
            await asyncio.to_thread(mark, git_folder, commit)
            files = dict(fresh)
        else:
            files = {path: known[path] for path in swept.missing & known.keys()} | dict(fresh)

        def finish() -> None:
            fill(folder, files, listing)
            put_times_back(folder, swept.touched, {*swept.missing, *files}, git_folder)

        await asyncio.to_thread(finish)

    async def remove(self, folder: Path) -> None:
        """Take a laid-out tree away, whatever a run or a person did to it, or to the repository."""
        await remove_tree(folder)
        # By name, and not by `worktree prune`: a worktree of the user's on a disk that is not mounted now stays known.
        if self.root.is_dir() and await self._is_worktree(folder):
            await self._run("worktree", "remove", "--force", "--force", str(folder))

    async def commit(self, parent: str, files: Mapping[str, bytes | None], message: str, when: datetime) -> str:
        """A commit on `parent` with `files` replaced, or taken away where they are None. The same arguments give the same commit id; no branch moves."""
        entries = await self.entries(parent)
        lines = []
        for path, content in sorted(files.items()):
            if content is None:
                lines.append(b"0 " + b"0" * len(parent) + b"\t" + os.fsencode(path) + b"\0")
                continue
            blob = (await self._run("hash-object", "-w", "--stdin", stdin=content)).strip()
            mode = entries[path].mode if path in entries else "100644"
            lines.append(mode.encode() + b" " + blob + b"\t" + os.fsencode(path) + b"\0")
        with tempfile.TemporaryDirectory(prefix="hive-node-index-") as folder:
            index = {"GIT_INDEX_FILE": str(Path(folder, "index"))}
            await self._run("read-tree", parent, environment=index)
            await self._run("update-index", "-z", "--index-info", stdin=b"".join(lines), environment=index)
            tree = (await self._run("write-tree", environment=index)).decode().strip()
        stamp = f"{int(when.timestamp())} +0000"
        who = {
            "GIT_AUTHOR_NAME": AUTHOR, "GIT_AUTHOR_EMAIL": EMAIL, "GIT_AUTHOR_DATE": stamp,
            "GIT_COMMITTER_NAME": AUTHOR, "GIT_COMMITTER_EMAIL": EMAIL, "GIT_COMMITTER_DATE": stamp,
        }  # fmt: skip
        made = await self._run("commit-tree", tree, "-p", parent, stdin=message.encode(), environment=who)
        return made.decode().strip()

    async def is_same_change(self, one: str, other: str) -> bool:
        """Whether two commits have the same parents and one tree, whatever they say."""
        first, second = [await self._run("rev-parse", f"{commit}^{{tree}}", f"{commit}^@") for commit in (one, other)]
        return first == second

    async def branch(self, name: str) -> str | None:
        """The commit that branch `name` points at, or None."""
        return await self._commit_at(f"refs/heads/{name}")

    async def move_branch(self, name: str, new: str, old: str | None) -> None:
        """Point branch `name` at `new`, if it still points at `old` (None: if it does not exist).

        Raises RepositoryError: branch-moved, branch-taken, and branch-in-use where somebody has it checked out: their
        files would seem changed.
        """
        if old is not None and f"branch refs/heads/{name}" in await self._worktree_facts():
            raise RepositoryError(
                "repository.branch-in-use", f"branch {name} is checked out: switch that checkout to another branch"
            )
        try:
            await self._run("update-ref", f"refs/heads/{name}", new, old or "0" * len(new))
        except RepositoryError as error:
            if error.code != "repository.git":
                raise
            if old is None:
                raise RepositoryError("repository.branch-taken", f"branch {name} cannot be made: {error}") from error
            raise RepositoryError(
                "repository.branch-moved", f"branch {name} was moved by somebody else; it is left as it is ({error})"
            ) from error

    async def _listing(self, commit: str) -> Listing:
        if (known := self._listings.get(commit)) is not None:
            return known
        found = Listing.of(_entries(await self._run("ls-tree", "-r", "-z", "--full-tree", commit)))
        self._listings.keep(commit, found)
        return found

    def _contents(self, blobs: Sequence[str], stream: memoryview) -> Iterator[bytes]:
        for blob in blobs:
            header, _, _ = bytes(stream[:200]).partition(b"\n")
            if header.endswith(b" missing"):
                raise RepositoryError("repository.damaged", f"{self.root}: git has lost object {blob}: try `git fsck`")
            start, size = len(header) + 1, int(header.split(b" ")[2])
            yield bytes(stream[start : start + size])
            stream = stream[start + size + 1 :]

    async def _commit_at(self, name: str) -> str | None:
        try:
            found = await self._run("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
        except RepositoryError as error:
            if error.code != "repository.git":
                raise
            return None
        return found.decode().strip()

    async def _is_worktree(self, folder: Path) -> bool:
        listed = [fact.removeprefix("worktree ") for fact in await self._worktree_facts()]
        return os.path.realpath(folder) in map(os.path.realpath, listed)

    async def _worktree_facts(self) -> list[str]:
        return os.fsdecode(await self._run("worktree", "list", "--porcelain", "-z")).split("\0")

    async def _run(self, *arguments: str, stdin: bytes = b"", environment: Mapping[str, str] | None = None) -> bytes:
        return await git(self.root, *arguments, stdin=stdin, environment=environment)


def _entries(listing: bytes) -> dict[str, TreeEntry]:
    """`ls-tree -z`: path to mode and blob."""
    found = {}
    for line in listing.split(b"\0"):
        if line:
            facts, path = line.split(b"\t", 1)
            mode, _, blob = facts.split(b" ")
            found[os.fsdecode(path)] = TreeEntry(mode.decode(), blob.decode())
    return found


def _path(line: bytes) -> Path:
    """A path as git prints it: any bytes, then a newline."""
    return Path(os.fsdecode(line.removesuffix(b"\n")))
