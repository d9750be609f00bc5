"""What agents wrote down, read into counts: the real shapes, and whatever else may lie in such a file."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hive_node.adapters.agents.records import read_aider, read_claude, read_codex
from hive_node.agents.signals import Signals
from tests.fakes.transcripts import BEGAN, Transcript, a_day_of_work, rollout

DAY = timedelta(days=1)


def test_a_red_that_turned_green_is_green_and_a_failed_test_is_no_error_of_a_tool(tmp_path: Path) -> None:
    path = a_day_of_work("s", tmp_path).write(tmp_path / "t.jsonl")
    assert read_claude(path) == Signals(
        tests="green", tool_calls=5, tool_errors=1, thanks=1, turns=2, tokens=100 + 5 * 50 + 100, seconds=150.0
    )


def test_the_last_state_of_the_tests_counts_also_where_a_pipe_hides_the_exit_code(tmp_path: Path) -> None:
    transcript = a_day_of_work("s", tmp_path).bash("pytest -q | tail -1", "2 failed, 2 passed in 0.4s")
    found = read_claude(transcript.write(tmp_path / "t.jsonl"))
    assert found is not None
    assert found.tests == "red"


def test_interruptions_corrections_and_undo_are_seen_and_what_the_agent_says_for_its_user_is_not(
    tmp_path: Path,
) -> None:
    transcript = (
        Transcript("s", tmp_path)
        .user("no, that's wrong")
        .user("<command-name>/rewind</command-name>")
        .user("<local-command-stdout>thanks</local-command-stdout>")
        .user("thanks, says the caveat", isMeta=True)
        .user("thanks, says a sub-agent", isSidechain=True)
        .user("This session is being continued from one that was perfect", isCompactSummary=True)
        .interrupted()
        .tool("Edit", {}, "The user doesn't want to proceed with this tool use.", is_error=True)
    )
    assert read_claude(transcript.write(tmp_path / "t.jsonl")) == Signals(
        interruptions=2, corrections=1, undos=1, turns=1, tokens=50, seconds=80.0
    )


@pytest.mark.parametrize(
    "line",
    ["", "null", "[]", "{", '{"type": "user"}', '{"type": "user", "message": 3, "timestamp": 7}', '{"message": {"role": "user", "content": [1, {"type": "tool_result"}]}, "type": "user"}', '{"type": "assistant", "message": {"id": "m", "usage": {"input_tokens": -5, "output_tokens": true}, "content": null}}', "[" * 100_000, '{"timestamp": "yesterday"}'],
)  # fmt: skip
def test_lines_that_are_not_understood_are_passed_over(tmp_path: Path, line: str) -> None:
    path = a_day_of_work("s", tmp_path).write(tmp_path / "t.jsonl", [line])
    whole = read_claude(a_day_of_work("s", tmp_path).write(tmp_path / "u.jsonl"))
    found = read_claude(path)
    assert found is not None
    assert whole is not None
    assert (found.tests, found.thanks, found.tokens) == (whole.tests, whole.thanks, whole.tokens)


@given(
    st.lists(
        st.binary(max_size=200) | st.from_type(type(None)).map(lambda _: b'{"type":"user","message":{}}'), max_size=5
    )
)
def test_any_bytes_at_all_end_in_counts_or_in_none(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.jsonl"
    path.write_bytes(b"\n".join(lines))
    for found in (read_claude(path), read_aider(path, BEGAN, BEGAN + DAY)):
        assert found is None or isinstance(found, Signals)


def test_what_is_no_file_of_its_own_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert read_claude(tmp_path / "pipe") is None
    assert read_claude(tmp_path) is None
    assert read_claude(tmp_path / "nowhere") is None


def test_of_a_record_without_end_the_end_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hive_node.adapters.agents.records._MOST_BYTES", 4096)
    path = tmp_path / "t.jsonl"
    day = Transcript("s", tmp_path).user("perfect")
    for number in range(20):
        day.user(f"go on with {number}")
    found = read_claude(day.bash("pytest -q", "2 failed", is_error=True).write(path))
    assert path.stat().st_size > 2 * 4096
    assert found is not None
    assert (found.tests, found.thanks) == ("red", 1)
    assert 1 < found.turns < 20
    assert found.seconds >= 200, "its first line is read as well"


def test_codexs_rollouts_of_this_folder_and_this_block_add_up(tmp_path: Path) -> None:
    repo, other = tmp_path / "repo", tmp_path / "repository"
    days = tmp_path / "sessions" / f"{BEGAN:%Y}" / f"{BEGAN:%m}" / f"{BEGAN:%d}"
    days.mkdir(parents=True)
    began = (
        ("a", repo / "sub", BEGAN),
        ("b", repo, BEGAN + timedelta(minutes=5)),
        ("c", other, BEGAN),
        ("d", repo, BEGAN + timedelta(hours=3)),
    )
    for name, cwd, moment in began:
        (days / f"rollout-{name}.jsonl").write_text("\n".join(json.dumps(line) for line in rollout(cwd, moment)))
    found = read_codex(tmp_path / "sessions", repo, BEGAN, BEGAN + timedelta(hours=2))
    one = Signals(
        tests="red", tool_calls=3, tool_errors=1, interruptions=1, corrections=1, turns=2, tokens=500, seconds=10.0
    )
    assert found == one.plus(one)
    assert read_codex(tmp_path / "sessions", tmp_path / "elsewhere", BEGAN, BEGAN + DAY) is None
    assert read_codex(tmp_path / "nowhere", repo, BEGAN, BEGAN + DAY) is None


def test_aiders_history_is_read_for_the_chats_of_this_block(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    local = (now + timedelta(minutes=1)).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    history = tmp_path / ".aider.chat.history.md"
    history.write_text(
        "\n# aider chat started at 2020-01-01 10:00:00\n\n#### thanks\n"
        f"\n# aider chat started at {local}\n\n> Aider v0.86.1\n\n#### fix the parser\n\nSure.\n\n#### no, that's wrong\n#### /undo\n"
    )
    found = read_aider(history, now, now + timedelta(hours=2))
    assert found == Signals(corrections=1, undos=1, turns=3)
    assert read_aider(history, now + DAY, now + 2 * DAY) is None


def test_a_transcript_without_times_still_says_what_the_user_said(tmp_path: Path) -> None:
    said = {"type": "user", "message": {"role": "user", "content": "thanks, that works"}}
    record = tmp_path / "t.jsonl"
    record.write_text(json.dumps(said) + "\n")
    assert read_claude(record) == Signals(turns=1, thanks=1)
    record.write_text('{"type": "summary", "timestamp": "2026-01-02T03:04:05Z"}\n')
    assert read_claude(record) is None, "of a session in which nothing was said nothing is known"
