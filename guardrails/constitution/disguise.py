"""Text that hides what it says: put together from pieces or character codes, reversed, or encoded. Pure."""

import ast
from collections.abc import Iterator
from itertools import groupby

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


def fixed_text(node: ast.JoinedStr) -> str:
    """The fixed parts of an f-string, one after the other."""
    return "".join(str(part.value) for part in node.values if isinstance(part, ast.Constant))


def joined_text(call: ast.Call) -> str | None:
    """The text of `"".join(["a", "b"])`, where all of it is literal."""
    if not (isinstance(call.func, ast.Attribute) and call.func.attr == "join" and len(call.args) == 1):
        return None
    parts = call.args[0].elts if isinstance(call.args[0], ast.List | ast.Tuple) else []
    texts = [plain_text(part) for part in (call.func.value, *parts)]
    return (texts[0] or "").join(text or "" for text in texts[1:])[:_LONGEST_FOLD] if None not in texts else None


def added_texts(node: ast.BinOp) -> Iterator[str]:
    """Texts that literals make together: `"a" + "b"`."""
    operands = [plain_text(operand) for operand in _operands(node)]
    for is_text, run in groupby(operands, key=lambda text: text is not None):
        texts = [text for text in run if text is not None]
        if is_text and len(texts) > 1:
            yield "".join(texts)[:_LONGEST_FOLD]


def encoded_literals(nodes: list[ast.AST]) -> Iterator[tuple[ast.Constant, str]]:
    """Long encoded literals of a file that takes such things apart."""
    calls = (node for node in nodes if isinstance(node, ast.Call))
    decoder = next((name for name in map(called, calls) if name in _DECODERS), None)
    if decoder is not None:
        for node in nodes:
            if isinstance(node, ast.Constant) and _is_encoded(plain_text(node)):
                yield node, f"a long encoded literal beside {decoder}: {str(node.value)[:20]}"


def hidden_text(call: ast.Call) -> Iterator[tuple[str, str]]:
    name = called(call)
    if name == "join" and call.args and _makes_chars(call.args[0]):
        yield "obfuscation", "text joined from character codes"
    if name == "decode" and isinstance(call.func, ast.Attribute) and _spells_bytes(call.func.value):
        yield "obfuscation", "text decoded from a list of numbers"


def spelled_chars(node: ast.BinOp) -> Iterator[tuple[str, str]]:
    codes = [part for part in _operands(node) if isinstance(part, ast.Call) and called(part) == "chr"]
    if sum(isinstance(argument, ast.Constant) for code in codes for argument in code.args) >= _SPELLED_CHARS:
        yield "obfuscation", "text added up from character codes"


def is_pieced_name(node: ast.expr) -> bool:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return any(plain_text(operand) is not None for operand in _operands(node))
    return _is_reversed(node) or (isinstance(node, ast.Call) and called(node) in {"join", "chr", "decode", "fromhex"})


def plain_text(node: ast.expr) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
        return node.value if isinstance(node.value, str) else node.value.decode("latin-1")
    return None


def called(call: ast.Call) -> str:
    """The last name of what is called."""
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _operands(node: ast.BinOp) -> list[ast.expr]:
    """The operands of a chain of `+`, in order."""
    found: list[ast.expr] = []
    left: ast.expr = node
    while isinstance(left, ast.BinOp) and isinstance(left.op, ast.Add):
        found.append(left.right)
        left = left.left
    return [left, *reversed(found)]


def _is_reversed(node: ast.expr) -> bool:
    """`"..."[::-1]`"""
    if not (isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice) and plain_text(node.value)):
        return False
    return isinstance(node.slice.step, ast.UnaryOp)


def _makes_chars(node: ast.expr) -> bool:
    if isinstance(node, ast.Call) and called(node) == "map":
        return bool(node.args) and isinstance(node.args[0], ast.Name) and node.args[0].id == "chr"
    if isinstance(node, ast.GeneratorExp | ast.ListComp):
        return isinstance(node.elt, ast.Call) and called(node.elt) == "chr"
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
