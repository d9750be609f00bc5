"""What a hostile trial tries to reach, on each rung of the real sandbox, as this user and, under root, as an unprivileged one.

Under bubblewrap what is not shown is not there; under Landlock it is there and refused.
"""

import asyncio
import ctypes
import json
import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hive_node.adapters.sandbox import LandlockSandbox
from hive_node.ports.sandbox import RunOutcome, SandboxedCommand, UnsafeMount
from tests.integration.sandbox_identities import IDENTITIES, PLACES, SMALL, Refused, Trials, trials_at

SECRET = "the-secret-of-the-host"

# Each attempt answers what it got, or the name of the error; none of them would do harm outside if it worked.
ATTEMPTS = """
import ctypes, errno, json, os, socket, sys
libc = ctypes.CDLL(None, use_errno=True)
def attempt(action):
    try:
        result = action()
    except OSError as error:
        return errno.errorcode[error.errno]
    return result if isinstance(result, (str, int, list)) else "done"
def system_call(name, *arguments):
    if getattr(libc, name)(*arguments) == -1:
        raise OSError(ctypes.get_errno(), name)
def raw(number, *arguments):
    result = libc.syscall(number, *arguments)
    if result == -1:
        raise OSError(ctypes.get_errno(), str(number))
    return "done"
def connect(family, address):
    with socket.socket(family, socket.SOCK_STREAM) as client:
        client.settimeout(2)
        client.connect(address)
def write(path):
    with open(path, "a"): pass
def read(path):
    with open(path) as file: return file.read()
def answer(**attempts):
    print(json.dumps({name: attempt(action) for name, action in attempts.items()}))
"""


@pytest.fixture(params=PLACES)
def trials(request: pytest.FixtureRequest) -> Iterator[Trials]:
    with trials_at(request.param) as made:
        yield made


@pytest.fixture(params=IDENTITIES)
def caged(request: pytest.FixtureRequest) -> Iterator[Trials]:
    """Under bubblewrap alone: for what only namespaces give."""
    with trials_at(f"bubblewrap-{request.param}") as made:
        yield made


@pytest.fixture(params=IDENTITIES)
def uncaged(request: pytest.FixtureRequest) -> Iterator[Trials]:
    """Under Landlock alone: for what stands there in place of a namespace."""
    with trials_at(f"landlock-{request.param}") as made:
        yield made


def by_rung(trials: Trials, caged: Any, uncaged: Any) -> Any:
    return caged if trials.rung == "bubblewrap" else uncaged


@pytest.fixture
def host_secret() -> Iterator[Path]:
    """A file of the host that everybody there may read."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "secret"
        path.write_text(SECRET)
        Path(folder).chmod(0o777)
        path.chmod(0o666)
        yield path


def attempts(trials: Trials, code: str, **options: Any) -> dict[str, Any]:
    outcome = trials.python(ATTEMPTS + code, **options)
    assert outcome.exit_code == 0, outcome.stderr.decode()
    answers: dict[str, Any] = json.loads(outcome.stdout)
    return answers


def text(outcome: RunOutcome) -> str:
    assert outcome.ending == "exited"
    return outcome.stdout.decode()


def test_only_the_tree_and_the_scratch_folders_can_be_written(trials: Trials) -> None:
    folders = [
        "/",
        "/usr",
        "/usr/bin",
        "/etc",
        "/root",
        "/home",
        "/var",
        "/run",
        "/dev",
        "/proc",
        "/sys",
        "/lib",
        "/bin",
    ]
    answers = attempts(trials, f"answer(**{{f: lambda f=f: write(f + '/planted') for f in {folders}}})")
    assert set(answers.values()) <= {"EROFS", "ENOENT", "EACCES", "EPERM"}, answers
    shared = ["/tmp", "/dev/shm"]
    answers = attempts(trials, f"answer(**{{f: lambda f=f: write(f + '/planted') for f in {shared}}})")
    assert set(answers.values()) == {by_rung(trials, "done", "EACCES")}, answers
    wanted = '[os.getcwd(), os.environ["TMPDIR"], os.environ["HOME"]]'
    answers = attempts(trials, f"answer(**{{f: lambda f=f: write(f + '/planted') for f in {wanted}}})")
    assert set(answers.values()) == {"done"}, answers
    assert (trials.workdir / "planted").exists()
    assert not Path("/tmp/planted").exists()


def test_kernel_settings_cannot_be_written_even_by_a_node_that_runs_as_root(trials: Trials) -> None:
    """core_pattern names a program that the kernel runs outside every namespace: the shortest way out for root."""
    code = """
