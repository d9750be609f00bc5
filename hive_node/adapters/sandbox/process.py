"""Run one supervisor (bubblewrap, or the second rung's launcher) to its end, in the calling thread: bounded, read, and reaped.

A supervisor tells the process id of its sandbox's first process, kills all when that one ends, and then tells its exit code. The
first process says that all is set up by one byte of output, and waits for one of input before it becomes the command.

Blocking on purpose: limits hold and times are right while the event loop is busy with something else. The thread that
starts a bubblewrap waits for it, since to --die-with-parent the parent is that thread.
"""

import contextlib
import json
import os
import select
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Final

from hive_node.adapters.sandbox import census, limits, remedy
from hive_node.adapters.sandbox.memory import MemoryWatch
from hive_node.adapters.sandbox.output import Streams
from hive_node.adapters.sandbox.priority import Autogroups
from hive_node.adapters.sandbox.scratch import ScratchWatch
from hive_node.ports.sandbox import Ending, RunLimits, RunOutcome, SandboxUnavailable

_SETUP_S: Final = 30.0  # making namespaces takes milliseconds; a machine that swaps may need seconds
_DEATH_S: Final = 10.0  # a killed tree is gone at once, but for a process that waits for a dead disk
_CHUNK_BYTES: Final = 1 << 16
_CENSUS_SHARE: Final = 20  # counting takes at most a twentieth of one core, however large the tree


@dataclass(frozen=True, slots=True)
class Launch:
    """What is started. arguments: the whole vector, given the descriptor on which the supervisor tells; descriptors: that it names.

    scratch: a folder on disk that is the run's scratch, to be kept small; None where the kernel does that.
    """

    backend: str
    arguments: Callable[[int], Sequence[str]]
    descriptors: Sequence[int]
    means: limits.Means
    scratch: Path | None = None


def finish(launch: Launch, bounds: RunLimits, stop: int) -> RunOutcome:
    """Start it, hold it until it is bounded, let it go, and come back when nothing of it runs.

    stop: a descriptor; once it is readable, the tree is killed. Raises SandboxUnavailable where the command never ran.
    """
    with _started(launch, bounds) as running:
        running.release()
        running.watch(stop)
        return running.outcome()


@contextlib.contextmanager
def _started(launch: Launch, bounds: RunLimits) -> Iterator["_Running"]:
    with contextlib.ExitStack() as held:
        status, status_end = _pipe(held)
        gate_end, gate = _pipe(held)
        process = held.enter_context(_spawned(launch, status_end.fileno(), gate_end.fileno()))
        # Last in, first out: the tree is dead before a descriptor is closed.
        held.callback(_kill_group, process)
        running = _Running(process, status, gate, bounds, launch)
        held.callback(running.destroy)
        status_end.close()
        gate_end.close()
        yield running


def _spawned(launch: Launch, status: int, gate: int) -> subprocess.Popen[bytes]:
    means = launch.means
    inside = means.group.entered() if means.group and means.is_started_inside else contextlib.nullcontext()
    try:
        with inside:
            return subprocess.Popen(
                launch.arguments(status),
                stdin=gate,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=(*launch.descriptors, status),
                env={},
                cwd="/",
                start_new_session=True,
            )
    except OSError as error:  # an argument that is too long, too many processes on this machine
        raise _setup_failed(launch, str(error)) from error


def _pipe(held: contextlib.ExitStack) -> tuple[FileIO, FileIO]:
    read, write = os.pipe()
    return held.enter_context(FileIO(read, "rb")), held.enter_context(FileIO(write, "wb"))


