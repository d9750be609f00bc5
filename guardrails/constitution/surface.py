"""Judge the paths of a change: only what the surface opens, and never what decides, guards or runs by itself. Pure."""

import sys
import unicodedata
from collections import Counter
from collections.abc import Iterator

from guardrails.constitution.change import Surface
from guardrails.constitution.edited import Edited
from guardrails.constitution.folding import fold
from guardrails.constitution.globs import covers, has_wildcard, matches
from guardrails.constitution.rules import PREFIX, RuleSet
from guardrails.verdict import Rejected

_TEXT_CONTROLS = frozenset("\t\n\r\f")
_MARKS = {
    "link": "a symbolic link can lead out of the surface",
    "submodule": "a submodule brings in code that is not in the diff",
    "binary": "binary content cannot be judged",
}


def judge(files: tuple[Edited, ...], surface: Surface, rules: RuleSet) -> Iterator[Rejected]:
    """Malformed paths first: the other rules are about names that mean what they say."""
    yield from _twins(files)
    for file in files:
        fault = path_fault(file.path, rules.size.path_chars)
        if fault is not None:
            yield _rejected("path", file, fault)
        else:
            yield from _judge_path(file, surface, rules)
            yield from _judge_content(file)


def path_fault(path: str, most_chars: int) -> str | None:
    """Why this is not the one plain way to write a relative path, or None."""
    parts = path.split("/")
    if not path or len(path) > most_chars:
        return "the path is empty or too long"
    if "\\" in path or ":" in path or not path.isprintable():
        return "the path holds a backslash, a colon or a character that cannot be seen"
    if any(part in {"", ".", ".."} for part in parts):
        return "the path is absolute, climbs, or has an empty part"
    if any(part != part.strip() or part.endswith(".") or part.startswith("~") for part in parts):
        return "a part of the path begins with a tilde or ends in a dot or blank"
    if unicodedata.normalize("NFKC", path) != path:
        return "the path is not in its plain Unicode form"
    return None


def _twins(files: tuple[Edited, ...]) -> Iterator[Rejected]:
    counts = Counter(file.path.casefold() for file in files)
    for file in files:
        if counts[file.path.casefold()] > 1:
            yield _rejected("path", file, "two files of the change have this name, but for case")


def _judge_path(file: Edited, surface: Surface, rules: RuleSet) -> Iterator[Rejected]:
    # Names are compared without case and with look-alikes folded, so that `.GIT` or a Cyrillic `hіve.toml` is what it seems.
    seen_as = fold(file.path, rules.words.lookalikes).casefold()
    for rule in rules.paths:
        is_opened = rule.unless_named and file.path in {glob for glob in surface.editable if not has_wildcard(glob)}
        if not is_opened and any(covers(glob.casefold(), seen_as) for glob in rule.globs):
            yield Rejected(rule.id, rule.reason, {"path": file.path})
    if any(covers(glob.casefold(), seen_as) for glob in surface.out_of_reach):
        yield _rejected("protected", file, "the spec protects this path")
    if not any(matches(glob, file.path) for glob in surface.editable):
        yield _rejected("outside", file, "the spec does not list this path as editable")
    if file.is_created and (module := _shadowed_module(file.path, rules)):
        yield _rejected("shadow", file, f"a new module `{module}` would be imported in the place of the real one")


def _judge_content(file: Edited) -> Iterator[Rejected]:
    for mark in file.marks:
        yield _rejected(mark, file, _MARKS[mark])
    if _is_binary(file.added_text):
        yield _rejected("binary", file, _MARKS["binary"])


def _shadowed_module(path: str, rules: RuleSet) -> str | None:
    """The module that a new Python file, or a new package, would be imported as; the nearest folder decides."""
    *folders, name = path.casefold().split("/")
    stem, dot, suffix = name.partition(".")
    if dot and suffix in {"py", "pyw", "pyi"}:
        module = folders[-1] if stem == "__init__" and folders else stem
        if module in sys.stdlib_module_names or module in rules.shadowed_modules:
            return module
    return None


def _is_binary(text: str) -> bool:
    """Control characters, undecodable bytes and replacement characters are not what people write in source."""
    if text.isprintable():
        return "\ufffd" in text
    return any(
        letter == "\ufffd" or unicodedata.category(letter) == "Cs" or (letter < " " and letter not in _TEXT_CONTROLS)
        for letter in set(text)
    )


def _rejected(rule: str, file: Edited, reason: str) -> Rejected:
    return Rejected(f"{PREFIX}.surface.{rule}", reason, {"path": file.path[:200]})
