"""Facts from the syntax tree of Python source: what it imports, names, calls and spells out. Pure.

Names are followed through imports and aliases, not through assignments: taking `os.system` as a value is a fact already,
and so is handing a whole module on as a value. `structure` adds the facts that no table of names can hold.
"""

import ast
import sys
import warnings
from collections.abc import Iterator, Set
from dataclasses import dataclass

from guardrails.constitution import disguise, structure
from guardrails.constitution.calls import Use, rebound, signature, telling_texts
from guardrails.constitution.facts import Fact
from guardrails.constitution.names import REACHING, Bindings, FunctionNode, Imported, family_of, parameters
from guardrails.constitution.rules import CodeRules
from guardrails.constitution.targets import Targets

_EXCERPT_CHARS = 80
_PATH_CALLS = frozenset(
    {"Path", "PurePath", "open", "join", "joinpath", "listdir", "scandir", "walk", "glob", "rglob", "iglob", "chdir"}
)
_OF_ANY_MODULE = frozenset({"__dict__", "__getattribute__", "__setattr__", "__delattr__"})
_SEARCHES = frozenset({"walk", "listdir", "scandir", "rglob", "glob", "iglob", "chdir"})
# Asking whether a module has a name, or for one that is spelled out, hands on no module.
_ASKING = frozenset({"getattr", "hasattr"})
_Shadow = tuple[Set[str], tuple[int, int], tuple[int, int]]
_DEFINITIONS = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def parse(text: str) -> ast.Module | None:
    """The tree, or None where the text is not Python. Nesting that exhausts the parser counts as not Python."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a stray backslash in somebody's string is not this gate's business
        try:
            return ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None


def facts(
    tree: ast.Module, path: str, rules: CodeRules, targets: Targets, excerpt_from: int | None = None
) -> list[Fact]:
    """Every fact of the tree, unordered. excerpt_from: the line where an excerpt begins, None for a whole file."""
    nodes = nodes_of(tree)
    bindings = Bindings(nodes, is_whole=excerpt_from is None)
    builtins = rules.index.builtins.keys()
    shadows = [shadow for node in nodes for shadow in _shadows_of(node, builtins)]
    offset = (excerpt_from or 1) - 1
    own_source = structure.sources_of(nodes)
    asking = _ASKING - rebound(nodes, _ASKING)
    return list(_Reader(path, rules, targets, bindings, offset, own_source, set(), shadows, asking).read(nodes))


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
    shadows: list[_Shadow]
    asking: frozenset[str]

    def read(self, nodes: list[ast.AST]) -> Iterator[Fact]:
        for imported in self.bindings.imported:
            yield from self._import(imported)
        for literal, key in disguise.encoded_literals(nodes):
            yield self._fact(self._number("obfuscation"), key, literal)
        for node in nodes:
            if id(node) in self.read_already:
                continue
            yield from self._facts_of(node)
            if type(node) in structure.SHAPES:
                for kind, key in structure.facts_of(node, self.bindings, self.own_source):
                    yield self._fact(self._number(kind), key, node)

    def _facts_of(self, node: ast.AST) -> Iterator[Fact]:
        match node:
            case ast.Name():
                yield from self._name(node)
            case ast.Attribute():
                yield from self._attribute(node)
            case ast.Constant():
                yield from self._text(node, _text_of(node))
            case ast.Call():
                yield from self._call(node)
            case ast.Subscript():
                yield from self._use(node.value, node)
                yield from self._text(node, disguise.reversed_text(node))
            case ast.keyword():
                yield from self._keyword(node)
            case ast.BinOp():
                yield from self._operation(node)
            case ast.JoinedStr():
                yield from self._text(node, disguise.fixed_text(node))
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() | ast.Module():
                yield from self._docstring(node)
            case _:
                pass

    def _import(self, imported: Imported) -> Iterator[Fact]:
        if imported.bound is None and imported.meaning.partition(".")[0] in REACHING:
            yield self._fact(self._number("dynamic"), f"import {imported.dotted}", line=imported.line)
        if (found := self._family(imported.dotted)) is not None:
            yield self._fact(found[0], f"import {imported.dotted}", line=imported.line, root=found[1])
        if self.targets.is_module(self._module_parts(imported.dotted)):
            yield self._fact(self._number("harness"), f"import {imported.dotted}", line=imported.line)

    def _module_parts(self, dotted: str) -> tuple[str, ...]:
        """The path of an imported module; a relative import is read from the file's own folder."""
        name = dotted.lstrip(".")
        level = len(dotted) - len(name)
        folders = self.path.split("/")[:-level] if level else []
        return (*folders, *name.split("."))

    def _call(self, node: ast.Call) -> Iterator[Fact]:
        if structure.is_everyday_signal(node, self.bindings):
            self._mark_chain(node.func)
            self.read_already.add(id(node.func))
        else:
            yield from self._use(node.func, node)
        if isinstance(node.func, ast.Name) and node.func.id in self.asking:
            yield from self._asked_for(node)
        for text in (disguise.joined_text(node), disguise.path_text(node), disguise.formatted_text(node)):
            yield from self._text(node, text)
        for text in self._folder_arguments(node):
            yield self._fact(self._number("harness"), f"path {text}", node)

    def _use(self, named: ast.expr, use: Use) -> Iterator[Fact]:
        if isinstance(named, ast.Attribute):
            yield from self._attribute(named, use)
        elif isinstance(named, ast.Name):
            yield from self._name(named, use)
        if isinstance(named, ast.Attribute | ast.Name):
            self.read_already.add(id(named))

    def _asked_for(self, call: ast.Call) -> Iterator[Fact]:
        """`getattr(os, "fork")` is `os.fork`, and `hasattr(os, "fork")` is nothing."""
        if len(call.args) < 2 or not (isinstance(call.args[1], ast.Constant) and isinstance(call.args[1].value, str)):
            return
        for meaning in self.bindings.resolve(call.args[0]):
            self._mark_chain(call.args[0])
            self.read_already.add(id(call.args[0]))
            if isinstance(call.func, ast.Name) and call.func.id == "getattr":
                yield from self._reference(f"{meaning}.{call.args[1].value}", call, None)

    def _attribute(self, node: ast.Attribute, use: Use | None = None) -> Iterator[Fact]:
        meanings = self.bindings.resolve(node)
        for meaning in meanings:
            yield from self._reference(meaning, node, use)
        family = self.rules.index.attributes.get(node.attr)
        if family is not None and not any(self._number_of(meaning) == family for meaning in meanings):
            yield self._used(family, f".{node.attr}", node, use, f".{node.attr}")
        if meanings and node.attr in _OF_ANY_MODULE:
            yield self._fact(self._number("dynamic"), f"{meanings[0]}", node)
        if meanings:
            self._mark_chain(node)

    def _mark_chain(self, node: ast.expr) -> None:
        while isinstance(node, ast.Attribute):
            node = node.value
            self.read_already.add(id(node))

    def _name(self, node: ast.Name, use: Use | None = None) -> Iterator[Fact]:
        meanings = self.bindings.resolve(node) if isinstance(node.ctx, ast.Load) else ()
        for meaning in meanings:
            if meaning in REACHING and not isinstance(use, ast.Call):
                yield self._fact(self._number("dynamic"), f"{meaning} as a value", node)
            else:
                yield from self._reference(meaning, node, use)
        family = self.rules.index.builtins.get(node.id)
        if family is not None and not meanings and self._is_builtin(node):
            yield self._used(family, node.id, node, use, node.id)
        if self.targets.distinctive is not None and self.targets.distinctive.fullmatch(node.id):
            yield self._fact(self._number("metric"), f"name {node.id}", node)

    def _is_builtin(self, node: ast.Name) -> bool:
        at = (node.lineno, node.col_offset)
        is_parameter = any(node.id in names and start <= at <= end for names, start, end in self.shadows)
        return not is_parameter and not isinstance(node.ctx, ast.Store)

    def _reference(self, meaning: str, node: ast.expr, use: Use | None) -> Iterator[Fact]:
        if (found := self._family(meaning)) is not None:
            yield self._used(found[0], meaning, node, use, found[1])

    def _number_of(self, dotted: str) -> int | None:
        return None if (found := self._family(dotted)) is None else found[0]

    def _family(self, dotted: str) -> tuple[int, str] | None:
        """A package's own names are not those of the library that it may be: `requests` may import `requests.models`."""
        root = dotted.partition(".")[0]
        is_own = root in self.path.split("/")[:-1] and root not in sys.stdlib_module_names
        return None if is_own else family_of(dotted, self.rules.index)

    def _keyword(self, node: ast.keyword) -> Iterator[Fact]:
        if node.arg is not None and isinstance(node.value, ast.Constant):
            family = self.rules.index.keywords.get(f"{node.arg}={node.value.value!r}")
            if family is not None:
                yield self._fact(family, f"{node.arg}={node.value.value!r}", node.value)

    def _operation(self, node: ast.BinOp) -> Iterator[Fact]:
        if isinstance(node.op, ast.Div):
            for text in self._folders_among([node.left, node.right]):
                yield self._fact(self._number("harness"), f"path {text}", node)
        for run in (*disguise.added_texts(node), disguise.path_text(node), disguise.formatted_text(node)):
            yield from self._text(node, run)
        left = node.left
        while isinstance(node.op, ast.Add) and isinstance(left, ast.BinOp) and isinstance(left.op, ast.Add):
            self.read_already.add(id(left))  # one chain of `+` is read once, from its outermost
            left = left.left

    def _docstring(self, node: ast.AST) -> Iterator[Fact]:
        """Prose may mention anything; but a metric line in it is one `print(__doc__)` away from being reported."""
        docstring = _docstring_of(node)
        if docstring is not None:
            self.read_already.add(id(docstring))
            metric = self._number("metric")
            for number, pattern in self.rules.index.literals:
                if number == metric and pattern.search(str(docstring.value)):
                    yield self._fact(metric, f"text {docstring.value!s}", docstring)

    def _text(self, node: ast.expr, text: str | None) -> Iterator[Fact]:
        if not text:
            return
        text = disguise.plain_path(text)
        for family, pattern in self.rules.index.literals:
            if pattern.search(text):
                yield self._fact(family, f"text {text}", node)
        if (found := self.targets.metric_in(text)) is not None:
            yield self._fact(self._number("metric"), f"text {found}", node)
        if (found := self.targets.path_in(text)) is not None:
            yield self._fact(self._number("harness"), f"path {found}", node)

    def _folder_arguments(self, call: ast.Call) -> list[str]:
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        searched = [call.func.value] if isinstance(call.func, ast.Attribute) else []
        roots = [part for part in (*call.args, *searched) if name in _SEARCHES and disguise.path_text(part) == "/"]
        return (self._folders_among(call.args) if name in _PATH_CALLS else []) + ["/" for _ in roots]

    def _folders_among(self, nodes: list[ast.expr]) -> list[str]:
        texts = [_text_of(node) for node in nodes if isinstance(node, ast.Constant)]
        return [text for text in texts if text and text in self.targets.folders]

    def _number(self, kind: str) -> int:
        return self.rules.number(kind)

    def _used(self, number: int, name: str, node: ast.expr, use: Use | None, root: str) -> Fact:
        family = self.rules.families[number]
        is_telling = bool(telling_texts(family, use))
        return self._fact(number, f"{name}{signature(family, use)}", node, root=root, is_telling=is_telling)

    def _fact(
        self,
        family: int,
        key: str,
        node: ast.AST | None = None,
        line: int = 0,
        root: str = "",
        is_telling: bool = False,
    ) -> Fact:
        at = getattr(node, "lineno", line) + self.line_offset
        # A text that is forbidden wherever it stands has no root, and no file is familiar with it.
        return Fact(family, key, self.path, at, key[:_EXCERPT_CHARS], root, is_telling or not root)


def _shadows_of(node: ast.AST, builtins: Set[str]) -> Iterator[_Shadow]:
    """Where a parameter has the name of a builtin: in the body, since a default is evaluated outside."""
    if isinstance(node, FunctionNode) and (names := parameters(node) & builtins):
        body = node.body[0] if isinstance(node.body, list) else node.body
        yield names, (body.lineno, body.col_offset), (node.end_lineno or 0, node.end_col_offset or 0)


def _text_of(node: ast.Constant) -> str | None:
    if isinstance(node.value, bytes):
        return node.value.decode("latin-1")
    return node.value if isinstance(node.value, str) else None


def _docstring_of(node: ast.AST) -> ast.Constant | None:
    if isinstance(node, _DEFINITIONS) and node.body and isinstance(node.body[0], ast.Expr):
        value = node.body[0].value
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            return value
    return None
