"""Find a command's program inside the sandbox before anything is run, and say what to do where it is not there."""

import os
import shutil
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Final

from hive_node.adapters.sandbox import mounts
from hive_node.adapters.sandbox.mounts import WORK, Mount
from hive_node.ports.sandbox import MissingCommand, UnsafeMount

PYTHON_NAMES: Final = ("python", "python3")
_SYSTEM_PATH: Final = ("/usr/local/bin", "/usr/bin", "/bin")
_NAME_A_TOOLCHAIN: Final = (
    "install it under /usr, or name the folder that holds it as a toolchain in the node's config.toml"
)


class Programs:
    """What names mean in one sandbox: `tools` first, then the toolchains' and the system's folders."""

    def __init__(self, shown: Sequence[Mount], toolchains: Sequence[Path], tools: Mapping[str, Path]) -> None:
        self._shown = shown
        self._folders = (*map(str, _program_folders(toolchains)), *_SYSTEM_PATH)
        self._tools = tools

    @property
    def path(self) -> str:
        """The PATH variable inside, so that a script finds what argv[0] would."""
        return ":".join(dict.fromkeys(self._folders))

    def resolve(self, name: str, workdir: Path) -> PurePosixPath:
        """The program's path inside the sandbox. Raises MissingCommand."""
        if tool := self._tools.get(name):
            return PurePosixPath(self._checked(name, tool))
        if "/" not in name:
            return PurePosixPath(self._on_path(name))
        path = PurePosixPath(os.path.normpath(name)) if name.startswith("/") else PurePosixPath(WORK) / name
        if path.is_relative_to(WORK):
            return _in_tree(name, path, workdir)
        return PurePosixPath(self._checked(name, Path(path)))

    def _on_path(self, name: str) -> str:
        found = (self._find(name, folder) for folder in self._folders)
        if path := next(filter(None, found), None):
            return path
        raise MissingCommand(name, _NAME_A_TOOLCHAIN)

    def _find(self, name: str, folder: str) -> str | None:
        path = shutil.which(name, path=folder)
        return path if path and mounts.is_shown(path, self._shown) else None

    def _checked(self, name: str, path: Path) -> str:
        """An absolute path that exists, can be run, and is shown: as it is, for a venv's Python is told by its link."""
        given = os.path.abspath(path.expanduser())
        if not shutil.which(given):
            raise MissingCommand(name, f"{given} is no program; {_NAME_A_TOOLCHAIN}")
        if not mounts.is_shown(given, self._shown):
            raise MissingCommand(name, f"{given} lies outside what the sandbox shows; {_NAME_A_TOOLCHAIN}")
        return given


def _program_folders(toolchains: Sequence[Path]) -> list[Path]:
    """A toolchain's `bin`, or the folder itself where it is one of programs."""
    absolute = [Path(os.path.abspath(folder.expanduser())) for folder in toolchains]
    return [folder / "bin" if (folder / "bin").is_dir() else folder for folder in absolute]


def _in_tree(name: str, path: PurePosixPath, workdir: Path) -> PurePosixPath:
    """A program of the project: a regular file of the tree, reached without links, with its run bit set."""
    relative = path.relative_to(WORK)
    try:
        mounts.check_inside(workdir, relative)
    except UnsafeMount as unsafe:
        raise MissingCommand(name, str(unsafe)) from unsafe
    mode = (workdir / relative).stat().st_mode
    if not stat.S_ISREG(mode) or not mode & 0o111:
        raise MissingCommand(name, f"make it a program: chmod +x {relative}")
    return path
