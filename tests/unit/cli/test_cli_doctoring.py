"""The doctor really tries, says what it found, and each thing that is wrong has its remedy."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from hive_node.adapters.homefolder import create_home
from hive_node.cli import doctoring
from hive_node.cli.doctoring import examine
from hive_node.config.home import Home
from hive_node.domain import Finding


@pytest.fixture
def home() -> Iterator[Home]:
    with TemporaryDirectory(prefix="hive-") as folder:
        yield made(Home(Path(folder) / "n"))


def made(home: Home, api_port: int = 0) -> Home:
    create_home(home, name="n", owner="anna", listen="127.0.0.1", peer_port=0, api_port=api_port, mdns="127.0.0.1")
    return home


def one(home: Home, check: str) -> Finding:
    found = [finding for finding in examine(home) if finding.check == check]
    assert len(found) == 1, found
    return found[0]


def set_line(home: Home, old: str, new: str) -> None:
    text = home.config.read_text()
    assert old in text
    home.config.write_text(text.replace(old, new))


def test_a_new_home_is_well_but_for_the_daemon_that_does_not_run(home: Home) -> None:
    states = {finding.check: finding.state for finding in examine(home)}
    assert states.pop("daemon") == "warn"
    assert states.keys() >= {
        "home",
        "config",
        "constitution",
        "key",
        "token",
        "database",
        "git",
        "disk",
        "sandbox",
        "api port",
        "peer port",
    }
    assert set(states.values()) == {"ok"}


def test_everything_that_is_not_well_has_a_remedy(home: Home) -> None:
    home.key.unlink()
    home.token.chmod(0o644)
    home.root.chmod(0o755)
    home.database.write_bytes(b"no database at all, whatever its name says")
    ill = [finding for finding in examine(home) if finding.state != "ok"]
    assert {finding.check for finding in ill} == {"home", "key", "token", "database", "daemon"}
    assert all(finding.fix for finding in ill)


def test_without_a_home_the_machine_is_examined_all_the_same(tmp_path: Path) -> None:
    found = {finding.check: finding.state for finding in examine(Home(tmp_path / "none"))}
    assert found["home"] == "fail"
    assert (found["git"], found["sandbox"]) == ("ok", "ok")


def test_a_mistake_in_the_settings_is_named_with_its_line(home: Home) -> None:
    set_line(home, "[log]", "[lgo]")
    assert one(home, "config").state == "fail"
    assert "lgo" in one(home, "config").found


def test_a_rule_of_ones_own_that_cannot_be_used_fails(home: Home) -> None:
    with home.config.open("a") as file:
        file.write('[[constitution.rule]]\nid = "empty"\nreason = "none"\n')
    assert one(home, "constitution").state == "fail"


def test_a_key_that_others_may_read_fails(home: Home) -> None:
    home.key.chmod(0o640)
    found = one(home, "key")
    assert found.state == "fail"
    assert "chmod 600" in found.fix


def test_a_port_that_another_program_holds_fails_and_says_where_to_change_it(home: Home) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        set_line(home, "[api]\nport = 0 ", f"[api]\nport = {port} ")
        found = one(home, "api port")
    assert found.state == "fail"
    assert "config.toml" in found.fix


def test_a_port_that_is_free_is_well(home: Home) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
    set_line(home, "[api]\nport = 0 ", f"[api]\nport = {port} ")
    assert one(home, "api port").found.endswith("is free")


def test_a_home_whose_socket_would_not_fit_fails(tmp_path: Path) -> None:
    assert one(made(Home(tmp_path / ("x" * 120))), "socket").state == "fail"


def test_no_git_on_the_path_is_a_failure(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    found = {finding.check: finding for finding in examine(home)}
    assert found["git"].state == "fail"


def test_a_full_disk_is_told_before_it_hurts(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    total = os.statvfs(home.root).f_blocks
    for free, state in ((2 * 1024**3, "ok"), (500 * 1024**2, "warn"), (1024**2, "fail")):
        usage = (total, total - free, free)
        monkeypatch.setattr(doctoring.shutil, "disk_usage", lambda _, u=usage: type("Usage", (), {"free": u[2]}))
        assert one(home, "disk").state == state


def test_every_rung_is_tried_and_the_one_in_use_is_named(home: Home) -> None:
    found = {finding.check: finding for finding in examine(home)}
    assert "under bubblewrap" in found["sandbox"].found
    for rung in ("bubblewrap", "landlock"):
        assert found[f"sandbox {rung}"].state == "ok"
        assert "tried to open a connection" in found[f"sandbox {rung}"].found


def test_without_bubblewrap_the_second_rung_serves_and_the_remedy_for_the_first_is_told_once(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    found = {finding.check: finding for finding in examine(home)}
    assert found["sandbox"].state == "ok"
    assert "under landlock" in found["sandbox"].found
    assert found["sandbox bubblewrap"].state == "warn"
    assert found["sandbox bubblewrap"].found == "bubblewrap is not installed"
    assert found["sandbox bubblewrap"].fix.count("install") == 1


def test_a_rung_that_the_settings_force_and_that_does_not_work_fails_although_another_would(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_line(home, 'backend = "auto"', 'backend = "bubblewrap"')
    monkeypatch.setenv("PATH", "/nonexistent")
    found = {finding.check: finding for finding in examine(home)}
    assert found["sandbox"].state == "fail"
    assert "bubblewrap" in found["sandbox"].fix


def test_a_sandbox_that_is_switched_off_is_a_warning(home: Home) -> None:
    set_line(home, 'backend = "auto"', 'backend = "none"')
    assert one(home, "sandbox").state == "warn"


def test_a_toolchain_that_would_show_trials_the_nodes_key_fails(home: Home) -> None:
    set_line(home, "toolchains = []", f'toolchains = ["{home.root.parent}"]')
    assert one(home, "sandbox").state == "fail"


def test_without_federation_there_is_no_peer_port_to_check(home: Home) -> None:
    text = home.config.read_text()
    begin, end = text.index("[federation]"), text.index("[limits]")
    home.config.write_text(text[:begin] + text[end:])
    assert "opens no port" in one(home, "peer port").found