settings = ["/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sys/vm/overcommit_memory", "/proc/sysrq-trigger",
            "/proc/self/oom_score_adj", "/proc/sys/fs/binfmt_misc/register"]
answer(**{path: (lambda path=path: os.open(path, os.O_WRONLY)) for path in settings})
"""
    assert set(attempts(trials, code).values()) <= {"EROFS", "ENOENT", "EACCES"}


def test_passwords_homes_and_keys_cannot_be_read(trials: Trials, host_secret: Path) -> None:
    paths = ["/etc/shadow", "/etc/passwd", "/root", "/root/.bashrc", "/run", "/var", "/sys", "/boot", str(host_secret)]
    paths += [str(Path.home() / ".ssh"), str(Path(__file__).parent), "/etc/machine-id", "/proc/1/environ", "/dev/tty"]
    code = f"answer(**{{p: (lambda p=p: bool(os.open(p, os.O_RDONLY)) and 'opened') for p in {paths}}})"
    answers = attempts(trials, code)
    if trials.rung == "bubblewrap":
        assert answers.pop("/etc/passwd") == answers.pop("/proc/1/environ") == "opened"  # made up, and its own
        answers.pop("/root")  # where the interpreter lies below it: a skeleton
    assert set(answers.values()) <= {"ENOENT", "EACCES", "ENXIO"}, answers


def test_passwords_homes_and_keys_are_not_even_there(caged: Trials, host_secret: Path) -> None:
    paths = [
        "/etc/shadow",
        "/etc/ssh",
        "/root/.ssh",
        "/root/.bashrc",
        "/run",
        "/var",
        "/sys",
        "/boot",
        str(host_secret),
    ]
    paths += [str(Path.home() / ".ssh"), str(Path.home() / ".gitconfig"), str(Path(__file__).parent), "/etc/machine-id"]
    answers = attempts(caged, f"answer(**{{p: (lambda p=p: str(os.stat(p))) for p in {paths}}})")
    assert set(answers.values()) == {"ENOENT"}, answers
    accounts = text(caged.shell("cat /etc/passwd /etc/group; ls -a /home /etc"))
    assert "trial:x:1000" in accounts
    assert "root" not in accounts


def test_environment_of_the_node_is_not_inherited(trials: Trials, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_API_KEY", "sk-of-the-host")
    names = "import json, os; print(json.dumps(dict(os.environ)))"
    found = json.loads(text(trials.python(names, environment={"SEED": "7"})))
    assert set(found) - {"PWD"} == {"PATH", "HOME", "TMPDIR", "LANG", "USER", "SEED"}
    assert "sk-of-the-host" not in text(trials.shell("cat /proc/*/environ"))


def test_open_files_of_the_node_are_not_inherited(trials: Trials, host_secret: Path) -> None:
    code = """
def opened(number):
    try:
        return os.readlink(f"/proc/self/fd/{number}")
    except FileNotFoundError:
        return ""
