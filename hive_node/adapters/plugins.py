"""Plug-ins by entry point: looked for only where config.toml names one. A name that nobody provides stops the start."""

from importlib.metadata import entry_points
from typing import Any, Final

from hive_node.ports import FatalError

ENGINES: Final = "hive_node.engines"
FITNESS: Final = "hive_node.fitness"
SANDBOXES: Final = "hive_node.sandboxes"
MODELS: Final = "hive_node.models"


def check(group: str, name: str) -> None:
    """Raises FatalError where no installed package provides it. Runs nothing of it."""
    _point(group, name)


def load(group: str, name: str) -> Any:
    """What the entry point names, imported. Raises FatalError where it is not there, or does not import."""
    try:
        return _point(group, name).load()
    except FatalError:
        raise
    except Exception as error:
        raise FatalError(
            "plugin.broken",
            f"{name!r} of the entry-point group {group} cannot be imported: {type(error).__name__}: {error}",
        ) from error


def _point(group: str, name: str) -> Any:
    found = list(entry_points(group=group, name=name))
    if not found:
        raise FatalError(
            "plugin.missing",
            f"config.toml names {name!r}, and no installed package provides it in the entry-point group {group}: "
            "install it beside hive-node, or take the name out",
        )
    if len({one.value for one in found}) > 1:
        raise FatalError("plugin.twice", f"two packages provide {name!r} in the entry-point group {group}: remove one")
    return found[0]
