"""What leaves can be checked by anybody: a script of thirty lines, and `hive-node delta verify`, agree on every byte."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration.processes import hive_node

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "docs" / "verify_feed.py"


@pytest.fixture(scope="module")
def export(
    module_daemon: Callable[..., Any], module_knob_project: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The feed of a node that ran an experiment in a hive."""
    node = module_daemon()
    node.client.post("/v1/hive", {"name": "team"})
    node.client.post("/v1/projects", {"path": str(module_knob_project)})
    experiment = node.client.post(
        "/v1/experiments", {"project": "knob", "operator": "tune", "iterations": 8, "seed": 7}
    )
    for event in node.client.events(after=0):
        if event["kind"] == "experiment" and event["data"]["state"] in {"finalized", "failed", "stopped"}:
            break
    assert node.client.get(f"/v1/experiments/{experiment['id']}")["promotions"] > 0
    path = tmp_path_factory.mktemp("export") / "feed.ndjson"
    path.write_bytes(node.client.text("GET", "/v1/export/deltas").encode())
    return path


def script(path: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, str(SCRIPT), str(path)], capture_output=True, text=True, timeout=60)


def verify(path: Path) -> "subprocess.CompletedProcess[str]":
    return hive_node("delta", "verify", str(path))


def test_the_script_is_as_short_as_it_claims() -> None:
    assert len(SCRIPT.read_text().splitlines()) <= 30


def test_an_honest_export_verifies_both_ways(export: Path) -> None:
    lines = export.read_bytes().splitlines()
    told = script(export)
    assert told.returncode == 0, told.stderr
    assert len(told.stdout.splitlines()) == len(lines) >= 2
    assert verify(export).returncode == 0


@pytest.mark.parametrize("part", [0.02, 0.3, 0.5, 0.7, 0.98])
def test_one_flipped_byte_fails_by_its_code(export: Path, tmp_path: Path, part: float) -> None:
    raw = bytearray(export.read_bytes())
    raw[int(len(raw) * part)] ^= 1
    changed = tmp_path / "changed.ndjson"
    changed.write_bytes(raw)
    done = verify(changed)
    assert done.returncode == 1
    assert done.stderr.strip() or done.stdout.strip()


def test_a_missing_or_reordered_line_breaks_the_chain(export: Path, tmp_path: Path) -> None:
    lines = export.read_bytes().splitlines(keepends=True)
    for name, changed in {
        "missing": lines[1:],
        "reordered": [lines[1], lines[0], *lines[2:]],
        "twice": [lines[0], *lines],
    }.items():
        path = tmp_path / name
        path.write_bytes(b"".join(changed))
        assert verify(path).returncode == 1, name
        assert script(path).returncode != 0, name
