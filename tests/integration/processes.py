"""Real processes of the node's own code that start at once: each is forked from one that has imported everything already.

A second of importing, for each of some three hundred processes, is most of what this suite would do.
"""

import importlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from multiprocessing import get_context
from pathlib import Path

_MADE = get_context("forkserver")
_MADE.set_forkserver_preload(
    [
        "__main__",
        __name__,
        "hive_node.daemon",
        "hive_node.cli",
        "tests.fakes.killing_node",
        "alembic.command",
    ]
)


class Forked:
    """A process that runs a module's `main()`, with the face of subprocess.Popen."""

    def __init__(
        self,
        module: str,
        *arguments: str,
        out: Path,
        problems: Path,
        given: Path | None = None,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        places = (str(given or os.devnull), str(out), str(problems), str(folder or Path.cwd()))
        clean = dict(os.environ if environment is None else environment)
        self.args = [module, *arguments]
        self._process = _MADE.Process(target=_become, args=(module, self.args, clean, *places))
        self._process.start()
        self.pid = self._process.pid

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, or minus the signal. Raises subprocess.TimeoutExpired."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return self._process.exitcode

    def terminate(self) -> None:
        self._process.terminate()

    def kill(self) -> None:
        self._process.kill()


def hive_node(
    *arguments: str,
    stdin: str | None = None,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    timeout: float = 60,
    module: str = "hive_node.__main__",
) -> "subprocess.CompletedProcess[str]":
    """`hive-node <arguments>`, to its end, with what it printed."""
    with tempfile.TemporaryDirectory(prefix="hive-said-") as said:
        out, problems, given = (Path(said, name) for name in ("out", "problems", "given"))
        given.write_text(stdin or "")
        process = Forked(
            module, *arguments, out=out, problems=problems, given=given, environment=environment, folder=folder
        )
        try:
            code = process.wait(timeout)
        except BaseException:
            process.kill()
            process.wait()
            raise
        return subprocess.CompletedProcess(process.args, code, out.read_text(), problems.read_text())


def _become(
    module: str, argv: list[str], environment: dict[str, str], given: str, out: str, problems: str, folder: str
) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    for number, path, flags in (
        (0, given, os.O_RDONLY),
        (1, out, os.O_WRONLY | os.O_CREAT | os.O_APPEND),
        (2, problems, os.O_WRONLY | os.O_CREAT | os.O_APPEND),
    ):
        opened = os.open(path, flags, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    sys.argv = argv
    sys.exit(importlib.import_module(module).main())
