"""The sandbox's own arithmetic: kept output, counted processes, limits, remedies, and what a command may be."""

import os
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hive_node.adapters.sandbox import census, limits, mounts, remedy, rules, taskgroup
from hive_node.adapters.sandbox.memory import MemoryWatch
from hive_node.adapters.sandbox.output import Head, Tail
from hive_node.ports.sandbox import DEFAULT_LIMITS, RunLimits, SandboxedCommand

CHUNKS = st.lists(st.binary(max_size=40), max_size=20)


@given(CHUNKS, st.integers(1, 60))
def test_a_head_is_the_beginning_of_what_came(chunks: list[bytes], most: int) -> None:
    head, whole = Head(most), b"".join(chunks)
    for chunk in chunks:
        head.add(chunk)
    assert (head.kept(), head.seen_bytes, head.is_truncated()) == (whole[:most], len(whole), len(whole) > most)


@given(CHUNKS, st.integers(1, 60))
def test_a_tail_is_the_end_of_what_came(chunks: list[bytes], most: int) -> None:
    tail, whole = Tail(most), b"".join(chunks)
    for chunk in chunks:
        tail.add(chunk)
    assert (tail.kept(), tail.seen_bytes, tail.is_truncated()) == (whole[-most:], len(whole), len(whole) > most)


def test_a_tail_never_holds_much_more_than_it_keeps() -> None:
    tail = Tail(10)
    for _ in range(1000):
        tail.add(b"x" * 7)
    assert len(tail._kept) <= 27