answer(opened=lambda: [name for name in map(opened, range(1000)) if name])
"""
    with host_secret.open() as file:
        os.set_inheritable(file.fileno(), True)
        stdin, *pipes = attempts(trials, code)["opened"]
    assert stdin == "/dev/null"
    assert [name.partition(":")[0] for name in pipes] == ["pipe", "pipe"]


def test_open_files_of_the_node_are_not_inherited_by_the_first_process_either(caged: Trials, host_secret: Path) -> None:
    with host_secret.open() as file:
        os.set_inheritable(file.fileno(), True)
        listing = text(caged.shell("ls -l /proc/1/fd /proc/self/fd"))
    opened = [line.split(" -> ")[1] for line in listing.splitlines() if " -> " in line]
    assert all(name == "/dev/null" or name.startswith(("pipe:", "/proc/")) for name in opened), listing
    assert len(opened) == 7, listing  # three of each, and the folder that is being listed


def test_processes_of_the_host_are_not_visible(trials: Trials) -> None:
    shown = text(trials.shell("cat /proc/[0-9]*/cmdline | tr '\\0' ' '; echo; echo /proc/[0-9]*"))
    assert "pytest" not in shown
    assert len(shown.splitlines()[-1].split()) <= 4
    answers = attempts(
        trials, f"answer(kill=lambda: os.kill({os.getpid()}, 0), read=lambda: read('/proc/{os.getpid()}/environ'))"
    )
    assert answers == by_rung(trials, {"kill": "ESRCH", "read": "ENOENT"}, {"kill": "EPERM", "read": "EACCES"})


def test_sockets_of_the_host_cannot_be_reached(trials: Trials, host_secret: Path) -> None:
    named, abstract = str(host_secret.with_name("socket")), "\0hive-node-test"
    with (
        socket.socket(socket.AF_UNIX) as by_path,
        socket.socket(socket.AF_UNIX) as by_name,
        socket.create_server(("127.0.0.1", 0)) as by_port,
    ):
        for server, address in ((by_path, named), (by_name, abstract)):
            server.bind(address)
            server.listen()
        os.chmod(named, 0o777)
        os.symlink(named, trials.workdir / "door")
        answers = attempts(
            trials,
            f"""
answer(path=lambda: connect(socket.AF_UNIX, {named!r}), link=lambda: connect(socket.AF_UNIX, "door"),
       abstract=lambda: connect(socket.AF_UNIX, {abstract!r}), port=lambda: connect(socket.AF_INET, {by_port.getsockname()!r}),
       outside=lambda: connect(socket.AF_INET, ("192.0.2.1", 80)), sixth=lambda: connect(socket.AF_INET6, ("::1", 80)),
       link_layer=lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
       vsock=lambda: connect(socket.AF_VSOCK, (2, 1024)), packet=lambda: connect(socket.AF_PACKET, ("lo", 0)))
""",
        )
    if trials.rung == "landlock":
        assert set(answers.values()) == {"EAFNOSUPPORT"}, answers
        return
    assert answers.pop("link_layer") == "done"
    assert answers.pop("sixth") in {"ECONNREFUSED", "EADDRNOTAVAIL"}
    assert answers == {
        "path": "ENOENT",
        "link": "ENOENT",
        "abstract": "ECONNREFUSED",
        "port": "ECONNREFUSED",
        "outside": "ENETUNREACH",
        "vsock": "EAFNOSUPPORT",
        "packet": "EAFNOSUPPORT",
    }


def test_a_link_out_of_the_tree_leads_nowhere(trials: Trials, host_secret: Path) -> None:
    os.symlink(host_secret, trials.workdir / "file")
    os.symlink(host_secret.parent, trials.workdir / "folder")
    answers = attempts(
        trials,
        """
answer(read=lambda: read("file"), write=lambda: write("file"), through=lambda: read("folder/secret"),
       plant=lambda: write("folder/planted"), own=lambda: os.symlink("/etc/shadow", "mine"), reread=lambda: read("mine"))
""",
    )
    assert answers.pop("own") == "done"
    assert set(answers.values()) == {by_rung(trials, "ENOENT", "EACCES")}, answers
    assert host_secret.read_text() == SECRET
    assert os.listdir(host_secret.parent) == ["secret"]


def test_protected_files_and_folders_keep_their_content_and_their_place(trials: Trials) -> None:
    trials.write("bench/run.py", "honest")
    trials.write("tests/deep/check.py", "honest")
    answers = attempts(
        trials,
        """
def replace(path):
    with open("forged", "w") as file: file.write("forged")
    os.replace("forged", path)
