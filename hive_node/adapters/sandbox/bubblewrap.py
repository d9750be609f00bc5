"""The sandbox by bubblewrap: every namespace its own, no capability, a fixed list of what is visible, bounded, fail closed."""

import asyncio
import contextlib
import functools
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import Final

from hive_node.adapters.sandbox import limits, mounts, process, remedy, seccomp, taskgroup
from hive_node.adapters.sandbox.mounts import Mount
from hive_node.adapters.sandbox.programs import PYTHON_NAMES, Programs
from hive_node.ports.sandbox import (
    RunLimits,
    RunOutcome,
    SandboxedCommand,
    SandboxFault,
    SandboxReport,
    SandboxUnavailable,
)

_OLDEST: Final = (0, 8, 0)  # --size and --disable-userns; Debian 12, Ubuntu 24.04
_MOST_AT_ONCE: Final = 8  # each run has a thread that waits; more than this would measure one another
_VERSION_S: Final = 10.0

_ISOLATION: Final = (
    "--unshare-all",
    "--unshare-user",  # --unshare-all only tries this one
    "--disable-userns",
    "--uid", str(mounts.UID),
    "--gid", str(mounts.UID),
    "--hostname", "trial",
    "--cap-drop", "ALL",
    "--die-with-parent",
    "--new-session",
    "--as-pid-1",  # the end of the first process is the end of all, and bubblewrap waits for it: nothing outlives, cpu is known
    "--clearenv",
)  # fmt: skip
# The first process: a shell that waits for the command and reaps its orphans. No text of the command is read as shell.
_FIRST: Final = ("/bin/sh", "-c", '"$@"; exit $?', "trial")
# Where nothing but the census stops a fork bomb, what stops it must be run first: it, and the first process, stay at nice 0.
_FIRST_IN_A_RACE: Final = ("/bin/sh", "-c", 'nice -n 19 "$@"; exit $?', "trial")
_PROBE_LIMITS: Final = RunLimits(
    wall_s=20, cpu_s=10, memory_bytes=256 * 1024**2, processes=32, file_bytes=1024**2, output_bytes=64 * 1024
)


