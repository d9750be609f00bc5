"""A new seed is another draw, no improvement: with enough of them any metric gets better, and nothing else does. Pure.

Python is read by its tree, everything else by its lines. A generator that is new, with its first seed, is a change like any other.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

from guardrails.verdict import Rejected

_WORD: Final = re.compile(r"seed|random_state", re.IGNORECASE)
_MAKERS: Final = frozenset({"Random", "RandomState", "default_rng", "PRNGKey", "SeedSequence", "Generator", "srand"})
# Bounded repeats: the text is a stranger's.
_LINE: Final = re.compile(
    r"\b(?P<name>\w{0,60}(?:seed|random_state)\w{0,60}|srand|mt19937\w{0,9})\b[^=(\n]{0,40}[=(:{]\s*(?P<value>[^,;)}\n]{0,80}\d[^,;)}\n]{0,80})",
    re.IGNORECASE,
)
# What is another thing in another run: chance, clocks, names of processes and places, orders of sets, addresses in memory.
_DRAWS: Final = re.compile(
    r"rand|secret|uuid|entropy|shuffle|sample|choice|noise|time|clock|now\b|today|date|monotonic|perf_counter|pid|tmp|temp|thread|async|"
    r"multiprocess|concurrent|\bid\b|hash|\bset\b|repr|object|stat\b|environ|getattr|globals|import_|eval|exec|ctypes|gc\b|/dev|/proc",
    re.IGNORECASE,
)


def may_draw(before: Mapping[str, str], after: Mapping[str, str]) -> bool:
    """Whether a changed file could come to another result when it is run again. Errs towards yes.

    No: numbers alone changed, in Python; or nothing in the file is known to differ from run to run.
    """
    return any(
        not _is_numbers_alone(path, before.get(path), text) and _draws(path, text) for path, text in after.items()
    )


def judge_seeds(before: Mapping[str, str], after: Mapping[str, str]) -> Rejected | None:
    """Refuse a change that gives a generator, or a name that says so, another seed than it had.

    before, after: the changed files, path to text; a file that is new is not in `before`.
    """
    for path in sorted(before.keys() & after.keys()):
        old, new = _seeds(path, before[path]), _seeds(path, after[path])
        for name, values in new.items():
            if name in old and values - old[name]:
                return Rejected(
                    "baseline.new-seed", "Another seed is another draw, no improvement.", {"path": path, "name": name}
                )
    return None


def _seeds(path: str, text: str) -> dict[str, Counter[str]]:
    """What each name or call is seeded with, as often as it is."""
    found: dict[str, Counter[str]] = {}
    for name, value in _in_python(text) if path.endswith(".py") else _in_lines(text):
        found.setdefault(name, Counter())[value] += 1
    return found


def _draws(path: str, text: str) -> bool:
    if _DRAWS.search(text) or not path.endswith(".py"):
        return True
    try:
        return any(isinstance(node, ast.Set | ast.SetComp) for node in ast.walk(ast.parse(text)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return True


def _is_numbers_alone(path: str, before: str | None, after: str) -> bool:
    if before is None or not path.endswith(".py"):
        return False
    try:
        return _without_numbers(before) == _without_numbers(after)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False


def _without_numbers(text: str) -> str:
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
            node.value = 0
    return ast.dump(tree)


def _in_lines(text: str) -> Iterator[tuple[str, str]]:
    return ((match["name"], "".join(match["value"].split())) for match in _LINE.finditer(text))


def _in_python(text: str) -> Iterator[tuple[str, str]]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return  # the constitution refuses what cannot be read
    for node in ast.walk(tree):
        for name, value in _given(node):
            if value is not None and (_WORD.search(name) or name in _MAKERS):
                yield name, ast.dump(value)


def _given(node: ast.AST) -> Iterator[tuple[str, ast.expr | None]]:
    """Each name that this node gives a value: targets, keywords, defaults, and what is called with its first argument."""
    match node:
        case ast.Assign(targets=targets, value=value):
            yield from ((ast.unparse(target), value) for target in targets)
        case (
            ast.AnnAssign(target=target, value=value)
            | ast.AugAssign(target=target, value=value)
            | ast.NamedExpr(target=target, value=value)
        ):
            yield ast.unparse(target), value
        case ast.arguments(
            posonlyargs=first, args=args, kwonlyargs=named, defaults=defaults, kw_defaults=named_defaults
        ):
            yield from zip(
                [one.arg for one in (*first, *args)][len(first) + len(args) - len(defaults) :], defaults, strict=True
            )
            yield from zip([one.arg for one in named], named_defaults, strict=True)
        case ast.Call(func=function, args=given, keywords=keywords):
            yield from ((keyword.arg or "", keyword.value) for keyword in keywords)
            if given:
                yield ast.unparse(function).rpartition(".")[2], given[0]
        case ast.Dict(keys=keys, values=values):
            yield from (
                (str(key.value), value)
                for key, value in zip(keys, values, strict=True)
                if isinstance(key, ast.Constant)
            )
        case _:
            return
