"""What a sandbox shows beside a trial's tree, and which programs are in it: the same on each rung."""

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path

from hive_node.adapters.sandbox import mounts
from hive_node.adapters.sandbox.mounts import Mount
from hive_node.adapters.sandbox.programs import PYTHON_NAMES, Programs


class Visible:
    """Looked up when first used.

    toolchains: folders outside /usr that trials may read (`~/.cargo`, `~/.rustup`). tools: what a name in argv[0] means, by
    an absolute path within what is shown; `python` and `python3` mean the node's base interpreter, without its packages.
    private: what no toolchain may hold, nor lie in: the node's home, with its key.
    """

    def __init__(self, toolchains: Sequence[Path], tools: Mapping[str, Path], private: Sequence[Path]) -> None:
        self._toolchains = tuple(toolchains)
        self._tools = dict(tools)
        self._private = tuple(private)

    @functools.cached_property
    def shown(self) -> list[Mount]:
        """Raises UnsafeMount for a toolchain that cannot be shown."""
        return [*mounts.system(), *mounts.toolchains(self._all_toolchains(), self._private)]

    @functools.cached_property
    def programs(self) -> Programs:
        """Raises UnsafeMount, as `shown`."""
        executable, _ = mounts.interpreter()
        return Programs(self.shown, self._all_toolchains(), dict.fromkeys(PYTHON_NAMES, executable) | self._tools)

    def environment(self, *, home: str, scratch: str) -> dict[str, str]:
        """All that a trial finds in its environment, but for what its command adds."""
        return {"PATH": self.programs.path, "HOME": home, "TMPDIR": scratch, "LANG": "C.UTF-8", "USER": "trial"}

    def _all_toolchains(self) -> tuple[Path, ...]:
        """With the base interpreter's folder, unless all its names mean something else here."""
        if self._tools.keys() >= set(PYTHON_NAMES):
            return self._toolchains
        return (mounts.interpreter()[1], *self._toolchains)
