"""Rule data read key by key, strictly: a missing key, a wrong type, an unsafe pattern or an unread key is an error. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence

from guardrails.constitution.errors import ConstitutionError
from guardrails.constitution.globs import is_valid_glob
from guardrails.constitution.patterns import compile_pattern
from guardrails.constitution.rules import PREFIX, CodeExample

_RULE_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+){0,8}")

Table = Mapping[str, object]


class Entry:
    """One table of rule data, read key by key; `done` refuses what nobody read."""

    def __init__(self, place: str, table: object) -> None:
        if not isinstance(table, Mapping):
            raise ConstitutionError(place, "expected a table")
        self.place = place
        self._table: Table = table
        self._unread = set(table)

    def names(self) -> list[str]:
        return list(self._table)

    def done(self) -> None:
        if self._unread:
            raise ConstitutionError(self.place, f"unknown key {min(self._unread)}")

    def table(self, key: str, *, is_required: bool = True) -> "Entry":
        return Entry(f"{self.place}: {key}", self._take(key, None if is_required else {}))

    def tables(self, key: str, *, is_required: bool = True) -> list["Entry"]:
        rows = self._list(key, self._take(key, None if is_required else ()))
        if is_required and not rows:
            raise self._fault(key, "expected at least one entry")
        return [Entry(f"{self.place}: {key} {number}", row) for number, row in enumerate(rows, start=1)]

    def string(self, key: str) -> str:
        return self._string(key, self._take(key, None))

    def strings(self, key: str, *, is_required: bool = True) -> tuple[str, ...]:
        return self._strings(key, self._take(key, None if is_required else ()))

    def groups(self, key: str) -> tuple[tuple[str, ...], ...]:
        groups = tuple(self._strings(key, group) for group in self._list(key, self._take(key, None)))
        if not groups or not all(groups):
            raise self._fault(key, "expected lists of terms, none of them empty")
        return groups

    def flag(self, key: str, *, default: bool = False) -> bool:
        value = self._take(key, default)
        if not isinstance(value, bool):
            raise self._fault(key, "expected true or false")
        return value

    def number(self, key: str, *, default: float | None = None) -> float:
        value = self._take(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e9:
            raise self._fault(key, "expected a positive number")
        return value

    def rule_id(self, kind: str) -> str:
        name = self.string("id")
        if _RULE_ID.fullmatch(name) is None:
            raise self._fault("id", "expected lower-case words joined by hyphens")
        return f"{PREFIX}.{kind}.{name}"

    def patterns(self, key: str, *, ignore_case: bool = False) -> tuple[re.Pattern[str], ...]:
        try:
            texts = self.strings(key, is_required=False)
            return tuple(compile_pattern(text, ignore_case=ignore_case) for text in texts)
        except ValueError as fault:
            raise self._fault(key, str(fault)) from fault

    def globs(self, key: str, *, is_required: bool = True) -> tuple[str, ...]:
        globs = self.strings(key, is_required=is_required)
        if not all(is_valid_glob(glob) for glob in globs):
            raise self._fault(key, "expected relative globs without `..`")
        return globs

    def code_examples(self, key: str) -> tuple[CodeExample, ...]:
        pairs = [self._strings(key, pair) for pair in self._list(key, self._take(key, ()))]
        if not all(len(pair) == 2 for pair in pairs):
            raise self._fault(key, "expected pairs of language and text")
        return tuple(CodeExample(language, text) for language, text in pairs)

    def _take(self, key: str, default: object) -> object:
        self._unread.discard(key)
        value = self._table.get(key, default)
        if value is None:
            raise self._fault(key, "is missing")
        return value

    def _strings(self, key: str, value: object) -> tuple[str, ...]:
        return tuple(self._string(key, item) for item in self._list(key, value))

    def _string(self, key: str, value: object) -> str:
        if not isinstance(value, str):
            raise self._fault(key, "expected text")
        return value

    def _list(self, key: str, value: object) -> Iterable[object]:
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise self._fault(key, "expected a list")
        return value

    def _fault(self, key: str, expected: str) -> ConstitutionError:
        return ConstitutionError(f"{self.place}: {key}", expected)
