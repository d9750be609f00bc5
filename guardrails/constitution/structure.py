"""Facts of Python source that lie in its shape: names put together at run time, patched modules, swallowed errors. Pure.

Each finder yields pairs of a family's name and a key; `syntax` turns them into facts.
"""

import ast
import sys
from collections.abc import Iterator
from itertools import groupby

from guardrails.constitution.names import Bindings

Found = tuple[str, str]

_REFLECTION = frozenset({"getattr", "setattr", "delattr", "hasattr"})
_MAGIC_ATTRIBUTES = frozenset(
    {"eval", "exec", "system", "popen", "__globals__", "__builtins__", "__subclasses__", "__import__", "__code__"}
)
_WRITERS = frozenset({"write_text", "write_bytes", "unlink", "rename", "replace", "touch", "chmod"})
_DECODERS = frozenset(
    {"b64decode", "b32decode", "b16decode", "b85decode", "a85decode", "standard_b64decode", "urlsafe_b64decode", "decodebytes",
     "unhexlify", "a2b_base64", "a2b_hex", "fromhex", "decompress"}
)  # fmt: skip
_ENCODED_ALPHABET = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=_-\n")
_ENCODED_CHARS = 60
_HEX_ALPHABET = frozenset("0123456789abcdefABCDEF")
_DIGEST_CHARS = frozenset({64, 96, 128})
_SPELLED_NUMBERS = 8
_SPELLED_CHARS = 3
_LONGEST_FOLD = 20_000

SHAPES = frozenset({ast.Call, ast.Raise, ast.Attribute, ast.ExceptHandler, ast.Assert, ast.BinOp})


def facts_of(node: ast.AST, bindings: Bindings, own_source: frozenset[str]) -> Iterator[Found]:
    """Facts of a node of one of the `SHAPES`."""
    match node:
        case ast.Call():
            yield from _reflection(node, bindings)
            yield from _hidden_text(node)
            yield from _own_source_written(node, own_source)
            yield from _clean_exit(node, bindings)
            yield from _module_contents(node, bindings)
            yield from _broad_suppress(node, bindings)
        case ast.Raise(exc=exc):
            if isinstance(exc, ast.Name) and exc.id == "SystemExit":
                yield "disabled-check", "raise SystemExit"
        case ast.Attribute(ctx=ast.Store() | ast.Del()):
            yield from _patched_module(node, bindings)
        case ast.ExceptHandler():
            yield from _swallowed_error(node)
        case ast.Assert(test=ast.Constant(value=value)) if value:
            yield "disabled-check", "assert of a constant"
        case ast.BinOp():
            yield from _spelled_chars(node)
        case _:
            pass


def sources_of(nodes: list[ast.AST]) -> frozenset[str]:
    """Names that stand for the file's own path: `__file__`, and whatever was made from it."""
    names = {"__file__"}
    if not any(isinstance(node, ast.Name) and node.id == "__file__" for node in nodes):
        return frozenset(names)
    assigned = [node for node in nodes if isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr)]
    for _ in range(3):
        for node in assigned:
            if node.value is not None and _speaks_of(node.value, names) and not _is_beside(node.value):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                names |= {target.id for target in targets if isinstance(target, ast.Name)}
    return frozenset(names)


def fixed_text(node: ast.JoinedStr) -> str:
    """The fixed parts of an f-string, one after the other."""
    return "".join(str(part.value) for part in node.values if isinstance(part, ast.Constant))


def joined_text(call: ast.Call) -> str | None:
    """The text of `"".join(["a", "b"])`, where all of it is literal."""
    if not (isinstance(call.func, ast.Attribute) and call.func.attr == "join" and len(call.args) == 1):
        return None
    parts = call.args[0].elts if isinstance(call.args[0], ast.List | ast.Tuple) else []
    texts = [_plain_text(part) for part in (call.func.value, *parts)]
    return (texts[0] or "").join(text or "" for text in texts[1:])[:_LONGEST_FOLD] if None not in texts else None


def encoded_literals(nodes: list[ast.AST]) -> Iterator[tuple[ast.Constant, str]]:
    """Long encoded literals of a file that takes such things apart."""
    calls = (node for node in nodes if isinstance(node, ast.Call))
    decoder = next((name for name in map(_called, calls) if name in _DECODERS), None)
    if decoder is not None:
        for node in nodes:
            if isinstance(node, ast.Constant) and _is_encoded(_plain_text(node)):
                yield node, f"a long encoded literal beside {decoder}: {str(node.value)[:20]}"


