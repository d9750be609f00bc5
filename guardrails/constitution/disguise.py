"""Text that hides what it says: put together from pieces or character codes, reversed, or encoded. Pure."""

import ast
import base64
import binascii
import re
from collections.abc import Iterator
from itertools import groupby

_DECODERS = frozenset(
    {"b64decode", "b32decode", "b16decode", "b85decode", "a85decode", "standard_b64decode", "urlsafe_b64decode", "decodebytes",
     "unhexlify", "a2b_base64", "a2b_hex", "fromhex", "decompress"}
)  # fmt: skip
_ENCODED_ALPHABET = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=_-\n")
_ENCODED_CHARS = 60
_MOSTLY = 0.9  # of the letters can be read: then it is a text, and no table or picture
# `visit_`, `do_`, `handle_`: the beginning of a method's name, to which the kind of a thing is added.
_METHOD_PREFIX = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*_")
_HEX_ALPHABET = frozenset("0123456789abcdefABCDEF")
_DIGEST_CHARS = frozenset({64, 96, 128})
_SPELLED_NUMBERS = 8
_SPELLED_CHARS = 3
_LONGEST_FOLD = 20_000
_FIELD = re.compile(r"%[a-z]|\{\w{0,20}\}")
_PATH_MAKERS = frozenset({"join", "joinpath", "Path", "PurePath", "PosixPath"})
_SLASHES = re.compile(r"/(?:\.?/)+")
_DETOUR = re.compile(r"/(?!\.\./)[^/\s]{1,100}/\.\.(?=/|$)/?")
_ENCODINGS_THAT_HIDE = frozenset({"rot13", "rot_13", "hex", "hex_codec", "base64", "base64_codec", "zlib", "bz2", "uu"})


def fixed_text(node: ast.JoinedStr) -> str:
    """The fixed parts of an f-string, one after the other; a literal between braces is one of them."""
    parts = (part.value if isinstance(part, ast.FormattedValue) else part for part in node.values)
    return "".join(str(part.value) for part in parts if isinstance(part, ast.Constant))


def formatted_text(node: ast.Call | ast.BinOp) -> str | None:
    """The text of `"/%s/x" % "home"` and of `"/{}/x".format("home")`, where all of it is literal."""
    if isinstance(node, ast.BinOp):
        is_format, template = isinstance(node.op, ast.Mod), plain_text(node.left)
        values = node.right.elts if isinstance(node.right, ast.Tuple) else [node.right]
    else:
        is_format = called(node) == "format" and not node.keywords
        template = plain_text(node.func.value) if isinstance(node.func, ast.Attribute) else None
        values = node.args
    texts = [plain_text(value) for value in values]
    if not is_format or template is None or None in texts or len(template) > _LONGEST_FOLD:
        return None
    return _FIELD.sub(lambda _: (texts.pop(0) or "") if texts else "", template)


def path_text(node: ast.AST) -> str | None:
    """The path that literals make together: `os.path.join("/", "home")`, `Path("/") / "home"`."""
    if isinstance(node, ast.Constant):
        return plain_text(node)
    parts = _parts_of_path(node)
    texts = [path_text(part) or "" for part in parts]
    return "/".join(text for text in texts if text)[:_LONGEST_FOLD] or None


