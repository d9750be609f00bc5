"""Constants of Python code, found and replaced in its concrete syntax: comments and layout stay as they are."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

Value: TypeAlias = int | float | str | bool


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal bound to a name: at module or class level (`NAME`, `Class.NAME`), or a parameter's default (`function(name)`)."""

    name: str
    value: Value


def find_constants(source: str) -> list[Constant]:
    """Every literal constant of `source`, in order; none where it is not Python. A name bound twice is no constant."""
    visited = _visit(source, {})
    if visited is None:
        return []
    names = [constant.name for constant in visited.found]
    return [constant for constant in visited.found if names.count(constant.name) == 1]


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
    code: str


def _visit(source: str, values: Mapping[str, Value]) -> _Visited | None:
    import libcst

    from hive_node.operators.literals import Literals

    try:
        module = libcst.parse_module(source)
    except libcst.ParserSyntaxError:
        return None
    literals = Literals(values)
    code = module.visit(literals).code
    return _Visited(literals.found, code)
