"""Cursor's transcripts, which it writes for hooks and tools: what its user said and stopped, and when.

`~/.cursor/projects/FOLDER/agent-transcripts/`, a file a conversation: lines `{"role", "message": {"content": [...]}}` as Claude Code has
them, and `{"type": "turn_ended", "status"}`. What a tool returned is not in them, nor what anything cost; the only times are
those that stand before a user's words. docs/agents.md says why its hooks are not used.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Final

from hive_node.adapters.agents.records import Tally, is_between, objects
from hive_node.agents.signals import Signals

# As in "Tuesday, Jul 21, 2026, 1:11 PM (UTC+5:30)".
_STAMP: Final = re.compile(
    r"\A\s*<timestamp>\s*[A-Za-z]+, (?P<moment>[A-Z][a-z]{2} \d{1,2}, \d{4}, \d{1,2}:\d{2} [AP]M)"
    r" \(UTC(?:(?P<sign>[+-])(?P<hours>\d{1,2})(?::(?P<minutes>\d{2}))?)?\)\s*</timestamp>"
)
_QUERY: Final = ("<user_query>", "</user_query>")
_ABORTED: Final = "aborted"


def read_cursor(projects: Path, folder: Path, since: datetime, until: datetime) -> Signals | None:
    """What was said and stopped in `folder` between two moments. None where no words of its user's fall there."""
    tally = Tally()
    for path in _transcripts(projects, folder, since):
        _read(path, since, until, tally)
    # How long a turn took is told of none.
    return replace(tally.done(), seconds=0.0) if tally.first else None


def _transcripts(projects: Path, folder: Path, since: datetime) -> list[Path]:
    """Its conversations' files that were written to since then; those of its helpers lie one folder deeper."""
    wanted = _as_it_names(str(folder))
    own = [one for one in _entries(projects) if _as_it_names(one.name) == wanted]
    kept = [one for place in own for one in _entries(place / "agent-transcripts")]
    files = [one / f"{one.name}.jsonl" if one.is_dir() else one for one in kept]
    return sorted(file for file in files if file.suffix == ".jsonl" and _is_written_since(file, since))


def _entries(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from folder.iterdir()


def _as_it_names(path: str) -> str:
    """How it makes a folder's name of a path; which other signs become dashes changed between its versions."""
    return re.sub(r"[^A-Za-z0-9]+", "-", path).strip("-")


def _is_written_since(file: Path, moment: datetime) -> bool:
    try:
        return file.stat().st_mtime >= moment.timestamp()
    except OSError:  # taken away meanwhile
        return False


def _read(path: Path, since: datetime, until: datetime, tally: Tally) -> None:
    is_in = False
    for line in objects(path):
        if line.get("type") == "turn_ended":
            tally.add(interruptions=is_in and _is_stopped(line))
        elif line.get("role") == "user":
            for text in _texts(line):
                if (moment := _moment(text)) is not None:
                    is_in = is_between(moment, since, until)
                    tally.at(moment if is_in else None)
                if is_in and (words := _words(text)):
                    tally.said(words)


def _is_stopped(line: dict[str, Any]) -> bool:
    return line.get("status") == _ABORTED or _ABORTED in str(line.get("error", ""))


def _texts(line: dict[str, Any]) -> list[str]:
    message = line.get("message")
    content = message.get("content") if isinstance(message, dict) else None
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    found = [one for one in blocks if isinstance(one, dict)] if isinstance(blocks, list) else []
    return [str(one.get("text", "")) for one in found if one.get("type") == "text"]


def _moment(text: str) -> str | None:
    """When it was said; None where that is not told, or not in a way that is known."""
    found = _STAMP.match(text)
    if found is None:
        return None
    ahead = timedelta(hours=int(found["hours"] or 0), minutes=int(found["minutes"] or 0))
    try:
        zone = timezone(-ahead if found["sign"] == "-" else ahead)
        moment = datetime.strptime(found["moment"], "%b %d, %Y, %I:%M %p").replace(tzinfo=zone)
        return moment.astimezone(UTC).isoformat()
    except (ValueError, OverflowError):
        return None


def _words(text: str) -> str:
    """What a person wrote; nothing where the agent spoke in a person's place."""
    opens, closes = _QUERY
    _, tag, rest = text.partition(opens)
    if tag:
        return rest.partition(closes)[0].strip()
    return "" if (bare := _STAMP.sub("", text).strip()).startswith("<") else bare