answer(
    write=lambda: write("tests/deep/check.py"), truncate=lambda: os.truncate("tests/deep/check.py", 0),
    remove=lambda: os.remove("tests/deep/check.py"), chmod=lambda: os.chmod("tests/deep/check.py", 0o777),
    replace=lambda: replace("tests/deep/check.py"), move=lambda: os.rename("tests/deep/check.py", "tests/deep/old"),
    aside=lambda: os.rename("tests/deep", "tests/old"), above=lambda: os.rename("tests", "old"),
    hardlink=lambda: os.link("tests/deep/check.py", "alias"), folder=lambda: write("bench/run.py"),
    shadow=lambda: write("bench/json.py"), whole=lambda: os.rename("bench", "old"), beside=lambda: write("tests/deep/other"),
)
""",
        read_only=["tests/deep/check.py", "bench"],
    )
    # Rights on a folder are rights on all below it: beside a protected file, nothing new can be let in without namespaces.
    assert answers.pop("beside") == by_rung(trials, "done", "EACCES")
    assert set(answers.values()) <= by_rung(trials, {"EROFS", "EBUSY", "EXDEV"}, {"EACCES", "EPERM", "EXDEV"}), answers
    assert (trials.workdir / "tests/deep/check.py").read_text() == "honest"
    assert os.listdir(trials.workdir / "bench") == ["run.py"]


def test_masked_files_say_nothing_and_stay_so(trials: Trials) -> None:
    trials.write(".git", SECRET)
    trials.write("bench/holdout.py", SECRET)
    trials.write("bench/run.py", "honest")
    answers = attempts(
        trials,
        """
def told(path):
    return read(path)
answer(git=lambda: told(".git"), file=lambda: told("bench/holdout.py"), forge=lambda: write("bench/holdout.py"), plant=lambda: write(".git"),
       remove=lambda: os.remove("bench/holdout.py"), aside=lambda: os.rename(".git", "x"), link=lambda: os.link(".git", "copy"),
       whole=lambda: os.rename("bench", "x"))
""",
        read_only=["bench"],
        masked=[".git", "bench/holdout.py"],
    )
    assert {answers.pop("git"), answers.pop("file")} <= by_rung(trials, {""}, {"EACCES"})
    assert set(answers.values()) <= {"EROFS", "EBUSY", "EXDEV", "EACCES", "EPERM"}, answers
    assert SECRET not in text(trials.shell("cat .git bench/* 2>/dev/null; exit 0", masked=[".git", "bench/holdout.py"]))
    assert (trials.workdir / "bench/holdout.py").read_text() == SECRET


def test_without_namespaces_a_folder_cannot_be_masked_and_the_run_is_refused(uncaged: Trials) -> None:
    """The right to list is granted for the whole tree: the names in it would be told."""
    uncaged.write("repo/.git/config", SECRET)
    with pytest.raises(Refused, match="bubblewrap"):
        uncaged.shell("touch ran", masked=["repo/.git"])
    assert not (uncaged.workdir / "ran").exists()


def test_masked_paths_are_empty_and_stay_so(caged: Trials) -> None:
    trials = caged
    trials.write("repo/.git/config", SECRET)
    trials.write("bench/holdout.py", SECRET)
    trials.write("bench/run.py", "honest")
    answers = attempts(
        trials,
        """
answer(listing=lambda: os.listdir("repo/.git"), file=lambda: read("bench/holdout.py"), plant=lambda: write("repo/.git/hooks"),
       forge=lambda: write("bench/holdout.py"), remove=lambda: os.remove("bench/holdout.py"), aside=lambda: os.rename("repo", "x"))
""",
        read_only=["bench"],
        masked=["repo/.git", "bench/holdout.py"],
    )
    assert (answers.pop("listing"), answers.pop("file")) == ([], "")
    assert set(answers.values()) <= {"EROFS", "EBUSY"}, answers
    assert SECRET not in text(trials.shell("cat -r * 2>/dev/null; cat /proc/self/mountinfo", masked=["repo/.git"]))
    assert (trials.workdir / "bench/holdout.py").read_text() == SECRET


@pytest.mark.parametrize("kind", ["read_only", "masked"])
@pytest.mark.parametrize("path", ["missing", "door", "door/secret", "../tree/file", "/etc/passwd", "."])
def test_a_path_that_cannot_be_guarded_refuses_the_run(trials: Trials, host_secret: Path, kind: str, path: str) -> None:
    """A protected path that a candidate turned into a link would show the host's file in its place."""
    trials.write("file", "")
    os.symlink(host_secret.parent, trials.workdir / "door")
    with pytest.raises(Refused) as refused:
        trials.shell("touch ran", **{kind: [path]})
    assert refused.value.code == "sandbox.unsafe-mount"
    assert not (trials.workdir / "ran").exists()


