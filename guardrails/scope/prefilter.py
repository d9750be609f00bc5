"""One pass over a text that says which patterns could match in it at all.

Two rungs with the same answer: the patterns whose sign is in the text. Hyperscan looks for all signs at once;
Aho-Corasick looks for their keywords, then for the signs of those that it saw, and needs nothing but its own wheel.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final, Literal, Protocol, TypeAlias

from guardrails.scope.detectors import compile_regex

# A pattern with more keywords is a list of words.
_LIST_WORDS: Final = 24

Backend: TypeAlias = Literal["hyperscan", "aho-corasick"]
# From a fingerprint to what was saved under it, or None.
Saved: TypeAlias = Callable[[str], bytes | None]


class Pattern(Protocol):
    """What a prefilter knows of a detector or decoder."""

    @property
    def sign(self) -> str | tuple[str, ...]:
        """What is there wherever the pattern matches: RE2 syntax, which Hyperscan reads alike, over text of one byte
        a character. Several where one would be too large: any of them is there.
        """

    @property
    def keywords(self) -> Sequence[str]:
        """Lower-case texts of which any matching text contains at least one; empty where it need contain none."""


class Prefilter(Protocol):
    """Names the patterns that could match."""

    backend: Backend

    def candidates(self, data: bytes) -> list[int]:
        """Indices of the patterns whose sign is somewhere in `data`, ascending."""

    def to_save(self) -> Mapping[str, bytes]:
        """What its construction is spared by, under its fingerprint; nothing where that is quick."""


def build_prefilter(
    patterns: Sequence[Pattern], backend: Backend | None = None, saved: Saved | None = None
) -> Prefilter:
    """The asked-for rung, or else the first that loads here. Raises ImportError where the asked-for one does not
    load.

    saved: from a fingerprint to what `to_save` gave under it, with this library and processor.
    """
    if backend == "aho-corasick":
        return AhoCorasickPrefilter(patterns)
    try:
        return HyperscanPrefilter(patterns, saved)
    except ImportError:
        if backend is not None:
            raise
        return AhoCorasickPrefilter(patterns)


def _signs(patterns: Sequence[Pattern]) -> Iterator[tuple[int, str]]:
    for index, pattern in enumerate(patterns):
        for sign in (pattern.sign,) if isinstance(pattern.sign, str) else pattern.sign:
            yield index, sign


class HyperscanPrefilter:
    """All patterns in two automata, each pattern reported once a text.

    Patterns that are lists of words are an automaton of their own: together with the others they take twice the time to
    compile, and a scan takes as long.
    """

    backend: Backend = "hyperscan"

    def __init__(self, patterns: Sequence[Pattern], saved: Saved | None = None) -> None:
        import hyperscan

        lists = {index for index, pattern in enumerate(patterns) if len(pattern.keywords) > _LIST_WORDS}
        signs = list(_signs(patterns))
        parts = ([one for one in signs if (one[0] in lists) is is_list] for is_list in (False, True))
        self._automata = [_Automaton(hyperscan, part, saved) for part in parts if part]

    def to_save(self) -> Mapping[str, bytes]:
        # Loading them takes a hundredth of compiling, and none of the memory.
        return {one.fingerprint: one.dump() for one in self._automata}

    def candidates(self, data: bytes) -> list[int]:
        found: list[int] = []
        for one in self._automata:
            one.scan(data, found)
        return sorted(set(found))


class _Automaton:
    """One compiled database: of `saved`, where that has it."""

    def __init__(self, library: Any, signs: Sequence[tuple[int, str]], saved: Saved | None) -> None:
        self._library = library
        self._database: Any = None
        # A scratch space serves one scan at a time. list.pop and list.append are atomic: threads never share one.
        self._idle: list[Any] = []
        text = "\0".join(f"{index} {sign}" for index, sign in signs)
        self.fingerprint = hashlib.sha256(text.encode("utf-8")).hexdigest()
        if saved is not None and (compiled := saved(self.fingerprint)):
            self._load(compiled)
        if self._database is None:
            self._compile(signs)

    def dump(self) -> bytes:
        data: bytes = self._library.dumpb(self._database)
        return data

    def scan(self, data: bytes, found: list[int]) -> None:
        scratch = self._idle.pop() if self._idle else self._library.Scratch(self._database)
        try:
            self._database.scan(data, match_event_handler=_note, context=found, scratch=scratch)
        finally:
            self._idle.append(scratch)

    def _load(self, compiled: bytes) -> None:
        try:
            database = self._library.loadb(compiled, self._library.HS_MODE_BLOCK)
            self._idle.append(self._library.Scratch(database))
        except self._library.HyperscanError:
            return  # cut off, or of another processor: it is compiled again
        self._database = database

    def _compile(self, signs: Sequence[tuple[int, str]]) -> None:
        self._database = self._library.Database()
        self._database.compile(
            expressions=[sign.encode("latin-1") for _, sign in signs],
            ids=[index for index, _ in signs],
            flags=[self._library.HS_FLAG_SINGLEMATCH] * len(signs),
        )


def _note(pattern: int, _start: int, _end: int, _flags: int, found: list[int]) -> None:
    found.append(pattern)


class AhoCorasickPrefilter:
    """All keywords in one automaton; patterns without any are looked for in every text."""

    backend: Backend = "aho-corasick"

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        import ahocorasick

        owners: dict[str, set[int]] = {}
        for index, pattern in enumerate(patterns):
            for keyword in pattern.keywords:
                owners.setdefault(keyword, set()).add(index)
        self._signs: dict[int, list[str]] = {}
        for index, sign in _signs(patterns):
            self._signs.setdefault(index, []).append(sign)
        self._always = {index for index, pattern in enumerate(patterns) if not pattern.keywords}
        self._automaton: Any = ahocorasick.Automaton()
        for keyword, indices in owners.items():
            self._automaton.add_word(keyword, frozenset(indices))
        self._automaton.make_automaton()

    def candidates(self, data: bytes) -> list[int]:
        seen = {owners for _, owners in self._automaton.iter(data.lower().decode("latin-1"))}
        return [index for index in sorted(self._always.union(*seen)) if self._is_in(index, data)]

    def _is_in(self, index: int, data: bytes) -> bool:
        return any(_compiled(sign).search(data) for sign in self._signs[index])

    def to_save(self) -> Mapping[str, bytes]:
        return {}


@cache
def _compiled(sign: str) -> Any:
    return compile_regex(sign)
