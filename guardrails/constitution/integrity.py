"""Two checks on all that decides: a digest over the shipped files, and a seal on the live objects. Pure.

The digest names the constitution: it is pinned in the charter and carried by each delta. The seal finds out, at each
use, whether what is in memory is still what was loaded: a pattern, a table, a constant or a function of the evaluator.

A seal walks the graph of objects once, and keeps each one with what it held. What Python cannot change (a text, a number,
a pattern, a code object) is the same as long as it is the same object; so checking again is a comparison of identities.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from hashlib import sha256
from operator import attrgetter, is_, itemgetter
from types import CodeType, FunctionType, ModuleType

from guardrails.constitution.rules import CodeExample, OwnRule

_IMMUTABLE = (str, int, float, bytes, type(None), range, re.Pattern, CodeType, CodeExample)
_CODE_OF_FUNCTION = attrgetter("__code__", "__defaults__", "__kwdefaults__", "__closure__")
_FUNCTIONS_OF_PROPERTY = attrgetter("fget", "fset", "fdel")

Content = tuple[object, ...]


def digest_of_files(files: Mapping[str, bytes]) -> str:
    """SHA-256, hex, over names and contents in the order of the names; lengths keep neighbours apart."""
    total = sha256()
    for name, content in sorted(files.items()):
        total.update(f"{len(name)}:{name}:{len(content)}:".encode())
        total.update(content)
    return total.hexdigest()


def digest_of_own(rules: Iterable[OwnRule]) -> str:
    """SHA-256, hex, over the user's rules as they were loaded."""
    spelled = [
        (rule.id, rule.reason, [p.pattern for p in rule.idea], rule.paths, [p.pattern for p in rule.added])
        for rule in rules
    ]
    return sha256(repr(spelled).encode("utf-8", "surrogatepass")).hexdigest()


class Seal:
    """Objects as they were when the seal was made. A module is sealed by its globals, but for the names in `apart_from`."""

    def __init__(self, roots: Iterable[object], *, apart_from: frozenset[str] = frozenset()) -> None:
        self._apart_from = apart_from
        self._roots = tuple(roots)
        self._sealed: list[tuple[Callable[[object], Content], object, Content]] = []
        seen: set[int] = set()
        pending = list(self._roots)
        while pending:
            value = pending.pop()
            reader = None if id(value) in seen else self._reader(value)
            seen.add(id(value))
            if reader is not None:
                content = reader(value)
                pending.extend(content)
                if not isinstance(value, tuple | frozenset):
                    self._sealed.append((reader, value, content))

    def is_sealing(self, root: object) -> bool:
        return any(sealed is root for sealed in self._roots)

    def is_whole(self) -> bool:
        """Whether every object still holds the very objects that it held."""
        for reader, value, content in self._sealed:
            now = reader(value)
            if len(now) != len(content) or not all(map(is_, now, content)):
                return False
        return True

    def _reader(self, value: object) -> Callable[[object], Content] | None:
        """How to read what an object holds; None for what cannot change, and for what belongs to others."""
        if isinstance(value, _IMMUTABLE):
            return None
        if isinstance(value, ModuleType | type):
            return _Globals(value, self._apart_from) if is_own(value) else None
        if isinstance(value, classmethod | staticmethod):
            return _function_of_method
        if isinstance(value, property):
            return _FUNCTIONS_OF_PROPERTY
        if isinstance(value, FunctionType):
            return _CODE_OF_FUNCTION if is_own(value) else None
        if isinstance(value, tuple | list | set | frozenset):
            return _items
        if isinstance(value, Mapping):
            return _entries
        return _fields_of(type(value)) if is_dataclass(value) else None


class _Globals:
    """Reads the names of a module or class that were there when it was sealed, and says if others have come.

    A name that comes later can hide a builtin. Python's own names come and go by themselves.
    """

    def __init__(self, owner: object, apart_from: frozenset[str]) -> None:
        held = {name for name, value in vars(owner).items() if _is_ours(name, value)}
        self._read = itemgetter(
            *sorted(held - apart_from), "__name__" if isinstance(owner, ModuleType) else "__module__"
        )
        self._known = apart_from | vars(owner).keys()

    def __call__(self, owner: object) -> Content:
        table = vars(owner)
        added = sorted(name for name in table.keys() - self._known if not name.startswith("__"))
        try:
            return (*self._read(table), *added)
        except KeyError:
            return ()


def is_own(value: object) -> bool:
    """Whether the constitution's package defined it: what others define is not this seal's to keep."""
    home = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
    return isinstance(home, str) and home.startswith(__name__.rpartition(".")[0])


def _is_ours(name: str, value: object) -> bool:
    return not name.startswith("__") or isinstance(value, FunctionType)


def _function_of_method(method: object) -> Content:
    return (method.__func__,) if isinstance(method, classmethod | staticmethod) else ()


def _items(values: object) -> Content:
    return tuple(values) if isinstance(values, Iterable) else ()


def _entries(table: object) -> Content:
    return (*table.keys(), *table.values()) if isinstance(table, Mapping) else ()


def _fields_of(kind: type) -> Callable[[object], Content]:
    names = [field.name for field in fields(kind)]
    reader = attrgetter(*names) if len(names) > 1 else None
    return reader if reader is not None else lambda value: (getattr(value, names[0]),)
