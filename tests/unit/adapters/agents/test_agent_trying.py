"""The doctor runs the hook as an agent does, and believes only an answer that an agent would read."""

from pathlib import Path

import pytest

from hive_node.adapters.agents.trying import HookTrier
from hive_node.adapters.clock import SeededChance, SystemClock
from hive_node.ports.agents import HookTrial

ANSWERS = """
import json, sys
word = json.load(sys.stdin)["session_id"]
print(json.dumps({"hookSpecificOutput": {"hookEventName": "SessionStart", "additionalContext": word}}))
"""


async def tried(folder: Path, body: str) -> HookTrial:
    script = folder / "hook.py"
    script.write_text(body)
    return await HookTrier(f"python3 {script}", SystemClock(), SeededChance(1)).try_in(folder)


async def test_a_hook_that_answers_what_it_was_asked_is_well(tmp_path: Path) -> None:
    found = await tried(tmp_path, ANSWERS)
    assert found.problem is None
    assert 0 < found.took_s < 5


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("", "what it printed is no answer to an agent: nothing"),
        ("print('hello')", "what it printed is no answer to an agent: hello"),
        (ANSWERS.replace("word = ", "word = 'another'; "), "no answer to an agent"),
        ("print('\\x00' * 5_000_000)", "no answer to an agent"),
        ("import sys; sys.exit('broken')", "it ended with exit code 1: broken"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "exit code"),
    ],
    ids=["silent", "words", "other-words", "large", "failing", "killed"],
)
async def test_a_hook_that_tells_an_agent_nothing_of_ours_is_found(tmp_path: Path, body: str, problem: str) -> None:
    found = await tried(tmp_path, body)
    assert found.problem is not None
    assert problem in found.problem
    assert len(found.problem) < 200


async def test_a_hook_that_hangs_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    script = tmp_path / "hook.sh"
    script.write_text(f"sleep 60 & echo $! > {tmp_path}/pid; wait")
    found = await HookTrier(f"sh {script}", SystemClock(), SeededChance(1), limit_s=2.0).try_in(tmp_path)
    assert found.problem == "it did not end within 2 s"
    state = Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}/stat")
    assert not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z"


async def test_a_folder_that_is_gone_is_said_so(tmp_path: Path) -> None:
    found = await HookTrier("true", SystemClock(), SeededChance(1)).try_in(tmp_path / "gone")
    assert found.problem is not None
    assert "cannot be started" in found.problem
