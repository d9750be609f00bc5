"""Trials that take too much, never end, or leave something behind, in the real sandbox."""

import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hive_node.adapters.sandbox import limits, taskgroup
from hive_node.ports.sandbox import RunOutcome, SandboxedCommand
from tests.integration.sandbox_identities import (
    IDENTITIES,
    PLACES,
    RUNGS,
    SMALL,
    Cancelled,
    Driver,
    Trials,
    processes_with,
    trials_at,
    usable_sandbox,
)

MIB = 1024**2

# With a fuse: should nothing hold it, it ends at 2 048 processes that sleep, not with the machine.
BOMB = """
import os, time
for _ in range(11):
    try:
        os.fork()
    except OSError:
        pass
with open("alive", "ab") as file:
    file.write(b"x")
time.sleep(1000)
"""


@pytest.fixture(params=PLACES)
def trials(request: pytest.FixtureRequest) -> Iterator[Trials]:
    """Whatever a test does, nothing of it runs afterwards."""
    with trials_at(request.param) as made:
        yield made
        assert made.survivors() == []


# What takes its time and does not depend on who runs it: once on each rung, and once as each user.
on_each_rung = pytest.mark.parametrize("trials", [PLACES[0], PLACES[-1]], indirect=True)


@pytest.fixture(params=IDENTITIES)
def caged(request: pytest.FixtureRequest) -> Iterator[Trials]:
    """Under bubblewrap alone."""
    with trials_at(f"bubblewrap-{request.param}") as made:
        yield made


@pytest.fixture(params=IDENTITIES)
def uncaged(request: pytest.FixtureRequest) -> Iterator[Trials]:
    """Under Landlock alone."""
    with trials_at(f"landlock-{request.param}") as made:
        yield made
        assert made.survivors() == []


@pytest.fixture(params=RUNGS)
def own(request: pytest.FixtureRequest, tmp_path: Path) -> Trials:
    return Trials(tmp_path, None, request.param)


def was_killed(outcome: RunOutcome, *endings: str) -> bool:
    return outcome.ending in endings and outcome.exit_code is None


@on_each_rung
def test_a_command_that_sleeps_for_ever_is_ended(trials: Trials) -> None:
    outcome = trials.shell("echo before; sleep 1000", wall_s=0.3)
    assert was_killed(outcome, "timed-out")
    assert outcome.stdout == b"before\n"
    assert outcome.wall_s >= 0.3


def test_a_command_that_ignores_every_signal_is_ended(trials: Trials) -> None:
    code = """
import os, signal, time
for number in set(signal.valid_signals()) - {signal.SIGKILL, signal.SIGSTOP}:
    signal.signal(number, signal.SIG_IGN)
try:
    os.kill(os.getppid(), signal.SIGKILL)
except PermissionError:
    pass
os.kill(os.getpid(), signal.SIGSTOP)
"""
    assert was_killed(trials.python(code, wall_s=0.5), "timed-out")


def test_a_fork_bomb_is_held_by_the_kernel(trials: Trials) -> None:
    bomb = BOMB.replace("pass", "open('refused', 'w').close()")
    if trials.rung == "landlock" and not trials.is_root:
        # RLIMIT_NPROC counts all that the user runs: it is set above that, and the count of the run's own tasks ends it.
        assert was_killed(trials.python(bomb, processes=40), "process-limit")
        return
    with pytest.raises(Cancelled):
        trials.python(bomb, processes=40, cancel_at="refused")
    alive = trials.workdir / "alive"
    assert not alive.exists() or alive.stat().st_size <= 40


@on_each_rung
def test_a_tree_that_forks_all_the_time_does_not_escape_its_time_limit(trials: Trials) -> None:
    """Each failing fork holds the lock that an exact look at the memory needs; the bounds here make that look due."""
    code = """
import os, time
for depth in range(11):
    while True:
        try:
            os.fork()
            break
        except OSError:
            pass
time.sleep(1000)
"""
    outcome = trials.python(code, processes=100, memory_bytes=48 * MIB, wall_s=1)
    assert was_killed(outcome, "timed-out", "memory-limit", *([] if trials.is_root else ["process-limit"]))


