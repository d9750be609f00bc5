"""What a name in Python source stands for, through imports and their aliases. Pure."""

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from guardrails.constitution.indexing import HARMLESS
from guardrails.constitution.rules import CodeIndex

# Modules from which much can be reached: `shutil.os.system` is `os.system`, and the whole module handed on is a fact.
REACHING = frozenset(
    {"os", "sys", "subprocess", "socket", "builtins", "importlib", "ctypes", "pickle", "marshal", "pty", "signal", "gc", "multiprocessing",
     "time", "posix"}
)  # fmt: skip
# What a name means where no import of it is in sight: always, and in an excerpt or beside an `import *`.
_ALWAYS_ASSUMED = frozenset({"os", "sys", "subprocess", "builtins", "importlib", "ctypes", "marshal"})
_LIKELY = REACHING | {
    "asyncio", "atexit", "codecs", "contextlib", "ftplib", "gc", "getpass", "http", "inspect", "logging", "multiprocessing", "pathlib",
    "pytest", "requests", "httpx", "aiohttp", "runpy", "shelve", "smtplib", "socketserver", "ssl", "threading", "time", "traceback",
    "types", "unittest", "urllib", "urllib3", "webbrowser", "yaml", "boto3", "paramiko", "tracemalloc", "datetime", "random",
}  # fmt: skip

_CONSTANT = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Za-z0-9]+)*")

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


@dataclass(frozen=True, slots=True)
class Imported:
    """One name that an import statement brings: the dotted name meant, and the name it is bound to (None for `*`)."""

    dotted: str
    bound: str | None
    meaning: str
    line: int


class Bindings:
    """Every name that any import of the file binds, with all that it may mean."""

    def __init__(self, nodes: Iterable[ast.AST], *, is_whole: bool = True) -> None:
        self.imported = [found for node in nodes for found in imports_of(node)]
        self.has_star = any(found.bound is None for found in self.imported)
        self._assumed = _ALWAYS_ASSUMED if is_whole and not self.has_star else _LIKELY
        self._meanings: dict[str, tuple[str, ...]] = {}
        for found in self.imported:
            if found.bound is not None:
                self._meanings[found.bound] = (*self._meanings.get(found.bound, ()), found.meaning)

    def resolve(self, node: ast.AST) -> tuple[str, ...]:
        """The dotted names that a chain of attributes may stand for, none if it does not start at an import."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return ()
        assumed = (node.id,) if parts and node.id in self._assumed else ()
        return tuple(".".join((meaning, *reversed(parts))) for meaning in self._meanings.get(node.id, assumed))


def imports_of(node: ast.AST) -> Iterator[Imported]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            top = alias.name.partition(".")[0]
            yield Imported(alias.name, alias.asname or top, alias.name if alias.asname else top, node.lineno)
    elif isinstance(node, ast.ImportFrom):
        origin = "." * node.level + (node.module or "")
        for alias in node.names:
            dotted = f"{origin}.{alias.name}" if node.module else f"{origin}{alias.name}"
            yield Imported(dotted, None if alias.name == "*" else alias.asname or alias.name, dotted, node.lineno)


def family_of(dotted: str, index: CodeIndex) -> tuple[int, str] | None:
    """The family of the longest entry that covers the name, as it stands or as reached through another module; and the entry."""
    for way in _ways_to(dotted):
        parts = way.split(".")
        for length in range(len(parts), 0, -1):
            entry = ".".join(parts[:length])
            if (family := index.dotted.get(entry)) is not None:
                is_constant = entry in index.constants and _CONSTANT.fullmatch(way, len(entry) + 1) is not None
                if family == HARMLESS or is_constant:
                    break  # but what is reached through it is another way
                return family, entry
    return None


def _ways_to(dotted: str) -> Iterator[str]:
    yield dotted
    parts = dotted.split(".")
    for position, part in enumerate(parts[1:], start=1):
        if part.lstrip("_") in REACHING and parts[0]:
            yield ".".join((part.lstrip("_"), *parts[position + 1 :]))


def parameters(function: FunctionNode) -> frozenset[str]:
    """The names that a call binds: in the body they are not the builtins that they may be called after."""
    arguments = function.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    return frozenset(argument.arg for argument in every if argument is not None)
