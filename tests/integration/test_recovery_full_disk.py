"""A node whose disk runs full in the middle of an experiment: it says so, loses nothing, and goes on when there is room."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from hive_node.cli.client import Client, Unreachable
from hive_node.config.home import Home
from hive_node.domain import TRANSITIONS, State

ROOT = Path(__file__).resolve().parents[2]
# A disk of 6 MB in a mount namespace of the node's own; root needs no user namespace for it.
INSIDE = """
cp -a "$1" "$1.copy"
mount -t tmpfs -o size=6m,mode=0700 none "$1"
cp -a "$1.copy/." "$1"
exec "$2" -m hive_node --home "$1" run
"""


class SmallDisk:
    """The node on its small disk, seen from outside through /proc."""

    def __init__(self, node: Any) -> None:
        self.log = node.log
        namespaces = ["--mount", *([] if os.geteuid() == 0 else ["--user", "--map-root-user"])]
        command = ["unshare", *namespaces, "sh", "-ec", INSIDE, "sh", str(node.home.root), sys.executable]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | {"PYTHONPATH": str(ROOT)})
        self.home = Home(Path(f"/proc/{self.process.pid}/root{node.home.root}"))
        self.client = Client(self.home)
        self.until(self._answers)

    def until(self, is_so: Callable[[], Any]) -> Any:
        """What `is_so` gives once it is true, while the node lives."""
        while not (found := is_so()):
            try:
                self.process.wait(0.05)
            except subprocess.TimeoutExpired:
                continue
            raise AssertionError(self.log.read_text()[-3000:])
        return found

    def fill(self) -> None:
        size = 1 << 16
        with (self.home.root / "filler").open("ab", buffering=0) as file:
            while size:
                try:
                    file.write(b"x" * size)
                except OSError:
                    size //= 2

    def free(self) -> None:
        (self.home.root / "filler").unlink()

    def copy_of_database(self, folder: Path) -> Path:
        """SQLite itself would follow the link out of the namespace."""
        for path in self.home.root.glob("hive.db*"):
            shutil.copy(path, folder)
        return folder / "hive.db"

    def _answers(self) -> bool:
        try:
            self.client.get("/v1/health")
        except Unreachable:
            return False
        return True


@pytest.fixture
def small(daemon: Callable[..., Any]) -> Iterator[SmallDisk]:
    disk = SmallDisk(daemon(start=False))
    yield disk
    disk.process.kill()
    disk.process.wait(30)


def test_an_experiment_waits_for_room_and_goes_on_where_it_was(
    small: SmallDisk, knob_project: Path, tmp_path: Path
) -> None:
    project = small.client.post("/v1/projects", {"path": str(knob_project)})["id"]
    body = {"project": project, "operator": "tune", "iterations": 60, "seed": 5}
    identity = small.client.post("/v1/experiments", body)["id"]
    path = f"/v1/experiments/{identity}"
    small.until(lambda: small.client.get(path)["iteration"] >= 3)
    small.fill()
    small.until(lambda: "experiment waits" in small.log.read_text() or _fails_if_over(small.client.get(path)))
    assert "the disk is full" in small.log.read_text()
    waiting = small.client.get(path)
    assert waiting["state"] not in {"failed", "stopped", "finalized"}
    assert small.client.get("/v1/status")["projects"] == 1
    small.free()
    small.until(lambda: small.client.get(path)["iteration"] > waiting["iteration"] + 2)
    stopped = small.client.post(f"{path}/stop", {})
    assert stopped["state"] == "stopped"
    assert "Traceback" not in small.log.read_text()
    with sqlite3.connect(small.copy_of_database(tmp_path)) as connection:
        steps = [
            (State(one), State(other))
            for one, other in connection.execute("SELECT before, after FROM transitions ORDER BY id")
        ]
        commits = [
            json.loads(document)["commit"]
            for (document,) in connection.execute("SELECT document FROM promotions ORDER BY idea")
        ]
        numbers = [number for (number,) in connection.execute("SELECT number FROM ideas ORDER BY number")]
    assert all(after in TRANSITIONS[before] for before, after in steps)
    assert all(one[1] is other[0] for one, other in pairwise(steps))
    assert numbers == list(range(1, stopped["iteration"] + 1))
    listed = subprocess.run(
        ["git", "rev-list", "--reverse", f"main..{stopped['branch']}"],
        cwd=knob_project,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert listed == commits


def _fails_if_over(experiment: dict[str, Any]) -> bool:
    assert experiment["state"] not in {"failed", "stopped", "finalized"}, experiment["stop_reason"]
    return False
