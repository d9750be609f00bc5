"""What a hostile trial tries to reach, in the real sandbox, as this user and, under root, as an unprivileged one."""

import ctypes
import json
import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hive_node.ports.sandbox import RunOutcome
from tests.integration.sandbox_identities import IDENTITIES, Refused, Trials, trials_as

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


@pytest.fixture(params=IDENTITIES)
def trials(request: pytest.FixtureRequest) -> Iterator[Trials]:
    with trials_as(request.param) as made:
        yield made


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
    wanted = ["/work", "/tmp", "/tmp/home", "/dev/shm"]
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


def test_passwords_homes_and_keys_are_not_there(trials: Trials, host_secret: Path) -> None:
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
    answers = attempts(trials, f"answer(**{{p: (lambda p=p: str(os.stat(p))) for p in {paths}}})")
    assert set(answers.values()) == {"ENOENT"}, answers
    accounts = text(trials.shell("cat /etc/passwd /etc/group; ls -a /home /etc"))
    assert "trial:x:1000" in accounts
    assert "root" not in accounts


def test_environment_of_the_node_is_not_inherited(trials: Trials, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_API_KEY", "sk-of-the-host")
    names = "import json, os; print(json.dumps(dict(os.environ)))"
    found = json.loads(text(trials.python(names, environment={"SEED": "7"})))
    assert set(found) == {"PATH", "HOME", "TMPDIR", "LANG", "USER", "PWD", "SEED"}
    assert "sk-of-the-host" not in text(trials.shell("cat /proc/*/environ"))


def test_open_files_of_the_node_are_not_inherited(trials: Trials, host_secret: Path) -> None:
    with host_secret.open() as file:
        os.set_inheritable(file.fileno(), True)
        listing = text(trials.shell("ls -l /proc/1/fd /proc/self/fd"))
    opened = [line.split(" -> ")[1] for line in listing.splitlines() if " -> " in line]
    assert all(name == "/dev/null" or name.startswith(("pipe:", "/proc/")) for name in opened), listing
    assert len(opened) == 7, listing  # three of each, and the folder that is being listed


def test_processes_of_the_host_are_not_visible(trials: Trials) -> None:
    shown = text(trials.shell("cat /proc/[0-9]*/cmdline | tr '\\0' ' '; echo; echo /proc/[0-9]*"))
    assert "pytest" not in shown
    assert len(shown.splitlines()[-1].split()) <= 4
    assert attempts(trials, f"answer(kill=lambda: os.kill({os.getpid()}, 0))") == {"kill": "ESRCH"}


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
answer(path=lambda: connect(socket.AF_UNIX, {named!r}), link=lambda: connect(socket.AF_UNIX, "/work/door"),
       abstract=lambda: connect(socket.AF_UNIX, {abstract!r}), port=lambda: connect(socket.AF_INET, {by_port.getsockname()!r}),
       outside=lambda: connect(socket.AF_INET, ("192.0.2.1", 80)), interfaces=lambda: [n for _, n in socket.if_nameindex()],
       vsock=lambda: connect(socket.AF_VSOCK, (2, 1024)), packet=lambda: connect(socket.AF_PACKET, ("lo", 0)))
""",
        )
    assert answers.pop("interfaces") == ["lo"]
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
    assert answers == {
        "read": "ENOENT",
        "write": "ENOENT",
        "through": "ENOENT",
        "plant": "ENOENT",
        "own": "done",
        "reread": "ENOENT",
    }
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
    assert answers.pop("beside") == "done"
    assert set(answers.values()) <= {"EROFS", "EBUSY", "EXDEV"}, answers
    assert (trials.workdir / "tests/deep/check.py").read_text() == "honest"
    assert os.listdir(trials.workdir / "bench") == ["run.py"]


def test_masked_paths_are_empty_and_stay_so(trials: Trials) -> None:
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
    remount=lambda: system_call("mount", None, b"/work/bench", None, MS_REMOUNT | MS_BIND, None),
    remount_proc=lambda: system_call("mount", None, b"/proc", None, MS_REMOUNT | MS_BIND, None),
    unmount=lambda: system_call("umount2", b"/work/bench", MNT_DETACH), chroot=lambda: os.chroot("/work"),
    user_namespace=lambda: system_call("unshare", CLONE_NEWUSER), mount_namespace=lambda: system_call("unshare", CLONE_NEWNS),
    join=lambda: system_call("setns", os.open("/proc/1/ns/mnt", os.O_RDONLY), 0),
    clone=lambda: raw({"x86_64": 56, "aarch64": 220}[os.uname().machine], CLONE_NEWUSER | 17, 0, 0, 0, 0),
    become_root=lambda: os.setuid(0), device=lambda: os.mknod("/work/disk", 0o60666, os.makedev(8, 0)),
)
"""
    answers = attempts(trials, code, read_only=["bench"])
    assert set(answers.values()) <= {"EPERM", "EINVAL"}, answers


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


def test_no_terminal_can_be_typed_into(trials: Trials) -> None:
    code = """
import fcntl, pty
master, slave = pty.openpty()
answer(control=lambda: os.open("/dev/tty", os.O_RDWR), inject=lambda: fcntl.ioctl(slave, 0x5412, b"x"), stdin=lambda: os.read(0, 1).decode())
"""
    assert attempts(trials, code) == {"control": "ENXIO", "inject": "EPERM", "stdin": ""}


def test_a_trial_is_in_a_session_of_its_own(trials: Trials) -> None:
    session = text(trials.shell("cat /proc/self/stat")).rpartition(")")[2].split()[3]
    assert session == "1"


def test_shared_memory_segments_of_the_host_are_not_visible(trials: Trials) -> None:
    libc, key = ctypes.CDLL(None, use_errno=True), os.getpid()
    segment = libc.shmget(key, 4096, 0o1000 | 0o666)
    assert segment != -1
    try:
        assert attempts(trials, f"answer(attach=lambda: system_call('shmget', {key}, 0, 0))") == {"attach": "ENOENT"}
    finally:
        libc.shmctl(segment, 0, None)


def test_a_trial_has_no_capability_and_cannot_gain_one(trials: Trials) -> None:
    status = dict(
        line.split(":\t", 1) for line in text(trials.shell("cat /proc/self/status")).splitlines() if ":\t" in line
    )
    assert {int(status[name], 16) for name in ("CapEff", "CapPrm", "CapInh", "CapAmb", "CapBnd")} == {0}
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    assert status["Uid"].split() == ["1000"] * 4


def test_a_trial_cannot_tell_which_machine_it_runs_on(trials: Trials) -> None:
    assert text(trials.shell("uname -n")).strip() == "trial"
    assert socket.gethostname() not in text(trials.shell("hostname; cat /etc/hosts /proc/sys/kernel/hostname"))
