"""Build hook: what is built carries the commit that it was built from (hive_node/_build.txt, read by hive_node.config.build)."""

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_NOTE = "hive_node/_build.txt"


class BuildNote(BuildHookInterface[Any]):
    """Adds the note to wheels and source distributions; an editable installation is whatever lies there, and has none."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write the note. A source distribution brings its own, which stays."""
        if version == "editable" or Path(self.root, _NOTE).is_file():
            return
        if commit := _commit(self.root):
            self._folder = tempfile.TemporaryDirectory()
            note = Path(self._folder.name, "_build.txt")
            note.write_text(commit + "\n", encoding="ascii")
            build_data["force_include"][str(note)] = _NOTE

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Take away what `initialize` made."""
        if folder := getattr(self, "_folder", None):
            folder.cleanup()


def _commit(root: str) -> str | None:
    """The commit that is checked out at `root`, "-changed" after it where files differ from it; None outside of git."""
    git = shutil.which("git")
    if git is None or not Path(root, ".git").exists():
        return None
    commit = _told(root, git, "rev-parse", "HEAD")
    return f"{commit}-changed" if _told(root, git, "status", "--porcelain", "--untracked-files=no") else commit


def _told(root: str, *command: str) -> str:
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout.strip()
