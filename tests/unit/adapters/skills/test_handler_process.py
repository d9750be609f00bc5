"""A process of somebody's handlers ends with the node, also where the node ends before the process has begun."""

import json
import os
import subprocess
import sys
from pathlib import Path

HANDLERS = """
from pathlib import Path
from hive_node.skills.handlers import on_task_failed

@on_task_failed
def note(event):
    Path(__file__).with_name("called").touch()
"""


def request_of_a_node(folder: Path) -> tuple[int, int]:
    """The two ends of a pipe in which a request stands."""
    (folder / "mine.py").write_text(HANDLERS)
    given, taken = os.pipe()
    os.write(taken, json.dumps({"handler": "note", "event": {}}).encode() + b"\n")
    return given, taken


def worker(folder: Path, given: int) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-P", "-m", "hive_node.adapters.skills.handler_process", str(folder / "mine.py")]
    return subprocess.Popen(command, stdin=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_what_a_node_asked_that_is_gone_is_not_done(tmp_path: Path) -> None:
    given, taken = request_of_a_node(tmp_path)
    os.close(taken)
    process = worker(tmp_path, given)
    os.close(given)
    said, complained = process.communicate(timeout=60)
    assert (process.returncode, said) == (1, b"")
    assert b"the node ended" in complained
    assert not (tmp_path / "called").exists()


def test_what_a_node_asks_that_is_there_is_done(tmp_path: Path) -> None:
    given, taken = request_of_a_node(tmp_path)
    process = worker(tmp_path, given)
    os.close(given)
    assert process.stdout is not None
    assert json.loads(process.stdout.readline()) == {"result": None}
    os.close(taken)
    process.communicate(timeout=60)
    assert (tmp_path / "called").exists()
