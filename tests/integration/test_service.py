"""systemd: the units are sound, closed as far as trials allow, and really let trials run; the log arrives with its fields."""

import ctypes
import ctypes.util
import json
import logging
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hive_node.adapters.journald import JournalHandler, is_journal
from hive_node.app.logs import _parts
from tests.integration.conftest import environment
from tests.integration.processes import hive_node

ROOT = Path(__file__).resolve().parents[2]
UNITS = ROOT / "systemd"
SYSTEM, USER = UNITS / "system" / "hive-node.service", UNITS / "user" / "hive-node.service"
needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
_MOST_EXPOSURE = 2.0


# --- the units --------------------------------------------------------------------------------------------------------


@needs_systemd
@pytest.mark.parametrize(("unit", "manager"), [(SYSTEM, "--system"), (USER, "--user")])
def test_systemd_finds_nothing_wrong_with_a_unit(unit: Path, manager: str, tmp_path: Path) -> None:
    # Its program and its page are there where it is installed; here a program that is there stands for it.
    text = re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", unit.read_text(), flags=re.MULTILINE)
    (tmp_path / unit.name).write_text(re.sub(r"^Documentation=.*\n", "", text, flags=re.MULTILINE))
    done = subprocess.run(
        ["systemd-analyze", manager, "--man=no", "verify", str(tmp_path / unit.name)],
        capture_output=True,
        text=True,
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)},
    )
    assert (done.returncode, done.stderr) == (0, "")


@needs_systemd
def test_the_system_unit_is_closed_as_far_as_trials_allow() -> None:
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--no-pager", str(SYSTEM)], capture_output=True, text=True
    )
    found = re.search(r"exposure level for \S+: ([0-9.]+)", done.stdout)
    assert found, done.stderr
    assert float(found[1]) <= _MOST_EXPOSURE


@pytest.mark.parametrize("unit", [SYSTEM, USER], ids=["system", "user"])
def test_each_group_of_lines_of_a_unit_is_explained(unit: Path) -> None:
    _, _, service = unit.read_text().partition("[Service]")
    paragraphs = [one.strip() for one in service.partition("[Install]")[0].split("\n\n")]
    assert all(one.startswith("#") for one in paragraphs if one)


def settings(unit: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r"^(\w+)=(.*)$", unit.read_text(), re.MULTILINE):
        found.setdefault(name, []).append(value)
    return found


def allowed_calls(unit: Path) -> set[str]:
    """The names that the unit's filter lets through, as systemd itself resolves its groups."""
    text = subprocess.run(["systemd-analyze", "syscall-filter"], capture_output=True, text=True, check=True).stdout
    groups: dict[str, set[str]] = {}
    for line in text.splitlines():
        if line.startswith("@"):
            members = groups.setdefault(line.strip(), set())
        elif line.startswith("    ") and not line.strip().startswith("#"):
            members.add(line.strip())

    def names(word: str) -> set[str]:
        return set().union(*map(names, groups[word])) if word in groups else {word}

    allowed: set[str] = names("@default")
    for line in settings(unit)["SystemCallFilter"]:
        found = set().union(*map(names, line.removeprefix("~").split()))
        allowed = allowed - found if line.startswith("~") else allowed | found
    return allowed


# Trials are tried by a process that is locked in as the unit locks the node in: PrivateUsers, PrivateNetwork, no capability, and then:
_LOCKED_IN = """
import ctypes, sys
from pathlib import Path
libc = ctypes.CDLL(None, use_errno=True)
seccomp = ctypes.CDLL(sys.argv[1])
seccomp.seccomp_init.restype = ctypes.c_void_p
context = ctypes.c_void_p(seccomp.seccomp_init(0x00050000 | 1))  # EPERM
for name in sys.argv[2].split():
    number = seccomp.seccomp_syscall_resolve_name(name.encode())
    if number >= 0:
        seccomp.seccomp_rule_add(context, 0x7FFF0000, number, 0)
assert seccomp.seccomp_load(context) == 0, "SystemCallFilter"
assert libc.ptrace(0, 0, 0, 0) == -1, "the filter holds: @debug"
from hive_node.cli.doctoring import _sandbox
from hive_node.config.home import Home
for one in _sandbox(None, Home(Path(sys.argv[3]))):
    print(one.check, one.state, one.found)
"""
_WALLS = ("unshare", "--user", "--map-user=1000", "--map-group=1000", "--net", "setpriv", "--no-new-privs")


