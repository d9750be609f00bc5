"""The sandbox by bubblewrap: every namespace its own, no capability, a fixed list of what is visible, bounded, fail closed."""

import asyncio
import contextlib
import functools
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Final

from hive_node.adapters.sandbox import limits, mounts, process, proof, remedy, seccomp, taskgroup
from hive_node.adapters.sandbox.threads import Threads
from hive_node.adapters.sandbox.visible import Visible
from hive_node.ports.sandbox import (
    RunOutcome,
    SandboxedCommand,
    SandboxFault,
    SandboxReport,
    SandboxUnavailable,
)

BACKEND: Final = "bubblewrap"

_OLDEST: Final = (0, 8, 0)  # --size and --disable-userns; Debian 12, Ubuntu 24.04
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
# The first process: a shell that says it is there, waits to be let go and then for the command, and reaps its orphans. No text of
# the command is read as shell. It is there after all set-up, --new-session included: that opens an autogroup of its own.
_FIRST: Final = ("/bin/sh", "-c", 'echo; read -r _ || exit; exec </dev/null; "$@"; exit $?', "trial")
# Where nothing but the census stops a fork bomb, what stops it must be run first: it, and the first process, stay at nice 0.
_FIRST_IN_A_RACE: Final = (
    "/bin/sh",
    "-c",
    'echo; read -r _ || exit; exec </dev/null; nice -n 19 "$@"; exit $?',
    "trial",
)


class BubblewrapSandbox:
    """Runs commands under bubblewrap. Does nothing until it is used; never runs anything unsandboxed."""

    def __init__(
        self, toolchains: Sequence[Path] = (), tools: Mapping[str, Path] | None = None, private: Sequence[Path] = ()
    ) -> None:
        """See `Visible`."""
        self._visible = Visible(toolchains, tools or {}, private)
        self._threads = Threads()

    async def run(self, command: SandboxedCommand) -> RunOutcome:
        """See `Sandbox.run`."""
        return await self._threads.run(lambda stop: self._run(command, stop))

    async def probe(self) -> SandboxReport:
        """See `Sandbox.probe`."""
        version = ""
        try:
            version = await asyncio.to_thread(lambda: self._program[1])
            await proof.prove(self, self._visible.shown)
        except SandboxFault as fault:
            return SandboxReport(BACKEND, works=False, version=version, problem=fault.reason, remedy=fault.remedy)
        return SandboxReport(BACKEND, works=True, version=version)

    def resolve(self, name: str, workdir: Path) -> PurePosixPath:
        """See `Sandbox.resolve`. Raises UnsafeMount for a toolchain that cannot be shown."""
        return self._visible.programs.resolve(name, workdir)

    def describe_binds(self) -> tuple[str, ...]:
        """What every trial sees beside its own tree, one line each, for receipts and the doctor."""
        return tuple(map(str, self._visible.shown))

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

    def _run(self, command: SandboxedCommand, stop: int) -> RunOutcome:
        """Blocking; in a thread."""
        program, _ = self._program
        inside = str(self.resolve(command.argv[0], command.workdir))
        machine = os.uname().machine
        with _contents() as (open_content, descriptors), taskgroup.made(command.limits) as group:
            options = [program, *_ISOLATION, *self._environment(command), *self._view(command, open_content)]
            if (filtered := seccomp.program(machine)) is not None:
                options += ["--seccomp", str(open_content(filtered))]
            means = limits.Means(group, seccomp.in_words(machine), is_started_inside=True)
            first = _FIRST_IN_A_RACE if means.processes == "none" else _FIRST

            def arguments(status: int) -> list[str]:
                return [*options, "--json-status-fd", str(status), "--", *first, inside, *command.argv[1:]]

            return process.finish(process.Launch(BACKEND, arguments, descriptors, means), command.limits, stop)

    def _environment(self, command: SandboxedCommand) -> list[str]:
        clean = self._visible.environment(home=mounts.HOME, scratch="/tmp")  # noqa: S108
        return [word for item in (clean | dict(command.environment)).items() for word in ("--setenv", *item)]

    def _view(self, command: SandboxedCommand, open_content: Callable[[bytes], int]) -> list[str]:
        """All that is visible, in order: a later mount may lie inside an earlier one, and the root is sealed last."""
        shown = [word for mount in self._visible.shown for word in mount.arguments(open_content)]
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
