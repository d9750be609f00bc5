"""Which program a command means, which toolchains may be shown, and what happens without a working bubblewrap."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

import pytest

from hive_node.adapters.sandbox import BubblewrapSandbox
from hive_node.adapters.sandbox.orphans import end_orphans
from hive_node.ports.sandbox import (
    MissingCommand,
    RunOutcome,
    SandboxedCommand,
    SandboxFault,
    SandboxUnavailable,
    UnsafeMount,
)
from tests.integration.sandbox_identities import PLACES, SMALL, Refused, Trials, trials_at

FakeBubblewrap = Callable[[str], None]


@pytest.fixture(params=PLACES)
def trials(request: pytest.FixtureRequest) -> Iterator[Trials]:
    with trials_at(request.param) as made:
        yield made


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home folder of a user who has a toolchain, and a secret beside it."""
    folder = tmp_path / "home"
    (folder / "tools/bin").mkdir(parents=True)
    (folder / ".ssh").mkdir()
    monkeypatch.setenv("HOME", str(folder))
    program = folder / "tools/bin/greet"
    program.write_text("#!/bin/sh\necho hello from $0\n")
    program.chmod(0o755)
    return folder


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "tree").mkdir()
    return tmp_path / "tree"


@pytest.fixture
def fake_bubblewrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeBubblewrap:
    """Puts a script in bubblewrap's place."""

    def install(script: str) -> None:
        (tmp_path / "fake").mkdir()
        (tmp_path / "fake/bwrap").write_text("#!/bin/sh\n" + script)
        (tmp_path / "fake/bwrap").chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}/fake")

    return install


def run(sandbox: BubblewrapSandbox, tree: Path, *argv: str) -> RunOutcome:
    return asyncio.run(sandbox.run(SandboxedCommand(argv, tree, SMALL)))


def test_a_trial_really_runs_here(trials: Trials) -> None:
    outcome = trials.run(["sh", "-c", "echo works"])
    assert (outcome.exit_code, outcome.stdout) == (0, b"works\n")


async def test_the_probe_says_what_works() -> None:
    report = await BubblewrapSandbox().probe()
    assert (report.backend, report.works, report.problem) == ("bubblewrap", True, "")
    assert report.version[0].isdigit()


def test_python_is_the_base_interpreter_without_the_packages_of_the_node(tree: Path) -> None:
    code = "import sys; print(sys.prefix == sys.base_prefix, sys.version_info[:3]); import aiohttp"
    for name in ("python", "python3"):
        outcome = run(BubblewrapSandbox(), tree, name, "-I", "-c", code)
        assert outcome.stdout.decode() == f"True {sys.version_info[:3]}\n"
        assert b"No module named 'aiohttp'" in outcome.stderr


def test_a_script_that_asks_for_python3_gets_the_same(tree: Path) -> None:
    (tree / "bench.py").write_text("#!/usr/bin/env python3\nimport sys; print(sys.executable)\n")
    (tree / "bench.py").chmod(0o755)
    by_script = run(BubblewrapSandbox(), tree, "./bench.py").stdout
    by_name = run(BubblewrapSandbox(), tree, "python", "-c", "import sys; print(sys.executable)").stdout
    assert os.path.realpath(by_script.decode().strip()) == os.path.realpath(by_name.decode().strip())


def test_modules_in_the_tree_do_not_shadow_the_library_of_an_isolated_python(trials: Trials) -> None:
    for name in ("json.py", "sitecustomize.py", "usercustomize.py"):
        trials.write(name, "print('hijacked')")
    trials.write("bench/run.py", "import json; print('honest')")
    assert trials.run(["python", "-I", "bench/run.py"]).stdout == b"honest\n"


def test_arguments_are_never_read_by_a_shell(trials: Trials) -> None:
    words = ["$(touch planted)", "; touch planted", "a  b", "*", "-n", '"', "\\", "\n", ""]
    code = "import sys; print(sys.argv[1:])"
    assert trials.run(["python", "-I", "-c", code, *words]).stdout.decode() == f"{words}\n"
    assert os.listdir(trials.workdir) == []


def test_a_program_of_the_tree_is_run_by_its_relative_path(trials: Trials) -> None:
    trials.write("bench/run.sh", "#!/bin/sh\necho $0 $1 $PWD\n", mode=0o755)
    expected = f"{trials.tree}/bench/run.sh one {trials.tree}\n"
    assert trials.run(["bench/run.sh", "one"]).stdout.decode() == expected
    assert trials.run(["/work/bench/run.sh", "one"]).stdout.decode() == expected


