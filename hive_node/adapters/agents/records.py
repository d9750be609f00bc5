"""What agents write down of their sessions, read on the spot into counts. No text of it is kept, logged or handed on.

The formats are their makers' own and change without notice: what is not understood is passed over, never guessed at.
"""

import json
import logging
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO, Final

from hive_node.agents.signals import Signals
from hive_node.agents.words import heard, how_tests_ended, runs_tests

logger = logging.getLogger(__name__)

# A long day's transcript has some ten megabytes; of a longer one only its end is read, so that none can hold anybody up.
_MOST_BYTES: Final = 64 * 1024 * 1024
# One line may hold a whole file that was read, or a picture: it is passed over.
_MOST_LINE_BYTES: Final = 8 * 1024 * 1024
_INTERRUPTED: Final = "[Request interrupted by user"
_DECLINED: Final = "The user doesn't want to proceed"
# The agent's own messages in the user's name.
_NOT_SPOKEN: Final = ("<local-command", "Caveat:", "<system-reminder", "<bash-", "This session is being continued")
_SHELLS: Final = frozenset({"Bash", "shell", "exec_command", "local_shell", "shell_command"})


@dataclass(slots=True)
class Tally:
    """Counts, while a record is read. testing: calls that ran tests. tokens: by message, or of all."""

    signals: Signals = field(default_factory=Signals)
    first: datetime | None = None
    last: datetime | None = None
    testing: set[str] = field(default_factory=set)
    tokens: dict[str, int] = field(default_factory=dict)

    def add(self, **more: int) -> None:
        counts = {name: getattr(self.signals, name) + count for name, count in more.items()}
        self.signals = replace(self.signals, **counts)

    def at(self, moment: object) -> None:
        try:
            found = datetime.fromisoformat(str(moment))
        except ValueError:
            return
        found = found if found.tzinfo else found.replace(tzinfo=UTC)
        self.first, self.last = self.first or found, found

    def said(self, text: str) -> None:
        """A message of the user's."""
        if text.startswith(_INTERRUPTED):
            self.add(interruptions=1)
        elif not text.startswith(_NOT_SPOKEN):
            spoken = heard(text)
            self.add(
                turns=not text.startswith("<command-"),
                thanks=spoken.thanks,
                corrections=spoken.correction,
                undos=spoken.undo,
            )

    def ran(self, call: str, command: str) -> None:
        """A tool was called with this command."""
        if runs_tests(command):
            self.testing.add(call)

    def returned(self, call: str, output: str, *, is_error: bool) -> None:
        """A tool's result. That tests fail is no error of the tool's, and that the user says no is none either."""
        if is_error and output.startswith(_DECLINED):
            self.add(interruptions=1)
        elif call in self.testing:
            self.add(tool_calls=1)
            self.signals = replace(self.signals, tests=how_tests_ended(output, is_error=is_error))
        else:
            self.add(tool_calls=1, tool_errors=is_error)

    def done(self) -> Signals:
        seconds = (self.last - self.first).total_seconds() if self.first and self.last else 0.0
        return replace(self.signals, tokens=sum(self.tokens.values()), seconds=max(0.0, seconds))


def read_claude(path: Path) -> Signals | None:
    """A transcript of Claude Code: one JSON object a line. None where no message can be read; without times it took none."""
    tally, has_messages = Tally(), False
    for line in objects(path):
        if line.get("isSidechain") or line.get("isMeta") or line.get("isCompactSummary"):
            continue
        tally.at(line.get("timestamp"))
        message = line.get("message")
        if isinstance(message, dict) and line.get("type") in {"user", "assistant"}:
            has_messages = True
            _claude_message(message, tally)
    return tally.done() if has_messages else None


def _claude_message(message: dict[str, Any], tally: Tally) -> None:
    content, is_user = message.get("content"), message.get("role") == "user"
    usage = message.get("usage")
    if isinstance(usage, dict) and isinstance(message.get("id"), str):
        # One message is written over several lines, each with the same sum.
        tally.tokens[message["id"]] = _count(usage, "input_tokens") + _count(usage, "output_tokens")
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    for block in blocks if isinstance(blocks, list) else []:
        if not isinstance(block, dict):
            continue
        match block.get("type"):
            case "text" if is_user:
                tally.said(str(block.get("text", "")))
            case "tool_use" if block.get("name") in _SHELLS:
                given = block.get("input")
                tally.ran(str(block.get("id")), str(given.get("command", "")) if isinstance(given, dict) else "")
            case "tool_result":
                output, is_error = _text_of(block.get("content")), block.get("is_error") is True
                tally.returned(str(block.get("tool_use_id")), output, is_error=is_error)


def read_codex(sessions: Path, folder: Path, since: datetime, until: datetime) -> Signals | None:
    """The rollouts that Codex wrote for `folder` between two moments, together. None where there are none."""
    found = [
        signals for path in _rollouts(sessions, since, until) if (signals := _read_rollout(path, folder, since, until))
    ]
    if not found:
        return None
    together = found[0]
    for signals in found[1:]:
        together = together.plus(signals)
    return together


def _rollouts(sessions: Path, since: datetime, until: datetime) -> list[Path]:
    # A rollout lies in the folder of the day it began, by the local clock: a day more on either side.
    days = [since + timedelta(days=number) for number in range(-1, (until - since).days + 2)]
    folders = [sessions / f"{day:%Y}" / f"{day:%m}" / f"{day:%d}" for day in days]
    return sorted(path for day in folders if day.is_dir() for path in day.glob("rollout-*.jsonl"))