class BubblewrapSandbox:
    """Runs commands under bubblewrap. Does nothing until it is used; never runs anything unsandboxed.

    toolchains: folders outside /usr that trials may read (`~/.cargo`, `~/.rustup`). tools: what a name in argv[0] means, by
    an absolute path within what is shown; `python` and `python3` mean the node's base interpreter, without its packages.
    private: what no toolchain may hold, nor lie in: the node's home, with its key.
    """

    def __init__(
        self, toolchains: Sequence[Path] = (), tools: Mapping[str, Path] | None = None, private: Sequence[Path] = ()
    ) -> None:
        self._toolchains = tuple(toolchains)
        self._private = tuple(private)
        self._tools = dict(tools or {})
        self._threads = ThreadPoolExecutor(_MOST_AT_ONCE, thread_name_prefix="sandbox")

    async def run(self, command: SandboxedCommand) -> RunOutcome:
        """See `Sandbox.run`."""
        stop = os.eventfd(0)
        job = self._threads.submit(self._run, command, stop)
        done = asyncio.wrap_future(job)
        try:
            return await asyncio.shield(done)
        except asyncio.CancelledError:
            os.eventfd_write(stop, 1)
            if not job.cancel():
                await _until_over(done)
            raise
        finally:
            os.close(stop)

    async def probe(self) -> SandboxReport:
        """See `Sandbox.probe`."""
        version = ""
        try:
            version = await asyncio.to_thread(lambda: self._program[1])
            await self._try_out()
        except SandboxFault as fault:
            return SandboxReport(process.BACKEND, works=False, version=version, problem=str(fault), remedy=fault.remedy)
        return SandboxReport(process.BACKEND, works=True, version=version)

    def resolve(self, name: str, workdir: Path) -> PurePosixPath:
        """See `Sandbox.resolve`. Raises UnsafeMount for a toolchain that cannot be shown."""
        return self._programs.resolve(name, workdir)

    def describe_binds(self) -> tuple[str, ...]:
        """What every trial sees beside its own tree, one line each, for receipts and the doctor."""
        return tuple(map(str, self._shown))

    @functools.cached_property
    def _program(self) -> tuple[str, str]:
        """bubblewrap's path and version. Raises SandboxUnavailable; then the next run looks again."""
        path = shutil.which("bwrap")
        if path is None:
            raise SandboxUnavailable("sandbox.missing", "bubblewrap is not installed", remedy.install_command())
        if (found := re.search(rb"(\d+)\.(\d+)\.(\d+)", _said_by(path, "--version"))) is None:
            raise SandboxUnavailable("sandbox.unusable", f"{path} does not tell its version", remedy.install_command())
        version = found[0].decode()
        if tuple(map(int, found.groups())) < _OLDEST:
            oldest = ".".join(map(str, _OLDEST))
            raise SandboxUnavailable(
                "sandbox.too-old", f"{path} is {version}; {oldest} or newer is needed", "upgrade bubblewrap"
            )
        return path, version

    @functools.cached_property
    def _shown(self) -> list[Mount]:
        return [*mounts.system(), *mounts.toolchains(self._all_toolchains(), self._private)]

    @functools.cached_property
    def _programs(self) -> Programs:
        executable, _ = mounts.interpreter()
        return Programs(self._shown, self._all_toolchains(), dict.fromkeys(PYTHON_NAMES, executable) | self._tools)

    def _all_toolchains(self) -> tuple[Path, ...]:
        """With the base interpreter's folder, unless all its names mean something else here."""
        if self._tools.keys() >= set(PYTHON_NAMES):
            return self._toolchains
        return (mounts.interpreter()[1], *self._toolchains)

    def _run(self, command: SandboxedCommand, stop: int) -> RunOutcome:
        """Blocking; in a thread."""
        program, _ = self._program
        inside = str(self.resolve(command.argv[0], command.workdir))
        with _contents() as (open_content, descriptors), _group(command.limits) as group:
            options = [program, *_ISOLATION, *self._environment(command), *self._view(command, open_content)]
            if (filtered := seccomp.program(os.uname().machine)) is not None:
                options += ["--seccomp", str(open_content(filtered))]
            first = _FIRST_IN_A_RACE if limits.process_bound(group) == "none" else _FIRST
            launch = process.Launch(options, [*first, inside, *command.argv[1:]], descriptors, group)
            return process.finish(launch, command.limits, stop)

    def _environment(self, command: SandboxedCommand) -> list[str]:
        clean = {"PATH": self._programs.path, "HOME": mounts.HOME, "TMPDIR": "/tmp", "LANG": "C.UTF-8", "USER": "trial"}  # noqa: S108
        return [word for item in (clean | dict(command.environment)).items() for word in ("--setenv", *item)]

    def _view(self, command: SandboxedCommand, open_content: Callable[[bytes], int]) -> list[str]:
        """All that is visible, in order: a later mount may lie inside an earlier one, and the root is sealed last."""
        shown = [word for mount in self._shown for word in mount.arguments(open_content)]
        tree = [word for mount in mounts.tree(command) for word in mount.arguments(open_content)]
        return [
            *mounts.scratch(command.limits.memory_bytes),
            *shown,
            *tree,
            "--remount-ro",
            "/",
            "--chdir",
            mounts.WORK,
        ]

    async def _try_out(self) -> None:
        with tempfile.TemporaryDirectory(prefix="hive-node-probe-") as folder:
            command = SandboxedCommand(("sh", "-c", "echo works"), Path(folder), _PROBE_LIMITS)
            outcome = await self.run(command)
        if outcome.stdout != b"works\n":
            raise SandboxUnavailable(
                "sandbox.unusable", f"a trivial command came back as {outcome.ending}", "see the log"
            )


@contextlib.contextmanager
def _contents() -> Iterator[tuple[Callable[[bytes], int], list[int]]]:
    """Anonymous files that bubblewrap reads by number: no path on the host that anyone could change in between."""
    descriptors: list[int] = []

    def open_content(data: bytes) -> int:
        descriptors.append(descriptor := os.memfd_create("sandbox"))
        os.write(descriptor, data)
        os.lseek(descriptor, 0, os.SEEK_SET)
        return descriptor

    try:
        yield open_content, descriptors
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def _said_by(*argv: str) -> bytes:
    try:
        return subprocess.run(argv, capture_output=True, timeout=_VERSION_S, check=False, env={}).stdout
    except (OSError, subprocess.TimeoutExpired):
        return b""


def _group(bounds: RunLimits) -> contextlib.AbstractContextManager[Path | None]:
    """A control group, for root alone: see `taskgroup`."""
    return taskgroup.made(bounds.processes) if os.geteuid() == 0 else contextlib.nullcontext()


async def _until_over(done: "asyncio.Future[RunOutcome]") -> None:
    """Wait, though one be asked to stop waiting: what runs must be gone before anything else happens."""
    while not done.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait([done])
    if not done.cancelled():
        done.exception()
