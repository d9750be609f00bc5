"""The form of a skill's module: nothing runs but its entry point. So what a call answers, the entry point answered."""

import ast
from collections.abc import Iterator
from typing import Final

from guardrails.verdict import Rejected
from hive_node.skills.skill import ENTRY_POINT, SOURCE_CHARS

# What may be called while the module is read: they make constants, and call nothing of the module's own.
_MAKERS: Final = frozenset(
    {"re.compile", "frozenset", "set", "dict", "tuple", "list", "range", "str.maketrans", "decimal.Decimal", "fractions.Fraction",
     "datetime.timedelta", "string.Template"}
)  # fmt: skip
_DECORATORS: Final = frozenset({"dataclass", "dataclasses.dataclass", "staticmethod", "classmethod", "property"})
# Methods that a class runs while the module is read.
_HOOKS: Final = frozenset({"__init_subclass__", "__class_getitem__", "__set_name__", "__mro_entries__", "__prepare__"})
# Each of these evaluates something at once, or later than a reader sees it.
_LAZY: Final = (ast.Lambda, ast.Await, ast.Yield, ast.YieldFrom, ast.NamedExpr, ast.GeneratorExp)


def why_malformed(source: str) -> Rejected | None:
    """Why this is no skill; None where it is one. Rules: skill.form.too-long, .unparsable, .no-entry-point, .runs-on-import."""
    if len(source) > SOURCE_CHARS:
        return Rejected("skill.form.too-long", f"a skill has at most {SOURCE_CHARS} characters")
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return Rejected("skill.form.unparsable", f"the source is no Python ({type(error).__name__})")
    if not _has_entry_point(tree):
        return Rejected(
            "skill.form.no-entry-point", f"the module defines no function `{ENTRY_POINT}(value)` at its top"
        )
    line = next(_running(tree), None)
    if line is not None:
        return Rejected(
            "skill.form.runs-on-import",
            f"line {line} does something when the module is read: at its top stand imports, functions, classes and constants",
            {"line": line},
        )
    return None


def _has_entry_point(tree: ast.Module) -> bool:
    """One plain function of that name, for one value; and nothing else that takes the name away."""
    defined = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == ENTRY_POINT]
    found = [node for node in tree.body if node in defined]
    if len(found) != 1 or len(defined) != 1 or ENTRY_POINT in _bound(tree) or found[0].decorator_list:
        return False
    taken = found[0].args
    positional = [*taken.posonlyargs, *taken.args]
    needed = len(positional) - len(taken.defaults)
    is_short = not any(default is None for default in taken.kw_defaults)
    return needed <= 1 and is_short and (bool(positional) or taken.vararg is not None)


def _running(tree: ast.Module) -> Iterator[int]:
    """Lines at which something of the module's own could run before its entry point is called."""
    own = _bound(tree) | {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    for statement in tree.body:
        yield from _in_statement(statement, own)


def _in_statement(statement: ast.stmt, own: frozenset[str] | set[str]) -> Iterator[int]:
    match statement:
        case ast.FunctionDef():
            yield from _in_decorators(statement.decorator_list, own)
            yield from _in_expressions(_evaluated(statement), own)
            if statement.name in _HOOKS:
                yield statement.lineno
        case ast.ClassDef():
            yield from _in_decorators(statement.decorator_list, own)
            yield from _in_expressions(statement.bases, own)
            if statement.keywords:
                yield statement.lineno
            for inner in statement.body:
                yield from _in_statement(inner, own)
        case ast.Assign():
            yield from _in_expressions([*statement.targets, statement.value], own)
        case ast.AnnAssign():
            yield from _in_expressions([statement.target, statement.annotation], own)
            yield from _in_expressions([statement.value] if statement.value else [], own)
        case ast.ImportFrom() if any(alias.name == "*" for alias in statement.names):
            yield statement.lineno  # it may take any name away, the entry point's too
        case ast.Expr(value=ast.Constant()) | ast.Import() | ast.ImportFrom() | ast.Pass():
            return
        case _:
            yield statement.lineno


def _in_decorators(decorators: list[ast.expr], own: frozenset[str] | set[str]) -> Iterator[int]:
    """A decorator is a call, written without its parentheses."""
    for decorator in decorators:
        function = decorator.func if isinstance(decorator, ast.Call) else decorator
        if not _is_maker(function, own):
            yield decorator.lineno
        yield from _in_expressions([decorator], own)


def _in_expressions(expressions: list[ast.expr], own: frozenset[str] | set[str]) -> Iterator[int]:
    for expression in expressions:
        for node in ast.walk(expression):
            if isinstance(node, _LAZY) or (isinstance(node, ast.Call) and not _is_maker(node.func, own)):
                yield expression.lineno
            elif isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store):
                yield expression.lineno  # it would change something of another module's


def _is_maker(function: ast.expr, own: frozenset[str] | set[str]) -> bool:
    name = ast.unparse(function)
    return name in _MAKERS | _DECORATORS and name.partition(".")[0] not in own


def _evaluated(function: ast.FunctionDef) -> list[ast.expr]:
    """What is evaluated where a function is defined: its defaults and its annotations."""
    taken = function.args
    every = [*taken.posonlyargs, *taken.args, *taken.kwonlyargs, *filter(None, (taken.vararg, taken.kwarg))]
    noted = [function.returns, *(one.annotation for one in every)]
    return [one for one in (*taken.defaults, *taken.kw_defaults, *noted) if one is not None]


def _bound(tree: ast.Module) -> frozenset[str]:
    """Every name that is given a meaning anywhere but by the one import that it is known by."""
    names = {
        node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.asname for alias in node.names if alias.asname and alias.asname != alias.name}
        elif isinstance(node, ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in node.names if not _is_known(node, alias)}
        elif isinstance(node, ast.Global):
            names |= set(node.names)
    return frozenset(names)


def _is_known(node: ast.ImportFrom, alias: ast.alias) -> bool:
    return f"{node.module}.{alias.name}" == "dataclasses.dataclass" and alias.asname is None
