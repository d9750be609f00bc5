"""Where there is no sandbox, no skill is run: without one it could read in the database which answers are right."""

from pathlib import Path, PurePosixPath
from typing import Final

from hive_node.ports import RunOutcome, SandboxedCommand, SandboxReport, SandboxUnavailable

_PROBLEM: Final = "skills are never run unprotected"
_REMEDY: Final = 'write `backend = "auto"` under [sandbox] in config.toml'


class NoSandbox:
    """As Sandbox; refuses everything."""

    async def run(self, command: SandboxedCommand) -> RunOutcome:
        """As Sandbox.run. Raises SandboxUnavailable."""
        raise SandboxUnavailable("sandbox.none", _PROBLEM, _REMEDY)

    async def probe(self) -> SandboxReport:
        """As Sandbox.probe."""
        return SandboxReport("none", works=False, version="", problem=_PROBLEM, remedy=_REMEDY)

    def resolve(self, name: str, workdir: Path) -> PurePosixPath:
        """As Sandbox.resolve. It does not matter where: nothing is run."""
        return PurePosixPath(name)
