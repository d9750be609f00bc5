"""Records as the agents write them, line by line, with markers in every text that must never be stored."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

# Stands in each text of a user's, an agent's or a tool's: found anywhere else, something was kept that must not be.
MARKER = "zebra-marker-41c9"
BEGAN = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


class Transcript:
    """A session of Claude Code: one JSON object a line, as its version 2 writes them."""

    def __init__(self, session: str, cwd: Path, began: datetime = BEGAN) -> None:
        self.lines: list[dict[str, Any]] = []
        self._common = {
            "isSidechain": False,
            "userType": "external",
            "cwd": str(cwd),
            "sessionId": session,
            "version": "2.1.37",
            "gitBranch": "main",
        }
        self._now = began
        self._calls = 0

    def summary(self) -> "Transcript":
        self.lines.append({"type": "summary", "summary": f"About {MARKER}", "leafUuid": "u0"})
        return self

    def user(self, text: str, **more: Any) -> "Transcript":
        return self._add("user", {"role": "user", "content": f"{text} {MARKER}"}, **more)

    def interrupted(self) -> "Transcript":
        return self._add(
            "user",
            {"role": "user", "content": [{"type": "text", "text": "[Request interrupted by user for tool use]"}]},
        )

    def assistant(self, text: str, tokens: int = 100) -> "Transcript":
        """One message over two lines with the same sums, as it is streamed."""
        message = self._message([{"type": "thinking", "thinking": MARKER, "signature": "x"}], tokens)
        self._add("assistant", message, requestId="req_1")
        return self._add(
            "assistant", {**message, "content": [{"type": "text", "text": f"{text} {MARKER}"}]}, requestId="req_1"
        )

    def bash(self, command: str, output: str, *, is_error: bool = False, tokens: int = 50) -> "Transcript":
        return self.tool("Bash", {"command": command, "description": MARKER}, output, is_error=is_error, tokens=tokens)

    def tool(
        self, name: str, given: dict[str, Any], output: str, *, is_error: bool = False, tokens: int = 50
    ) -> "Transcript":
        self._calls += 1
        call = f"toolu_{self._calls:02}"
        used = [{"type": "tool_use", "id": call, "name": name, "input": given}]
        self._add("assistant", self._message(used, tokens))
        result: dict[str, Any] = {"tool_use_id": call, "type": "tool_result", "content": f"{output}\n{MARKER}"}
        result |= {"is_error": True} if is_error else {}
        told = (
            f"Error: {output}" if is_error else {"stdout": output, "stderr": "", "interrupted": False, "isImage": False}
        )
        return self._add("user", {"role": "user", "content": [result]}, toolUseResult=told)

    def write(self, path: Path, more: Iterable[str] = ()) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(line) + "\n" for line in self.lines) + "".join(f"{line}\n" for line in more))
        return path

    def _message(self, content: list[dict[str, Any]], tokens: int) -> dict[str, Any]:
        usage = {"input_tokens": tokens // 2, "cache_read_input_tokens": 10**6, "output_tokens": tokens - tokens // 2}
        identity = f"msg_{len(self.lines):03}"
        return {
            "id": identity,
            "type": "message",
            "role": "assistant",
            "model": "claude-x",
            "content": content,
            "usage": usage,
        }

    def _add(self, kind: str, message: dict[str, Any], **more: Any) -> "Transcript":
        self._now += timedelta(seconds=10)
        stamp = self._now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        number = len(self.lines)
        line = {
            "parentUuid": f"u{number - 1}" if number else None,
            "type": kind,
            "message": message,
            "uuid": f"u{number}",
            "timestamp": stamp,
        }
        self.lines.append(self._common | line | more)
        return self


def a_day_of_work(session: str, cwd: Path) -> Transcript:
    """Tests are red, then green; one tool fails; the user thanks."""
    return (
        Transcript(session, cwd)
        .summary()
        .user("fix the parser for quoted fields")
        .assistant("I look at it first.")
        .tool("Read", {"file_path": "/x/parser.py"}, "def parse(): ...")
        .bash("pytest -q tests/test_parser.py", "1 failed, 3 passed in 0.41s", is_error=True)
        .tool("Edit", {"file_path": "/x/parser.py"}, "String to replace not found in file.", is_error=True)
        .tool("Edit", {"file_path": "/x/parser.py"}, "The file has been updated.")
        .bash("pytest -q tests/test_parser.py | tail -3", "4 passed in 0.39s")
        .assistant("All four pass.")
        .user("perfect, thanks")
    )


def conversation(began: datetime, zone_hours: int = 2) -> list[dict[str, Any]]:
    """A conversation in Cursor, as it writes them under ~/.cursor/projects; the last word a day later."""

    def said(role: str, *blocks: dict[str, Any]) -> dict[str, Any]:
        return {"role": role, "message": {"content": list(blocks)}}

    def asked(text: str, minutes: int) -> dict[str, Any]:
        there = (began + timedelta(minutes=minutes)).astimezone(timezone(timedelta(hours=zone_hours)))
        stamp = (
            f"{there:%A, %b} {there.day}, {there:%Y}, {int(there.strftime('%I'))}:{there:%M %p} (UTC{zone_hours:+d})"
        )
        words = f"<timestamp>{stamp}</timestamp>\n<user_query>\n{text} {MARKER}\n</user_query>"
        return said("user", {"type": "text", "text": words})

    ran = {"type": "tool_use", "name": "Shell", "input": {"command": "pytest -q", "description": MARKER}}
    notice = f"<system_notification>no, that's wrong {MARKER}</system_notification>"
    return [
        said("user", {"type": "text", "text": f"<user_query>perfect, without a time {MARKER}</user_query>"}),
        asked("fix the parser", 1),
        said("assistant", {"type": "text", "text": f"[REDACTED] {MARKER}"}, ran),
        {"type": "turn_ended", "status": "error", "error": "User aborted request"},
        asked("no, that's wrong", 5),
        said("assistant", {"type": "text", "text": "I see."}),
        {"type": "turn_ended", "status": "success"},
        said("user", {"type": "text", "text": notice}),
        asked("thanks, works now", 9),
        {"type": "turn_ended", "status": "success"},
        asked("undo that", 24 * 60),
        {"type": "turn_ended", "status": "aborted"},
    ]


def rollout(cwd: Path, began: datetime) -> list[dict[str, Any]]:
    """A session of Codex, as it writes them under ~/.codex/sessions."""

    def line(kind: str, payload: dict[str, Any], after_s: int) -> dict[str, Any]:
        stamp = (began + timedelta(seconds=after_s)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return {"timestamp": stamp, "type": kind, "payload": payload}

    def call(number: int, command: str, code: int, output: str) -> list[dict[str, Any]]:
        given = json.dumps({"command": ["bash", "-lc", command]})
        said = json.dumps({"output": f"{output} {MARKER}", "metadata": {"exit_code": code, "duration_seconds": 0.4}})
        return [
            line(
                "response_item",
                {"type": "function_call", "name": "shell", "arguments": given, "call_id": f"c{number}"},
                number,
            ),
            line(
                "response_item", {"type": "function_call_output", "call_id": f"c{number}", "output": said}, number + 1
            ),
        ]

    totals = {"input_tokens": 900, "cached_input_tokens": 600, "output_tokens": 200, "total_tokens": 1100}
    return [
        line("session_meta", {"id": "x", "cwd": str(cwd), "originator": "codex_cli", "cli_version": "0.65.0"}, 0),
        line(
            "response_item", {"type": "message", "role": "user", "content": [{"type": "input_text", "text": MARKER}]}, 1
        ),
        line("event_msg", {"type": "user_message", "message": f"fix it {MARKER}"}, 1),
        *call(2, "ls", 0, "a b"),
        *call(4, "cargo test", 101, "test result: FAILED. 1 passed; 1 failed"),
        *call(6, "sed -i x y", 1, "no such file"),
        line("event_msg", {"type": "user_message", "message": f"no, that's wrong {MARKER}"}, 8),
        line("event_msg", {"type": "turn_aborted", "reason": "interrupted"}, 9),
        line("event_msg", {"type": "token_count", "info": {"total_token_usage": totals}}, 10),
    ]
