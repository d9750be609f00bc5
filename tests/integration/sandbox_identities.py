"""Run commands in the real sandbox as this user, and as root also as an unprivileged one, through a process of its own.

As a program: reads one request a line, drops to the uid it was given, answers one line each.
"""

import asyncio
import atexit
import base64
import contextlib
import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path, PurePosixPath
from typing import Any
from unittest.mock import patch

from hive_node.adapters.sandbox import BubblewrapSandbox, LandlockSandbox, build, priority, taskgroup
from hive_node.ports.sandbox import RunLimits, RunOutcome, Sandbox, SandboxedCommand, SandboxFault

ROOT = Path(__file__).resolve().parents[2]
NOBODY = 65534
IDENTITIES = ["self", "nobody"] if os.geteuid() == 0 else ["self"]
RUNGS = ["bubblewrap", "landlock"]
PLACES = [f"{rung}-{identity}" for rung in RUNGS for identity in IDENTITIES]
SMALL = RunLimits(
    wall_s=20, cpu_s=10, memory_bytes=256 * 1024**2, processes=40, file_bytes=8 * 1024**2, output_bytes=64 * 1024
)


class Refused(Exception):
    """The sandbox raised this fault instead of running."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Cancelled(Exception):
    """The run was cancelled as asked."""


class Trials:
    """A tree, and a sandbox to run commands on it as one user. `token` stands in each command line: see `survivors`.

    tree: the tree's path as a command sees it.
    """

    def __init__(self, workdir: Path, driver: "Driver | None", rung: str = "bubblewrap") -> None:
        self.workdir = workdir
        self.token = uuid.uuid4().hex
        self.rung = rung
        self.tree = "/work" if rung == "bubblewrap" else str(workdir)
        self._driver = driver

    @property
    def is_root(self) -> bool:
        return self._driver is None and os.geteuid() == 0

    def write(self, path: str, text: str, mode: int = 0o644) -> Path:
        target = self.workdir / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        target.chmod(mode)
        for folder in (target, *target.parents):
            if folder == self.workdir:
                break
            self.own(folder)
        return target

    def own(self, path: Path) -> None:
        if self._driver:
            os.chown(path, NOBODY, NOBODY, follow_symlinks=False)

    def python(self, code: str, **options: Any) -> RunOutcome:
        return self.run(["python", "-I", "-c", code, self.token], **options)

    def shell(self, code: str, **options: Any) -> RunOutcome:
        return self.run(["sh", "-c", code, self.token], **options)

    def run(
        self,
        argv: Sequence[str],
        read_only: Sequence[str] = (),
        masked: Sequence[str] = (),
        environment: dict[str, str] | None = None,
        cancel_at: str | None = None,
        is_lowest: bool = False,
        **limits: float,
    ) -> RunOutcome:
        """`is_lowest`: at the lowest priority, as a node's trials are: see `_in_time`.

        `cancel_at`: a file of the tree; when it appears, the run is cancelled (twice) and Cancelled is raised."""
        request = {
            "argv": list(argv),
            "workdir": str(self.workdir),
            "limits": asdict(SMALL) | limits,
            "read_only": list(read_only),
            "masked": list(masked),
            "environment": environment or {},
            "cancel_at": cancel_at,
            "rung": self.rung,
            "is_lowest": is_lowest,
        }
        answer = self._driver.ask(request) if self._driver else asyncio.run(_answer(usable_sandbox(self.rung), request))
        return _outcome(answer)

    def survivors(self) -> list[int]:
        """Processes on the host, zombies aside, that still have the token in their command line."""
        return processes_with(self.token)


def processes_with(token: str) -> list[int]:
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if int(pid) != os.getpid() and token.encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(int(pid))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


class Driver:
    """This file as a program, run as `uid`. under: a program that starts it, with its arguments."""

    def __init__(self, uid: int, under: Sequence[str] = ()) -> None:
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "SECRET_API_KEY": "sk-of-the-host"}
        self.process = subprocess.Popen(
            [*under, sys.executable, __file__, str(uid)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        self.send(request)
        assert self.process.stdout is not None
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer

    def send(self, request: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        print(json.dumps(request), file=self.process.stdin, flush=True)

    def close(self) -> None:
        self.process.kill()
        with self.process:
            pass


@functools.cache
def nobody() -> Driver:
    """One for the whole session: starting it costs more than a trial."""
    started = Driver(NOBODY)
    atexit.register(started.close)
    return started


@contextmanager
def trials_at(place: str) -> Iterator[Trials]:
    """A tree that this user owns, and that the user can reach: pytest's own temporary folders are closed to others."""
    rung, _, identity = place.partition("-")
    with tempfile.TemporaryDirectory(prefix="sandbox-trial-") as folder:
        trials = Trials(Path(folder).resolve() / "tree", nobody() if identity == "nobody" else None, rung)
        Path(folder).chmod(0o755)
        trials.workdir.mkdir()
        trials.own(trials.workdir)
        yield trials


