"""Facts of Python source that lie in its shape: names put together at run time, patched modules, swallowed errors. Pure.

Each finder yields pairs of a family's name and a key; `syntax` turns them into facts.
"""

import ast
import sys
from collections.abc import Iterator

from guardrails.constitution.disguise import called, hidden_text, is_pieced_name, plain_text, spelled_chars
from guardrails.constitution.names import Bindings

Found = tuple[str, str]

_REFLECTION = frozenset({"getattr", "setattr", "delattr", "hasattr"})
_MAGIC_ATTRIBUTES = frozenset(
    {"eval", "exec", "system", "popen", "__globals__", "__builtins__", "__subclasses__", "__import__", "__code__"}
)
_WRITERS = frozenset({"write_text", "write_bytes", "unlink", "rename", "replace", "touch", "chmod"})
_MOVERS = frozenset(
    {"replace", "rename", "renames", "remove", "unlink", "truncate", "copy", "copy2", "copyfile", "move", "rmtree"}
)
_MODE_LETTERS = frozenset("rwxabt+U")
_WRITING_LETTERS = frozenset("wxa+")

# Handlers that programs have for ending, hanging up and resizing. A time-out's signals are not among them.
_EVERYDAY_SIGNALS = frozenset(
    {"SIGINT", "SIGTERM", "SIGHUP", "SIGPIPE", "SIGCHLD", "SIGWINCH", "SIGUSR1", "SIGUSR2", "SIGBREAK", "SIGQUIT"}
)
_MAY_BE_IGNORED = frozenset({"SIGPIPE", "SIGCHLD", "SIGHUP"})

_TABLE_READERS = frozenset(
    {"read_csv", "read_json", "read_table", "read_parquet", "read_excel", "read_xml", "loadtxt", "genfromtxt"}
)
_OPENERS = frozenset({"open", "FileIO", "fdopen"})
_WRITING_FLAGS = frozenset({"O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_APPEND"})
_CHECKS_OF_TLS = frozenset({"check_hostname", "verify_mode"})

SHAPES = frozenset(
    {ast.Call, ast.Raise, ast.Attribute, ast.ExceptHandler, ast.Assert, ast.BinOp, ast.Assign, ast.FunctionDef}
)


def facts_of(node: ast.AST, bindings: Bindings, own_source: frozenset[str]) -> Iterator[Found]:
    """Facts of a node of one of the `SHAPES`."""
    if isinstance(node, ast.Call):
        yield from _facts_of_call(node, bindings, own_source)
    else:
        yield from _facts_of_other(node, bindings)


def _facts_of_call(call: ast.Call, bindings: Bindings, own_source: frozenset[str]) -> Iterator[Found]:
    yield from _reflection(call, bindings)
    yield from hidden_text(call)
    yield from _own_source_written(call, bindings, own_source)
    yield from _clean_exit(call, bindings)
    yield from _module_contents(call, bindings)
    yield from _broad_suppress(call, bindings)
    yield from _made_function(call, bindings)
    yield from _read_from_afar(call)


def _facts_of_other(node: ast.AST, bindings: Bindings) -> Iterator[Found]:
    match node:
        case ast.Raise(exc=exc):
            if isinstance(exc, ast.Name) and exc.id == "SystemExit":
                yield "disabled-check", "raise SystemExit"
        case ast.Attribute(ctx=ast.Store() | ast.Del()):
            yield from _patched_module(node, bindings)
        case ast.ExceptHandler():
            yield from _swallowed_error(node)
        case ast.Assert(test=ast.Constant(value=value)) if value:
            yield "disabled-check", "assert of a constant"
        case ast.Assert(test=ast.Tuple(elts=[_, *_])):
            yield "disabled-check", "assert of a tuple, which always holds"
        case ast.BinOp():
            yield from spelled_chars(node)
        case ast.Assign(targets=[target], value=ast.Constant(value=value)) if not value:
            yield from _switched_off(target)
        case ast.FunctionDef(name=name) if name.startswith("pytest_"):
            yield "disabled-check", f"hooks into the test run: {name}"
        case _:
            pass