@pytest.mark.parametrize(
    "name", ["no-such-program", "./missing.sh", "./plain", "./door", "../up", "/etc/passwd", "/root/x", "/"]
)
def test_a_command_that_cannot_be_found_is_refused_before_anything_runs(trials: Trials, name: str) -> None:
    trials.write("plain", "#!/bin/sh\n")
    os.symlink("/bin/sh", trials.workdir / "door")
    with pytest.raises(Refused) as refused:
        trials.run([name])
    assert refused.value.code == "sandbox.missing-command"
    assert repr(name) in str(refused.value)


def test_a_program_outside_what_is_shown_is_missing_and_the_remedy_names_it(home: Path, tree: Path) -> None:
    with pytest.raises(MissingCommand) as missing:
        BubblewrapSandbox().resolve(f"{home}/tools/bin/greet", tree)
    assert "toolchain" in missing.value.remedy


def test_a_tool_that_links_out_of_what_is_shown_is_missing(home: Path, tree: Path) -> None:
    os.symlink(home / "tools/bin/greet", home / "tools/bin/alias")
    outside = home / "outside"
    outside.write_text("#!/bin/sh\n")
    outside.chmod(0o755)
    os.symlink(outside, home / "tools/bin/outside")
    sandbox = BubblewrapSandbox([home / "tools"])
    assert sandbox.resolve("alias", tree) == PurePosixPath(f"{home}/tools/bin/alias")
    with pytest.raises(MissingCommand):
        sandbox.resolve("outside", tree)


def test_a_toolchain_of_the_home_folder_is_shown_alone_and_read_only(home: Path, tree: Path) -> None:
    sandbox = BubblewrapSandbox([home / "tools"])
    assert run(sandbox, tree, "greet").stdout.decode() == f"hello from {home}/tools/bin/greet\n"
    seen = run(sandbox, tree, "sh", "-c", f"greet; ls -A {home}; touch {home}/x {home}/tools/x; echo $?")
    assert seen.stdout.decode().splitlines()[1:] == ["tools", "1"]
    assert f"{home}/tools: read-only" in sandbox.describe_binds()


def test_a_toolchain_named_through_a_link_works_under_both_names(home: Path, tree: Path) -> None:
    os.symlink(home / "tools", home / "current")
    outcome = run(BubblewrapSandbox([home / "current"]), tree, "sh", "-c", f"greet; {home}/tools/bin/greet")
    assert outcome.stdout.decode() == f"hello from {home}/current/bin/greet\nhello from {home}/tools/bin/greet\n"


def test_a_tool_can_stand_for_python(home: Path, tree: Path) -> None:
    tools = {"python": home / "tools/bin/greet", "python3": home / "tools/bin/greet"}
    sandbox = BubblewrapSandbox([home / "tools"], tools)
    assert run(sandbox, tree, "python").stdout.startswith(b"hello")
    assert not any(
        sys.base_prefix in bind for bind in sandbox.describe_binds() if not sys.base_prefix.startswith("/usr")
    )


@pytest.mark.parametrize(
    "folder", ["/", "~", "~/..", "~/../..", "/run", "/var/lib", "/proc", "/etc", "/dev/shm", "/tmp", "/work"]
)
def test_a_toolchain_that_shows_too_much_is_refused(home: Path, tree: Path, folder: str) -> None:
    with pytest.raises(UnsafeMount):
        run(BubblewrapSandbox([Path(folder)]), tree, "true")


def test_a_toolchain_that_links_to_too_much_is_refused(home: Path, tree: Path) -> None:
    os.symlink("/", home / "everything")
    os.symlink(home, home / "self")
    for name in ("everything", "self"):
        with pytest.raises(UnsafeMount):
            run(BubblewrapSandbox([home / name]), tree, "true")


@pytest.mark.parametrize(
    "folder", [".ssh", ".config", ".config/tool", ".local", ".local/share", "node", "node/worktrees", "data"]
)
def test_a_toolchain_that_holds_credentials_or_the_nodes_key_is_refused(home: Path, tree: Path, folder: str) -> None:
    for name in (".config/tool", ".local/share/keyrings", "node/worktrees"):
        (home / name).mkdir(parents=True)
    os.symlink(home / "node", home / "data")
    with pytest.raises(UnsafeMount):
        run(BubblewrapSandbox([home / folder], private=[home / "node"]), tree, "true")