def test_what_is_mounted_cannot_be_mounted_otherwise(trials: Trials) -> None:
    trials.write("bench/run.py", "honest")
    code = """
MS_REMOUNT, MS_BIND, MNT_DETACH, CLONE_NEWUSER, CLONE_NEWNS = 32, 4096, 2, 0x10000000, 0x20000
answer(
    remount=lambda: system_call("mount", None, b"bench", None, MS_REMOUNT | MS_BIND, None),
    remount_proc=lambda: system_call("mount", None, b"/proc", None, MS_REMOUNT | MS_BIND, None),
    unmount=lambda: system_call("umount2", b"bench", MNT_DETACH), chroot=lambda: os.chroot("."),
    user_namespace=lambda: system_call("unshare", CLONE_NEWUSER), mount_namespace=lambda: system_call("unshare", CLONE_NEWNS),
    join=lambda: system_call("setns", os.open("/proc/1/ns/mnt", os.O_RDONLY), 0),
    clone=lambda: raw({"x86_64": 56, "aarch64": 220}[os.uname().machine], CLONE_NEWUSER | 17, 0, 0, 0, 0),
    become_root=lambda: os.setuid(0), device=lambda: os.mknod("src/disk", 0o60666, os.makedev(8, 0)),
)
"""
    trials.write("src/code.py", "")
    answers = attempts(trials, code, read_only=["bench"])
    if trials.is_root and trials.rung == "landlock":  # it is root already, and root of nothing
        assert answers.pop("become_root") == "done"
    assert set(answers.values()) <= {"EPERM", "EINVAL", "EACCES"}, answers


def test_keyrings_tracing_of_the_kernel_and_rings_are_refused(trials: Trials) -> None:
    """Keyrings belong to no namespace: a trial would read what the user's login session stored there."""
    code = """
x86 = os.uname().machine == "x86_64"
answer(keyctl=lambda: raw(250 if x86 else 219, 0, -3, 0), add_key=lambda: raw(248 if x86 else 217, b"user", b"k", b"v", 1, -3),
       bpf=lambda: raw(321 if x86 else 280, 0, 0, 0), perf=lambda: raw(298 if x86 else 241, 0, 0, -1, -1, 0),
       ring=lambda: raw(425, 1, ctypes.create_string_buffer(120)), clone3=lambda: raw(435, 0, 0))
"""
    answers = attempts(trials, code)
    assert answers.pop("clone3") == "ENOSYS"
    assert set(answers.values()) == {"EPERM"}, answers


def test_a_child_cannot_reach_into_the_process_that_judges_it(trials: Trials) -> None:
    """The evaluator's memory, and the descriptors that it did not pass on. The kernel would allow it: both are one user's."""
    code = """
x86, parent = os.uname().machine == "x86_64", os.getppid()
def memory():
    return open(f"/proc/{parent}/mem", "r+b", buffering=0)
answer(attach=lambda: raw(101 if x86 else 117, 16, parent, 0, 0), seize=lambda: raw(101 if x86 else 117, 0x4206, parent, 0, 0),
       write=lambda: raw(311 if x86 else 271, parent, 0, 0, 0, 0, 0), read=lambda: raw(310 if x86 else 270, parent, 0, 0, 0, 0, 0),
       take=lambda: raw(438, os.pidfd_open(parent), 1, 0), memory=memory)
"""
    answers = attempts(trials, code)
    assert answers.pop("memory") in {"EROFS", "EACCES"}
    assert set(answers.values()) == {"EPERM"}, answers


def test_threads_and_processes_still_start_although_clone3_is_refused(trials: Trials) -> None:
    code = """
import subprocess, threading
threading.Thread(target=lambda: print("thread", flush=True)).start()
subprocess.run(["echo", "process"], check=True)
"""
    assert text(trials.python(code)) == "thread\nprocess\n"


