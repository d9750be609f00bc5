"""One pass over a text that says which patterns could match in which of its blocks.

Two rungs with the same answer: the patterns whose sign is in a block. Hyperscan looks for all signs at once; Aho-Corasick
looks for their keywords, then for the signs of those that it saw, and needs nothing but its own wheel.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

from guardrails.scope.detectors import compile_regex
from guardrails.scope.signs import Sign

Backend: TypeAlias = Literal["hyperscan", "aho-corasick"]
# From a fingerprint to what was saved under it, or None.
Saved: TypeAlias = Callable[[str], bytes | None]


class Pattern(Protocol):
    """What a prefilter knows of a detector or decoder."""

    @property
    def sign(self) -> Sign:
        """What is there wherever it matches."""


class _Shape(NamedTuple):
    """A regex, what it is the shape of, and keywords as a sign has them."""

    number: int
    regex: str
    keywords: Sequence[str] = ()


class _Looks(Protocol):
    """Looks for shapes."""

    def scan(self, data: bytes) -> set[int]:
        """The numbers of those that are somewhere in `data`."""


class Prefilter:
    """Names the patterns that could match, and where.

    What patterns need in common is looked for in every block, with the signs of those that need nothing; the others' only
    in blocks that have it, and what stands beside something else only in blocks next to it.

    saved: from a fingerprint to what `to_save` gave under it, with this library and processor.
    Raises ImportError for a backend that was asked for and does not load; without one takes the first that loads here.
    """

    def __init__(self, patterns: Sequence[Pattern], backend: Backend | None = None, saved: Saved | None = None) -> None:
        self.backend, make = _rung(backend, saved)
        signs = [pattern.sign for pattern in patterns]
        self._count = len(signs)
        shared = dict.fromkeys(sign.needs for sign in signs if sign.needs)
        besides = dict.fromkeys(sign.beside for sign in signs if sign.beside)
        numbers = {regex: self._count + at for at, regex in enumerate({**shared, **besides})}
        self._beside = {index: numbers[sign.beside] for index, sign in enumerate(signs) if sign.beside}
        everywhere = [_Shape(numbers[regex], regex) for regex in shared]
        inside: dict[int, list[_Shape]] = {}
        near: dict[int, list[_Shape]] = {}
        for index, sign in enumerate(signs):
            shapes = [_Shape(index, regex, sign.keywords) for regex in sign.shapes]
            if not sign.needs:
                everywhere += shapes
            else:
                (near if sign.beside else inside).setdefault(numbers[sign.needs], []).extend(shapes)
        for sign in signs:
            if sign.beside and sign.beside != sign.needs:
                shapes = inside.setdefault(numbers[sign.needs], []) if sign.needs else everywhere
                shapes.append(_Shape(numbers[sign.beside], sign.beside))
        self._everywhere = make(everywhere)
        self._inside = {number: make(shapes) for number, shapes in inside.items()}
        self._near = {number: make(shapes) for number, shapes in near.items()}

    def to_save(self) -> Mapping[str, bytes]:
        """What its construction is spared by, under its fingerprint; nothing where that is quick."""
        every = (self._everywhere, *self._inside.values(), *self._near.values())
        # Loading it takes a hundredth of compiling, and none of the memory.
        return {one.fingerprint: one.dump() for one in every if isinstance(one, _Automaton)}

    def seen(self, blocks: Sequence[bytes]) -> dict[int, list[int]]:
        """From the index of a pattern to the numbers of the blocks that have its sign, both ascending."""
        places: dict[int, list[int]] = {}
        _look(self._everywhere, blocks, range(len(blocks)), places)
        for number, looks in self._inside.items():
            _look(looks, blocks, places.get(number, ()), places)
        for number, looks in self._near.items():
            _look(looks, blocks, sorted(_around(places.get(number, ()), len(blocks))), places)
        told = ((index, self._told(index, places, len(blocks))) for index in sorted(places) if index < self._count)
        return {index: numbers for index, numbers in told if numbers}

    def _told(self, index: int, places: Mapping[int, list[int]], count: int) -> list[int]:
        numbers = places[index]
        if index not in self._beside:
            return numbers
        near = _around(places.get(self._beside[index], ()), count)
        return [number for number in numbers if number in near]


def _look(looks: _Looks, blocks: Sequence[bytes], numbers: Iterable[int], places: dict[int, list[int]]) -> None:
    for number in numbers:
        for index in looks.scan(blocks[number]):
            places.setdefault(index, []).append(number)


def _around(numbers: Iterable[int], count: int) -> set[int]:
    """These blocks, and those beside them."""
    return {other for number in numbers for other in (number - 1, number, number + 1) if 0 <= other < count}


def _rung(backend: Backend | None, saved: Saved | None) -> tuple[Backend, Callable[[Sequence[_Shape]], _Looks]]:
    if backend != "aho-corasick":
        try:
            import hyperscan

            return "hyperscan", lambda shapes: _Automaton(hyperscan, shapes, saved) if shapes else _Nothing()
        except ImportError:
            if backend is not None:
                raise
    import ahocorasick

    return "aho-corasick", lambda shapes: _Keywords(ahocorasick, shapes)


class _Nothing:
    """Looks for no shape at all: neither library has an automaton without any."""

    def scan(self, data: bytes) -> set[int]:
        return set()


class _Automaton:
    """All shapes in one database, each reported once a text: of `saved`, where that has it."""

    def __init__(self, library: Any, shapes: Sequence[_Shape], saved: Saved | None) -> None:
        self._library = library
        self._database: Any = None
        # A scratch space serves one scan at a time. list.pop and list.append are atomic: threads never share one.
        self._idle: list[Any] = []
        owners: dict[str, set[int]] = {}
        for shape in shapes:
            owners.setdefault(shape.regex, set()).add(shape.number)
        self._owners = list(owners.values())
        self.fingerprint = hashlib.sha256("\0".join(owners).encode("utf-8")).hexdigest()
        if saved is not None and (compiled := saved(self.fingerprint)):
            self._load(compiled)
        if self._database is None:
            self._compile(list(owners))

    def dump(self) -> bytes:
        data: bytes = self._library.dumpb(self._database)
        return data

    def scan(self, data: bytes) -> set[int]:
        found: list[int] = []
        scratch = self._idle.pop() if self._idle else self._library.Scratch(self._database)
        try:
            self._database.scan(data, match_event_handler=_note, context=found, scratch=scratch)
        finally:
            self._idle.append(scratch)
        return set().union(*(self._owners[one] for one in found))

    def _load(self, compiled: bytes) -> None:
        try:
            database = self._library.loadb(compiled, self._library.HS_MODE_BLOCK)
            self._idle.append(self._library.Scratch(database))
        except self._library.HyperscanError:
            return  # cut off, or of another processor: it is compiled again
        self._database = database

    def _compile(self, regexes: Sequence[str]) -> None:
        self._database = self._library.Database()
        self._database.compile(
            expressions=[regex.encode("latin-1") for regex in regexes],
            ids=list(range(len(regexes))),
            flags=[self._library.HS_FLAG_SINGLEMATCH] * len(regexes),
        )


def _note(pattern: int, _start: int, _end: int, _flags: int, found: list[int]) -> None:
    found.append(pattern)


class _Keywords:
    """All keywords in one automaton; shapes without any are looked for in every text."""

    def __init__(self, library: Any, shapes: Sequence[_Shape]) -> None:
        owners: dict[str, set[int]] = {}
        self._regexes: dict[int, list[str]] = {}
        for shape in shapes:
            self._regexes.setdefault(shape.number, []).append(shape.regex)
            for keyword in shape.keywords:
                owners.setdefault(keyword, set()).add(shape.number)
        self._always = {shape.number for shape in shapes if not shape.keywords}
        self._automaton: Any = library.Automaton()
        for keyword, numbers in owners.items():
            self._automaton.add_word(keyword, frozenset(numbers))
        if owners:
            self._automaton.make_automaton()
        self._has_words = bool(owners)

    def scan(self, data: bytes) -> set[int]:
        found = self._automaton.iter(data.lower().decode("latin-1")) if self._has_words else ()
        numbers = self._always.union(*{owners for _, owners in found})
        return {number for number in numbers if self._is_in(number, data)}

    def _is_in(self, number: int, data: bytes) -> bool:
        return any(_compiled(regex).search(data) for regex in self._regexes[number])


@cache
def _compiled(regex: str) -> Any:
    return compile_regex(regex)
