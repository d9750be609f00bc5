"""What Cursor wrote down for hooks and tools: what was said and stopped, in its time, and never whose words they were."""

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hive_node.adapters.agents.cursor_records import read_cursor
from hive_node.agents.signals import Signals
from tests.fakes.transcripts import BEGAN, conversation

DAY = timedelta(days=1)
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda one: (
        st.lists(one, max_size=3) | st.dictionaries(st.sampled_from(["content", "type", "text"]), one, max_size=3)
    ),
)


def cursor_wrote(projects: Path, name: str, lines: list[dict[str, Any]], *, is_flat: bool = False) -> Path:
    kept = projects / name / "agent-transcripts"
    file = kept / "c1.jsonl" if is_flat else kept / "c1" / "c1.jsonl"
    file.parent.mkdir(parents=True)
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return file


@pytest.mark.parametrize("zone", [2, -7, 0])
@pytest.mark.parametrize("is_flat", [False, True], ids=["app", "terminal"])
def test_cursors_conversations_of_this_folder_are_read_for_what_was_said_in_this_block(
    tmp_path: Path, zone: int, is_flat: bool
) -> None:
    folder, block = Path("/home/ada/src/my_parser.v2"), timedelta(hours=2)
    cursor_wrote(tmp_path, "home-ada-src-my-parser-v2", conversation(BEGAN, zone), is_flat=is_flat)
    cursor_wrote(tmp_path, "home-ada-src-other", conversation(BEGAN, zone))
    found = read_cursor(tmp_path, folder, BEGAN, BEGAN + block)
    assert found == Signals(turns=3, thanks=1, corrections=1, interruptions=1), (
        "what a helper reported is nobody's word"
    )
    later = read_cursor(tmp_path, folder, BEGAN + DAY, BEGAN + DAY + block)
    assert later == Signals(turns=1, undos=1, interruptions=1)
    assert read_cursor(tmp_path, folder, BEGAN + block, BEGAN + 2 * block) is None
    assert read_cursor(tmp_path / "gone", folder, BEGAN, BEGAN + block) is None


def test_a_conversation_that_nobody_wrote_to_since_is_not_opened(tmp_path: Path) -> None:
    file = cursor_wrote(tmp_path, "home-ada-x", conversation(BEGAN))
    os.utime(file, (BEGAN.timestamp() - 60, BEGAN.timestamp() - 60))
    assert read_cursor(tmp_path, Path("/home/ada/x"), BEGAN, BEGAN + DAY) is None


@pytest.mark.parametrize(
    "stamp",
    ["Monday, Jan 5, 2026, 9:00 AM", "Monday, Jan 5, 2026, 9:00 AM (UTC+99)", "Monday, Foo 5, 2026, 9:00 AM (UTC)", "Monday, Jan 45, 2026, 9:00 AM (UTC)", "2026-01-05T09:00:00Z"],
)  # fmt: skip
def test_a_time_that_is_not_understood_is_not_guessed_at(tmp_path: Path, stamp: str) -> None:
    words = f"<timestamp>{stamp}</timestamp>\n<user_query>thanks</user_query>"
    line = {"role": "user", "message": {"content": [{"type": "text", "text": words}]}}
    cursor_wrote(tmp_path, "x", [line])
    assert read_cursor(tmp_path, Path("/x"), BEGAN - DAY, BEGAN + DAY) is None


@given(st.lists(st.dictionaries(st.sampled_from(["role", "type", "message", "status", "error"]), JUNK), max_size=6))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_lines_in_cursors_place_end_in_counts_or_in_none(tmp_path: Path, lines: list[dict[str, Any]]) -> None:
    file = tmp_path / "x" / "agent-transcripts" / "c1.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(line) + "\n" for line in [*conversation(BEGAN)[:2], *lines]))
    assert isinstance(read_cursor(tmp_path, Path("/x"), BEGAN, BEGAN + DAY), Signals)
