"""Read a unified diff, as `git diff` and `diff -u` write it. Pure, and strict: what is not understood is an error, not skipped.

A tool that applies a diff may be more lenient than the one that judges it; so nothing but a preamble is passed over.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_HUNK = re.compile(r"@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@(?: [^\n]*)?")
_MODE = re.compile(r"(?:new file mode|deleted file mode|new mode|old mode|index [0-9a-f]+\.\.[0-9a-f]+)(?: (\d{6}))?")
_SIMILARITY = re.compile(r"(?:dis)?similarity index \d{1,3}%")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"(?:\t[^\n]*)?')
_ESCAPE = re.compile(r"\\([0-7]{3}|.)")
_LETTERS = {"a": "\a", "b": "\b", "t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r", '"': '"', "\\": "\\"}
_MARKS = {"120000": "link", "160000": "submodule"}
_NOWHERE = "/dev/null"
_MAIL_SIGNATURE = "-- "


class DiffSyntaxError(ValueError):
    """Malformed input. line: where, counting from 1."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(f"line {line}: {problem}")
        self.line = line
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Hunk:
    """lines: each with its tag, one of space, plus, minus."""

    old_start: int
    new_start: int
    lines: tuple[tuple[str, str], ...]

    @property
    def before(self) -> tuple[str, ...]:
        return tuple(text for tag, text in self.lines if tag != "+")

    @property
    def after(self) -> tuple[str, ...]:
        return tuple(text for tag, text in self.lines if tag != "-")

    def numbered(self, wanted: str) -> Iterator[tuple[int, str]]:
        number = self.new_start if wanted == "+" else self.old_start
        for tag, text in self.lines:
            if tag == wanted:
                yield number, text
            number += tag in {wanted, " "}


@dataclass(frozen=True, slots=True)
class DiffFile:
    """One file of a diff. old_path: set where the file was renamed or copied. marks: `binary`, `link`, `submodule`."""

    path: str
    old_path: str | None
    hunks: tuple[Hunk, ...]
    is_created: bool
    is_deleted: bool
    marks: tuple[str, ...] = ()

    @property
    def added(self) -> tuple[tuple[int, str], ...]:
        return tuple(line for hunk in self.hunks for line in hunk.numbered("+"))

    @property
    def removed(self) -> tuple[tuple[int, str], ...]:
        return tuple(line for hunk in self.hunks for line in hunk.numbered("-"))


def parse_unified(text: str) -> list[DiffFile]:
    """The files of a diff, in order. DiffSyntaxError (a ValueError) with the line where it is malformed or holds no file."""
    return _Reader(text.split("\n")).files()


@dataclass(slots=True)
class _Draft:
    """What has been read of one file so far."""

    header: str | None
    old: str | None = None
    new: str | None = None
    hunks: list[Hunk] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)
    is_created: bool = False
    is_deleted: bool = False


