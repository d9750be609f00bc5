"""Try a sandbox out: a program inside tries to get at what is outside, and must fail at each."""

import os
import socket
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from hive_node.adapters.sandbox import mounts
from hive_node.adapters.sandbox.mounts import Mount
from hive_node.ports.sandbox import RunLimits, RunOutcome, Sandbox, SandboxedCommand, SandboxUnavailable

_LIMITS: Final = RunLimits(
    wall_s=20, cpu_s=10, memory_bytes=256 * 1024**2, processes=32, file_bytes=1024**2, output_bytes=64 * 1024
)
# Prints what it could do; all that is wanted is `written` and the last word.
_ATTEMPTS: Final = """
import _socket, os, sys
port, outside, *of_the_home = sys.argv[1:]
def attempt(name, act):
    try:
        act()
    except OSError:
        return
    print(name)
def connect():
    _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM).connect(("127.0.0.1", int(port)))
attempt("written", lambda: open("inside", "w").close())
attempt("opened a connection to the host", connect)
for path in of_the_home:
    attempt("opened " + path, lambda: os.open(path, os.O_RDONLY | os.O_NONBLOCK))
attempt("wrote outside its tree", lambda: open(outside + "/planted", "w").close())
attempt("read a file outside its tree", lambda: open(outside + "/there").close())
print("over")
"""
_MOST_PATHS: Final = 50
_WANTED: Final = ["written", "over"]


async def prove(sandbox: Sandbox, shown: Sequence[Mount]) -> None:
    """Raises SandboxFault where the sandbox does not run a command, or does not hold it. shown: what it may get at."""
    with (
        tempfile.TemporaryDirectory(prefix="hive-node-probe-") as folder,
        socket.create_server(("127.0.0.1", 0)) as door,
    ):
        tree, outside = Path(folder, "tree"), Path(folder, "outside")
        tree.mkdir()
        outside.mkdir()
        (outside / "there").touch()
        words = (str(door.getsockname()[1]), str(outside), *_of_the_home(shown))
        argv = ("python", "-I", "-S", "-c", _ATTEMPTS, *words)
        outcome = await sandbox.run(SandboxedCommand(argv, tree, _LIMITS))
    if (said := outcome.stdout.decode(errors="replace").splitlines()) != _WANTED:
        raise SandboxUnavailable(
            "sandbox.unusable", _complaint(said, outcome), "do not run trials here; tell the project"
        )


def _of_the_home(shown: Sequence[Mount]) -> list[str]:
    """Some of what lies in the user's home and is no toolchain, nor holds one."""
    visible = [path for mount in shown for path in (mount.destination, mount.source) if path]
    try:
        present = [str(path) for path in Path.home().iterdir() if os.access(path, os.R_OK)]
    except (OSError, RuntimeError):  # no home, or one that this user cannot enter
        return []
    return [path for path in present if not any(mounts.overlap(path, root) for root in visible)][:_MOST_PATHS]


def _complaint(said: list[str], outcome: RunOutcome) -> str:
    if escaped := [line for line in said if line not in _WANTED]:
        return f"a trial on this machine {', '.join(escaped)}"
    last = outcome.stderr.decode(errors="replace").strip().splitlines()[-1:]
    return f"a small program came back as {outcome.ending} {outcome.exit_code}: {' '.join(last)}"