class _Running:
    """A supervisor that was started, and the first process of its sandbox: as that one dies, the rest is killed."""

    def __init__(
        self, process: subprocess.Popen[bytes], status: FileIO, gate: FileIO, bounds: RunLimits, launch: Launch
    ) -> None:
        assert process.stdout is not None  # noqa: S101 - for mypy: both are pipes
        assert process.stderr is not None  # noqa: S101
        self._process = process
        self._whole = os.pidfd_open(process.pid)
        self._first: int | None = None
        self._status = status
        self._gate = gate
        self._bounds = bounds
        self._launch = launch
        self._means = launch.means
        self._sample_every_s = limits.SAMPLE_EVERY_S[launch.means.processes]
        self._memory = MemoryWatch(bounds.memory_bytes)
        self._scratch = ScratchWatch(launch.scratch, bounds.memory_bytes // 2)
        self._autogroups = Autogroups()
        self._stdout = process.stdout.fileno()
        self._streams = Streams(self._stdout, process.stderr.fileno(), bounds.output_bytes)
        self._ending: Ending | None = None
        self._killed_at: float | None = None
        self._is_over = False
        self._started_at = self._ended_at = self._census_at = 0.0
        self._cpu_s = 0.0
        self._exit_code: int | None = None

    def release(self) -> None:
        """Bound the first process while it waits at the gate, then open the gate."""
        try:
            first = self._first_process()
            self._first = os.pidfd_open(first)
            self._await_setup()
            limits.confine(first, self._bounds, self._means)
            self._autogroups.lower({os.getsid(first): first})
            self._started_at = time.perf_counter()
            self._census_at = self._started_at + self._sample_every_s
            self._gate.write(b"\n")
        except OSError as error:
            raise self._setup_failed(f"it could not be bounded: {error}") from error

    def watch(self, stop: int) -> None:
        """Read and count until the supervisor has ended, and the sandbox with it."""
        with selectors.DefaultSelector() as ready:
            for descriptor, act in self._sources(stop).items():
                ready.register(descriptor, selectors.EVENT_READ, act)
            while not self._is_over:
                for key, _ in ready.select(self._patience_s()):
                    if not key.data():
                        ready.unregister(key.fd)
                self._judge(time.perf_counter())
        self._reap()

    def outcome(self) -> RunOutcome:
        """What the command did, or what the sandbox did to it. Raises SandboxUnavailable where it never ran."""
        if self._killed_at is None and self._exit_code is None:
            raise self._setup_failed(self._complaint())
        ending = self._ending or limits.ending_of(self._exit_code or 0)
        return RunOutcome(
            exit_code=self._exit_code if ending == "exited" else None,
            ending=ending,
            stdout=self._streams.stdout.kept(),
            stderr=self._streams.stderr.kept(),
            stdout_truncated=self._streams.stdout.is_truncated(),
            stderr_truncated=self._streams.stderr.is_truncated(),
            wall_s=self._ended_at - self._started_at,
            cpu_s=self._cpu_s,
            backend=self._launch.backend,
            limits=limits.in_force(self._bounds, self._means, self._autogroups.are_lowered),
        )

    def destroy(self) -> None:
        """Leave nothing behind, whatever happened before."""
        if self._process.returncode is None:
            self._kill_first()
            _kill_group(self._process)
            self._reap()
        for descriptor in (self._whole, self._first):
            if descriptor is not None:
                os.close(descriptor)

    def _first_process(self) -> int:
        """Its process id here, as the supervisor tells it; it cannot be another's, for the supervisor has not reaped it."""
        line = b""
        while not line.endswith(b"\n"):  # one line, which bubblewrap writes in pieces
            line += self._said_in_time(self._status.fileno())
        return int(json.loads(line)["child-pid"])

    def _await_setup(self) -> None:
        """One byte of output comes from the first process itself, once it is all that it will be but the command."""
        self._said_in_time(self._stdout, most_bytes=1)

    def _said_in_time(self, descriptor: int, most_bytes: int = _CHUNK_BYTES) -> bytes:
        waiting = select.poll()
        waiting.register(descriptor, select.POLLIN)
        if not waiting.poll(_SETUP_S * 1000):
            raise self._setup_failed(f"{self._launch.backend} said nothing for {_SETUP_S:.0f} s")
        if said := os.read(descriptor, most_bytes):
            return said
        self._reap()
        raise self._setup_failed(self._complaint())

    def _setup_failed(self, message: str) -> SandboxUnavailable:
        return _setup_failed(self._launch, message)

    def _complaint(self) -> str:
        """What the supervisor said of itself: the command, which would share the stream, never ran."""
        return self._streams.stderr.kept().decode(errors="replace").strip() or "it was killed"

    def _sources(self, stop: int) -> dict[int, Callable[[], bool]]:
        """What to wait for, and what to do then; each says whether to wait for it again."""
        return {self._whole: self._end, stop: self._obey, **self._streams.readers()}

    def _end(self) -> bool:
        self._ended_at = time.perf_counter()
        self._is_over = True
        return False

    def _obey(self) -> bool:
        self._kill(None)
        return False

    def _judge(self, now: float) -> None:
        """Kill what is over a limit; and the supervisor too where its sandbox does not die."""
        if self._is_over:
            return
        if self._killed_at is not None:
            if now - self._killed_at > _DEATH_S:
                _kill_group(self._process)
        elif now - self._started_at > self._bounds.wall_s:
            self._kill("timed-out")
        elif self._streams.most_seen_bytes() > limits.OUTPUT_PATIENCE * self._bounds.output_bytes:
            self._kill("output-capped")
        elif now >= self._census_at:
            self._count()

    def _count(self) -> None:
        begun = time.perf_counter()
        counted = census.below(self._process.pid, self._bounds.processes)
        self._cpu_s = max(self._cpu_s, counted.cpu_s)
        self._autogroups.lower(counted.sessions)
        if ending := limits.exceeded(self._bounds, counted):
            self._kill(ending)
        elif self._is_memory_over(counted, begun) or self._scratch.is_over():
            self._kill("memory-limit")
        now = time.perf_counter()
        self._census_at = now + max(self._sample_every_s, _CENSUS_SHARE * (now - begun))

    def _is_memory_over(self, counted: census.Census, now: float) -> bool:
        """A group that holds the memory kills by itself; then the rest of the tree is to go too."""
        if self._means.has_memory_group and self._means.group is not None:
            return self._means.group.has_run_out_of_memory()
        return self._memory.is_over(counted, now)

    def _patience_s(self) -> float:
        if self._killed_at is not None:
            return _DEATH_S
        due = min(self._started_at + self._bounds.wall_s, self._census_at)
        return max(0.0, due - time.perf_counter())

    def _kill(self, ending: Ending | None) -> None:
        """The sandbox's first process: the supervisor then ends by itself, after all is gone, and can account for it."""
        self._ending = ending
        self._killed_at = time.perf_counter()
        self._kill_first()

    def _kill_first(self) -> None:
        if self._first is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._first, signal.SIGKILL)

    def _reap(self) -> None:
        """Once. wait4 rather than Popen.wait: it also tells the time that bubblewrap and all it reaped have used."""
        _, status, usage = os.wait4(self._process.pid, 0)
        self._process.returncode = os.waitstatus_to_exitcode(status)
        said = self._last_words()
        self._exit_code = said.get("exit-code")
        # What the kernel kills at the end of a first process is not in its usage; a group, or the last census, saw it.
        tree_s = said.get("cpu-us", (usage.ru_utime + usage.ru_stime) * 1e6) / 1e6
        self._cpu_s = max(self._cpu_s, tree_s, self._means.group.cpu_s() if self._means.group else 0.0)
        if self._killed_at is None and self._means.group is not None and self._means.group.has_run_out_of_memory():
            self._ending = "memory-limit"
        self._streams.drain()

    def _last_words(self) -> dict[str, int]:
        """Only the supervisor writes here; an exit code only if it came to run the command."""
        # Not blocking: should anything of the sandbox live on, it may hold the other end.
        os.set_blocking(self._status.fileno(), False)
        said: dict[str, int] = {}
        for line in (self._status.readall() or b"").splitlines():
            said |= json.loads(line)
        return said


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """The supervisor, and its child as long as that has not made a session of its own."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _setup_failed(launch: Launch, message: str) -> SandboxUnavailable:
    return SandboxUnavailable(
        "sandbox.setup-failed", f"{launch.backend} did not run the command: {message}", remedy.for_failed_setup(message)
    )