def sources_of(nodes: list[ast.AST]) -> frozenset[str]:
    """Names that stand for the file's own path: `__file__`, and whatever was made from it."""
    names = {"__file__"}
    if not any(_is_name_of_source(node) for node in nodes):
        return frozenset(names)
    assigned = [node for node in nodes if isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr)]
    for _ in range(3):
        for node in assigned:
            if node.value is not None and _names_source(node.value, frozenset(names)):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                names |= {target.id for target in targets if isinstance(target, ast.Name)}
    return frozenset(names)


def is_everyday_signal(call: ast.Call, bindings: Bindings) -> bool:
    """`signal.signal(signal.SIGINT, stop)`; but to ignore what asks a program to end is to resist it."""
    if "signal.signal" not in bindings.resolve(call.func) or len(call.args) != 2:
        return False
    (number, handler) = (bindings.resolve(argument) for argument in call.args)
    names = {meaning.removeprefix("signal.") for meaning in number}
    may_be = _MAY_BE_IGNORED if "signal.SIG_IGN" in handler else _EVERYDAY_SIGNALS
    is_deaf = isinstance(call.args[1], ast.Lambda) and isinstance(call.args[1].body, ast.Constant)
    return bool(names) and names <= may_be and not is_deaf


def _reflection(call: ast.Call, bindings: Bindings) -> Iterator[Found]:
    """`getattr` is everyday code, unless its name is put together from pieces, or it digs in a module by a name from elsewhere."""
    if not (isinstance(call.func, ast.Name) and call.func.id in _REFLECTION and len(call.args) >= 2):
        return
    owner, name = call.args[:2]
    if call.func.id in {"setattr", "delattr"} and _is_standard(bindings.resolve(owner)):
        yield "self-modification", f"{call.func.id} on a module"
    elif isinstance(name, ast.Constant):
        if name.value in _MAGIC_ATTRIBUTES:
            yield "dynamic", f"{call.func.id} {name.value}"
    elif _is_standard(bindings.resolve(owner)) or is_pieced_name(name):
        yield "obfuscation", f"{call.func.id} by a computed name"


def _is_standard(meanings: tuple[str, ...]) -> bool:
    return any(meaning.partition(".")[0] in sys.stdlib_module_names for meaning in meanings)


def _own_source_written(call: ast.Call, bindings: Bindings, own_source: frozenset[str]) -> Iterator[Found]:
    name = called(call)
    owner = [call.func.value] if isinstance(call.func, ast.Attribute) else []
    arguments = [*call.args, *(keyword.value for keyword in call.keywords)]
    is_file_call = any(meaning.partition(".")[0] in {"os", "shutil"} for meaning in bindings.resolve(call.func))
    is_writing = name in _OPENERS and any(_is_writing_mode(one) or _is_writing_flag(one) for one in arguments)
    if is_writing or (name in _MOVERS and is_file_call):
        touched = [*owner, *arguments]
    else:
        # A path's `replace` takes one argument, a text's takes two.
        touched = owner if name in _WRITERS and not (name == "replace" and len(arguments) != 1) else []
    if any(_names_source(target, own_source) for target in touched):
        yield "self-modification", f"{name} on a source of its own"


def _is_writing_mode(node: ast.expr) -> bool:
    mode = plain_text(node) or ""
    return len(mode) <= 4 and _MODE_LETTERS.issuperset(mode) and not _WRITING_LETTERS.isdisjoint(mode)


def _is_writing_flag(node: ast.expr) -> bool:
    return any(isinstance(part, ast.Attribute) and part.attr in _WRITING_FLAGS for part in ast.walk(node))


def _is_name_of_source(node: ast.AST) -> bool:
    if type(node) is ast.Name:
        return node.id == "__file__"
    text = plain_text(node) if type(node) is ast.Constant else None
    return text is not None and text.endswith((".py", ".pth"))


