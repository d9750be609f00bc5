"""What git knows of a repository's people and remotes, asked without letting the repository run anything."""

import logging
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from hive_node.adapters.dictionary.files import Looked

logger = logging.getLogger(__name__)

# The people of a repository's last months. Older authors are in its public history anyway.
COMMITS: Final = 500
GIT_TIMEOUT_S: Final = 20.0

_SETTINGS: Final = r"^(user|author|committer)\.(name|email)$|^remote\..*\.(url|pushurl)$"
# What changes when a setting, a commit or a fetch does, in a repository's own folder.
_WATCHED: Final = ("config", "packed-refs", "FETCH_HEAD", "logs/HEAD", "refs/heads")


def settings_of(repository: Path, looked: Looked) -> Iterator[tuple[str, str]]:
    """(key in small letters, value) of whose name is set there, and of the remotes."""
    folder = _folder(repository)
    for name in _WATCHED:
        looked.at(folder / name)
    for pair in _git(repository, "config", "--null", "--get-regexp", _SETTINGS):
        key, _, value = pair.partition("\n")
        yield key.lower(), value


def authors_of(repository: Path) -> Iterator[tuple[bool, str]]:
    """(whether it is a name, value): names and e-mails of who wrote the last commits."""
    # The raw names, and those that .mailmap makes of them: both stand in the history that people see.
    form = "--format=%an%x00%aN%x00%cn%x00%ae%x00%cE%x00%ce"
    # A repository's settings could name the program that shows signatures.
    fields = _git(repository, "log", "--all", f"--max-count={COMMITS}", "-z", "--no-show-signature", form)
    for index, value in enumerate(fields):
        yield index % 6 < 3, value


def _folder(repository: Path) -> Path:
    """Where git keeps a repository: in a linked worktree `.git` is a file that names it."""
    try:
        linked = Path((repository / ".git").read_text(encoding="utf-8").partition(":")[2].strip())
    except (OSError, UnicodeError):
        return repository / ".git"
    return linked.parent.parent if linked.parent.name == "worktrees" else linked


def _git(repository: Path, *arguments: str) -> list[str]:
    """The fields of what git printed; none, and a line in the log, where it cannot."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    # A partial clone would fetch what it lacks.
    clean |= {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1"}
    command = ["git", "--no-pager", *arguments]
    try:
        done = subprocess.run(
            command,
            cwd=repository,
            env=clean,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=GIT_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        logger.warning("names of %s are not known to the scope guard: %s", repository, type(error).__name__)
        return []
    # 1 of `config` is "none set"; 128 of `log` in a repository without commits prints nothing that matters either.
    if done.returncode not in {0, 1} and b"does not have any commits" not in done.stderr:
        logger.warning("names of %s are not known to the scope guard: git %s failed", repository, arguments[0])
        return []
    return done.stdout.decode("utf-8", "replace").rstrip("\0\n").split("\0") if done.stdout else []
