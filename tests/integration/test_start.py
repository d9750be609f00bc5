"""Starting a node: what is wrong is named, with the remedy, and nothing is lost."""

import os
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hive_node.cli.client import Refusal
from tests.integration.conftest import environment
from tests.integration.processes import Forked


def test_a_folder_without_a_node_is_not_run(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "hive_node", "--home", str(tmp_path / "none"), "run"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert "hive-node init" in done.stderr


def test_init_never_touches_a_node_that_is_there(daemon: Callable[..., Any]) -> None:
    node = daemon(start=False)
    before = {path.name: path.read_bytes() for path in node.home.root.iterdir() if path.is_file()}
    done = node.cli("init")
    assert done.returncode == 1
    assert "home.exists" in done.stderr or "holds a node already" in done.stderr
    assert {path.name: path.read_bytes() for path in node.home.root.iterdir() if path.is_file()} == before


def test_init_makes_files_that_only_their_owner_can_read(daemon: Callable[..., Any]) -> None:
    node = daemon(start=False)
    assert node.home.root.stat().st_mode & 0o777 == 0o700
    assert node.home.key.stat().st_mode & 0o777 == 0o600
    assert node.home.token.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text.replace("[api]", "[api]\ncolour = 1"), "colour"),
        (lambda text: text.replace("trials_at_once = 1", 'trials_at_once = "many"'), "trials_at_once"),
        (lambda text: text + "\n[[[", "config.toml"),
        (lambda text: text.replace('name = "', 'nome = "', 1), "name"),
    ],
)
def test_broken_settings_are_named_by_file_key_and_line(
    daemon: Callable[..., Any], change: Callable[[str], str], said: str
) -> None:
    node = daemon(start=False)
    node.home.config.write_text(change(node.home.config.read_text()))
    done = node.run_once()
    assert done.returncode == 2
    assert "config.toml" in done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_in_use_is_named_with_the_setting_that_moves_it(daemon: Callable[..., Any]) -> None:
    node = daemon(start=False)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        text = node.home.config.read_text().replace("port = 0 ", f"port = {port} ", 1)
        node.home.config.write_text(text)
        done = node.run_once()
    assert done.returncode == 1
    assert str(port) in done.stderr
    assert "[api] port" in done.stderr


def test_a_second_daemon_on_one_home_is_refused_and_the_first_goes_on(daemon: Callable[..., Any]) -> None:
    node = daemon()
    done = node.run_once()
    assert done.returncode == 1
    assert "another hive-node runs" in done.stderr
    assert node.client.get("/v1/health")["status"] == "ok"


@pytest.mark.parametrize("name", ["key", "token"])
def test_a_secret_that_others_can_read_stops_the_start_and_is_not_replaced(
    daemon: Callable[..., Any], name: str
) -> None:
    node = daemon(start=False)
    path = getattr(node.home, name)
    before = path.read_bytes()
    path.chmod(0o644)
    done = node.run_once()
    assert done.returncode == 1
    assert str(path) in done.stderr
    assert "chmod" in done.stderr
    assert path.read_bytes() == before


def test_a_missing_key_is_never_made_again_by_run(daemon: Callable[..., Any]) -> None:
    node = daemon(start=False)
    node.home.key.unlink()
    assert node.run_once().returncode == 1
    assert not node.home.key.exists()


def test_a_database_of_a_newer_version_is_left_alone(daemon: Callable[..., Any]) -> None:
    node = daemon()
    assert node.stop() == 0
    with sqlite3.connect(node.home.database) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    before = node.home.database.read_bytes()
    done = node.run_once()
    assert done.returncode == 1
    assert "9999" in done.stderr
    assert node.home.database.read_bytes() == before


def test_a_database_that_is_none_is_named(daemon: Callable[..., Any]) -> None:
    node = daemon(start=False)
    node.home.database.write_bytes(b"this is no database, and long enough to be read as one" * 100)
    done = node.run_once()
    assert done.returncode == 1
    assert "hive.db" in done.stderr
    assert "Traceback" not in done.stderr