def test_where_the_kernel_does_not_count_a_fork_bomb_is_found_and_ended(
    own: Trials, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root, on a host where no control group can be made."""
    monkeypatch.setattr(taskgroup, "HIERARCHIES", ())
    monkeypatch.setattr(limits, "process_bound", lambda _: "none")
    outcome = own.python(BOMB, processes=40, wall_s=20)
    assert was_killed(outcome, "process-limit")
    assert "not bounded by the kernel" in outcome.limits["processes"]
    assert own.survivors() == []


def test_more_processes_than_allowed_do_not_run_at_once(trials: Trials) -> None:
    outcome = trials.shell("for i in $(seq 100); do sleep 1000 & done; wait; echo all", processes=20, wall_s=5)
    assert b"all" not in outcome.stdout
    assert was_killed(outcome, "process-limit") or b"ork" in outcome.stderr


def test_threads_count_as_processes(trials: Trials) -> None:
    code = """
import threading
for _ in range(100):
    threading.Thread(target=threading.Event().wait, daemon=True).start()
threading.Event().wait()
"""
    outcome = trials.python(code, processes=20, wall_s=5)
    assert was_killed(outcome, "process-limit") or b"can't start new thread" in outcome.stderr


def test_one_process_cannot_take_more_memory_than_allowed(trials: Trials) -> None:
    """A control group ends the run; else the kernel refuses the memory."""
    outcome = trials.python("len(b'x' * (4 << 30)); print('had it')", memory_bytes=128 * MIB)
    assert b"had it" not in outcome.stdout
    if "control group" in outcome.limits["memory"]:
        assert was_killed(outcome, "memory-limit")
    else:
        assert (outcome.exit_code, b"MemoryError" in outcome.stderr) == (1, True)


@pytest.mark.skipif(os.geteuid() != 0, reason="an unprivileged user has a control group only where one was delegated")
def test_four_gigabytes_end_as_the_memory_limit(own: Trials) -> None:
    """In a child, and shared, so that no limit of a process sees it: the kernel counts the run as a whole, at every instant."""
    code = """
import mmap, os
if os.fork() == 0:
    block = mmap.mmap(-1, 4 << 30)
    piece = b"x" * (16 << 20)
    while True:
        block.write(piece)
os.wait()
print("went on")
"""
    outcome = own.python(code, memory_bytes=512 * MIB, wall_s=60)
    assert "control group" in outcome.limits["memory"]
    assert was_killed(outcome, "memory-limit")


@on_each_rung
def test_many_processes_together_cannot_take_more_memory_than_allowed(trials: Trials) -> None:
    code = """
import os, time
for number in range(1, 9):
    if os.fork() == 0:
        block = bytearray(os.urandom(1)) * (40 << 20)
        time.sleep(1000)
os.wait()
"""
    assert was_killed(trials.python(code, memory_bytes=128 * MIB, wall_s=10), "memory-limit")


def test_shared_memory_is_memory_too(trials: Trials) -> None:
    code = """
import mmap, time
block = mmap.mmap(-1, 400 << 20)
for at in range(0, len(block), 4096):
    block[at] = 1
time.sleep(1000)
"""
    assert was_killed(trials.python(code, memory_bytes=128 * MIB, wall_s=10), "memory-limit")


def test_memory_that_processes_share_is_counted_once(trials: Trials) -> None:
    code = """
import os, time
block = b"x" * (60 << 20)
children = [pid for _ in range(6) if (pid := os.fork()) or (time.sleep(0.4), os._exit(0))]
for pid in children:
    os.waitpid(pid, 0)
print("finished")
"""
    assert trials.python(code, memory_bytes=200 * MIB).stdout == b"finished\n"


@pytest.mark.parametrize("folder", ["/tmp", "/dev/shm"])
def test_scratch_space_is_bounded(caged: Trials, folder: str) -> None:
    trials = caged
    code = f"""
import errno
try:
    for number in range(30):
        with open(f"{folder}/{{number}}", "wb") as file:
            file.write(bytes(4 << 20))
except OSError as error:
    print(errno.errorcode[error.errno], number)
"""
    assert trials.python(code, memory_bytes=64 * MIB).stdout == b"ENOSPC 8\n"


def test_without_namespaces_a_run_that_fills_its_scratch_is_ended(uncaged: Trials) -> None:
    code = """
import os, time
for number in range(20):
    with open(f"{os.environ['TMPDIR']}/{number}", "wb") as file:
        file.write(bytes(4 << 20))
time.sleep(1000)
"""
    assert was_killed(uncaged.python(code, memory_bytes=64 * MIB), "memory-limit")


def test_scratch_is_gone_with_its_run_however_it_was_left(uncaged: Trials) -> None:
    code = """
import os
print(os.environ["TMPDIR"], flush=True)
os.chdir(os.environ["TMPDIR"])
for number in range(1500):
    os.mkdir("deeper", 0o755 if number < 1400 else 0o500)
    try:
        os.chdir("deeper")
        open("file", "w").close()
    except PermissionError:
        break
"""
    outcome = uncaged.python(code, wall_s=20)
    folder = outcome.stdout.decode().strip()
    assert "hive-node-scratch" in folder
    assert not os.path.lexists(folder)


def test_one_file_cannot_grow_for_ever(trials: Trials) -> None:
    outcome = trials.shell("dd if=/dev/zero of=big bs=1M count=50", file_bytes=2 * MIB)
    assert outcome.exit_code != 0
    assert (trials.workdir / "big").stat().st_size == 2 * MIB


@on_each_rung
def test_a_busy_loop_runs_out_of_processor_time(trials: Trials) -> None:
    outcome = trials.python("while True: pass", cpu_s=1, wall_s=20)
    assert was_killed(outcome, "cpu-limit")
    assert 0.5 < outcome.cpu_s < 10


@on_each_rung
def test_processor_time_is_that_of_the_whole_tree(trials: Trials) -> None:
    """Each of these stays far under the limit; a limit for each process would never see them."""
    loop = "while :; do python3 -I -c 'sum(range(3000000))'; done"
    outcome = trials.shell(loop, cpu_s=1, wall_s=20)
    assert was_killed(outcome, "cpu-limit")


@on_each_rung
def test_time_used_by_orphans_is_told(trials: Trials) -> None:
    code = """
import os, time
done, orphan_end = os.pipe()
if os.fork() == 0:
    if os.fork() == 0:
        while time.process_time() < 0.5: pass
        print("orphan done", flush=True)
    os._exit(0)
os.wait()
os.close(orphan_end)
os.read(done, 1)
"""
    outcome = trials.python(code)
    assert outcome.stdout == b"orphan done\n"
    assert 0.5 <= outcome.cpu_s < 5


@on_each_rung
def test_time_used_by_what_was_killed_is_told(trials: Trials) -> None:
    outcome = trials.python("while True: pass", wall_s=0.8)
    assert was_killed(outcome, "timed-out")
    assert outcome.cpu_s > 0


@on_each_rung
def test_endless_output_is_cut_and_ended(trials: Trials) -> None:
    outcome = trials.shell("echo first; exec yes", output_bytes=64 * 1024)
    assert was_killed(outcome, "output-capped")
    assert outcome.stdout_truncated
    assert len(outcome.stdout) == 64 * 1024
    assert outcome.stdout.startswith(b"first\ny\n")


@on_each_rung
def test_endless_errors_are_cut_and_ended(trials: Trials) -> None:
    assert was_killed(trials.shell("exec yes >&2", output_bytes=64 * 1024), "output-capped")


def test_output_a_little_over_the_cap_is_cut_and_the_run_counts(trials: Trials) -> None:
    code = "import sys; sys.stdout.write('a' * 150_000); sys.stderr.write('b' * 150_000 + 'the reason')"
    outcome = trials.python(code, output_bytes=64 * 1024)
    assert (outcome.exit_code, outcome.ending) == (0, "exited")
    assert outcome.stdout == b"a" * 64 * 1024
    assert outcome.stderr.endswith(b"the reason")
    assert len(outcome.stderr) == 64 * 1024
    assert (outcome.stdout_truncated, outcome.stderr_truncated) == (True, True)


def test_all_that_was_printed_is_read_and_nothing_is_called_cut(trials: Trials) -> None:
    outcome = trials.python("print('x' * 60_000)")
    assert len(outcome.stdout) == 60_001
    assert (outcome.stdout_truncated, outcome.stderr_truncated) == (False, False)


def test_a_daemon_dies_with_the_command_and_does_not_hold_it_up(trials: Trials) -> None:
    code = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        open("daemon-runs", "w").close()
        time.sleep(1000)
    os._exit(0)
while not os.path.exists("daemon-runs"):
    time.sleep(0.01)
print("command done")
"""
    outcome = trials.python(code)
    assert (outcome.exit_code, outcome.stdout) == (0, b"command done\n")
    assert trials.survivors() == []


def test_exit_codes_come_back_as_a_shell_says_them(trials: Trials) -> None:
    assert [trials.shell(f"exit {code}").exit_code for code in (0, 3, 255)] == [0, 3, 255]
    crashed = trials.python("import os; os.abort()")
    assert (crashed.exit_code, crashed.ending) == (134, "exited")


def test_no_core_file_is_left_in_the_tree(trials: Trials) -> None:
    trials.python("import os; os.abort()")
    assert os.listdir(trials.workdir) == []


def test_a_trial_is_the_first_to_go_when_the_host_runs_short_of_memory(tmp_path: Path) -> None:
    assert Trials(tmp_path, None).shell("cat /proc/self/oom_score_adj").stdout == b"1000\n"


def test_a_trial_gives_way_to_everything_else(trials: Trials) -> None:
    outcome = trials.python("import os; print(os.getpriority(os.PRIO_PROCESS, 0))", is_lowest=True)
    assert outcome.stdout == b"19\n"
    assert outcome.limits["priority"].startswith("nice 19, I/O class idle")


def test_the_receipt_says_what_holds_each_limit(trials: Trials) -> None:
    outcome = trials.shell("true", wall_s=7, memory_bytes=64 * MIB)
    assert outcome.backend == trials.rung
    assert outcome.limits["wall"].startswith("7 s")
    assert outcome.limits["syscalls"].startswith("seccomp")
    assert ("control group" if trials.is_root else "RLIMIT_DATA") in outcome.limits["memory"]
    assert ("pids.max" if trials.is_root else "RLIMIT_NPROC") in outcome.limits["processes"]


def test_control_groups_are_gone_with_their_runs(own: Trials) -> None:
    own.shell("true")
    groups = Path("/sys/fs/cgroup").glob(f"**/hive-node-trial-{os.getpid()}-*")
    assert list(groups) == []


def test_a_cancelled_run_is_gone_before_the_cancellation_arrives(trials: Trials) -> None:
    with pytest.raises(Cancelled):
        trials.shell("sleep 1000 & touch started; sleep 1000", cancel_at="started")
    assert trials.survivors() == []


async def test_a_run_that_waits_for_its_turn_can_be_cancelled(own: Trials) -> None:
    sandbox = usable_sandbox(own.rung)
    first = [asyncio.create_task(sandbox.run(sleeping(own, "sleep 1000"))) for _ in range(8)]
    waiting = asyncio.create_task(sandbox.run(sleeping(own, "touch ran")))
    while len(own.survivors()) < 8:
        await asyncio.sleep(0.01)
    for task in (waiting, *first):
        task.cancel()
    ended = await asyncio.gather(waiting, *first, return_exceptions=True)
    assert all(isinstance(error, asyncio.CancelledError) for error in ended)
    assert not (own.workdir / "ran").exists()
    assert own.survivors() == []


async def test_runs_at_the_same_time_do_not_see_each_other(own: Trials, tmp_path: Path) -> None:
    sandbox = usable_sandbox(own.rung)
    outcomes = await asyncio.gather(
        *(
            sandbox.run(sleeping(own, f"echo {number} > $TMPDIR/mine; sleep 0.2; cat $TMPDIR/*e; ls $TMPDIR"))
            for number in range(4)
        )
    )
    assert [outcome.stdout for outcome in outcomes] == [f"{number}\nhome\nmine\n".encode() for number in range(4)]


async def test_the_event_loop_goes_on_while_a_trial_runs(own: Trials) -> None:
    running = asyncio.create_task(
        usable_sandbox(own.rung).run(sleeping(own, "while ! [ -e go ]; do sleep 0.01; done; echo went"))
    )
    await asyncio.sleep(0)
    own.write("go", "")
    assert (await running).stdout == b"went\n"


@pytest.mark.parametrize("rung", RUNGS)
def test_when_the_node_is_killed_its_trials_die(tmp_path: Path, rung: str) -> None:
    driver = Driver(os.geteuid())
    token = f"node-to-be-killed-{os.getpid()}"
    request: dict[str, Any] = {
        "argv": ["sh", "-c", "setsid sleep 1000 & touch started; sleep 1000", token],
        "workdir": str(tmp_path),
        "limits": {},
    }
    driver.send(
        request
        | {"read_only": [], "masked": [], "environment": {}, "cancel_at": None, "rung": rung, "is_lowest": False}
    )
    wait_for((tmp_path / "started").exists)
    driver.close()
    wait_for(lambda: processes_with(token) == [])


def test_thirty_runs_leave_no_descriptor_and_no_zombie(own: Trials) -> None:
    own.shell("true")
    before = len(os.listdir("/proc/self/fd"))

    async def many() -> None:
        sandbox = usable_sandbox(own.rung)
        for number in range(30):
            await sandbox.run(sleeping(own, "true" if number % 2 else "kill -9 $$"))

    asyncio.run(many())
    assert len(os.listdir("/proc/self/fd")) <= before
    assert not has_dead_child()


def has_dead_child() -> bool:
    try:
        return os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return False


def sleeping(trials: Trials, script: str) -> SandboxedCommand:
    return SandboxedCommand(("sh", "-c", script, trials.token), trials.workdir, SMALL)


def wait_for(condition: Any, most_s: float = 20) -> None:
    deadline = time.monotonic() + most_s
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)