def _parts_of_path(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        return [node.left, node.right]
    if not (isinstance(node, ast.Call) and called(node) in _PATH_MAKERS and not node.keywords):
        return []
    is_method = called(node) == "joinpath" and isinstance(node.func, ast.Attribute)
    return [*([node.func.value] if is_method and isinstance(node.func, ast.Attribute) else []), *node.args]


def plain_path(text: str) -> str:
    """Without the detours that a path can take: `/./`, `//`, `/x/../`."""
    if "//" not in text and "/." not in text:
        return text
    head, scheme, tail = text.rpartition("://")
    plain = _SLASHES.sub("/", tail)
    shorter = _DETOUR.sub("/", plain)
    while shorter != plain:
        plain, shorter = shorter, _DETOUR.sub("/", shorter)
    return f"{head}{scheme}{plain}"


def reversed_text(node: ast.Subscript) -> str | None:
    """The text of `"CIRTEM"[::-1]`."""
    text = plain_text(node.value)
    return text[::-1] if text and _is_reversed(node) else None


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


def encoded_literals(nodes: list[ast.AST]) -> Iterator[tuple[ast.AST, str]]:
    """Long encoded literals of a file that takes such things apart, where they are texts or packed."""
    decoders = sorted({called(node) for node in nodes if isinstance(node, ast.Call)} & _DECODERS)
    if decoders:
        is_packed = "decompress" in decoders
        for node in nodes:
            text = plain_text(node) if isinstance(node, ast.expr) else None
            if text is not None and _is_encoded(text) and (is_packed or _is_hiding_text(text)):
                yield node, f"a long encoded literal beside {decoders[0]}: {text[:20]}"


def hidden_text(call: ast.Call) -> Iterator[tuple[str, str]]:
    name = called(call)
    if name == "join" and call.args and _makes_chars(call.args[0]):
        yield "obfuscation", "text joined from character codes"
    if name in {"decode", "encode"} and any(plain_text(argument) in _ENCODINGS_THAT_HIDE for argument in call.args):
        yield "obfuscation", f"{name} with a cipher"
    if name == "decode" and isinstance(call.func, ast.Attribute) and _spells_bytes(call.func.value):
        yield "obfuscation", "text decoded from a list of numbers"


def spelled_chars(node: ast.BinOp) -> Iterator[tuple[str, str]]:
    codes = [part for part in _operands(node) if isinstance(part, ast.Call) and called(part) == "chr"]
    if sum(isinstance(argument, ast.Constant) for code in codes for argument in code.args) >= _SPELLED_CHARS:
        yield "obfuscation", "text added up from character codes"


def is_pieced_name(node: ast.expr) -> bool:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        first, *others = (plain_text(operand) for operand in _operands(node))
        is_method = first is not None and _METHOD_PREFIX.fullmatch(first) is not None and not any(others)
        return not is_method and any(text is not None for text in (first, *others))
    return _is_reversed(node) or (isinstance(node, ast.Call) and called(node) in {"join", "chr", "decode", "fromhex"})


def plain_text(node: ast.AST) -> str | None:
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
        return isinstance(node.elt, ast.Call) and called(node.elt) == "chr" and not _is_shifting_letters(node.elt)
    return False


def _is_shifting_letters(call: ast.Call) -> bool:
    """`chr(ord(letter) + 1)` makes letters of letters. With an exclusive or it uncovers them."""
    parts = list(ast.walk(call))
    return any(isinstance(part, ast.Call) and called(part) == "ord" for part in parts) and not any(
        isinstance(part, ast.BitXor) for part in parts
    )


def _spells_bytes(node: ast.expr) -> bool:
    """`bytes([105, 109, 112, 111, …])`"""
    items = node.args[0] if isinstance(node, ast.Call) and node.args else None
    if not isinstance(items, ast.List | ast.Tuple):
        return False
    return (
        sum(isinstance(item, ast.Constant) and isinstance(item.value, int) for item in items.elts) >= _SPELLED_NUMBERS
    )


def _is_encoded(text: str) -> bool:
    """Letters of base64 or hex without a blank, and not the length of a digest."""
    if len(text) < _ENCODED_CHARS or not _ENCODED_ALPHABET.issuperset(text):
        return False
    return not (len(text) in _DIGEST_CHARS and _HEX_ALPHABET.issuperset(text))


def _is_hiding_text(text: str) -> bool:
    """Whether it decodes to something that can be read. What does not decode is held for hidden."""
    try:
        if _HEX_ALPHABET.issuperset(text):
            decoded = bytes.fromhex(text)
        else:
            plain = text.replace("\n", "").rstrip("=").replace("-", "+").replace("_", "/")
            decoded = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (ValueError, binascii.Error):
        return True
    return sum(32 <= byte < 127 or byte in b"\t\r\n" for byte in decoded) >= _MOSTLY * len(decoded)
