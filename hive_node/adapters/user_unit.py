"""The user unit of a node: one file in the user's own systemd folder, written, looked at, taken away. Nothing else is touched."""

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hive_node.adapters.whole_files import replace_file
from hive_node.config.home import Home
from hive_node.config.shipped import shipped
from hive_node.ports import Fault

NAME: Final = "hive-node.service"
_MARK: Final = "# Written by `hive-node service install`: it replaces this file. Changes of your own: `systemctl --user edit hive-node`.\n"
_START: Final = re.compile(r"^ExecStart=.*$", re.MULTILINE)
_ASKING_S: Final = 10.0


class ServiceFault(Fault):
    """The unit was not written, or not taken away."""


@dataclass(frozen=True, slots=True)
class UnitState:
    """is_ours: written by `install`. is_current: as this program would write it. manager: what the user's systemd says of the unit,
    such as "active"; None where there is no such systemd."""

    path: Path
    is_there: bool
    is_ours: bool
    is_current: bool
    is_enabled: bool
    manager: str | None


def unit_path() -> Path:
    """Where a user's own units lie (systemd.unit(5))."""
    given = os.environ.get("XDG_CONFIG_HOME", "")
    return (Path(given) if Path(given).is_absolute() else Path.home() / ".config") / "systemd" / "user" / NAME


def unit_text(home: Home, program: tuple[str, ...]) -> str:
    """The unit that runs `program` (argv) on `home`. Raises ServiceFault for a path that no unit can name."""
    words = " ".join(_word(word) for word in (*program, "--home", str(home.root), "run"))
    shipped_text = shipped("systemd", "user", NAME).read_text(encoding="utf-8")
    return _MARK + _START.sub(lambda _: f"ExecStart={words}", shipped_text, count=1)


def install_unit(text: str) -> Path:
    """Write the unit. Raises ServiceFault where another's file is there, OSError."""
    path = unit_path()
    if path.is_symlink() or (path.exists() and not _is_ours(path)):
        raise ServiceFault("service.foreign", f"{path} was not written by hive-node: move it away first")
    replace_file(path, text.encode())
    return path


def uninstall_unit() -> Path:
    """Take the unit away. Raises ServiceFault where it is not ours or still enabled, OSError."""
    path = unit_path()
    if not path.exists():
        raise ServiceFault("service.none", f"{path} is not there")
    if path.is_symlink() or not _is_ours(path):
        raise ServiceFault("service.foreign", f"{path} was not written by hive-node: it stays")
    if _is_enabled(path) or _manager() in {"active", "activating", "reloading"}:
        raise ServiceFault(
            "service.enabled", "it is still in use: `systemctl --user disable --now hive-node`, then do this again"
        )
    path.unlink()
    return path


def unit_state(text: str) -> UnitState:
    """What there is; `text` is what `install_unit` would write."""
    path = unit_path()
    is_there = path.is_file()
    is_current = is_there and path.read_text("utf-8", "replace") == text
    return UnitState(path, is_there, is_there and _is_ours(path), is_current, _is_enabled(path), _manager())


def _is_ours(path: Path) -> bool:
    return path.read_text("utf-8", "replace").startswith(_MARK)


def _is_enabled(path: Path) -> bool:
    return any((wants / NAME).is_symlink() for wants in path.parent.glob("*.wants"))


def _manager() -> str | None:
    command = ["systemctl", "--user", "is-active", NAME]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_ASKING_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    # "Failed to connect to bus" is on standard error: then there is no user manager here.
    return done.stdout.strip() or None


def _word(word: str) -> str:
    """A word of a command line (systemd.service(5)): quoted, specifiers and variables taken as they are."""
    if not word.isprintable():
        raise ServiceFault("service.path", f"{word!r} cannot be written into a unit: choose a plain path with --home")
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"'
