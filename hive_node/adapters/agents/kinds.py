"""The coding agents that this node knows: what each reads of a variant, and where."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from hive_node.adapters.agents.aider_settings import CONVENTIONS, SETTINGS, AiderSettings
from hive_node.adapters.agents.blocks import Block, OwnFile
from hive_node.adapters.agents.hooks import Hooks
from hive_node.agents.signals import Signals
from hive_node.agents.variant import Variant, canonical_json
from hive_node.agents.wording import instructions
from hive_node.ports.agents import AgentAdapter, Piece

_CURSOR_RULES: Final = ".cursor/rules/hive-node.mdc"
_CURSOR_HEAD: Final = "---\ndescription: How to work in this project\nglobs:\nalwaysApply: true\n---\n\n"


@dataclass(frozen=True, slots=True)
class ClaudeCode:
    """Hooks in its settings; each session is told its own variant when it starts, so nothing of a variant is in a file."""

    kind: str = "claude-code"
    tells_sessions: bool = True
    needs_folder: bool = True

    def detect(self, folder: Path) -> bool:
        """As AgentAdapter.detect."""
        return (folder / ".claude").is_dir() or (folder / "CLAUDE.md").is_file()

    def render(self, variant: Variant) -> Mapping[str, bytes]:
        """As AgentAdapter.render. Its model is the user's choice: no hook can change it."""
        return {"additionalContext": instructions(variant).encode("utf-8")}

    def pieces(self, variant: Variant, hook: str) -> Sequence[Piece]:
        """As AgentAdapter.pieces."""
        return [Hooks(".claude/settings.json", hook)]

    def answer(self, variant: Variant) -> str:
        """As AgentAdapter.answer."""
        text = instructions(variant)
        told = {"hookEventName": "SessionStart", "additionalContext": text}
        return json.dumps({"hookSpecificOutput": told}) if text else ""

    def read(self, transcript: str | None, folder: Path | None, since: datetime, until: datetime) -> Signals | None:
        """As AgentAdapter.read."""
        from hive_node.adapters.agents.records import read_claude  # its patterns are for nodes that look after an agent

        return read_claude(Path(transcript)) if transcript else None


@dataclass(frozen=True, slots=True)
class Codex:
    """A block in AGENTS.md; its rollouts lie by day below `sessions`."""

    sessions: Path = field(default_factory=lambda: Path.home() / ".codex" / "sessions")
    kind: str = "codex"
    tells_sessions: bool = False
    needs_folder: bool = True

    def detect(self, folder: Path) -> bool:
        """As AgentAdapter.detect."""
        return (folder / ".codex").is_dir() or (folder / "AGENTS.md").is_file()

    def render(self, variant: Variant) -> Mapping[str, bytes]:
        """As AgentAdapter.render."""
        return {"AGENTS.md": instructions(variant).encode("utf-8")}

    def pieces(self, variant: Variant, hook: str) -> Sequence[Piece]:
        """As AgentAdapter.pieces."""
        return [Block("AGENTS.md", instructions(variant))]

    def answer(self, variant: Variant) -> str:
        """As AgentAdapter.answer: it has no hook."""
        return ""

    def read(self, transcript: str | None, folder: Path | None, since: datetime, until: datetime) -> Signals | None:
        """As AgentAdapter.read."""
        from hive_node.adapters.agents.records import read_codex

        return read_codex(self.sessions, folder, since, until) if folder else None


@dataclass(frozen=True, slots=True)
class Cursor:
    """A rules file of its own; its transcripts lie by folder below `projects`."""

    projects: Path = field(default_factory=lambda: Path.home() / ".cursor" / "projects")
    kind: str = "cursor"
    tells_sessions: bool = False
    needs_folder: bool = True

    def detect(self, folder: Path) -> bool:
        """As AgentAdapter.detect."""
        return (folder / ".cursor").is_dir() or (folder / ".cursorrules").is_file()

    def render(self, variant: Variant) -> Mapping[str, bytes]:
        """As AgentAdapter.render."""
        text = instructions(variant)
        return {_CURSOR_RULES: f"{_CURSOR_HEAD}{text}\n".encode() if text else b""}

    def pieces(self, variant: Variant, hook: str) -> Sequence[Piece]:
        """As AgentAdapter.pieces."""
        return [OwnFile(_CURSOR_RULES, self.render(variant)[_CURSOR_RULES].decode("utf-8"))]

    def answer(self, variant: Variant) -> str:
        """As AgentAdapter.answer: what its hook tells when a session begins does not reach its desktop app."""
        return ""

    def read(self, transcript: str | None, folder: Path | None, since: datetime, until: datetime) -> Signals | None:
        """As AgentAdapter.read."""
        from hive_node.adapters.agents.cursor_records import read_cursor

        return read_cursor(self.projects, folder, since, until) if folder else None


@dataclass(frozen=True, slots=True)
class Aider:
    """A conventions file of its own, named under `read:`; and a model where the user named one for us."""

    kind: str = "aider"
    tells_sessions: bool = False
    needs_folder: bool = True

    def detect(self, folder: Path) -> bool:
        """As AgentAdapter.detect."""
        return any((folder / name).is_file() for name in (SETTINGS, ".aider.chat.history.md"))

    def render(self, variant: Variant) -> Mapping[str, bytes]:
        """As AgentAdapter.render."""
        text = instructions(variant)
        model = {f"{SETTINGS}:model": variant.model_pref.encode()} if variant.model_pref else {}
        return {CONVENTIONS: f"{text}\n".encode() if text else b"", **model}

    def pieces(self, variant: Variant, hook: str) -> Sequence[Piece]:
        """As AgentAdapter.pieces."""
        text = self.render(variant)[CONVENTIONS].decode("utf-8")
        return [OwnFile(CONVENTIONS, text), AiderSettings(bool(text), variant.model_pref)]

    def answer(self, variant: Variant) -> str:
        """As AgentAdapter.answer: it has no hook."""
        return ""

    def read(self, transcript: str | None, folder: Path | None, since: datetime, until: datetime) -> Signals | None:
        """As AgentAdapter.read."""
        from hive_node.adapters.agents.records import read_aider

        return read_aider(folder / ".aider.chat.history.md", since, until) if folder else None


@dataclass(frozen=True, slots=True)
class Generic:
    """Anything that speaks to the admin API: it starts and ends sessions itself, and is handed the whole variant."""

    kind: str = "generic"
    tells_sessions: bool = True
    needs_folder: bool = False

    def detect(self, folder: Path) -> bool:
        """As AgentAdapter.detect: nobody can see."""
        return False

    def render(self, variant: Variant) -> Mapping[str, bytes]:
        """As AgentAdapter.render."""
        return {"variant": canonical_json(variant).encode("utf-8")}

    def pieces(self, variant: Variant, hook: str) -> Sequence[Piece]:
        """As AgentAdapter.pieces."""
        return []

    def answer(self, variant: Variant) -> str:
        """As AgentAdapter.answer: it has no hook."""
        return ""

    def read(self, transcript: str | None, folder: Path | None, since: datetime, until: datetime) -> Signals | None:
        """As AgentAdapter.read."""
        return None


def all_adapters() -> dict[str, AgentAdapter]:
    """Every kind, by its name."""
    known: tuple[AgentAdapter, ...] = (ClaudeCode(), Codex(), Cursor(), Aider(), Generic())
    return {one.kind: one for one in known}