class _Reader:
    def __init__(self, lines: list[str]) -> None:
        self._lines = lines[:-1] if lines[-1] == "" else lines
        self._at = 0

    def files(self) -> list[DiffFile]:
        found = []
        self._skip_preamble()
        while self._line() is not None:
            found.append(self._file())
            if self._line() in {"", _MAIL_SIGNATURE}:
                self._skip_preamble()
        if not found:
            raise self._fault("no file header found")
        return found

    def _skip_preamble(self) -> None:
        """A mail's head or a commit's message may stand before the first file, and after a mail's end."""
        while (line := self._line()) is not None and not line.startswith(("diff --git ", "--- ")):
            if line.startswith(("+++ ", "@@ ", "@@@ ", "diff --cc ", "diff --combined ")):
                raise self._fault("a hunk or a combined diff without a file header")
            self._at += 1

    def _file(self) -> DiffFile:
        line = self._line() or ""
        if line.startswith("diff --git "):
            draft = _Draft(header=line.removeprefix("diff --git "))
            self._at += 1
            self._extended_headers(draft)
        elif line.startswith("--- "):
            draft = _Draft(header=None)
        else:
            raise self._fault("expected a file header")
        if (self._line() or "").startswith("--- "):
            self._names(draft)
            self._hunks(draft)
        return self._finished(draft)

    def _extended_headers(self, draft: _Draft) -> None:
        while (line := self._line()) is not None and not line.startswith(("diff --git ", "--- ")):
            if line in {"", _MAIL_SIGNATURE}:
                break
            if not self._is_extended_header(line, draft):
                raise self._fault("not a line of a diff's header")
            self._at += 1

    def _is_extended_header(self, line: str, draft: _Draft) -> bool:
        if line.startswith(("rename from ", "copy from ")):
            draft.old = self._path(line.split(" from ", 1)[1], "")
        elif line.startswith(("rename to ", "copy to ")):
            draft.new = self._path(line.split(" to ", 1)[1], "")
        elif line.startswith("Binary files ") or line == "GIT binary patch":
            draft.marks.append("binary")
            self._skip_binary()
        elif mode := _MODE.fullmatch(line):
            draft.is_created |= line.startswith("new file")
            draft.is_deleted |= line.startswith("deleted file")
            draft.marks += [mark for number, mark in _MARKS.items() if mode.group(1) == number]
        else:
            return _SIMILARITY.fullmatch(line) is not None
        return True

    def _skip_binary(self) -> None:
        """Nothing in a binary patch is read: the file is marked, and the mark refuses it."""
        while self._at + 1 < len(self._lines) and not self._lines[self._at + 1].startswith(("diff --git ", "--- ")):
            self._at += 1

    def _names(self, draft: _Draft) -> None:
        old = self._name("--- ", "a/")
        new = self._name("+++ ", "b/")
        if old == new == _NOWHERE:
            raise self._fault("both sides of a file are absent")
        draft.is_created |= old == _NOWHERE
        draft.is_deleted |= new == _NOWHERE
        draft.old = new if old == _NOWHERE else old
        draft.new = old if new == _NOWHERE else new

    def _name(self, marker: str, prefix: str) -> str:
        line = self._line() or ""
        if not line.startswith(marker):
            raise self._fault(f"expected a line that starts with {marker.strip()}")
        name = self._path(line.removeprefix(marker), prefix)
        self._at += 1
        return name

    def _path(self, text: str, prefix: str) -> str:
        name = self._unquote(text) if text.startswith('"') else text.partition("\t")[0]
        if not name:
            raise self._fault("a file has no name")
        return name if name == _NOWHERE else name.removeprefix(prefix)

    def _unquote(self, name: str) -> str:
        """Git's C-style quoting: `\\303\\251` are bytes of UTF-8."""
        quoted = _QUOTED.fullmatch(name)
        if quoted is None:
            raise self._fault("a quoted name does not end")
        raw = _ESCAPE.sub(self._unescape, quoted.group(1))
        try:
            return raw.encode("utf-8", "surrogateescape").decode("utf-8")
        except UnicodeError as fault:
            raise self._fault("a quoted name is not UTF-8") from fault

    def _unescape(self, match: re.Match[str]) -> str:
        code = match.group(1)
        if len(code) == 3:
            value = int(code, 8)
            if value > 255:
                raise self._fault("a quoted name holds no such byte")
            return bytes([value]).decode("utf-8", "surrogateescape")
        if code not in _LETTERS:
            raise self._fault("a quoted name holds an unknown escape")
        return _LETTERS[code]

    def _hunks(self, draft: _Draft) -> None:
        while (line := self._line()) is not None and line.startswith("@@"):
            draft.hunks.append(self._hunk(line))
        if not draft.hunks:
            raise self._fault("expected a hunk")

    def _hunk(self, header: str) -> Hunk:
        match = _HUNK.fullmatch(header)
        if match is None:
            raise self._fault("not a hunk's header")
        old_start, old_count, new_start, new_count = (1 if part is None else int(part) for part in match.groups())
        self._at += 1
        lines = tuple(self._hunk_lines(old_count, new_count))
        return Hunk(old_start, new_start, lines)

    def _hunk_lines(self, old_left: int, new_left: int) -> Iterator[tuple[str, str]]:
        while old_left or new_left:
            line = self._line()
            if line is None:
                raise self._fault("the diff ends inside a hunk")
            tag, text = (line[0], line[1:]) if line else (" ", "")
            if tag != "\\":
                old_left -= tag in {" ", "-"}
                new_left -= tag in {" ", "+"}
                if tag not in {" ", "+", "-"} or old_left < 0 or new_left < 0:
                    raise self._fault("a hunk does not have the lines that its header counts")
                yield tag, text
            self._at += 1
        if (self._line() or "").startswith("\\"):
            self._at += 1

    def _finished(self, draft: _Draft) -> DiffFile:
        path = draft.new or self._path_of_header(draft)
        if draft.header is not None and draft.old == path != self._path_of_header(draft):
            raise self._fault("a file's header and its names differ")
        old_path = draft.old if draft.old is not None and draft.old != path else None
        return DiffFile(
            path, old_path, tuple(draft.hunks), draft.is_created, draft.is_deleted, tuple(dict.fromkeys(draft.marks))
        )

    def _path_of_header(self, draft: _Draft) -> str:
        """`a/NAME b/NAME`, where no other line gives the name: a change of mode, or an empty file."""
        header = draft.header or ""
        if header.startswith('"'):
            middle = header.find('" "')
            return self._path(header[: middle + 1], "a/").removeprefix("a/")
        half = len(header) // 2
        if header[half : half + 1] != " " or header[2:half] != header[half + 3 :]:
            raise self._fault("cannot tell the file's name")
        return self._path(header[:half], "a/")

    def _line(self) -> str | None:
        return self._lines[self._at] if self._at < len(self._lines) else None

    def _fault(self, problem: str) -> DiffSyntaxError:
        return DiffSyntaxError(min(self._at, len(self._lines) - 1) + 1 if self._lines else 1, problem)