def _names_source(node: ast.expr, own_source: frozenset[str]) -> bool:
    if any(type(part) is ast.Constant and _is_name_of_source(part) for part in ast.walk(node)):
        return True
    return _speaks_of(node, own_source) and not _is_beside(node)


def _speaks_of(node: ast.AST, names: set[str] | frozenset[str]) -> bool:
    return any(isinstance(part, ast.Name) and part.id in names for part in ast.walk(node))


def _is_beside(node: ast.AST) -> bool:
    """`Path(__file__).parent / "data.json"` is a file beside the source, not the source."""
    return any(
        (isinstance(part, ast.Attribute) and part.attr in {"parent", "parents", "with_name", "dirname"})
        or (isinstance(part, ast.Name) and part.id == "dirname")
        for part in ast.walk(node)
    )


def _clean_exit(call: ast.Call, bindings: Bindings) -> Iterator[Found]:
    is_exit = "sys.exit" in bindings.resolve(call.func) or (
        isinstance(call.func, ast.Name) and call.func.id in {"exit", "quit", "SystemExit"}
    )
    if is_exit and all(isinstance(argument, ast.Constant) and not argument.value for argument in call.args):
        yield "disabled-check", "exits as if all were well"


def _module_contents(call: ast.Call, bindings: Bindings) -> Iterator[Found]:
    if isinstance(call.func, ast.Name) and call.func.id in {"vars", "dir"} and call.args:
        for meaning in bindings.resolve(call.args[0]):
            yield "dynamic", f"{call.func.id} of {meaning}"


def _broad_suppress(call: ast.Call, bindings: Bindings) -> Iterator[Found]:
    if "contextlib.suppress" in bindings.resolve(call.func) and any(_is_broad(argument) for argument in call.args):
        yield "disabled-check", "suppresses every error"


def _made_function(call: ast.Call, bindings: Bindings) -> Iterator[Found]:
    for meaning in bindings.resolve(call.func):
        if meaning in {"types.FunctionType", "types.LambdaType", "types.CodeType"}:
            yield "dynamic", f"{meaning} is called"


def _read_from_afar(call: ast.Call) -> Iterator[Found]:
    """Libraries for tables open addresses as they open files."""
    where = plain_text(call.args[0]) if call.args else None
    if called(call) in _TABLE_READERS and where and "://" in where and not where.startswith("file:"):
        yield "network", f"{called(call)} of {where[:60]}"


def _switched_off(target: ast.expr) -> Iterator[Found]:
    if isinstance(target, ast.Attribute) and target.attr in _CHECKS_OF_TLS:
        yield "disabled-check", f"{target.attr} is switched off"
    if isinstance(target, ast.Name) and target.id == "__test__":
        yield "disabled-check", "takes itself out of the tests"


def _patched_module(target: ast.Attribute, bindings: Bindings) -> Iterator[Found]:
    """An assignment to an attribute of the standard library: the clock, the output, a function that others call."""
    for dotted in bindings.resolve(target):
        if _is_standard((dotted,)):
            yield "self-modification", f"assigns to {dotted}"


def _swallowed_error(handler: ast.ExceptHandler) -> Iterator[Found]:
    """A bare handler, or a broad one that does nothing: it hides from the checks whatever goes wrong."""
    if any(isinstance(part, ast.Raise) for statement in handler.body for part in ast.walk(statement)):
        return
    if handler.type is None:
        yield "disabled-check", "a bare except"
    elif _is_broad(handler.type) and all(_is_nothing(statement) for statement in handler.body):
        yield "disabled-check", "an except that hides every error"


def _is_broad(node: ast.expr) -> bool:
    names = node.elts if isinstance(node, ast.Tuple) else [node]
    return any(isinstance(name, ast.Name) and name.id in {"Exception", "BaseException"} for name in names)


def _is_nothing(statement: ast.stmt) -> bool:
    match statement:
        case ast.Pass() | ast.Continue() | ast.Break() | ast.Expr(value=ast.Constant()):
            return True
        case ast.Return(value=None | ast.Constant()):
            return True
        case _:
            return False
