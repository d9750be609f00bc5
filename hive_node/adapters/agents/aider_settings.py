"""Our entry in `.aider.conf.yml`: one more file under `read:`, in whichever of YAML's forms its user wrote that, and a model."""

import re
from dataclasses import dataclass
from typing import Final

from hive_node.adapters.agents.blocks import HASH, Block, newline_of
from hive_node.ports.agents import AgentFault

SETTINGS: Final = ".aider.conf.yml"
CONVENTIONS: Final = ".aider.hive-node.md"
_READ: Final = re.compile(rb"^read[ \t]*:[ \t]*(?P<value>[^\r\n#]*?)[ \t]*(?:#[^\r\n]*)?\r?$", re.MULTILINE)
_MODEL: Final = re.compile(rb"^model[ \t]*:", re.MULTILINE)
_NEXT_ITEM: Final = re.compile(rb"\A\r?\n(?P<indent>[ \t]*)-")


@dataclass(frozen=True, slots=True)
class AiderSettings:
    """reads: whether our conventions are to be read. model: None leaves it to the user."""

    reads: bool
    model: str | None = None
    path: str = SETTINGS

    def put(self, before: bytes | None) -> bytes | None:
        """As Piece.put."""
        bare = self._bare(before or b"")
        if self.model and _MODEL.search(bare):
            raise AgentFault(
                "agent.model-set", f"{self.path} names a model already: that is its user's choice, leave out --model"
            )
        bare, own = self._in_place(bare) if self.reads else (bare, [])
        own += [f"model: {self.model}"] if self.model else []
        done = self._block("\n".join(own)).put(bare)
        return None if before is None and not done else done

    def take(self, now: bytes, original: bytes | None) -> bytes | None:
        """As Piece.take. A single file that stood alone under `read:` stands alone again."""
        left = self._bare(now)
        found, first = _READ.search(left), _READ.search(original or b"")
        if found and first and not first["value"].startswith(b"[") and found["value"] == b"[" + first["value"] + b"]":
            left = left[: found.start("value")] + first["value"] + left[found.end("value") :]
        return None if original is None and not left.strip() else left

    def ours(self, now: bytes) -> bytes | None:
        """As Piece.ours."""
        block = self._block("").ours(now)
        return block if block is not None else (CONVENTIONS.encode() if CONVENTIONS.encode() in now else None)

    def _block(self, text: str) -> Block:
        return Block(self.path, text, HASH)

    def _bare(self, content: bytes) -> bytes:
        """The file without our block, and without our entry."""
        content = self._block("").take(content, b"") or b""
        entry = re.escape(CONVENTIONS.encode())
        content = re.sub(rb"^[ \t]*-[ \t]*" + entry + rb"[ \t]*\r?\n", b"", content, flags=re.MULTILINE)
        return re.sub(rb"(?<=\[)" + entry + rb"(?:, )?", b"", content)

    def _in_place(self, bare: bytes) -> tuple[bytes, list[str]]:
        """The file with our entry where `read:` stands; else what our block says."""
        found = list(_READ.finditer(bare))
        if not found:
            return bare, [f"read: [{CONVENTIONS}]"]
        if len(found) > 1:
            raise AgentFault("agent.settings-shape", f"{self.path}: `read:` stands more than once: join the two")
        value, entry = found[0]["value"], CONVENTIONS.encode()
        start, end = found[0].span("value")
        if value.startswith(b"["):
            return bare[: start + 1] + entry + (b"" if value[1:].strip() == b"]" else b", ") + bare[start + 1 :], []
        if value:
            return bare[:start] + b"[" + entry + b", " + value + b"]" + bare[end:], []
        line_end = bare.index(b"\n", end) if b"\n" in bare[end:] else len(bare)
        line_end -= bare[line_end - 1 : line_end] == b"\r"
        item = _NEXT_ITEM.match(bare[line_end:])
        indent = item["indent"] if item else b"  "
        return bare[:line_end] + newline_of(bare) + indent + b"- " + entry + bare[line_end:], []