@functools.cache
def usable_sandbox(rung: str) -> Sandbox:
    """The default one, unless this user may not enter the node's base interpreter: then with the system's."""
    if rung == "auto":
        return build("auto", (), {}, ())
    if os.access(Path(sys.base_prefix) / "bin", os.X_OK):
        return LandlockSandbox() if rung == "landlock" else BubblewrapSandbox()
    python = shutil.which("python3", path="/usr/local/bin:/usr/bin")
    assert python, "the unprivileged tests need a Python under /usr"
    tools = {"python": Path(python), "python3": Path(python)}
    return LandlockSandbox(tools=tools, python=Path(python)) if rung == "landlock" else BubblewrapSandbox(tools=tools)


def _outcome(answer: dict[str, Any]) -> RunOutcome:
    if "refused" in answer:
        raise Refused(*answer["refused"])
    if "cancelled" in answer:
        raise Cancelled
    return RunOutcome(
        **answer["outcome"] | {name: base64.b64decode(answer["outcome"][name]) for name in ("stdout", "stderr")}
    )


async def _answer(sandbox: Sandbox, request: dict[str, Any]) -> dict[str, Any]:
    try:
        command = SandboxedCommand(
            argv=tuple(request["argv"]),
            workdir=Path(request["workdir"]),
            limits=replace(SMALL, **request["limits"]),
            read_only=tuple(map(PurePosixPath, request["read_only"])),
            masked=tuple(map(PurePosixPath, request["masked"])),
            environment=request["environment"],
        )
        with contextlib.nullcontext() if request["is_lowest"] else _in_time():
            running = asyncio.create_task(sandbox.run(command))
            if marker := request["cancel_at"]:
                await _cancel_at(running, command.workdir / marker)
            outcome = await running
    except SandboxFault as fault:
        return {"refused": [fault.code, str(fault)]}
    except asyncio.CancelledError:
        return {"cancelled": True}
    texts = {name: base64.b64encode(getattr(outcome, name)).decode() for name in ("stdout", "stderr")}
    return {"outcome": asdict(outcome) | texts}


@contextmanager
def _in_time() -> Iterator[None]:
    """At the lowest priority a run on a busy machine waits for all else there; these tests look at other things."""
    with (
        patch.object(priority, "lower"),
        patch.object(priority.Autogroups, "lower"),
        patch.object(taskgroup, "LOWEST_WEIGHT", []),
    ):
        yield


async def _cancel_at(running: "asyncio.Task[RunOutcome]", marker: Path) -> None:
    while not marker.exists() and not running.done():
        await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.sleep(0)
    running.cancel()


def _serve(uid: int) -> None:
    if os.geteuid() == 0 and uid:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps(asyncio.run(_answer(usable_sandbox(request["rung"]), request))), flush=True)


if __name__ == "__main__":
    import concurrent.futures.thread  # noqa: F401 - before the drop: afterwards the interpreter's folder may be closed

    _serve(int(sys.argv[1]))
