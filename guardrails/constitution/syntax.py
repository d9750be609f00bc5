"""Facts from the syntax tree of Python source: what it imports, names, calls and spells out. Pure.

Names are followed through imports and aliases, not through assignments: taking `os.system` as a value is a fact already,
and so is handing a whole module on as a value. `structure` adds the facts that no table of names can hold.
"""

import ast
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

from guardrails.constitution import structure
from guardrails.constitution.facts import Fact
from guardrails.constitution.names import REACHING, Bindings, FunctionNode, Imported, family_of, local_names
from guardrails.constitution.rules import CodeRules
from guardrails.constitution.targets import Targets

_NUMBER = re.compile(r"(?<=Constant\(value=)-?\d[\d.e+-]*")
_EXCERPT_CHARS = 80
_PATH_CALLS = frozenset(
    {"Path", "PurePath", "open", "join", "joinpath", "listdir", "scandir", "walk", "glob", "rglob", "iglob", "chdir"}
)
_DEFINITIONS = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def parse(text: str) -> ast.Module | None:
    """The tree, or None where the text is not Python. Nesting that exhausts the parser counts as not Python."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a stray backslash in somebody's string is not this gate's business
        try:
            return ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None


def facts(tree: ast.Module, path: str, rules: CodeRules, targets: Targets, excerpt_from: int | None = None) -> list[Fact]:
    """Every fact of the tree, unordered. excerpt_from: the line where an excerpt begins, None for a whole file."""
    nodes = nodes_of(tree)
    bindings = Bindings(nodes, is_whole=excerpt_from is None)
    own_source = structure.sources_of(nodes)
    return list(_Reader(path, rules, targets, bindings, (excerpt_from or 1) - 1, own_source, set()).read(nodes))


def nodes_of(tree: ast.AST) -> list[ast.AST]:
    """Every node, parents before their children. A list that grows, since how deep source is nested is up to a stranger."""
    nodes = [tree]
    for node in nodes:
        for name in node._fields:
            value = getattr(node, name, None)
            if isinstance(value, list):
                nodes.extend(item for item in value if isinstance(item, ast.AST))
            elif isinstance(value, ast.AST) and not isinstance(value, ast.expr_context):
                nodes.append(value)
    return nodes


@dataclass(frozen=True, slots=True)
class _Reader:
    """read_already: nodes whose meaning was told with their parent's, such as the parts of a chain of attributes."""

    path: str
    rules: CodeRules
    targets: Targets
    bindings: Bindings
    line_offset: int
    own_source: frozenset[str]
    read_already: set[int]

    def read(self, nodes: list[ast.AST]) -> Iterator[Fact]:
        for imported in self.bindings.imported:
            yield from self._import(imported)
        shadows = _shadows(nodes, self.rules.index.builtins.keys())
        for node in nodes:
            reader = _READERS.get(type(node))
            if reader is not None and id(node) not in self.read_already:
                yield from reader(self, node)
            for kind, key in structure.facts_of(node, self.bindings, self.own_source):
                yield self._fact(self._number(kind), key, node)

    def _import(self, imported: Imported) -> Iterator[Fact]:
        if imported.bound is None and imported.meaning.partition(".")[0] in REACHING:
            yield self._fact(self._number("dynamic"), f"import {imported.dotted}", line=imported.line)
        family = family_of(imported.dotted, self.rules.index)
        if family is not None:
            yield self._fact(family, f"import {imported.dotted}", line=imported.line)
        if self.targets.is_module(self._module_parts(imported.dotted)):
            yield self._fact(self._number("harness"), f"import {imported.dotted}", line=imported.line)

    def _module_parts(self, dotted: str) -> tuple[str, ...]:
        """The path of an imported module; a relative import is read from the file's own folder."""
        name = dotted.lstrip(".")
        level = len(dotted) - len(name)
        folders = self.path.split("/")[:-level] if level else []
        return (*folders, *name.split("."))

    def _call(self, node: ast.Call, local: frozenset[str]) -> Iterator[Fact]:
        if isinstance(node.func, ast.Attribute):
            yield from self._attribute(node.func, node)
        elif isinstance(node.func, ast.Name):
            yield from self._name(node.func, node, local)
        for text in self._folder_arguments(node):
            yield self._fact(self._number("harness"), f"path {text}", node)

    def _attribute(self, node: ast.Attribute, call: ast.Call | None) -> Iterator[Fact]:
        meanings = self.bindings.resolve(node)
        for meaning in meanings:
            yield from self._reference(meaning, node, call)
        family = self.rules.index.attributes.get(node.attr)
        if family is not None and not any(family_of(meaning, self.rules.index) == family for meaning in meanings):
            yield self._fact(family, f".{node.attr}{self._signature(family, call)}", node)
        if meanings and node.attr == "__dict__":
            yield self._fact(self._number("dynamic"), f"{meanings[0]}", node)

    def _name(self, node: ast.Name, call: ast.Call | None, local: frozenset[str]) -> Iterator[Fact]:
        meanings = self.bindings.resolve(node) if isinstance(node.ctx, ast.Load) else ()
        for meaning in meanings:
            if meaning in REACHING and call is None:
                yield self._fact(self._number("dynamic"), f"{meaning} as a value", node)
            else:
                yield from self._reference(meaning, node, call)
        family = self.rules.index.builtins.get(node.id)
        if family is not None and node.id not in local and not meanings and not isinstance(node.ctx, ast.Store):
            yield self._fact(family, f"{node.id}{self._signature(family, call)}", node)
        if self.targets.distinctive is not None and self.targets.distinctive.fullmatch(node.id):
            yield self._fact(self._number("metric"), f"name {node.id}", node)

    def _reference(self, meaning: str, node: ast.expr, call: ast.Call | None) -> Iterator[Fact]:
        family = family_of(meaning, self.rules.index)
        if family is not None:
            yield self._fact(family, f"{meaning}{self._signature(family, call)}", node)

    def _signature(self, family: int, call: ast.Call | None) -> str:
        """What tells two calls of one name apart: literal texts and flags, or everything but numbers. Numbers are for tuning."""
        if call is None:
            return ""
        arguments = [*call.args, *call.keywords]
        if self.rules.families[family].is_exact:
            return f"({_NUMBER.sub('0', ', '.join(ast.dump(argument) for argument in arguments))})"
        spelled = [_flag_or_text(argument) for argument in arguments]
        return f"({', '.join(text for text in spelled if text)})"

    def _keyword(self, node: ast.keyword) -> Iterator[Fact]:
        if node.arg is not None and isinstance(node.value, ast.Constant):
            family = self.rules.index.keywords.get(f"{node.arg}={node.value.value!r}")
            if family is not None:
                yield self._fact(family, f"{node.arg}={node.value.value!r}", node.value)

    def _pieced_text(self, node: ast.BinOp | ast.JoinedStr) -> Iterator[Fact]:
        for run in structure.joined_texts(node):
            yield from self._text(node, run)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            for text in self._folders_among([node.left, node.right]):
                yield self._fact(self._number("harness"), f"path {text}", node)

    def _docstring(self, node: ast.AST) -> Iterator[Fact]:
        """Prose may mention anything; but a metric line in it is one `print(__doc__)` away from being reported."""
        docstring = _docstring_of(node)
        if docstring is not None:
            metric = self._number("metric")
            for number, pattern in self.rules.index.literals:
                if number == metric and pattern.search(str(docstring.value)):
                    yield self._fact(metric, f"text {str(docstring.value)[:_EXCERPT_CHARS]}", docstring)

    def _text(self, node: ast.expr, text: str | None) -> Iterator[Fact]:
        if not text:
            return
        shown = text[:_EXCERPT_CHARS]
        for family, pattern in self.rules.index.literals:
            if pattern.search(text):
                yield self._fact(family, f"text {shown}", node)
        if (found := self.targets.metric_in(text)) is not None:
            yield self._fact(self._number("metric"), f"text {found}", node)
        if (found := self.targets.path_in(text)) is not None:
            yield self._fact(self._number("harness"), f"path {found}", node)

    def _folder_arguments(self, call: ast.Call) -> list[str]:
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        return self._folders_among(call.args) if name in _PATH_CALLS else []

    def _folders_among(self, nodes: list[ast.expr]) -> list[str]:
        texts = [_text_of(node) for node in nodes if isinstance(node, ast.Constant)]
        return [text for text in texts if text and text in self.targets.folders]

    def _number(self, kind: str) -> int:
        return self.rules.number(kind)

    def _fact(self, family: int, key: str, node: ast.expr | ast.AST | None = None, line: int = 0) -> Fact:
        at = getattr(node, "lineno", line)
        return Fact(family, key, self.path, at + self.line_offset, key[:_EXCERPT_CHARS])


def _text_of(node: ast.Constant) -> str | None:
    if isinstance(node.value, bytes):
        return node.value.decode("latin-1")
    return node.value if isinstance(node.value, str) else None


def _flag_or_text(node: ast.AST) -> str:
    if isinstance(node, ast.keyword):
        value = _flag_or_text(node.value)
        return f"{node.arg}={value}" if value else ""
    if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes | bool):
        return repr(node.value)
    return ""


def _docstring_of(node: ast.AST) -> ast.Constant | None:
    if isinstance(node, _DEFINITIONS) and node.body and isinstance(node.body[0], ast.Expr):
        value = node.body[0].value
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            return value
    return None