def test_without_namespaces_there_is_no_terminal_at_all(uncaged: Trials) -> None:
    code = 'answer(**{path: (lambda path=path: os.open(path, os.O_RDWR)) for path in ("/dev/tty", "/dev/ptmx", "/dev/console")})'
    assert set(attempts(uncaged, code).values()) <= {"EACCES", "ENOENT"}


def test_no_terminal_can_be_typed_into(caged: Trials) -> None:
    code = """
import fcntl, pty
master, slave = pty.openpty()
answer(control=lambda: os.open("/dev/tty", os.O_RDWR), inject=lambda: fcntl.ioctl(slave, 0x5412, b"x"), stdin=lambda: os.read(0, 1).decode())
"""
    assert attempts(caged, code) == {"control": "ENXIO", "inject": "EPERM", "stdin": ""}


def test_a_trial_is_in_a_session_of_its_own(trials: Trials) -> None:
    assert text(trials.python("import os; print(os.getsid(0) in (1, os.getpid()))")) == "True\n"


def test_shared_memory_segments_of_the_host_are_not_visible(trials: Trials) -> None:
    libc, key = ctypes.CDLL(None, use_errno=True), os.getpid()
    segment = libc.shmget(key, 4096, 0o1000 | 0o666)
    assert segment != -1
    try:
        answers = attempts(trials, f"answer(attach=lambda: system_call('shmget', {key}, 0, 0))")
        assert answers == {"attach": by_rung(trials, "ENOENT", "EPERM")}
    finally:
        libc.shmctl(segment, 0, None)


def test_a_trial_has_no_capability_and_cannot_gain_one(trials: Trials) -> None:
    code = """
def sets():
    held = (ctypes.c_uint32 * 6)()
    system_call("capget", (ctypes.c_uint32 * 2)(0x20080522, 0), held)
    return list(held)
answer(sets=sets, promised=lambda: libc.prctl(39, 0, 0, 0, 0), filtered=lambda: libc.prctl(21),
       bounding=lambda: [number for number in range(41) if libc.prctl(23, number, 0, 0, 0) == 1], who=lambda: os.getresuid()[0])
"""
    answers = attempts(trials, code)
    assert answers.pop("sets") == [0] * 6
    bounding = answers.pop("bounding")
    assert bounding == [] or (
        trials.rung == "landlock" and not trials.is_root
    )  # who has no capability cannot give them up
    assert answers == {
        "promised": 1,
        "filtered": 2,
        "who": by_rung(trials, 1000, 0 if trials.is_root else answers["who"]),
    }


def test_a_trial_cannot_tell_which_machine_it_runs_on(caged: Trials) -> None:
    assert text(caged.shell("uname -n")).strip() == "trial"
    assert socket.gethostname() not in text(caged.shell("hostname; cat /etc/hosts /proc/sys/kernel/hostname"))


def test_other_processes_of_the_user_cannot_be_slowed_bounded_or_looked_into(trials: Trials) -> None:
    """None of this asks for a right on a file: root without capabilities, and any user, may do it to his own processes."""
    code = f"""
import resource, struct
x86, node = os.uname().machine == "x86_64", {os.getpid()}
memory = ctypes.create_string_buffer(8)
vector = ctypes.create_string_buffer(struct.pack("QQ", ctypes.addressof(memory), 8))
answer(
    renice=lambda: os.setpriority(os.PRIO_PROCESS, node, 5), renice_all=lambda: os.setpriority(os.PRIO_USER, 0, 19),
    bound=lambda: resource.prlimit(node, resource.RLIMIT_CORE, (0, 0)), pin=lambda: os.sched_setaffinity(node, [0]),
    io=lambda: raw(251 if x86 else 30, 1, node, 3 << 13), own_io=lambda: raw(251 if x86 else 30, 1, 0, 2 << 13),
    trace=lambda: raw(101 if x86 else 117, 16, node, 0, 0), peek=lambda: raw(310 if x86 else 270, node, vector, 1, vector, 1, 0),
    take=lambda: raw(438, os.pidfd_open(node), 0, 0), compare=lambda: raw(312 if x86 else 272, node, os.getpid(), 0, 0, 0),
    signal=lambda: signal.pidfd_send_signal(os.pidfd_open(node), 0), move=lambda: raw(256 if x86 else 238, node, 1, 0, 0),
)
"""
    before = os.getpriority(os.PRIO_PROCESS, os.getpid())
    answers = attempts(trials, "import signal\n" + code)
    assert answers.pop("renice_all") == by_rung(trials, "done", "EPERM")  # in a namespace, all are those in it
    assert set(answers.values()) <= by_rung(trials, {"EPERM", "ESRCH", "EACCES", "EINVAL"}, {"EPERM"}), answers
    assert os.getpriority(os.PRIO_PROCESS, os.getpid()) == before


