"""The sandbox by Landlock and seccomp: for where no namespaces can be made. What it does not give is in docs/adr/0006-second-rung.md."""

import contextlib
import ctypes
import functools
import marshal
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Final

from hive_node.adapters.sandbox import limits, mounts, process, proof, rules, scratch, seccomp, taskgroup
from hive_node.adapters.sandbox.rules import Grant, Right
from hive_node.adapters.sandbox.threads import Threads
from hive_node.adapters.sandbox.visible import Visible
from hive_node.ports.sandbox import (
    RunOutcome,
    SandboxedCommand,
    SandboxFault,
    SandboxReport,
    SandboxUnavailable,
    UnsafeMount,
)

BACKEND: Final = "landlock"

# By name, not by path: only so is it compiled once. The folder comes last on the path: nothing in it can stand for the library's.
_LAUNCH: Final = (
    "import sys; sys.path.append(sys.argv.pop(1)); import launcher; sys.exit(launcher.main(*map(int, sys.argv[1:])))"
)
_FOLDER: Final = str(Path(__file__).parent)

# Signals and abstract sockets stay inside: without that, a run could kill its supervisor, and nothing could kill all of a run.
_OLDEST_ABI: Final = 6
_UPGRADE: Final = "use Linux 6.12 or newer with Landlock switched on (lsm=landlock,… on the kernel's command line), or install bubblewrap"

# landlock(7); the numbers are the same on every architecture.
_CREATE_RULESET: Final = 444
_ADD_RULE: Final = 445
_ASK_VERSION: Final = 1
_PATH_BENEATH: Final = 1

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR, _TRUNCATE = 1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 14
_REMOVE: Final = 1 << 4 | 1 << 5  # a folder, a file
_MAKE: Final = 1 << 7 | 1 << 8 | 1 << 10 | 1 << 12  # a folder, a file, a named pipe, a link; no device, no socket
_REFER: Final = 1 << 13
_READ: Final = _EXECUTE | _READ_FILE | _READ_DIR
_RIGHTS: Final[Mapping[Right, int]] = {
    "list": _READ_DIR,
    "read": _READ,
    "write": _READ | _WRITE_FILE | _TRUNCATE | _REMOVE | _MAKE | _REFER,
    "use": _READ_FILE | _WRITE_FILE,
}
_OF_FILES: Final = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE
_HANDLED: Final = (1 << 16) - 1  # all that ABI 5 knows, use of devices included
_NETWORK: Final = 1 << 0 | 1 << 1  # to bind a TCP port, to connect to one
_SCOPED: Final = 1 << 0 | 1 << 1  # abstract sockets, signals


class LandlockSandbox:
    """Runs commands under Landlock and seccomp. Does nothing until it is used; never runs anything unsandboxed.

    python: the interpreter of the launcher, which supervises each run; the node's own unless told otherwise.
    """

    def __init__(
        self,
        toolchains: Sequence[Path] = (),
        tools: Mapping[str, Path] | None = None,
        private: Sequence[Path] = (),
        python: Path | None = None,
    ) -> None:
        """See `Visible`."""
        self._visible = Visible(toolchains, tools or {}, private)
        self._python = python or mounts.interpreter()[0]
        self._threads = Threads()

    async def run(self, command: SandboxedCommand) -> RunOutcome:
        """See `Sandbox.run`."""
        return await self._threads.run(lambda stop: self._run(command, stop))

    async def probe(self) -> SandboxReport:
        """See `Sandbox.probe`."""
        version = ""
        try:
            version = f"ABI {_usable_abi()}"
            await proof.prove(self, self._visible.shown)
        except SandboxFault as fault:
            return SandboxReport(BACKEND, works=False, version=version, problem=fault.reason, remedy=fault.remedy)
        return SandboxReport(BACKEND, works=True, version=version)

    def resolve(self, name: str, workdir: Path) -> PurePosixPath:
        """See `Sandbox.resolve`. Raises UnsafeMount for a toolchain that cannot be shown."""
        found = self._visible.programs.resolve(name, workdir)
        if found.is_relative_to(mounts.WORK):
            return PurePosixPath(workdir) / found.relative_to(mounts.WORK)
        return found

    def describe_binds(self) -> tuple[str, ...]:
        """What every trial may use beside its own tree, one line each."""
        return tuple(f"{grant.path}: {grant.right}" for grant in self._shown)

    @functools.cached_property
    def _shown(self) -> list[Grant]:
        return rules.of_system(self._visible.shown)

    def _run(self, command: SandboxedCommand, stop: int) -> RunOutcome:
        """Blocking; in a thread."""
        _usable_abi()
        machine = os.uname().machine
        if (filtered := seccomp.program_without_namespaces(machine)) is None:
            raise SandboxUnavailable("sandbox.no-filter", f"no filter of system calls is known for {machine}", _UPGRADE)
        program = str(self.resolve(command.argv[0], command.workdir))
        with scratch.made() as folder, taskgroup.made(command.limits) as group, contextlib.ExitStack() as held:
            grants = [*self._shown, *rules.of_tree(command, folder, self._visible.shown)]
            ruleset = held.enter_context(_ruleset(grants))
            clean = self._visible.environment(home=f"{folder}/home", scratch=str(folder))
            request = held.enter_context(
                _request(
                    argv=[program, *command.argv[1:]],
                    workdir=str(command.workdir.resolve()),
                    environment=clean | dict(command.environment),
                    filter=filtered,
                    ruleset=ruleset,
                    writable=[grant.path for grant in grants if grant.right == "write"],
                )
            )

            def arguments(status: int) -> list[str]:
                return [
                    str(self._python),
                    "-I",
                    "-S",
                    "-c",
                    _LAUNCH,
                    _FOLDER,
                    *map(str, (request, status, os.getpid())),
                ]

            means = limits.Means(group, f"{seccomp.in_words(machine)}, without namespaces", has_namespaces=False)
            launch = process.Launch(BACKEND, arguments, [ruleset, request], means, folder)
            return process.finish(launch, command.limits, stop)


