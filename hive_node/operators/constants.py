"""Constants of Python code, found by its syntax tree and replaced in its text: comments and layout stay as they are."""

import ast
import io
import tokenize
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, TypeAlias

Value: TypeAlias = int | float | str | bool
_MARK: Final = "\ufeff"
# The champion's files and those that the experiment began from are asked for with each idea.
_REMEMBERED: Final = 16
_BLOCKS: Final = ("body", "handlers", "cases", "orelse", "finalbody")


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal bound to a name: at module or class level (`NAME`, `Class.NAME`), or a parameter's default (`function(name)`)."""

    name: str
    value: Value


def find_constants(source: str) -> list[Constant]:
    """Every literal constant of `source`, in order; none where it is not Python. A name bound twice is no constant."""
    return [literal.constant for literal in _literals(source)]


def replace_constants(source: str, values: Mapping[str, Value]) -> str | None:
    """`source` with those constants set, and nothing else changed; None where one of them is not there."""
    literals = {literal.constant.name: literal for literal in _literals(source)}
    if not set(values) <= set(literals):
        return None
    new = [(literals[name], value) for name, value in values.items() if literals[name].constant.value != value]
    content = source.encode()
    for literal, value in sorted(new, key=lambda one: -one[0].start):
        content = content[: literal.start] + repr(value).encode() + content[literal.end :]
    replaced = content.decode()
    wanted = {name: literal.constant.value for name, literal in literals.items()} | dict(values)
    # Read again: what the text says now is exactly what was meant.
    return replaced if {one.name: one.value for one in find_constants(replaced)} == wanted else None


@dataclass(frozen=True, slots=True)
class _Literal:
    """A constant and where it stands, in bytes of the UTF-8 text."""

    constant: Constant
    start: int
    end: int


@lru_cache(maxsize=_REMEMBERED)
def _literals(source: str) -> tuple[_Literal, ...]:
    body = source.removeprefix(_MARK)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a stray backslash in somebody's string is not our business
            tree = ast.parse(body)
        walk = _Walk(body.encode(), len(source.encode()) - len(body.encode()))
        walk.block(tree, ())
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()
    return tuple(literal for literal in walk.found if walk.bound.count(literal.constant.name) == 1)


@dataclass(slots=True)
class _Walk:
    """Collects literals by name. Bodies of functions are left alone. bound: a name for every assignment to it."""

    content: bytes
    before: int
    found: list[_Literal] = field(default_factory=list)
    bound: list[str] = field(default_factory=list)
    _lines: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        at = self.before
        for line in self.content.splitlines(keepends=True):  # of bytes: at \n, \r and \r\n alone, as Python counts them
            self._lines.append(at)
            at += len(line)

    def block(self, node: ast.AST, scope: tuple[str, ...]) -> None:
        """Every statement in `node`, however deep in its ifs and loops."""
        for name in _BLOCKS:
            for child in getattr(node, name, ()):
                self._statement(child, scope)

    def _statement(self, node: ast.AST, scope: tuple[str, ...]) -> None:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self._parameters(node.args, ".".join([*scope, node.name]))
            case ast.ClassDef():
                self.block(node, (*scope, node.name))
            case ast.Assign():
                self._assignment(node.targets, node.value, scope)
            case ast.AnnAssign():
                self._assignment([node.target], node.value, scope)
            case ast.AugAssign():
                self._assignment([node.target], None, scope)
            case _:
                self.block(node, scope)

    def _assignment(self, targets: list[ast.expr], value: ast.expr | None, scope: tuple[str, ...]) -> None:
        names = [".".join([*scope, target.id]) for target in targets if isinstance(target, ast.Name)]
        self.bound += names
        if value is not None and len(targets) == len(names) == 1:
            self._keep(names[0], value)

    def _parameters(self, arguments: ast.arguments, function: str) -> None:
        for argument, default in _defaults(arguments):
            name = f"{function}({argument.arg})"
            self.bound.append(name)
            self._keep(name, default)

    def _keep(self, name: str, node: ast.expr) -> None:
        value = _value_of(node)
        if value is None or node.end_lineno is None or node.end_col_offset is None:
            return
        start = self._lines[node.lineno - 1] + node.col_offset
        end = self._lines[node.end_lineno - 1] + node.end_col_offset
        if not isinstance(value, str) or _is_one_token(self.content[start - self.before : end - self.before].decode()):
            self.found.append(_Literal(Constant(name, value), start, end))


def _defaults(arguments: ast.arguments) -> Iterator[tuple[ast.arg, ast.expr]]:
    positional = [*arguments.posonlyargs, *arguments.args]
    with_default = positional[len(positional) - len(arguments.defaults) :]
    yield from zip(with_default, arguments.defaults, strict=True)
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        if default is not None:
            yield argument, default


def _value_of(node: ast.expr) -> Value | None:
    match node:
        case ast.Constant(value=bool() | int() | float() | str() as value):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            return None if isinstance(value, bool) else -value
        case _:
            return None


def _is_one_token(text: str) -> bool:
    """Not so for strings that stand side by side and become one."""
    tokens = tokenize.generate_tokens(io.StringIO(f"({text})").readline)
    return sum(token.type == tokenize.STRING for token in tokens) == 1