def test_sigterm_ends_cleanly_and_the_next_start_knows_everything(
    daemon: Callable[..., Any], knob_project: Path
) -> None:
    node = daemon()
    identity = node.client.get("/v1/status")["id"]
    node.client.post("/v1/projects", {"path": str(knob_project)})
    node.client.post("/v1/hive", {"name": "team"})
    assert node.stop() == 0
    assert not node.home.socket.exists()
    node.start()
    status = node.client.get("/v1/status")
    assert (status["id"], status["projects"], status["hive"]["name"]) == (identity, 1, "team")


def test_after_sigkill_the_stale_socket_is_no_obstacle(daemon: Callable[..., Any]) -> None:
    node = daemon()
    node.kill()
    assert node.home.socket.exists()
    node.start()
    assert node.client.get("/v1/health")["status"] == "ok"


def test_commands_say_when_no_daemon_answers(daemon: Callable[..., Any]) -> None:
    node = daemon(start=False)
    done = node.cli("status")
    assert done.returncode == 3
    assert "hive-node run" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount the small disk")
def test_a_full_disk_is_named_nothing_is_lost_and_space_heals_it(
    daemon: Callable[..., Any], knob_project: Path
) -> None:
    node = daemon(start=False)
    files = {path.name: (path.read_bytes(), path.stat().st_mode) for path in node.home.root.iterdir()}
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m,mode=0700", "tmpfs", str(node.home.root)], check=True)
    try:
        for name, (content, mode) in files.items():
            path = node.home.root / name
            path.write_bytes(content)
            path.chmod(mode)
        node.start()
        node.client.post("/v1/projects", {"path": str(knob_project)})
        filler = node.home.root / "filler"
        _fill(filler)
        with pytest.raises(Refusal, match="disk is full") as refused:
            node.client.post("/v1/hive", {"name": "team"})
        assert refused.value.code == "store.disk-full"
        assert node.client.get("/v1/projects")["items"], "what was written before is still there"
        filler.unlink()
        node.client.post("/v1/hive", {"name": "team"})
        assert node.client.get("/v1/hive")["name"] == "team"
        assert node.stop() == 0
    finally:
        node.close()
        subprocess.run(["umount", str(node.home.root)], check=True)


def _fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        for size in (65536, 4096, 512):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                continue


def test_without_bubblewrap_an_experiment_is_refused_with_the_command_that_installs_it(
    daemon: Callable[..., Any], knob_project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("git", "apt-get"):
        (tools / name).symlink_to(shutil.which(name) or "/usr/bin/true")
    monkeypatch.setenv("PATH", str(tools))
    node = daemon(start=False)
    node.home.config.write_text(node.home.config.read_text().replace('backend = "auto"', 'backend = "bubblewrap"'))
    node.start()
    node.client.post("/v1/projects", {"path": str(knob_project)})
    with pytest.raises(Refusal, match="bubblewrap") as refused:
        node.client.post("/v1/experiments", {"project": "knob"})
    assert refused.value.code.startswith("sandbox.")
    assert str(refused.value).count("apt-get install") == 1
    assert node.client.get("/v1/experiments")["items"] == []
    branches = subprocess.run(
        ["git", "-C", str(knob_project), "branch", "--list", "hive/*"], capture_output=True, text=True
    )
    assert branches.stdout == "", "nothing was begun"


def test_a_repository_that_one_stands_in_is_no_place_to_import_from(daemon: Callable[..., Any], tmp_path: Path) -> None:
    for name in ("hive_node", "protocol", "asyncio"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise SystemExit('the code of a repository ran')")
    node = daemon(start=False)
    words = ("--home", str(node.home.root), "run")
    node.process = Forked(
        "hive_node.__main__", *words, out=node.log, problems=node.log, environment=environment(), folder=tmp_path
    )
    assert node.up().client.get("/v1/health")["status"] == "ok"