def test_files_outside_cannot_be_changed_by_their_name_alone(trials: Trials, host_secret: Path) -> None:
    """Landlock does not look at these: they open nothing."""
    if not trials.is_root:
        os.chown(host_secret, 65534 if os.geteuid() == 0 else -1, -1)
    trials.write("bench/run.py", "honest", mode=0o600)
    code = f"""
def attempts_on(path):
    return dict(
        mode=lambda: os.chmod(path, 0o777), owner=lambda: os.chown(path, os.getuid(), os.getgid()), times=lambda: os.utime(path, (1, 1)),
        attribute=lambda: os.setxattr(path, "user.note", b"x"), cut=lambda: os.truncate(path, 0), remove=lambda: os.remove(path),
        opened=lambda: os.fchmod(os.open(path, os.O_PATH), 0o777),
    )
both = {{name + path: act for path in ({str(host_secret)!r}, "bench/run.py") for name, act in attempts_on(path).items()}}
def through():
    os.fchmod(os.open("bench/run.py", os.O_RDONLY), 0o777)
answer(through=through, watch=lambda: system_call("inotify_add_watch", libc.inotify_init(), {str(host_secret.parent)!r}.encode(), 0xfff), **both)
"""
    before = host_secret.stat()
    answers = attempts(trials, code, read_only=["bench"])
    refused = {"EROFS", "EPERM", "EACCES", "ENOENT", "EBADF", "ENOTSUP", "EBUSY"}
    assert set(answers.values()) <= refused, answers
    after = host_secret.stat()
    assert (after.st_mode, after.st_ctime_ns, after.st_mtime_ns) == (
        before.st_mode,
        before.st_ctime_ns,
        before.st_mtime_ns,
    )
    assert (trials.workdir / "bench/run.py").stat().st_mode & 0o777 == 0o600


def test_without_namespaces_modes_and_times_are_changed_where_the_run_may_write(uncaged: Trials) -> None:
    """Else no compiler could make a program: the supervisor does it for the run."""
    uncaged.write("src/build.sh", "#!/bin/sh\necho built\n")
    uncaged.write("bench/run.py", "")
    code = """
import subprocess
os.chmod("src/build.sh", 0o755)
with open("src/new", "w") as file:
    os.fchmod(file.fileno(), 0o640)
os.utime("src/new", (7, 7))
os.mkdir("src/deep")
os.chdir("src/deep")
os.chmod("../new", 0o600, dir_fd=os.open(".", os.O_PATH))
os.utime(os.environ["TMPDIR"] + "/home", None)
os.utime(os.open("../new", os.O_RDONLY), ns=(5, 9))
print(subprocess.run(["../build.sh"], capture_output=True).stdout.decode(), oct(os.stat("../new").st_mode), os.stat("../new").st_mtime_ns)
"""
    outcome = uncaged.python("import os\n" + code, read_only=["bench"])
    assert (outcome.stdout, outcome.stderr) == (b"built\n 0o100600 9\n", b"")