def added_texts(node: ast.BinOp) -> Iterator[str]:
    """Texts that literals make together: `"a" + "b"`."""
    operands = [_plain_text(operand) for operand in _operands(node)]
    for is_text, run in groupby(operands, key=lambda text: text is not None):
        texts = [text for text in run if text is not None]
        if is_text and len(texts) > 1:
            yield "".join(texts)[:_LONGEST_FOLD]


def _operands(node: ast.BinOp) -> list[ast.expr]:
    """The operands of a chain of `+`, in order."""
    found: list[ast.expr] = []
    left: ast.expr = node
    while isinstance(left, ast.BinOp) and isinstance(left.op, ast.Add):
        found.append(left.right)
        left = left.left
    return [left, *reversed(found)]


def _plain_text(node: ast.expr) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
        return node.value if isinstance(node.value, str) else node.value.decode("latin-1")
    return None


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
    elif _is_standard(bindings.resolve(owner)) or _is_pieced_name(name):
        yield "obfuscation", f"{call.func.id} by a computed name"


def _is_standard(meanings: tuple[str, ...]) -> bool:
    return any(meaning.partition(".")[0] in sys.stdlib_module_names for meaning in meanings)


def _is_pieced_name(node: ast.expr) -> bool:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return any(_plain_text(operand) is not None for operand in _operands(node))
    return _is_reversed(node) or (isinstance(node, ast.Call) and _called(node) in {"join", "chr", "decode", "fromhex"})


def _is_reversed(node: ast.expr) -> bool:
    """`"..."[::-1]`"""
    if not (isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice) and _plain_text(node.value)):
        return False
    return isinstance(node.slice.step, ast.UnaryOp)


def _hidden_text(call: ast.Call) -> Iterator[Found]:
    name = _called(call)
    if name == "join" and call.args and _makes_chars(call.args[0]):
        yield "obfuscation", "text joined from character codes"
    if name == "decode" and isinstance(call.func, ast.Attribute) and _spells_bytes(call.func.value):
        yield "obfuscation", "text decoded from a list of numbers"


def _makes_chars(node: ast.expr) -> bool:
    if isinstance(node, ast.Call) and _called(node) == "map":
        return bool(node.args) and isinstance(node.args[0], ast.Name) and node.args[0].id == "chr"
    if isinstance(node, ast.GeneratorExp | ast.ListComp):
        return isinstance(node.elt, ast.Call) and _called(node.elt) == "chr"
    return False


def _spells_bytes(node: ast.expr) -> bool:
    """`bytes([105, 109, 112, 111, …])`"""
    items = node.args[0] if isinstance(node, ast.Call) and node.args else None
    if not isinstance(items, ast.List | ast.Tuple):
        return False
    return (
        sum(isinstance(item, ast.Constant) and isinstance(item.value, int) for item in items.elts) >= _SPELLED_NUMBERS
    )


def _is_encoded(text: str | None) -> bool:
    """Letters of base64 or hex without a blank, and not the length of a digest."""
    if text is None or len(text) < _ENCODED_CHARS or not _ENCODED_ALPHABET.issuperset(text):
        return False
    return not (len(text) in _DIGEST_CHARS and _HEX_ALPHABET.issuperset(text))


def _spelled_chars(node: ast.BinOp) -> Iterator[Found]:
    codes = [part for part in _operands(node) if isinstance(part, ast.Call) and _called(part) == "chr"]
    if sum(isinstance(argument, ast.Constant) for code in codes for argument in code.args) >= _SPELLED_CHARS:
        yield "obfuscation", "text added up from character codes"


def _own_source_written(call: ast.Call, own_source: frozenset[str]) -> Iterator[Found]:
    name = _called(call)
    if name == "open" and _is_writing(call):
        target = call.args[0] if call.args else call
        if _names_source(target, own_source) or (
            isinstance(call.func, ast.Attribute) and _names_source(call.func.value, own_source)
        ):
            yield "self-modification", "opens its own source for writing"
    elif name in _WRITERS and isinstance(call.func, ast.Attribute) and _names_source(call.func.value, own_source):
        yield "self-modification", f"{name} on its own source"


def _is_writing(call: ast.Call) -> bool:
    modes = [*call.args, *(keyword.value for keyword in call.keywords if keyword.arg == "mode")]
    texts = [_plain_text(mode) for mode in modes]
    return any(text is not None and len(text) <= 4 and not {"w", "a", "x", "+"}.isdisjoint(text) for text in texts)


def _names_source(node: ast.expr, own_source: frozenset[str]) -> bool:
    literals = [_plain_text(part) for part in ast.walk(node) if isinstance(part, ast.expr)]
    if any(text is not None and text.endswith((".py", ".pth")) for text in literals):
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


def _called(call: ast.Call) -> str:
    """The last name of what is called."""
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""