def _read_rollout(path: Path, folder: Path, since: datetime, until: datetime) -> Signals | None:
    tally, is_its = Tally(), False
    for line in objects(path):
        payload = line.get("payload")
        if not isinstance(payload, dict):
            continue
        if line.get("type") == "session_meta":
            is_its = _is_within(payload.get("cwd"), folder)
        if not is_its or not is_between(line.get("timestamp"), since, until):
            continue
        tally.at(line.get("timestamp"))
        _codex_line(str(line.get("type")), payload, tally)
    return tally.done() if tally.first else None


def _codex_line(kind: str, payload: dict[str, Any], tally: Tally) -> None:
    match kind, payload.get("type"):
        case "event_msg", "user_message":
            tally.said(str(payload.get("message", "")))
        case "event_msg", "turn_aborted":
            tally.add(interruptions=1)
        case "event_msg", "token_count":
            info = payload.get("info")
            total = info.get("total_token_usage") if isinstance(info, dict) else None
            if isinstance(total, dict):
                cached = _count(total, "cached_input_tokens")
                tally.tokens["all"] = _count(total, "input_tokens") - cached + _count(total, "output_tokens")
        case "response_item", "function_call" | "custom_tool_call" if payload.get("name") in _SHELLS:
            tally.ran(str(payload.get("call_id")), _command(payload.get("arguments")))
        case "response_item", "function_call_output" | "custom_tool_call_output":
            output = _flat(payload.get("output"))
            code = re.search(r"exit[_ ]code\W{1,4}(\d+)", output)
            tally.returned(str(payload.get("call_id")), output, is_error=code is not None and code[1] != "0")


def read_aider(path: Path, since: datetime, until: datetime) -> Signals | None:
    """Aider's chat history: the chats that began between two moments. Its lines are Markdown; `####` is the user."""
    tally, is_in = Tally(), False
    for line in _lines(path):
        text = line.decode("utf-8", "replace").rstrip()
        if text.startswith("# aider chat started at "):
            # Local time, without a zone.
            moment = text.removeprefix("# aider chat started at ").strip()
            is_in = is_between(_local(moment), since, until)
            tally.at(_local(moment) if is_in else None)
        elif is_in and text.startswith("#### "):
            tally.said(text.removeprefix("#### ").removeprefix("> "))
        elif is_in and text.startswith(("> Tests passed", "> Ran", "> pytest")):
            tally.signals = replace(tally.signals, tests=how_tests_ended(text, is_error=False))
    return replace(tally.done(), seconds=0.0) if tally.first else None


def objects(path: Path) -> Iterator[dict[str, Any]]:
    """The JSON objects of a file, line by line; what is none is passed over."""
    for line in _lines(path):
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict):
            yield found


def _lines(path: Path) -> Iterator[bytes]:
    try:
        # Not blocking: who puts a pipe in a record's place must not hold anybody up.
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
            about = os.fstat(file.fileno())
            if stat.S_ISREG(about.st_mode):
                yield from _bounded(file, about.st_size)
    except OSError as error:
        # The path is somebody's folders: the kind of fault is all that is said.
        logger.info("an agent's record cannot be read", extra={"error": type(error).__name__})


def _bounded(file: BinaryIO, size: int) -> Iterator[bytes]:
    """The lines of a record; of one that is too long the first, which may say whose it is, and those of its end."""
    left = _MOST_BYTES
    while left > 0 and (line := file.readline(_MOST_LINE_BYTES + 1)):
        if left == _MOST_BYTES and size > _MOST_BYTES:
            file.seek(size - _MOST_BYTES)
            file.readline(_MOST_LINE_BYTES)  # what is left of the line in which that is
        left -= len(line)
        if len(line) <= _MOST_LINE_BYTES:
            yield line


def _text_of(content: object) -> str:
    if isinstance(content, str):
        return content
    blocks = content if isinstance(content, list) else []
    return "\n".join(str(block.get("text", "")) for block in blocks if isinstance(block, dict))


def _flat(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _command(arguments: object) -> str:
    """The command in a call's arguments: `{"command": [...]}`, or `{"cmd": "..."}` in later versions."""
    try:
        given = json.loads(arguments) if isinstance(arguments, str) else arguments
    except (ValueError, RecursionError):
        return ""
    found = (given.get("command") or given.get("cmd")) if isinstance(given, dict) else None
    return " ".join(map(str, found)) if isinstance(found, list) else str(found or "")


def _count(tree: dict[str, Any], name: str) -> int:
    found = tree.get(name)
    return found if isinstance(found, int) and not isinstance(found, bool) and 0 <= found < 10**9 else 0


def _is_within(place: object, folder: Path) -> bool:
    return isinstance(place, str) and (Path(place) == folder or folder in Path(place).parents)


def _local(text: str) -> str | None:
    try:
        return datetime.fromisoformat(text).astimezone(UTC).isoformat()
    except ValueError:
        return None


def is_between(moment: object, since: datetime, until: datetime) -> bool:
    try:
        found = datetime.fromisoformat(str(moment))
    except ValueError:
        return False
    return since <= (found if found.tzinfo else found.replace(tzinfo=UTC)) < until
