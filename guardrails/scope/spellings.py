"""The ways in which a name of this machine may be written: in any case, joined, cut at its seams by what people put
there.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from guardrails.scope.words import words

NameKind: TypeAlias = Literal["user", "host", "home", "git_name", "git_email", "remote_host", "address"]

# Of these a person's own spelling may differ; an address or an e-mail is itself or nothing.
_FOLDED: Final[frozenset[NameKind]] = frozenset({"user", "host", "git_name", "remote_host"})
_SEPARATORS: Final = "-_. \t\r\n+"
# Folders too: a path is written with other slashes elsewhere, twice in a string literal, and as one word in file names.
_SLASHES: Final = "/\\"
_PATH_SEPARATORS: Final = "/\\-_."
# More between two parts of a name is a new sentence, or a trap.
_GAP_CHARS: Final = 3
_LEAST_PIVOT_CHARS: Final = 3
# A shorter name of one part is a word of the language too often: it counts only where a name stands, in a path or an
# address. So does a word that is one.
_SURE_NAME_CHARS: Final = 5
_BEFORE_NAMES: Final = frozenset("/\\~@")
_SURE: Final = 0.95
# Below what refuses code: `matrix` is somebody's host, and a word in everybody's.
_DOUBTFUL: Final = 0.5


@dataclass(frozen=True, slots=True, repr=False)
class Spelling:
    """One name in its parts, small letters, as they may stand with or without a separator between them.

    source: where it is known from. leads: what must stand before it, and is a part of it. least_gap: how many separators
    must stand between two parts.
    """

    kind: NameKind
    source: str | None
    parts: tuple[str, ...]
    separators: str = _SEPARATORS
    least_gap: int = 0
    leads: str = ""

    @classmethod
    def of(cls, kind: NameKind, value: str, source: str | None) -> "Spelling":
        """The spelling of a name as its owner writes it."""
        if kind == "home":
            parts = tuple(lower(value.translate(_AT_SLASHES)).split())
            return cls(kind, source, parts, _PATH_SEPARATORS, 1, _SLASHES + "-")
        if kind in _FOLDED:
            return cls(kind, source, tuple(lower(part) for part in _parts(value)))
        return cls(kind, source, (lower(value),), separators="")

    @property
    def pivot(self) -> int:
        """The part by which it is sought: the longest; a path's last one, as many begin alike."""
        last = len(self.parts) - 1
        if self.kind == "home" and len(self.parts[last]) >= _LEAST_PIVOT_CHARS:
            return last
        return max(range(len(self.parts)), key=lambda index: len(self.parts[index]))

    def at(self, text: str, place: int) -> tuple[int, int, float] | None:
        """Where the name stands whose pivot begins at `place`, and how sure that is; None where it is another word."""
        end = self._forward(text, place)
        start = self._backward(text, place)
        if start is None or end is None or not is_apart(text, start, end):
            return None
        if self.kind not in _FOLDED or len(self.parts) > 1:
            return start, end, _SURE
        if text[start - 1 : start] in _BEFORE_NAMES or text[end : end + 1] == "@":
            return start, end, _SURE
        if end - start < _SURE_NAME_CHARS:
            return None
        return start, end, _DOUBTFUL if self.parts[0] in words("ordinary-words") else _SURE

    def _forward(self, text: str, place: int) -> int | None:
        end = place + len(self.parts[self.pivot])
        for part in self.parts[self.pivot + 1 :]:
            begins = next((at for at in self._gaps(text, end, 1) if _reads(text, at, at + len(part), part)), None)
            if begins is None:
                return None
            end = begins + len(part)
        return end

    def _backward(self, text: str, place: int) -> int | None:
        start = place
        for part in reversed(self.parts[: self.pivot]):
            ends = next((at for at in self._gaps(text, start, -1) if _reads(text, at - len(part), at, part)), None)
            if ends is None:
                return None
            start = ends - len(part)
        if not self.leads:
            return start
        return start - 1 if start and text[start - 1] in self.leads else None

    def _gaps(self, text: str, place: int, step: Literal[1, -1]) -> Iterator[int]:
        """Where the next part may begin, or the one before end, with more and more separators between."""
        for gap in range(_GAP_CHARS + 1):
            if gap >= self.least_gap:
                yield place
            beside = place if step == 1 else place - 1
            if not (0 <= beside < len(text)) or text[beside] not in self.separators:
                return
            place += step


_AT_SLASHES: Final = str.maketrans(dict.fromkeys(_PATH_SEPARATORS, " "))


def is_apart(text: str, start: int, end: int) -> bool:
    """Whether text[start:end] is no part of a longer word. A capital after a small letter begins a word."""
    before, first = text[start - 1 : start] if start else "", text[start]
    last, after = text[end - 1], text[end : end + 1]
    is_free_before = not (before.isalnum() and first.isalnum()) or (before.islower() and first.isupper())
    return is_free_before and (not (after.isalnum() and last.isalnum()) or (last.islower() and after.isupper()))


def lower(text: str) -> str:
    """In small letters, character for character."""
    # The one capital whose small form has two characters would move every place after it.
    return text.replace("\u0130", "I").lower()


def _parts(value: str) -> list[str]:
    """The words that a name is made of: at separators, and where a capital follows a small letter."""
    spaced = "".join(
        " " + one if one.isupper() and before.islower() else one
        for before, one in zip(" " + value, value, strict=False)
    )
    return spaced.translate(_AT_SEPARATORS).split() or [value]


_AT_SEPARATORS: Final = str.maketrans(dict.fromkeys(_SEPARATORS, " "))


def _reads(text: str, start: int, end: int, part: str) -> bool:
    return start >= 0 and lower(text[start:end]) == part
