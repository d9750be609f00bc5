"""Our own lines in a file of somebody else's: between two marks, wherever the user moves them. Every other byte is the user's."""

import re
from dataclasses import dataclass
from typing import Final

from hive_node.ports.agents import AgentFault

_BEGIN: Final = "hive-node:begin"
_END: Final = "hive-node:end"
# The file did not end its last line: the newline before our first mark is ours too.
_JOINED: Final = " joined"


@dataclass(frozen=True, slots=True)
class Comment:
    """How a comment of one line is written in a file."""

    opens: str
    closes: str = ""

    def line(self, text: str) -> str:
        """The line, without its end."""
        return f"{self.opens} {text}{' ' if self.closes else ''}{self.closes}"


MARKDOWN: Final = Comment("<!--", "-->")
HASH: Final = Comment("#")


@dataclass(frozen=True, slots=True)
class Block:
    """A marked block in the file at `path`. text: LF lines; empty: there is to be no block."""

    path: str
    text: str
    comment: Comment = MARKDOWN

    def put(self, before: bytes | None) -> bytes | None:
        """As Piece.put."""
        if not self.text:
            return None if before is None else self._without(before)
        content = before or b""
        if found := self._find(content):
            ours = self._lines(found["eol"], is_joined=bool(found["joined"]))
            return content[: found.start()] + ours + content[found.end() :]
        eol = newline_of(content)
        is_joined = bool(content) and not content.endswith(b"\n")
        return content + (eol if is_joined else b"") + self._lines(eol, is_joined=is_joined)

    def take(self, now: bytes, original: bytes | None) -> bytes | None:
        """As Piece.take."""
        left = self._without(now)
        return None if original is None and not left.strip() else left

    def ours(self, now: bytes) -> bytes | None:
        """As Piece.ours. The ends of its lines say nothing."""
        found = self._find(now)
        return found["text"].replace(b"\r\n", b"\n") if found else None

    def _without(self, now: bytes) -> bytes:
        found = self._find(now)
        if found is None:
            return now
        before, after = now[: found.start()], now[found.end() :]
        if found["joined"] and not after:
            before = before.removesuffix(found["eol"])
        return before + after

    def _lines(self, eol: bytes, *, is_joined: bool) -> bytes:
        begin = self.comment.line(_BEGIN + (_JOINED if is_joined else ""))
        lines = [begin, *self.text.split("\n"), self.comment.line(_END)]
        return b"".join(line.encode("utf-8") + eol for line in lines)

    def _find(self, content: bytes) -> re.Match[bytes] | None:
        opens, closes = re.escape(self.comment.opens), re.escape(self.comment.closes)
        begin = rf"^[ \t]*{opens} {_BEGIN}(?P<joined>{_JOINED})?[ \t]*{closes}[ \t]*(?P<eol>\r?\n)"
        end = rf"^[ \t]*{opens} {_END}[ \t]*{closes}[ \t]*(?:\r?\n|\Z)"
        whole = re.compile(f"{begin}(?P<text>.*?){end}".encode(), re.MULTILINE | re.DOTALL)
        found = whole.search(content)
        marks = content.count(_BEGIN.encode()), content.count(_END.encode())
        if marks != ((1, 1) if found else (0, 0)):
            raise AgentFault(
                "agent.block-broken",
                f"{self.path}: `{_BEGIN}` and `{_END}` do not stand once each, in this order: put them right, or delete both",
            )
        return found


def newline_of(content: bytes) -> bytes:
    """How the file ends its lines."""
    return b"\r\n" if b"\r\n" in content else b"\n"


@dataclass(frozen=True, slots=True)
class OwnFile:
    """A file that is ours alone. text: empty: there is to be none."""

    path: str
    text: str

    def put(self, before: bytes | None) -> bytes | None:
        """As Piece.put."""
        return self.text.encode("utf-8") if self.text else None

    def take(self, now: bytes, original: bytes | None) -> bytes | None:
        """As Piece.take: what lay there before, if anything did."""
        return original

    def ours(self, now: bytes) -> bytes | None:
        """As Piece.ours."""
        return now
