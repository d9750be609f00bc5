"""Reading files that anybody may have put there, and remembering which were looked at."""

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

# Credential files are a page; a larger one is read this far.
FILE_BYTES: Final = 256 * 1024
# Of one repository, and of one folder that keeps a file for each login.
FILES: Final = 64
FOLDERS: Final = 5_000
DEPTH: Final = 4

# What tells whether a path changed: when it was modified and changed, its size and number; None where there is nothing.
Signature: TypeAlias = tuple[int, int, int, int] | None

_DOTENV: Final = re.compile(r"(?i)(\.env(\..+|rc)?|.+\.env)")
_KEY_FILE: Final = re.compile(r"(?i)id_(rsa|dsa|ecdsa|ed25519)\w*|.+\.(pem|key|ppk)")
_TEMPLATE: Final = re.compile(r"(?i)(example|sample|template|dist|defaults?)")
_NOT_ENTERED: Final = frozenset(
    {".git", "node_modules", ".venv", "venv", "target", "build", "dist", "vendor", "__pycache__", ".tox", ".cache"}
)


@dataclass(slots=True)
class Looked:
    """The files and folders that were looked at, whether there or not, as they were just before.

    May be asked from another thread than the one that looks, once that is done.
    """

    paths: dict[str, Signature] = field(default_factory=dict)

    def at(self, path: Path | str) -> None:
        """Remember a path as it is now. To be called before it is read: what is written meanwhile then counts as a change."""
        name = os.fspath(path)
        if name not in self.paths:
            self.paths[name] = _signature(name)

    def has_changed(self) -> bool:
        """Whether a file was edited, made, removed or replaced since."""
        return any(_signature(path) != before for path, before in self.paths.items())

    def text_inside(self, path: Path, folder: Path) -> str:
        """The file's text; empty where it is none, or where a link leads out of `folder`."""
        self.at(path)
        real = Path(os.path.realpath(path))
        return self.text(real) if real.is_relative_to(os.path.realpath(folder)) else ""

    def text(self, path: Path) -> str:
        """The file's text, up to FILE_BYTES; empty where it is none."""
        self.at(path)
        try:
            # A pipe must not hang the start; what is no plain file is not read.
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except (OSError, ValueError):
            return ""
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return ""
            try:
                return file.read(FILE_BYTES).decode("utf-8", "replace")
            except OSError:
                return ""

    def matching(self, folder: Path, pattern: str) -> list[Path]:
        """Files of `folder` by a pattern, `*` for a name at each level; FILES at most."""
        self.at((folder / pattern).parent)
        try:
            found = sorted(path for _, path in zip(range(FILES), folder.glob(pattern), strict=False))
        except OSError:
            return []
        for path in found:
            self.at(path.parent)
        return found

    def settings_and_keys(self, repository: Path) -> tuple[list[Path], list[Path]]:
        """A repository's `.env` files, without templates, and its private keys by their names."""
        settings: list[Path] = []
        keys: list[Path] = []
        for path in self._files(repository):
            if _DOTENV.fullmatch(path.name):
                if not _TEMPLATE.search(path.name):
                    settings.append(path)
            elif _KEY_FILE.fullmatch(path.name):
                keys.append(path)
            if len(settings) >= FILES:
                break
        return settings, keys[:FILES]

    def _files(self, repository: Path) -> Iterator[Path]:
        self.at(repository)
        for seen, (folder, folders, files) in enumerate(os.walk(repository)):
            depth = len(Path(folder).relative_to(repository).parts)
            folders[:] = [] if depth >= DEPTH else sorted(set(folders) - _NOT_ENTERED)
            for name in folders:
                self.at(os.path.join(folder, name))
            yield from (Path(folder, name) for name in sorted(files))
            if seen >= FOLDERS:
                return


def _signature(path: str) -> Signature:
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino
