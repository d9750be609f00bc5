"""What one step leaves to the next: new files. The commit's own stay as they were, and nothing is put in their way.

Otherwise the step that runs the candidate could change what the step that judges it runs: swap code that was tested for other
code, replace a file that the evaluator uses and nobody protected, or have a module imported in the place of a real one.
"""

import asyncio
import os
import stat
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from guardrails.verdict import Rejected
from hive_node.ports import Repository, TreeEntry

_MARK: Final = "hive-node-began"
_POINTER: Final = ".git"
_CACHE: Final = "__pycache__"
_SUBMODULE: Final = "160000"
_MODULES: Final = frozenset({".py", ".pyc", ".pyo", ".so", ".pyd"})
_STARTED_UNASKED: Final = frozenset(
    {"conftest", "sitecustomize", "usercustomize", "pytest.ini", ".pytest.ini", "pytest.toml", "tox.ini", "setup.cfg"}
)


@dataclass(frozen=True, slots=True)
class Leavings:
    """A tree between its steps. since: files with a later change time were touched by a step; nobody can put that back."""

    tree: Path
    since: int
    repository: Repository
    committed: Mapping[str, TreeEntry]
    changed: Mapping[str, bytes]

    @classmethod
    async def watch(
        cls, tree: Path, git_folder: Path, repository: Repository, commit: str, changed: Mapping[str, bytes]
    ) -> "Leavings":
        """Begin to watch a tree that holds `commit` with `changed` over it. Raises RepositoryError."""
        mark = git_folder / _MARK
        mark.touch()
        return cls(tree, mark.stat().st_ctime_ns, repository, await repository.entries(commit), changed)

    async def judge(self, step: str) -> Rejected | None:
        """Why the next step may not be run on what this one left, or None. Compiled Python is taken away."""
        try:
            files = await asyncio.to_thread(_touched, self.tree, self.since)
            if what := await self._why_not(files):
                return _rejected(step, what)
            await asyncio.to_thread(_drop, self.tree, filter(_is_cache, files))
        except OSError as error:  # folders that the step closed to us
            return _rejected(step, f"the tree cannot be read ({error.strerror})")
        return None

    async def _why_not(self, files: Mapping[str, bool]) -> str | None:
        own = self._own()
        touched = [path for path, is_touched in files.items() if is_touched and path in own]
        lost = [path for path in own - files.keys() if not self._is_submodule(path)]
        if different := [*lost, *await self._different(touched)]:
            return f"{min(different)!a:.200} is not what was committed and proposed any more"
        if shadows := [path for path in files if path not in own and _shadows(path, own)]:
            return f"{min(shadows)!a:.200} would be taken for something else by the next step"
        return None

    async def _different(self, paths: list[str]) -> list[str]:
        committed = [path for path in paths if path not in self.changed]
        blobs = await self.repository.read([self.committed[path].blob for path in committed])
        wanted = {**dict(zip(committed, blobs, strict=True)), **self.changed}
        return [path for path in paths if not await asyncio.to_thread(_holds, self.tree / path, wanted[path])]

    def _own(self) -> set[str]:
        # A cache that somebody committed is written anew by any run, and taken away like the others.
        return {path for path in (*self.committed, *self.changed) if not _is_cache(path)}

    def _is_submodule(self, path: str) -> bool:
        return path in self.committed and self.committed[path].mode == _SUBMODULE


def _touched(tree: Path, since: int) -> dict[str, bool]:
    """Every file and link, with whether it was touched."""
    found = {}
    for folder, folders, files in os.walk(tree):
        for name in (*files, *(name for name in folders if os.path.islink(os.path.join(folder, name)))):
            path = Path(folder, name)
            found[str(path.relative_to(tree))] = path.lstat().st_ctime_ns > since
    found.pop(_POINTER, None)
    return found


def _holds(path: Path, content: bytes) -> bool:
    status = path.lstat()
    if stat.S_ISLNK(status.st_mode):
        return os.fsencode(os.readlink(path)) == content
    return stat.S_ISREG(status.st_mode) and status.st_size == len(content) and path.read_bytes() == content


def _shadows(path: str, own: set[str]) -> bool:
    """Whether Python, or what runs tests, would take this new file where it would have taken another, or none."""
    file = PurePosixPath(path)
    if file.name in _STARTED_UNASKED or file.suffix == ".pth":
        return True
    if file.suffix not in _MODULES or _is_cache(path):
        return False
    name = file.name.partition(".")[0]
    module = file.parent if name == "__init__" else file.with_name(name)
    is_beside_code = str(module.parent) == "." or any(
        str(PurePosixPath(one).parent) == str(module.parent) for one in own if one.endswith(".py")
    )
    is_taken = module.name in sys.stdlib_module_names or module.name in _STARTED_UNASKED
    return (is_taken and is_beside_code) or bool({f"{module}.py", f"{module}/__init__.py"} & own)


def _is_cache(path: str) -> bool:
    return _CACHE in PurePosixPath(path).parts


def _drop(tree: Path, caches: Iterable[str]) -> None:
    # Found again by the source's size and time alone: code of one step would run in the place of another's.
    for path in caches:
        (tree / path).unlink()


def _rejected(step: str, what: str) -> Rejected:
    return Rejected("trial.tree-changed", f"After step `{step}`, {what}.", {"step": step})
