"""`sandbox.backend = "none"`: trials run as the user, with a time limit and nothing else.

It exists for machines where nothing better can be had, must be written out, and stands on every receipt.
"""

import asyncio
import os
import resource
import shutil
import signal
from pathlib import Path, PurePosixPath
from typing import Final

from hive_node.adapters.clock import SystemClock
from hive_node.ports import MissingCommand, RunOutcome, SandboxedCommand, SandboxReport

BACKEND: Final = "none"
_LIMITS: Final = {"wall": "killed at the time-out", "everything else": "not enforced: sandbox.backend is none"}
_PIECE: Final = 65536


class Unprotected:
    """Runs commands without a sandbox. What a candidate does here, it does to the user's own files."""

    def __init__(self) -> None:
        self._clock = SystemClock()

    async def run(self, command: SandboxedCommand) -> RunOutcome:
        """Run to an end or to the time-out; the process group is gone when this returns. Raises MissingCommand."""
        program = self.resolve(command.argv[0], command.workdir)
        began, used = self._clock.monotonic(), _children_cpu_s()
        process = await asyncio.create_subprocess_exec(
            str(program),
            *command.argv[1:],
            cwd=command.workdir,
            env={"PATH": os.defpath, "HOME": str(command.workdir), "LC_ALL": "C.UTF-8", **command.environment},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        outputs = [bytearray(), bytearray()]
        timed_out = False
        try:
            async with asyncio.timeout(command.limits.wall_s):
                await asyncio.gather(*(_drain(pipe, kept) for pipe, kept in zip(_pipes(process), outputs, strict=True)))
                await process.wait()
        except TimeoutError:
            timed_out = True
        finally:
            _kill_group(process.pid)
            await process.wait()
        most = command.limits.output_bytes
        return RunOutcome(
            exit_code=None if timed_out else _shell_code(process.returncode or 0),
            ending="timed-out" if timed_out else "exited",
            stdout=bytes(outputs[0][:most]),
            stderr=bytes(outputs[1][-most:]),
            stdout_truncated=len(outputs[0]) > most,
            stderr_truncated=len(outputs[1]) > most,
            wall_s=self._clock.monotonic() - began,
            cpu_s=max(0.0, _children_cpu_s() - used),
            backend=BACKEND,
            limits=_LIMITS,
        )

    async def probe(self) -> SandboxReport:
        """There is nothing to try."""
        return SandboxReport(BACKEND, works=True, version="", problem="trials run unprotected, as config.toml asks")

    def resolve(self, name: str, workdir: Path) -> PurePosixPath:
        """Where argv[0] is found. Raises MissingCommand."""
        found = workdir / name if "/" in name and not name.startswith("/") else shutil.which(name)
        if found is None or not os.access(found, os.X_OK):
            raise MissingCommand(name, "install it, or correct `run` in hive.toml")
        return PurePosixPath(found)


def _pipes(process: asyncio.subprocess.Process) -> tuple[asyncio.StreamReader | None, asyncio.StreamReader | None]:
    return process.stdout, process.stderr


async def _drain(pipe: asyncio.StreamReader | None, kept: bytearray) -> None:
    """Read to the end, and keep a bounded part: a run that prints for ever ends at its time-out."""
    while pipe is not None and (piece := await pipe.read(_PIECE)):
        if len(kept) < 64 * 1024 * 1024:
            kept += piece


def _kill_group(leader: int) -> None:
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        return  # it is gone already, and all of its group


def _children_cpu_s() -> float:
    """Of all children that ended so far: exact while one trial runs at a time."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _shell_code(code: int) -> int:
    return code if code >= 0 else 128 - code