def _usable_abi() -> int:
    """Raises SandboxUnavailable where the kernel cannot keep what this sandbox promises."""
    abi = _system_call(_CREATE_RULESET, None, ctypes.c_size_t(0), _ASK_VERSION)
    if abi < 0:
        raise SandboxUnavailable("sandbox.missing", "this kernel has no Landlock, or it is switched off", _UPGRADE)
    if abi < _OLDEST_ABI:
        raise SandboxUnavailable(
            "sandbox.too-old", f"this kernel's Landlock is ABI {abi}; {_OLDEST_ABI} is needed", _UPGRADE
        )
    return abi


@contextlib.contextmanager
def _ruleset(grants: Iterable[Grant]) -> Iterator[int]:
    """A descriptor of it. Raises UnsafeMount where a path cannot be opened."""
    attributes = _Attributes(_HANDLED, _NETWORK, _SCOPED)
    ruleset = _system_call(_CREATE_RULESET, ctypes.byref(attributes), ctypes.c_size_t(ctypes.sizeof(attributes)), 0)
    if ruleset < 0:
        raise SandboxUnavailable("sandbox.setup-failed", f"no ruleset: {os.strerror(ctypes.get_errno())}", _UPGRADE)
    try:
        for grant in grants:
            _add(ruleset, grant)
        yield ruleset
    finally:
        os.close(ruleset)


def _add(ruleset: int, grant: Grant) -> None:
    try:
        opened = os.open(grant.path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise UnsafeMount(grant.path, f"cannot be opened: {error.strerror}") from error
    try:
        rights = _RIGHTS[grant.right] if Path(grant.path).is_dir() else _RIGHTS[grant.right] & _OF_FILES
        rule = _Rule(rights, opened)
        if _system_call(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(rule), 0) != 0:
            raise UnsafeMount(grant.path, f"cannot be granted: {os.strerror(ctypes.get_errno())}")
    finally:
        os.close(opened)


@contextlib.contextmanager
def _request(**fields: object) -> Iterator[int]:
    """An anonymous file that only the launcher reads."""
    descriptor = os.memfd_create("request")
    try:
        os.write(descriptor, marshal.dumps(fields))
        os.lseek(descriptor, 0, os.SEEK_SET)
        yield descriptor
    finally:
        os.close(descriptor)


class _Attributes(ctypes.Structure):
    """struct landlock_ruleset_attr, as of ABI 6."""

    _fields_ = (("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _Rule(ctypes.Structure):
    """struct landlock_path_beneath_attr."""

    _pack_ = 1
    _fields_ = (("rights", ctypes.c_uint64), ("parent", ctypes.c_int32))


def _system_call(number: int, *arguments: object) -> int:
    return int(_libc().syscall(ctypes.c_long(number), *arguments))


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