def test_a_count_sees_children_and_their_memory() -> None:
    code = "import subprocess, sys; block = b'x' * (50 << 20); print('up', flush=True); sys.stdin.read()"
    child = [sys.executable, "-I", "-c", code]
    with subprocess.Popen(child, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        counted = census.take(os.getpid(), most_tasks=10_000)
        assert {os.getpid(), process.pid} <= counted.resident.keys()
        assert counted.resident[process.pid] > 50 << 20
        assert counted.proportional_bytes() > 50 << 20
        assert counted.cpu_s > 0


def test_a_tree_that_is_gone_counts_nothing() -> None:
    with subprocess.Popen(["true"]) as process:
        process.wait()
    assert census.take(process.pid, most_tasks=10).tasks == 0


def test_counting_stops_soon_after_the_limit() -> None:
    assert census.take(1, most_tasks=1).tasks < 50


def counted(**differing: object) -> census.Census:
    calm = census.Census(resident={}, tasks=1, cpu_s=0.0)
    return replace(calm, **differing)  # type: ignore[arg-type]


def test_the_tree_is_judged_by_every_limit() -> None:
    bounds = RunLimits(wall_s=1, cpu_s=1, memory_bytes=1000, processes=5, file_bytes=1, output_bytes=1)
    assert limits.exceeded(bounds, counted()) is None
    assert limits.exceeded(bounds, counted(tasks=5, cpu_s=1.0)) is None
    assert limits.exceeded(bounds, counted(tasks=6)) == "process-limit"
    assert limits.exceeded(bounds, counted(cpu_s=1.01)) == "cpu-limit"


class Tree(census.Census):
    """A tree whose real size is told only when it lets go."""

    lets_go: threading.Event
    really_bytes: int

    def own_bytes(self) -> int:
        return self.resident_bytes()

    def proportional_bytes(self) -> int:
        assert self.lets_go.wait(20)
        return self.really_bytes


def tree(resident_bytes: int, really_bytes: int, *, lets_go: bool = True) -> Tree:
    made = Tree(resident={1: resident_bytes}, tasks=1, cpu_s=0.0)
    object.__setattr__(made, "lets_go", threading.Event())
    object.__setattr__(made, "really_bytes", really_bytes)
    if lets_go:
        made.lets_go.set()
    return made


def ask(watch: MemoryWatch, counted: census.Census, now: float) -> bool:
    """As at one census and at the next, when the answer has come."""
    first = watch.is_over(counted, now)
    if watch._question is not None:
        watch._question.join()
    return first or watch.is_over(counted, now + 0.1)


def test_memory_is_judged_by_what_is_not_shared() -> None:
    assert ask(MemoryWatch(1000), tree(2000, really_bytes=1001), 0)
    assert not ask(MemoryWatch(1000), tree(2000, really_bytes=1000), 0)


def test_a_small_tree_is_not_looked_at_closely() -> None:
    watch = MemoryWatch(1000)
    assert not watch.is_over(tree(1000, really_bytes=5000), 0)
    assert watch._question is None


def test_a_close_look_that_found_sharing_is_not_repeated_at_once() -> None:
    watch = MemoryWatch(1000)
    assert not ask(watch, tree(2000, really_bytes=900), now=0)
    assert not ask(watch, tree(2000, really_bytes=2000), now=0.2)
    assert ask(watch, tree(2000, really_bytes=2000), now=10)


def test_a_tree_that_cannot_be_looked_at_does_not_hold_up_the_one_who_looks_and_is_over_in_the_end() -> None:
    watch, stuck = MemoryWatch(1000), tree(2000, really_bytes=0, lets_go=False)
    assert [watch.is_over(stuck, now) for now in (0, 1, 4, 6)] == [False, False, False, True]
    stuck.lets_go.set()


@pytest.mark.parametrize("value", [0, -1, float("inf"), float("nan")])
@pytest.mark.parametrize("name", ["wall_s", "cpu_s", "memory_bytes", "processes", "file_bytes", "output_bytes"])
def test_there_is_no_unlimited(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=name):
        replace(DEFAULT_LIMITS, **{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("argv", "environment"),
    [
        ((), {}),
        (("",), {}),
        (("a\0b",), {}),
        (("a",), {"B\0": "c"}),
        (("a",), {"B": "\0"}),
        (("a",), {"": "c"}),
        (("a",), {"B=C": "d"}),
    ],
)
def test_what_the_kernel_cannot_pass_on_is_no_command(argv: tuple[str, ...], environment: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"command|variable"):
        SandboxedCommand(argv, Path("/"), DEFAULT_LIMITS, environment=environment)


def test_outer_paths_are_mounted_first_and_covered_ones_not_at_all(tmp_path: Path) -> None:
    for name in ("bench/data/secret", "bench/run.py", ".git/config", "tests/deep/check.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    paths = map(PurePosixPath, ["tests/deep/check.py", "bench/run.py", "bench", ".git/config", "bench"])
    masked = map(PurePosixPath, ["bench/data/secret", ".git"])
    command = SandboxedCommand(("x",), tmp_path, DEFAULT_LIMITS, read_only=tuple(paths), masked=tuple(masked))
    order = [(mount.kind, mount.destination) for mount in mounts.tree(command)]
    assert order[0] == ("read-write", "/work")
    assert set(order[1:]) == {
        ("read-write", "/work/tests"),
        ("read-only", "/work/bench"),
        ("empty folder", "/work/.git"),
        ("read-write", "/work/tests/deep"),
        ("content", "/work/bench/data/secret"),
        ("read-only", "/work/tests/deep/check.py"),
    }
    depths = [destination.count("/") for _, destination in order]
    assert depths == sorted(depths)


def delegated(folder: Path, monkeypatch: pytest.MonkeyPatch, **values: str) -> None:
    """A folder stands for a group of version 2 that a user was given: the kernel makes its files with it."""
    plain = Path.mkdir
    files = dict.fromkeys(
        ("cgroup.procs", "pids.max", "memory.max", "memory.swap.max", "memory.oom.group", "cpu.weight.nice"), ""
    )

    def mkdir(path: Path, *arguments: object) -> None:
        plain(path)
        for name, value in (files | values).items():
            (path / name.replace("_", ".")).write_text(value)

    monkeypatch.setattr(taskgroup, "HIERARCHIES", ((folder, ""),))
    monkeypatch.setattr(taskgroup, "_parents", lambda *_: [folder])
    monkeypatch.setattr(Path, "mkdir", mkdir)


def test_a_user_who_was_given_a_group_has_his_trials_bounded_by_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    delegated(tmp_path, monkeypatch, cpu_stat="usage_usec 2500000\nuser_usec 1\n", memory_events="oom 1\noom_kill 0\n")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with taskgroup.made(replace(DEFAULT_LIMITS, processes=7, memory_bytes=4096)) as group:
        assert group is not None
        assert group.holds == {"pids", "memory", "cpu"}
        (folder,) = group.folders
        group.join(4711, is_started_inside=False)
        written = {
            name: (folder / name).read_text()
            for name in ("pids.max", "memory.max", "memory.swap.max", "memory.oom.group")
        }
        assert written == {"pids.max": "7", "memory.max": "4096", "memory.swap.max": "0", "memory.oom.group": "1"}
        assert (folder / "cgroup.procs").read_text() == "4711"
        assert group.cpu_s() == 2.5
        assert not group.has_run_out_of_memory()
        (folder / "memory.events").write_text("oom 1\noom_kill 3\n")
        assert group.has_run_out_of_memory()


def test_a_group_from_which_no_process_may_be_moved_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert list(taskgroup._parents(tmp_path, "")) == []


def test_where_no_control_group_can_be_made_none_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder stands for a part of the hierarchy that has no pids controller: what is not given cannot be written."""
    monkeypatch.setattr(taskgroup, "HIERARCHIES", ((tmp_path, ""), (tmp_path / "missing", "pids")))
    with taskgroup.made(DEFAULT_LIMITS) as group:
        assert group is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("release", "command"),
    [
        ({"ID": "debian"}, "apt-get install"),
        ({"ID": "linuxmint", "ID_LIKE": "ubuntu debian"}, "apt-get install"),
        ({"ID": "fedora"}, "dnf install"),
        ({"ID": "rocky", "ID_LIKE": "rhel centos fedora"}, "dnf install"),
        ({"ID": "manjaro", "ID_LIKE": "arch"}, "pacman -S"),
        ({"ID": "opensuse-tumbleweed", "ID_LIKE": "opensuse suse"}, "zypper install"),
        ({"ID": "alpine"}, "apk add"),
        ({"ID": "unheard-of"}, "install the package"),
    ],
)
def test_the_install_command_is_that_of_the_distribution(
    monkeypatch: pytest.MonkeyPatch, release: dict[str, str], command: str
) -> None:
    monkeypatch.setattr("platform.freedesktop_os_release", lambda: release)
    assert command in remedy.install_command()
    assert "bubblewrap" in remedy.install_command()


@pytest.mark.parametrize(("uid", "is_told"), [(0, False), (1000, True)])
def test_root_is_not_told_to_use_sudo(monkeypatch: pytest.MonkeyPatch, uid: int, is_told: bool) -> None:
    monkeypatch.setattr("platform.freedesktop_os_release", lambda: {"ID": "debian"})
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    assert ("sudo" in remedy.install_command()) is is_told


def grants(tree: Path, *, read_only: str = "", masked: str = "") -> dict[str, str]:
    paths = [tuple(map(PurePosixPath, names.split())) for names in (read_only, masked)]
    command = SandboxedCommand(("x",), tree, DEFAULT_LIMITS, read_only=paths[0], masked=paths[1])
    found = {grant.path: grant.right for grant in rules.of_tree(command, Path("/scratch"), [])}
    assert found.pop("/scratch") == "write"
    return {os.path.relpath(path, tree): right for path, right in found.items()}


def make(tree: Path, *names: str) -> None:
    for name in names:
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text("")


def test_where_nothing_is_guarded_all_of_the_tree_may_be_written(tmp_path: Path) -> None:
    make(tmp_path, "src/code.py")
    assert grants(tmp_path) == {".": "write"}


def test_rights_are_granted_around_what_is_guarded(tmp_path: Path) -> None:
    make(
        tmp_path,
        ".git",
        "src/code.py",
        "bench/run.py",
        "tests/deep/check.py",
        "tests/deep/other.py",
        "tests/data/x",
        "main.py",
    )
    os.symlink("/etc", tmp_path / "door")
    assert grants(tmp_path, read_only="bench tests/deep/check.py", masked=".git") == {
        ".": "list",
        "src": "write",
        "main.py": "write",
        "bench": "read",
        "tests": "list",
        "tests/data": "write",
        "tests/deep": "list",
        "tests/deep/other.py": "write",
        "tests/deep/check.py": "read",
    }


def test_a_masked_file_in_a_protected_folder_has_no_right(tmp_path: Path) -> None:
    make(tmp_path, "bench/run.py", "bench/holdout.py")
    found = grants(tmp_path, read_only="bench", masked="bench/holdout.py")
    assert found == {".": "list", "bench": "list", "bench/run.py": "read"}


def test_a_name_that_begins_like_a_guarded_one_is_not_guarded(tmp_path: Path) -> None:
    make(tmp_path, "bench/run.py", "bench2/run.py")
    assert grants(tmp_path, read_only="bench")["bench2"] == "write"


@pytest.mark.parametrize(
    ("setting", "value", "helps"),
    [
        ("kernel/apparmor_restrict_unprivileged_userns", "1", "apparmor_parser"),
        ("kernel/unprivileged_userns_clone", "0", "sysctl -w kernel.unprivileged_userns_clone=1"),
        ("user/max_user_namespaces", "0", "sysctl -w user.max_user_namespaces"),
        ("user/max_user_namespaces", "15000", "container"),
    ],
)
def test_a_refused_namespace_is_traced_to_the_setting_that_refuses_it(
    tmp_path: Path, setting: str, value: str, helps: str
) -> None:
    (tmp_path / setting).parent.mkdir()
    (tmp_path / setting).write_text(value + "\n")
    assert helps in remedy.for_failed_setup("bwrap: setting up uid map: Permission denied", tmp_path)
    assert helps not in remedy.for_failed_setup("bwrap: Can't find source path /x", tmp_path)
