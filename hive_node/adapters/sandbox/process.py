"""Run one bubblewrap to its end, in the calling thread: bounded, read to the last byte, and reaped.

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
from hive_node.ports.sandbox import Ending, RunLimits, RunOutcome, SandboxUnavailable

BACKEND: Final = "bubblewrap"

_SETUP_S: Final = 30.0  # making namespaces takes milliseconds; a machine that swaps may need seconds
_DEATH_S: Final = 10.0  # a killed tree is gone at once, but for a process that waits for a dead disk
_CHUNK_BYTES: Final = 1 << 16
_CENSUS_SHARE: Final = 20  # counting takes at most a twentieth of one core, however large the tree


@dataclass(frozen=True, slots=True)
class Launch:
    """bubblewrap with its options, the command it runs, the descriptors that the options name, and a control group."""

    options: Sequence[str]
    command: Sequence[str]
    descriptors: Sequence[int]
    group: Path | None


def finish(launch: Launch, bounds: RunLimits, stop: int) -> RunOutcome:
    """Start bubblewrap, hold it until it is bounded, let it go, and come back when nothing of it runs.

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
        control = ["--json-status-fd", str(status_end.fileno()), "--block-fd", str(gate_end.fileno())]
        process = held.enter_context(_spawned(launch, control, (status_end.fileno(), gate_end.fileno())))
        # Last in, first out: a gate that closes lets the command go, so the tree is dead before a descriptor is closed.
        held.callback(_kill_group, process)
        running = _Running(process, status, gate, bounds, launch.group)
        held.callback(running.destroy)
        status_end.close()
        gate_end.close()
        yield running


def _spawned(launch: Launch, control: Sequence[str], ends: tuple[int, int]) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            [*launch.options, *control, "--", *launch.command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=(*launch.descriptors, *ends),
            env={},
            cwd="/",
            start_new_session=True,
        )
    except OSError as error:  # an argument that is too long, too many processes on this machine
        raise _setup_failed(str(error)) from error


def _pipe(held: contextlib.ExitStack) -> tuple[FileIO, FileIO]:
    read, write = os.pipe()
    return held.enter_context(FileIO(read, "rb")), held.enter_context(FileIO(write, "wb"))


class _Running:
    """A bubblewrap that was started, and the first process of its sandbox: as that one dies, the kernel kills the rest."""

    def __init__(
        self, process: subprocess.Popen[bytes], status: FileIO, gate: FileIO, bounds: RunLimits, group: Path | None
    ) -> None:
        assert process.stdout is not None  # noqa: S101 - for mypy: both are pipes
        assert process.stderr is not None  # noqa: S101
        self._process = process
        self._whole = os.pidfd_open(process.pid)
        self._first: int | None = None
        self._first_pid = 0
        self._status = status
        self._gate = gate
        self._bounds = bounds
        self._group = group
        self._process_bound = limits.process_bound(group)
        self._sample_every_s = limits.SAMPLE_EVERY_S[self._process_bound]
        self._memory = MemoryWatch(bounds.memory_bytes)
        self._streams = Streams(process.stdout.fileno(), process.stderr.fileno(), bounds.output_bytes)
        self._ending: Ending | None = None
        self._killed_at: float | None = None
        self._is_over = False
        self._started_at = self._ended_at = self._census_at = 0.0
        self._cpu_s = 0.0

    def release(self) -> None:
        """Bound the first process while it waits at the gate, then open the gate."""
        try:
            self._first_pid = self._first_process()
            self._first = os.pidfd_open(self._first_pid)
            limits.confine(self._first_pid, self._bounds, self._group)
            self._started_at = time.perf_counter()
            self._census_at = self._started_at + self._sample_every_s
            self._gate.write(b"\n")
        except OSError as error:
            raise _setup_failed(f"it could not be bounded: {error}") from error

    def watch(self, stop: int) -> None:
        """Read and count until bubblewrap has ended, and the sandbox with it."""
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
        exit_code = self._exit_code()
        if self._killed_at is None and exit_code is None:
            raise _setup_failed(self._complaint())
        ending = self._ending or limits.ending_of(exit_code or 0)
        return RunOutcome(
            exit_code=exit_code if ending == "exited" else None,
            ending=ending,
            stdout=self._streams.stdout.kept(),
            stderr=self._streams.stderr.kept(),
            stdout_truncated=self._streams.stdout.is_truncated(),
            stderr_truncated=self._streams.stderr.is_truncated(),
            wall_s=self._ended_at - self._started_at,
            cpu_s=self._cpu_s,
            backend=BACKEND,
            limits=limits.in_force(self._bounds, self._process_bound),
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
        """Its process id here, as bubblewrap tells it; it cannot be another's, for bubblewrap has not reaped it."""
        line, deadline = b"", time.perf_counter() + _SETUP_S
        waiting = select.poll()
        waiting.register(self._status, select.POLLIN)
        while not line.endswith(b"\n"):  # one line, which bubblewrap writes in pieces
            if not waiting.poll(max(0.0, deadline - time.perf_counter()) * 1000):
                raise _setup_failed(f"bubblewrap said nothing for {_SETUP_S:.0f} s")
            if not (piece := self._status.read(_CHUNK_BYTES)):
                self._reap()
                raise _setup_failed(self._complaint())
            line += piece
        return int(json.loads(line)["child-pid"])

    def _exit_code(self) -> int | None:
        """Only bubblewrap writes here, and only if it came to run the command."""
        # Not blocking: should anything of the sandbox live on, it may hold the other end.
        os.set_blocking(self._status.fileno(), False)
        for line in (self._status.readall() or b"").splitlines():
            if "exit-code" in (said := json.loads(line)):
                return int(said["exit-code"])
        return None

    def _complaint(self) -> str:
        """What bubblewrap said of itself: the command, which would share the stream, never ran."""
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
        """Kill what is over a limit; and bubblewrap too where its sandbox does not die."""
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
        counted = census.take(self._first_pid, self._bounds.processes)
        self._cpu_s = max(self._cpu_s, counted.cpu_s)
        if ending := limits.exceeded(self._bounds, counted):
            self._kill(ending)
        elif self._memory.is_over(counted, begun):
            self._kill("memory-limit")
        now = time.perf_counter()
        self._census_at = now + max(self._sample_every_s, _CENSUS_SHARE * (now - begun))

    def _patience_s(self) -> float:
        if self._killed_at is not None:
            return _DEATH_S
        due = min(self._started_at + self._bounds.wall_s, self._census_at)
        return max(0.0, due - time.perf_counter())

    def _kill(self, ending: Ending | None) -> None:
        """The sandbox's first process: bubblewrap then ends by itself, after all is gone, and can account for it."""
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
        # What the kernel kills at the end of a first process is not in its usage; the last census saw it.
        self._cpu_s = max(self._cpu_s, usage.ru_utime + usage.ru_stime)
        self._streams.drain()


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """bubblewrap, and its child as long as that has not made a session of its own."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _setup_failed(message: str) -> SandboxUnavailable:
    return SandboxUnavailable(
        "sandbox.setup-failed", f"bubblewrap did not run the command: {message}", remedy.for_failed_setup(message)
    )
