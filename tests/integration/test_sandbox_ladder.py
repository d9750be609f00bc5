"""Which sandbox runs a trial: found out by trying, for real, also where the machine makes no namespaces."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from hive_node.adapters.sandbox import Ladder, build, landlock
from hive_node.ports.sandbox import SandboxedCommand, SandboxUnavailable
from tests.integration.sandbox_identities import SMALL, Driver, Refused, Trials

NO_MORE_NAMESPACES = (
    "unshare",
    "--user",
    "--map-root-user",
    "sh",
    "-c",
    'echo 0 >/proc/sys/user/max_user_namespaces; exec "$@"',
    "sh",
)


@pytest.fixture
def command(tmp_path: Path) -> SandboxedCommand:
    (tmp_path / "tree").mkdir()
    return SandboxedCommand(("sh", "-c", "echo ran"), tmp_path / "tree", SMALL)


@pytest.fixture
def without_namespaces(tmp_path: Path) -> Iterator[Trials]:
    """In a namespace in which no other can be made: bubblewrap is there, and fails as it does in a container."""
    if subprocess.run([*NO_MORE_NAMESPACES, "true"], capture_output=True).returncode != 0:
        pytest.skip("this machine itself makes no namespaces")
    driver = Driver(0, NO_MORE_NAMESPACES)
    yield Trials(tmp_path, driver, "auto")
    driver.close()


def ladder(backend: str = "auto") -> Ladder:
    return build(backend, (), {}, ())  # type: ignore[arg-type]


def without_bubblewrap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")


def without_landlock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landlock, "_OLDEST_ABI", 99)


async def test_bubblewrap_is_preferred(command: SandboxedCommand) -> None:
    assert (await ladder().run(command)).backend == "bubblewrap"


async def test_each_rung_can_be_forced(command: SandboxedCommand) -> None:
    for backend in ("bubblewrap", "landlock"):
        assert (await ladder(backend).run(command)).backend == backend


def test_where_no_namespaces_can_be_made_landlock_holds_the_trial(without_namespaces: Trials) -> None:
    outcome = without_namespaces.shell("echo ran; cat /etc/shadow /root/.bashrc; echo x > /tmp/planted-by-trial")
    assert (outcome.backend, outcome.stdout) == ("landlock", b"ran\n")
    assert not Path("/tmp/planted-by-trial").exists()


def test_where_no_namespaces_can_be_made_bubblewrap_alone_is_refused_with_the_reason(
    without_namespaces: Trials,
) -> None:
    without_namespaces.rung = "bubblewrap"
    with pytest.raises(Refused, match="namespace") as refused:
        without_namespaces.shell("touch ran")
    assert refused.value.code == "sandbox.setup-failed"
    assert not (without_namespaces.workdir / "ran").exists()


async def test_without_bubblewrap_landlock_serves_and_the_receipt_says_so(
    command: SandboxedCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_bubblewrap(monkeypatch)
    outcome = await ladder().run(command)
    assert (outcome.backend, outcome.stdout) == ("landlock", b"ran\n")
    assert "without namespaces" in outcome.limits["syscalls"]


async def test_without_any_rung_nothing_runs_and_the_remedy_is_told_once(
    command: SandboxedCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_bubblewrap(monkeypatch)
    without_landlock(monkeypatch)
    with pytest.raises(SandboxUnavailable, match="bubblewrap is not installed; landlock:") as unavailable:
        await ladder().run(command)
    assert "install" in unavailable.value.remedy
    assert str(unavailable.value).count(unavailable.value.remedy) == 1
    report = await ladder().probe()
    assert (report.works, report.remedy) == (False, unavailable.value.remedy)
    assert report.remedy not in report.problem


async def test_a_forced_rung_is_not_replaced_by_another(
    command: SandboxedCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_landlock(monkeypatch)
    with pytest.raises(SandboxUnavailable, match="ABI"):
        await ladder("landlock").run(command)


async def test_the_choice_stands_until_it_fails(command: SandboxedCommand, monkeypatch: pytest.MonkeyPatch) -> None:
    """An experiment is measured on one rung; a rung that is gone ends it, and the next looks again."""
    chosen = ladder()
    with monkeypatch.context() as before:
        without_bubblewrap(before)
        assert (await chosen.run(command)).backend == "landlock"
    assert (await chosen.run(command)).backend == "landlock"
    assert (await chosen.probe()).backend == "landlock"
    without_landlock(monkeypatch)
    with pytest.raises(SandboxUnavailable):
        await chosen.run(command)
    assert (await chosen.run(command)).backend == "bubblewrap"


async def test_a_bubblewrap_that_fails_as_in_a_container_is_not_used(
    command: SandboxedCommand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    fake = tmp_path / "bin/bwrap"
    fake.write_text(
        '#!/bin/sh\n[ "$1" = --version ] && echo bubblewrap 0.9.0 && exit\necho "bwrap: No permissions to create new namespace" >&2; exit 1\n'
    )
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert (await ladder().run(command)).backend == "landlock"


async def test_a_sandbox_that_does_not_hold_is_not_used(
    command: SandboxedCommand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that runs every command, and shows it everything: to run something is no proof."""
    (tmp_path / "bin").mkdir()
    fake = tmp_path / "bin/bwrap"
    fake.write_text(f"""#!/bin/sh
[ "$1" = --version ] && exec {shutil.which("bwrap")} --version
while [ "$1" != -- ]; do [ "$1" = --json-status-fd ] && status=$2; shift; done
exec {shutil.which("bwrap")} --dev-bind / / --chdir {tmp_path} --unshare-pid --as-pid-1 --die-with-parent --json-status-fd $status "$@"
""")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    report, _ = await ladder().reports()
    assert not report.works
    assert "opened a connection to the host" in report.problem
    assert "wrote outside its tree" in report.problem
    assert (await ladder().run(command)).backend == "landlock"