@needs_systemd
@pytest.mark.skipif(ctypes.util.find_library("seccomp") is None, reason="needs libseccomp")
def test_trials_still_run_in_bubblewrap_under_the_system_units_filter_and_namespaces(tmp_path: Path) -> None:
    library = ctypes.util.find_library("seccomp") or ""
    done = subprocess.run(
        [
            *_WALLS,
            sys.executable,
            "-c",
            _LOCKED_IN,
            library,
            " ".join(allowed_calls(SYSTEM)),
            str(tmp_path),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        env=environment(),
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts need root")
@pytest.mark.parametrize(
    ("mounting", "runs"),
    [
        ("mount -t proc -o hidepid=invisible proc /proc", True),  # ProtectProc
        (
            "mount --bind /sys/fs/cgroup /sys/fs/cgroup && mount -o remount,bind,ro /sys/fs/cgroup",
            True,
        ),  # ProtectControlGroups
        ("mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys", False),  # ProtectKernelTunables
        ("mount --bind /dev/null /proc/kmsg", False),  # ProtectKernelLogs
        ("mount --bind /proc/sys/kernel/hostname /proc/sys/kernel/hostname", False),  # ProtectHostname
        ("mount -t proc -o subset=pid proc /proc", False),  # ProcSubset
    ],
)
def test_the_lines_that_were_left_out_are_those_that_trials_cannot_run_under(mounting: str, runs: bool) -> None:
    bubblewrap = (
        "bwrap --unshare-all --disable-userns --unshare-user --uid 1 --gid 1 --ro-bind / / --proc /proc --dev /dev true"
    )
    nobody = "setpriv --reuid 65534 --regid 65534 --clear-groups --no-new-privs"
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", f"{{ {mounting}; }} && {nobody} {bubblewrap}"], capture_output=True, text=True
    )
    assert (done.returncode == 0) is runs, done.stderr
    assert runs or "bwrap: " in done.stderr, "it was bubblewrap that could not"


def test_what_trials_cannot_run_under_is_in_no_unit() -> None:
    for unit in (SYSTEM, USER):
        assert (
            not {"ProtectKernelTunables", "ProtectKernelLogs", "ProtectHostname", "ProcSubset"} & settings(unit).keys()
        )


# --- service install --------------------------------------------------------------------------------------------------


def service(tmp_path: Path, *words: str, home: str = "home") -> "subprocess.CompletedProcess[str]":
    own = environment() | {"XDG_CONFIG_HOME": str(tmp_path / "config"), "XDG_RUNTIME_DIR": str(tmp_path / "none")}
    return hive_node("--home", str(tmp_path / home), "service", *words, environment=own)


def files_under(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_install_writes_one_file_says_what_is_next_and_uninstall_takes_it_away(tmp_path: Path) -> None:
    done = service(tmp_path, "install")
    assert done.returncode == 0, done.stderr
    assert "systemctl --user enable --now hive-node" in done.stdout
    assert "No systemd of your own answers here" in done.stdout
    assert files_under(tmp_path) == ["config/systemd/user/hive-node.service"]
    told = json.loads(service(tmp_path, "status", "--json").stdout)
    assert (told["is_ours"], told["is_current"], told["is_enabled"], told["manager"]) == (True, True, False, None)
    assert service(tmp_path, "uninstall").returncode == 0
    assert files_under(tmp_path) == []
    assert service(tmp_path, "status").returncode == 1
    assert "service.none" in service(tmp_path, "uninstall").stderr


def test_a_unit_of_somebody_elses_is_neither_replaced_nor_removed(tmp_path: Path) -> None:
    unit = tmp_path / "config/systemd/user/hive-node.service"
    unit.parent.mkdir(parents=True)
    unit.write_text("[Service]\nExecStart=/my/own\n")
    for word in ("install", "uninstall"):
        done = service(tmp_path, word)
        assert (done.returncode, "service.foreign" in done.stderr) == (1, True)
    assert unit.read_text() == "[Service]\nExecStart=/my/own\n"


def test_an_enabled_unit_is_disabled_before_it_is_removed(tmp_path: Path) -> None:
    service(tmp_path, "install")
    unit = tmp_path / "config/systemd/user/hive-node.service"
    (wants := unit.parent / "default.target.wants").mkdir()
    (wants / unit.name).symlink_to(unit)
    assert "service.enabled" in service(tmp_path, "uninstall").stderr
    assert unit.is_file()


@needs_systemd
def test_a_home_with_odd_characters_is_one_word_of_the_command(tmp_path: Path) -> None:
    assert service(tmp_path, "install", home='my "home" 100% $HOME').returncode == 0
    unit = tmp_path / "config/systemd/user/hive-node.service"
    done = subprocess.run(
        ["systemd-analyze", "--user", "--man=no", "verify", str(unit)],
        capture_output=True,
        text=True,
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)},
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert f'--home" "{tmp_path}/my \\"home\\" 100%% $$HOME" "run"' in unit.read_text()
    assert "service.path" in service(tmp_path, "install", home="a\nExecStartPre=/bin/evil").stderr


# --- the journal ------------------------------------------------------------------------------------------------------


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    path = f"/tmp/hive-journal-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(path)
        listening.settimeout(5)
        yield listening, path
    Path(path).unlink()


def read(entry: bytes) -> dict[str, str]:
    """As journald reads an entry: a name, then `=value`, or a length and that many bytes."""
    found = {}
    while entry:
        name, _, rest = entry.partition(b"\n")
        size = int.from_bytes(rest[:8], "little")
        found[name.decode()] = rest[8 : 8 + size].decode()
        assert rest[8 + size : 9 + size] == b"\n"
        entry = rest[9 + size :]
    return found


def test_a_record_arrives_with_its_priority_and_fields_and_can_forge_none(journal: tuple[socket.socket, str]) -> None:
    listening, path = journal
    logger = logging.getLogger("hive_node.test")
    handler = JournalHandler(_parts, path)
    logger.addHandler(handler)
    try:
        logger.warning("refused", extra={"node": "x\nPRIORITY=0\n", "pause_s": 1.5})
        try:
            raise ValueError("why")
        except ValueError:
            logger.exception("failed")
        first, second = read(listening.recv(65536)), read(listening.recv(65536))
        logger.error("x" * 1_000_000)
        assert len(read(listening.recv(65536))["MESSAGE"]) == 16 * 1024
    finally:
        logger.removeHandler(handler)
        handler.close()
    assert first == {
        "MESSAGE": "refused",
        "PRIORITY": "4",
        "SYSLOG_IDENTIFIER": "hive-node",
        "LOGGER": "hive_node.test",
        "HIVE_NODE": "x?PRIORITY=0?",
        "HIVE_PAUSE_S": "1.5",
    }
    assert (second["PRIORITY"], second["TRACEBACK"].splitlines()[-1]) == ("3", "ValueError: why")


def test_only_standard_error_that_is_the_journal_is_taken_for_it(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as file:
        about = os.fstat(file.fileno())
        assert is_journal(file.fileno(), {"JOURNAL_STREAM": f"{about.st_dev}:{about.st_ino}"})
        assert not is_journal(file.fileno(), {"JOURNAL_STREAM": f"{about.st_dev}:{about.st_ino + 1}"})
        assert not is_journal(file.fileno(), {})
    assert not is_journal(9999, {"JOURNAL_STREAM": "1:1"})


def test_the_daemon_tells_systemd_when_it_is_ready_that_it_lives_and_when_it_ends(
    daemon: object, tmp_path: Path
) -> None:
    address = f"/tmp/hive-notify-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening, pytest.MonkeyPatch.context() as patch:
        listening.bind(address)
        listening.settimeout(30)
        patch.setenv("NOTIFY_SOCKET", address)
        patch.setenv("WATCHDOG_USEC", "300000")
        node = daemon()  # type: ignore[operator]
        told = [listening.recv(64) for _ in range(4)]
        assert b"READY=1" in told
        assert told.count(b"WATCHDOG=1") >= 2
        node.stop()
        while listening.recv(64) != b"STOPPING=1":
            pass
    Path(address).unlink()
