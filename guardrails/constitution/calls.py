"""What tells one use of a name from another: the texts and flags it is given, or all of its arguments. Pure."""

import ast
import re

from guardrails.constitution.rules import CodeFamily

Use = ast.Call | ast.Subscript

_BINDING = frozenset(
    {
        ast.Name,
        ast.arg,
        ast.FunctionDef,
        ast.AsyncFunctionDef,
        ast.ClassDef,
        ast.alias,
        ast.MatchAs,
        ast.MatchStar,
        ast.ExceptHandler,
    }
)

_NUMBER = re.compile(r"(?<=Constant\(value=)-?\d[\d.e+-]*")
_ANY_NUMBER = "Constant(value=0)"
_MINUS_NUMBER = f"UnaryOp(op=USub(), operand={_ANY_NUMBER})"
# What a name holds is decided elsewhere: `run(argv)` and `run(command)` are one fact.
_NAME = re.compile(r"Name\(id='\w+', ctx=Load\(\)\)")
_PART_OF_NAME = re.compile(r"Attribute\(value=Name\(\), attr='\w+', ctx=Load\(\)\)")


def signature(family: CodeFamily, use: Use | None) -> str:
    """Two uses of one name are the same fact if their signatures are. Numbers are for tuning, and never count."""
    if use is None:
        return ""
    if family.is_exact:
        return (
            f"({', '.join(_spelled(argument) for argument in _arguments(use) if not _is_steering(argument, family))})"
        )
    spelled = [text for argument in _arguments(use) if (text := _flag_or_text(argument))]
    return f"({', '.join([*spelled, *telling_texts(family, use)])})"


def telling_texts(family: CodeFamily, use: Use | None) -> list[str]:
    """The texts, however deep in the arguments, that are new wherever they stand: an address is another one in any file."""
    if use is None or family.familiar_unless is None:
        return []
    parts = [part for argument in _arguments(use) for part in ast.walk(argument)]
    return [text for part in parts if (text := _text(part)) and family.familiar_unless.search(text)]


def rebound(nodes: list[ast.AST], wanted: frozenset[str]) -> frozenset[str]:
    """Which of these builtins the file gives another meaning, anywhere: any node but a read name that spells it."""
    return frozenset(
        spelled
        for node in nodes
        if not (type(node) is ast.Name and type(node.ctx) is ast.Load) and type(node) in _BINDING
        for field in ("id", "name", "arg", "asname")
        if (spelled := getattr(node, field, None)) in wanted
    )


def _arguments(use: Use) -> list[ast.AST]:
    return [use.slice] if isinstance(use, ast.Subscript) else [*use.args, *use.keywords]


def _is_steering(argument: ast.AST, family: CodeFamily) -> bool:
    return isinstance(argument, ast.keyword) and argument.arg in family.steering


def _spelled(argument: ast.AST) -> str:
    spelled = _NAME.sub("Name()", _NUMBER.sub("0", ast.dump(argument))).replace(_MINUS_NUMBER, _ANY_NUMBER)
    shorter = _PART_OF_NAME.sub("Name()", spelled)
    while shorter != spelled:
        spelled, shorter = shorter, _PART_OF_NAME.sub("Name()", shorter)
    return spelled


def _flag_or_text(node: ast.AST) -> str:
    if isinstance(node, ast.keyword):
        value = _flag_or_text(node.value)
        return f"{node.arg}={value}" if value else ""
    if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes | bool):
        return repr(node.value)
    return ""


def _text(node: ast.AST) -> str | None:
    value = node.value if isinstance(node, ast.Constant) else None
    return value.decode("latin-1") if isinstance(value, bytes) else value if isinstance(value, str) else None
