"""Our entries in Claude Code's `settings.json`: merged into what its user wrote, comments and all, and found again."""

import json
import re
import shlex
from dataclasses import dataclass
from typing import Any, Final

from hive_node.adapters.agents import jsonc
from hive_node.ports.agents import AgentFault

EVENTS: Final = ("SessionStart", "Stop", "SessionEnd")
_HOOKS: Final = "hooks"
# Longer than the hook's own limit of 2 s, so that the agent never has to end it.
_TIMEOUT_S: Final = 5
_OURS: Final = re.compile(r"hive[-_]node\S* .*\bagent hook (?:" + "|".join(EVENTS) + r")\s*$")


@dataclass(frozen=True, slots=True)
class Hooks:
    """One entry for each event. command: the hook's command line without the event, as a shell reads it."""

    path: str
    command: str

    def put(self, before: bytes | None) -> bytes | None:
        """As Piece.put."""
        text = "{}\n" if before is None or not before.strip() else self._decoded(before)
        for event in reversed(EVENTS):
            text = self._with(text, event)
        return text.encode("utf-8")

    def take(self, now: bytes, original: bytes | None) -> bytes | None:
        """As Piece.take. What held nothing but our entries, and was not there before, goes with them."""
        text = self._decoded(now)
        had = self._read(self._decoded(original)).value if original and original.strip() else {}
        for event in EVENTS:
            text = self._without(text, event, keeps=event in (had.get(_HOOKS) or {}))
        hooks = self._read(text).at(_HOOKS)
        if hooks is not None and not hooks.items and _HOOKS not in had:
            text = jsonc.cut(text, hooks, 0)
        return None if original is None and not self._read(text).items else text.encode("utf-8")

    def ours(self, now: bytes) -> bytes | None:
        """As Piece.ours: what our entries say, however they are laid out."""
        root = self._read(self._decoded(now))
        found = {event: [item.value for item in self._entries(root, event)] for event in EVENTS}
        return json.dumps(found, sort_keys=True).encode() if any(found.values()) else None

    def _with(self, text: str, event: str) -> str:
        """The text with exactly one entry of ours under `event`."""
        text = self._without(text, event, keeps=True)
        entry = json.dumps(self._entry(event), indent=2, ensure_ascii=False)
        root = self._read(text)
        hooks = root.at(_HOOKS)
        if hooks is None:
            return jsonc.insert_first(
                text, root, f'"{_HOOKS}": {{\n  "{event}": [\n    {_deeper(entry, 2)}\n  ]\n}}', 0
            )
        entries = self._checked(hooks, is_object=True).at(event)
        if entries is None:
            return jsonc.insert_first(text, hooks, f'"{event}": [\n  {_deeper(entry, 1)}\n]', 1)
        return jsonc.insert_first(text, self._checked(entries, is_object=False), entry, 2)

    def _without(self, text: str, event: str, *, keeps: bool) -> str:
        while found := self._entries(self._read(text), event):
            text = jsonc.cut(text, found[0], 2)
        hooks = self._read(text).at(_HOOKS)
        entries = hooks.at(event) if hooks and hooks.is_object else None
        if entries is not None and not keeps and not entries.items:
            text = jsonc.cut(text, entries, 1)
        return text

    def _entries(self, root: jsonc.Node, event: str) -> list[jsonc.Node]:
        hooks = root.at(_HOOKS)
        entries = hooks.at(event) if hooks and hooks.is_object else None
        return [item for item in entries.items if _is_ours(item.value)] if entries and entries.is_array else []

    def _entry(self, event: str) -> dict[str, Any]:
        # Settings are shared with a team: where this program is not, nothing is run, and nobody is told of a failure.
        program = shlex.quote(shlex.split(self.command)[0])
        command = f"[ ! -x {program} ] || {self.command} agent hook {event}"
        hook = {"type": "command", "command": command, "timeout": _TIMEOUT_S}
        return {"matcher": "", "hooks": [hook]}

    def _read(self, text: str) -> jsonc.Node:
        try:
            return self._checked(jsonc.read(text), is_object=True)
        except jsonc.NotJson as error:
            line = text.count("\n", 0, error.position) + 1
            raise AgentFault(
                "agent.settings-unreadable",
                f"{self.path}:{line}: this is not JSON, not even with comments: repair it first",
            ) from error

    def _checked(self, node: jsonc.Node, *, is_object: bool) -> jsonc.Node:
        if node.is_object is not is_object or node.is_array is is_object:
            raise AgentFault(
                "agent.settings-shape",
                f"{self.path}: `{_HOOKS}` is not an object of lists, as Claude Code reads it: repair it first",
            )
        return node

    def _decoded(self, content: bytes) -> str:
        try:
            return content.decode("utf-8")
        except UnicodeDecodeError as error:
            raise AgentFault("agent.settings-unreadable", f"{self.path}: not UTF-8 at byte {error.start}") from error


def _is_ours(entry: Any) -> bool:
    hooks = entry.get(_HOOKS) if isinstance(entry, dict) else None
    commands = [one.get("command") for one in hooks if isinstance(one, dict)] if isinstance(hooks, list) else []
    return any(isinstance(one, str) and _OURS.search(one) is not None for one in commands)


def _deeper(text: str, levels: int) -> str:
    return text.replace("\n", "\n" + "  " * levels)
