"""docs/extending.md, as it is written: every extension point in one node, with the page's own files."""

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import ROOT, Daemon

PAGE = (ROOT / "docs" / "extending.md").read_text()
FILES = dict(re.findall(r"^`([\w.]+)`\n```\w+\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
GROUPS = tomllib.loads(FILES["pyproject.toml"])["project"]["entry-points"]


class Started:
    """A process of the daemon that finds packages in a folder of its own, with the face that `Daemon` looks for."""

    def __init__(self, node: Daemon, packages: Path) -> None:
        environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{packages}"}
        command = [sys.executable, "-m", "hive_node.daemon", str(node.home.root)]
        with node.log.open("ab") as log:
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)

    def wait(self, timeout: float | None = None) -> int:
        return self.process.wait(timeout)

    def kill(self) -> None:
        self.process.kill()

    def terminate(self) -> None:
        self.process.terminate()


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """The page's package as pip installs it: modules, and what it says it provides."""
    for name, text in FILES.items():
        if name.endswith(".py"):
            (tmp_path / name).write_text(text)
    info = tmp_path / "my_hive_parts-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-hive-parts\nVersion: 1\n")
    lines = [
        f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in points.items())
        for group, points in GROUPS.items()
    ]
    (info / "entry_points.txt").write_text("\n".join(lines))
    return tmp_path


@pytest.fixture
def extended(daemon: Any, packages: Path) -> Iterator[Daemon]:
    node: Daemon = daemon(start=False)
    settings = re.sub(
        r'^\[sandbox\]\nbackend = "auto"[^\n]*\ntoolchains[^\n]*\ntools[^\n]*\n',
        "",
        node.home.config.read_text(),
        flags=re.MULTILINE,
    )
    own = FILES["config.toml"].replace("/home/me/notes.py", str(packages / "notes.py"))
    node.home.config.write_text(f"{settings}\n{own}")
    node.process = Started(node, packages)  # type: ignore[assignment]
    yield node.up()
    node.close()


def failure(number: int) -> dict[str, Any]:
    told = {"kind": "task_failed", "agent": "bot", "task": "parse a date", "key": f"k{number}"}
    return told | {"error": f"Traceback\nE{number}: no", "input": f"2024-01-0{number}", "expected": [2024, 1, number]}


def test_every_extension_point_of_the_page_works_as_it_is_written(extended: Daemon) -> None:
    node = extended
    node.client.post("/v1/events", {"events": [failure(number) for number in (1, 2, 3)]})
    for event in node.client.events(0):
        if event["kind"] == "skill" and event["data"]["state"] not in {"wanted", "proposed"}:
            break
    (version,) = node.client.get("/v1/skills", all="1")["items"]
    assert (version["state"], version["engine"], version["reason"]) == ("validated", "three-strikes", None)
    assert version["tried"]["sandbox"] == "frugal"
    assert version["words"] == "does: parse a date"
    assert version["tokens"] > 0
    name = version["name"]
    node.client.post(f"/v1/skills/{name}/approve")
    assert node.client.post(f"/v1/skills/{name}/call", {"input": "2001-02-03"})["answer"] == [2001, 2, 3]
    fitness = node.client.get(f"/v1/skills/{name}")["fitness"]
    assert (fitness["value"], fitness["missing"]) == (1.0, [])
    rows = node.client.get("/v1/handlers/notes.note/deliveries")["items"]
    assert [row["result"] for row in reversed(rows)] == [
        {"task": "parse a date", "last_line": [f"E{number}: no"]} for number in (1, 2, 3)
    ]


@pytest.mark.parametrize(
    "settings",
    ['[skills]\nengines = ["nobodys"]', '[skills]\nfitness = "nobodys"', '[model]\nname = "m"\nplugin = "nobodys"'],
)
def test_a_plug_in_that_nobody_provides_stops_the_start_with_a_sentence(daemon: Any, settings: str) -> None:
    node: Daemon = daemon(start=False)
    with node.home.config.open("a") as config:
        config.write(f"\n{settings}\n")
    done = node.run_once()
    assert done.returncode == 1
    assert "no installed package provides it" in done.stderr
    assert "[plugin.missing]" in done.stderr