def test_a_registry_token_beside_a_toolchain_is_shown_empty(home: Path, tree: Path) -> None:
    (home / ".cargo/bin").mkdir(parents=True)
    (home / ".cargo/credentials.toml").write_text("token")
    (home / ".cargo/config.toml").write_text("settings")
    outcome = run(BubblewrapSandbox([home / ".cargo"]), tree, "sh", "-c", f"cat {home}/.cargo/*.toml")
    assert (outcome.stdout, outcome.stderr) == (b"settings", b"")


@pytest.mark.parametrize("folder", ["/", "/usr", "~", "~/..", "relative", "/no/such/folder"])
def test_a_tree_that_is_no_trial_is_refused(home: Path, folder: str) -> None:
    with pytest.raises(UnsafeMount):
        run(BubblewrapSandbox(), Path(folder).expanduser(), "true")


async def test_without_bubblewrap_nothing_runs_and_the_install_command_is_told(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SandboxUnavailable) as unavailable:
        await BubblewrapSandbox().run(SandboxedCommand(("touch", "ran"), tree, SMALL))
    assert unavailable.value.code == "sandbox.missing"
    assert "bubblewrap" in unavailable.value.remedy
    assert os.listdir(tree) == []
    report = await BubblewrapSandbox().probe()
    assert (report.works, report.version, report.remedy) == (False, "", unavailable.value.remedy)


async def test_bubblewrap_installed_later_is_found(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox = BubblewrapSandbox()
    with monkeypatch.context() as without:
        without.setenv("PATH", "/nowhere")
        assert not (await sandbox.probe()).works
    assert (await sandbox.probe()).works


@pytest.mark.parametrize(("says", "code"), [("bubblewrap 0.4.1", "sandbox.too-old"), ("hello", "sandbox.unusable")])
def test_a_bubblewrap_that_cannot_do_it_is_refused(
    fake_bubblewrap: FakeBubblewrap, tree: Path, says: str, code: str
) -> None:
    fake_bubblewrap(f"echo {says}")
    assert failure(tree).code == code


def test_a_kernel_that_refuses_namespaces_is_told_from_a_failed_command(
    fake_bubblewrap: FakeBubblewrap, tree: Path
) -> None:
    fake_bubblewrap(
        '[ "$1" = --version ] && echo bubblewrap 0.9.0 && exit; echo "bwrap: setting up uid map: Permission denied" >&2; exit 1'
    )
    fault = failure(tree)
    assert fault.code == "sandbox.setup-failed"
    assert "setting up uid map" in str(fault)
    assert fault.remedy


def test_a_bubblewrap_that_fails_after_it_was_let_go_is_no_result_either(
    fake_bubblewrap: FakeBubblewrap, tree: Path
) -> None:
    """An exit status of 1 from bubblewrap itself must never be read as the command's."""
    fake_bubblewrap(f"""exec {sys.executable} -I -c '
import json, os, sys
if "--version" in sys.argv:
    sys.exit(print("bubblewrap 0.9.0"))
status = int(sys.argv[sys.argv.index("--json-status-fd") + 1])
os.write(status, json.dumps({{"child-pid": os.getpid()}}).encode() + b"\\n")
os.write(1, b"\\n")
os.read(0, 1)
sys.exit("bwrap: cannot mount what it should")
' "$@"
""")
    fault = failure(tree)
    assert fault.code == "sandbox.setup-failed"
    assert "cannot mount what it should" in str(fault)


def failure(tree: Path) -> SandboxFault:
    tools = {"python": Path("/bin/sh"), "python3": Path("/bin/sh")}
    with pytest.raises(SandboxUnavailable) as raised:
        run(BubblewrapSandbox(tools=tools), tree, "/bin/sh", "-c", "exit 0")
    return raised.value


def test_a_bubblewrap_that_lost_its_maker_in_its_first_moment_is_ended_by_the_next_life(tmp_path: Path) -> None:
    mine, others = tmp_path / "home/worktrees", tmp_path / "other/worktrees"
    for trees in (mine, others):
        (trees / "p-1").mkdir(parents=True)
    # As it stands in /proc: the program's name, and the tree among its words.
    stuck = [
        subprocess.Popen(
            ["bwrap", "-c", "sleep 600; :", "--bind", f"{trees}/p-1"], executable="/bin/sh", process_group=0
        )
        for trees in (mine, others)
    ]
    try:
        assert end_orphans(mine) == 1
        assert stuck[0].wait(10) == -9
        assert stuck[1].poll() is None, "another home's is its own business"
        assert end_orphans(mine) == 0
    finally:
        for process in stuck:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
