"""Constants of Python code, found and replaced in its concrete syntax: comments and layout stay as they are."""

import ast
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

Value: TypeAlias = int | float | str | bool
_MARK: Final = "\ufeff"
_MOST_OPERANDS: Final = 500


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal bound to a name: at module or class level (`NAME`, `Class.NAME`), or a parameter's default (`function(name)`)."""

    name: str
    value: Value


def find_constants(source: str) -> list[Constant]:
    """Every literal constant of `source`, in order; none where it is not Python, or not Python that can be written back as it is.

    A name bound twice is no constant.
    """
    visited = _visit(source, {})
    if visited is None:
        return []
    return [constant for constant in visited.found if visited.bound.count(constant.name) == 1]


def replace_constants(source: str, values: Mapping[str, Value]) -> str | None:
    """`source` with those constants set, and nothing else changed; None where one of them is not there."""
    known = {constant.name for constant in find_constants(source)}
    if not set(values) <= known:
        return None
    replaced = _visit(source, values)
    return replaced.code if replaced else None


@dataclass(frozen=True, slots=True)
class _Visited:
    found: list[Constant]
    bound: list[str]
    code: str


def _visit(source: str, values: Mapping[str, Value]) -> _Visited | None:
    import libcst

    from hive_node.operators.literals import Literals

    if not _is_shallow(source):
        return None
    # libcst drops a byte order mark, and, rarely, a form feed or a lone carriage return: then the file is left alone.
    mark = _MARK if source.startswith(_MARK) else ""
    body = source.removeprefix(mark)
    try:
        module = libcst.parse_module(body)
        if module.code != body:
            return None
        literals = Literals(values)
        code = module.visit(literals).code
    except (libcst.ParserSyntaxError, RecursionError):
        return None
    return _Visited(literals.found, literals.bound, mark + code)


def _is_shallow(source: str) -> bool:
    """Whether Python's own parser, which bounds its depth, takes it: libcst's ends the process on text nested too deep."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a stray backslash in somebody's string is not our business
            tree = ast.parse(source.removeprefix(_MARK))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    # `a and b and c` is flat to the one and nested to the other.
    return all(len(node.values) < _MOST_OPERANDS for node in ast.walk(tree) if isinstance(node, ast.BoolOp))