def test_the_supervisor_is_not_talked_into_changing_anything_else(uncaged: Trials, host_secret: Path) -> None:
    if not uncaged.is_root:
        os.chown(host_secret, 65534 if os.geteuid() == 0 else -1, -1)
    for name in (".git", "bench/run.py", "src/code.py"):
        uncaged.write(name, "honest", mode=0o600)
    os.symlink(host_secret, uncaged.workdir / "src/door")
    os.symlink(host_secret.parent, uncaged.workdir / "src/folder")
    os.symlink(uncaged.workdir / "bench", uncaged.workdir / "src/judge")
    code = """
chmod = {"x86_64": 268, "aarch64": 53}[os.uname().machine]
tree = os.open(".", os.O_PATH)
here = lambda path: os.chmod(path, 0o777)
answer(
    link=lambda: here("src/door"), through=lambda: here("src/folder/secret"), own_link=lambda: os.symlink("/etc/shadow", "src/mine"),
    mine=lambda: here("src/mine"), judge=lambda: here("src/judge/run.py"), git=lambda: here(".git"), folder=lambda: here("bench"),
    root=lambda: here("."), dots=lambda: here("src/../bench/run.py"), system=lambda: os.fchmod(os.open("/usr/bin/env", os.O_RDONLY), 0o777),
    held=lambda: here("/proc/self/fd/0"), first=lambda: here("/proc/1"), by_folder=lambda: os.chmod("bench/run.py", 0o777, dir_fd=tree),
    times=lambda: os.utime("src/door"), link_times=lambda: os.utime("bench/run.py", follow_symlinks=False), pipe=lambda: os.fchmod(1, 0o777),
    as_owner=lambda: os.chmod("src/code.py", 0o4755), missing=lambda: here("src/none"), closed=lambda: os.fchmod(99, 0o777),
    nowhere=lambda: raw(chmod, -100, ctypes.c_void_p(8), 0o777), far=lambda: raw(chmod, -100, ctypes.c_void_p(1 << 63), 0o777),
    long=lambda: here("x" * 9000), then=lambda: here("src/code.py"),
)
"""
    before = [
        path.stat().st_ctime_ns for path in (host_secret, uncaged.workdir / "bench/run.py", uncaged.workdir / ".git")
    ]
    answers = attempts(uncaged, code, read_only=["bench"], masked=[".git"])
    assert [answers.pop(name) for name in ("own_link", "then")] == ["done", "done"], answers
    assert set(answers.values()) <= {"EPERM", "EACCES", "ENOENT", "EFAULT", "EIO", "EBADF", "ENAMETOOLONG", "ENXIO"}, (
        answers
    )
    after = [
        path.stat().st_ctime_ns for path in (host_secret, uncaged.workdir / "bench/run.py", uncaged.workdir / ".git")
    ]
    assert after == before


def test_the_supervisor_cannot_be_stopped_by_the_run(uncaged: Trials) -> None:
    """It alone can end all of a run; stopped, it would let a daemon of the run live."""
    code = """
import signal
answer(stop=lambda: os.kill(os.getppid(), signal.SIGSTOP), kill=lambda: os.kill(os.getppid(), signal.SIGKILL),
       init=lambda: os.kill(1, 0), own=lambda: os.kill(os.getpid(), 0), queue=lambda: raw(129 if os.uname().machine == "x86_64" else 138,
       os.getppid(), 9, ctypes.create_string_buffer(128)))
"""
    answers = attempts(uncaged, code)
    assert answers.pop("own") == "done"
    assert set(answers.values()) == {"EPERM"}, answers


def test_a_pair_of_sockets_does_not_lead_to_a_socket_of_the_host(uncaged: Trials, host_secret: Path) -> None:
    """A datagram socket, once had, can send to any name that the user may reach, such as the journal's."""
    named = str(host_secret.with_name("socket"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(named)
        os.chmod(named, 0o777)
        code = f"""
one, other = socket.socketpair()
def ask():
    one.send(b"x")
    return other.recv(1).decode()
answer(stream=ask, datagrams=lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM), send=lambda: one.sendto(b"x", {named!r}),
       connect=lambda: one.connect({named!r}), bind=lambda: one.bind("here"), listen=lambda: one.listen())
"""
        answers = attempts(uncaged, code)
    assert answers.pop("stream") == "x"
    assert set(answers.values()) <= {"EPERM", "EISCONN"}, answers


def test_a_tree_that_lies_in_a_shown_folder_is_refused_without_namespaces(tmp_path: Path) -> None:
    """What is shown may be read, and rights add up: nothing could be masked there."""
    (tmp_path / "tools/tree").mkdir(parents=True)
    command = SandboxedCommand(("/bin/sh", "-c", "touch ran"), tmp_path / "tools/tree", SMALL)
    with pytest.raises(UnsafeMount):
        asyncio.run(LandlockSandbox([tmp_path / "tools"]).run(command))
