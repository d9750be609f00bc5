"""The constitutional gate: is this change allowed at all? Pure, but for reading the package's own files once, at loading.

Judged before a trial is run, and again on the exact change that is promoted. A gate that cannot run rejects.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from itertools import islice
from types import ModuleType

from guardrails.constitution import (
    calls,
    code,
    diff,
    disguise,
    edited,
    entry,
    errors,
    facts,
    folding,
    globs,
    indexing,
    integrity,
    lexical,
    loading,
    names,
    own,
    patterns,
    prefilter,
    readings,
    rules,
    size,
    structure,
    surface,
    syntax,
    targets,
    words,
)
from guardrails.constitution import (
    change as change_module,
)
from guardrails.constitution.change import Allowed, Change, Surface
from guardrails.constitution.diff import DiffFile
from guardrails.constitution.edited import Edited, from_diff, from_texts
from guardrails.constitution.errors import ConstitutionError
from guardrails.constitution.rules import PREFIX, RuleInfo, RuleSet
from guardrails.constitution.words import WordFinding
from guardrails.verdict import Rejected

_PACKAGE = "guardrails.constitution"
_MOST_FINDINGS = 200

# Rules that are code rather than data, for people to read of.
BUILT_IN = (
    ("tampered", "rules or evaluator were changed since the constitution was loaded"),
    ("cannot-run", "a rule could not be judged, and a gate that cannot run rejects"),
    ("size.nothing", "the change changes nothing"),
    ("size.idea", "the idea has too many words"),
    ("size.files", "too many files are touched"),
    ("size.file", "a file is too large to be judged"),
    ("size.lines", "too many lines are changed"),
    ("size.bytes", "too many bytes are added"),
    ("size.line", "a line is too long to be read"),
    ("size.estimate", "the change is much larger than its idea announced"),
    ("surface.path", "a path is not written in the one plain way"),
    ("surface.protected", "the spec protects the path"),
    ("surface.outside", "the spec does not list the path as editable"),
    ("surface.shadow", "a new module would be imported in the place of another"),
    ("surface.link", "a symbolic link can lead out of the surface"),
    ("surface.submodule", "a submodule brings in code that is not in the diff"),
    ("surface.binary", "binary content cannot be judged"),
    ("code.unparsable", "a file is no Python after the change"),
    ("code.hidden-text", "text is added that a reader cannot see"),
)


@dataclass(frozen=True, slots=True)
class Constitution:
    """Every rule a change is judged by, frozen, with the digest that names it.

    digest: SHA-256, hex, over the shipped rule data and the source of the evaluating modules.
    own_digest: the same for the user's additions, None where there are none.
    """

    digest: str
    own_digest: str | None
    _rules: RuleSet = field(repr=False, compare=False)
    _seal: integrity.Seal = field(repr=False, compare=False)

    @classmethod
    def load(cls, own_rules: Mapping[str, object] | None = None) -> "Constitution":
        """Read the shipped rules, and add the user's: `{"rule": [{"id": …, "reason": …, "idea" | "path" | "added": […]}]}`.

        Raises ConstitutionError (`constitution.unavailable`) when any of them cannot be read, or the evaluator was changed
        since it was imported.
        """
        files = _own_files()
        if not _EVALUATOR_SEAL.is_whole():
            raise ConstitutionError(_PACKAGE, "the evaluator was changed after it was imported")
        texts = {name: content.decode("utf-8", "replace") for name, content in files.items() if name.endswith(".toml")}
        loaded = loading.load_rules(texts, own_rules)
        own_digest = integrity.digest_of_own(loaded.own) if loaded.own else None
        return cls(integrity.digest_of_files(files), own_digest, loaded, integrity.Seal([loaded]))

    def judge(self, change: Change, surface: Surface) -> Allowed | Rejected:
        """Allowed under this digest, or the first reason why not. Never raises: what goes wrong in a rule rejects."""
        return self._first(lambda: self._findings(change, surface))

    def judge_idea(self, idea: str) -> Allowed | Rejected:
        """The idea's words alone, before there is a change. Allows nothing but going on to make one."""
        return self._first(lambda: self._findings_of_words(idea, ()))

    def judge_all(self, change: Change, surface: Surface) -> list[Rejected]:
        """Every finding, with path and line where it has them; none means allowed."""
        return self._all(lambda: self._findings(change, surface))

    def judge_diff(self, files: Sequence[DiffFile], surface: Surface, idea: str = "") -> list[Rejected]:
        """Every finding of a diff, of which only the hunks are known; none means that nothing was found in them.

        An excerpt says less than the whole file: what a candidate may become is decided by `judge`, on whole texts.
        """
        return self._all(lambda: self._findings_of_diff(files, surface, idea))

    def describe(self) -> list[RuleInfo]:
        """Each rule that can refuse, shipped ones first."""
        loaded = self._rules
        found = [RuleInfo(f"{PREFIX}.{name}", reason, True, 0, ()) for name, reason in BUILT_IN]
        found += [RuleInfo(rule.id, rule.reason, True, len(rule.globs), ()) for rule in loaded.paths]
        found += [
            RuleInfo(family.id, family.reason, True, _pattern_count(family), tuple(e.text for e in family.examples))
            for family in loaded.code.families
        ]
        found += [
            RuleInfo(rule.id, rule.reason, True, sum(map(len, rule.groups)), rule.examples)
            for rule in loaded.words.rules
        ]
        found += [
            RuleInfo(rule.id, rule.reason, False, len(rule.idea) + len(rule.paths) + len(rule.added), ())
            for rule in loaded.own
        ]
        return found

    def _first(self, findings: Callable[[], Iterator[Rejected]]) -> Allowed | Rejected:
        found = self._all(findings, at_most=1)
        return found[0] if found else Allowed(self.digest)

    def _all(self, findings: Callable[[], Iterator[Rejected]], at_most: int = _MOST_FINDINGS) -> list[Rejected]:
        # The one boundary where any fault at all becomes a no: a rule that cannot run must not let a change pass.
        try:
            return list(islice(findings(), at_most)) if self._is_untouched() else _tampered()
        except Exception as fault:  # noqa: BLE001
            return [Rejected(f"{PREFIX}.cannot-run", "a rule could not be judged", {"fault": type(fault).__name__})]

    def _is_untouched(self) -> bool:
        """Whether all that decides is what was loaded. A seal that cannot be read is a broken one."""
        try:
            is_whole = self._seal.is_sealing(self._rules) and self._seal.is_whole() and _EVALUATOR_SEAL.is_whole()
            return is_whole and _are_exports_whole()
        except Exception:  # noqa: BLE001
            return False

    def _findings(self, change: Change, surface: Surface) -> Iterator[Rejected]:
        """Size first: it bounds the texts that all the other rules read."""
        limits = self._rules.size
        texts = tuple((file.path, text) for file in change.files for text in (file.before or "", file.after or ""))
        over = list(size.judge_inputs(change.idea, texts, limits))
        yield from over
        if not over:
            files = tuple(from_texts(file) for file in change.files)
            yield from self._findings_of_files(change.idea, files, surface, change.estimate_lines)

    def _findings_of_diff(self, diff_files: Sequence[DiffFile], surface: Surface, idea: str) -> Iterator[Rejected]:
        files = tuple(file for diff_file in diff_files for file in from_diff(diff_file))
        texts = tuple((file.path, passage.text) for file in files for passage in (*file.before, *file.after))
        over = list(size.judge_inputs(idea, texts or tuple((file.path, "") for file in files), self._rules.size))
        yield from over
        if not over:
            yield from self._findings_of_files(idea, files, surface, None)

    def _findings_of_files(
        self, idea: str, files: tuple[Edited, ...], allowed: Surface, estimate_lines: int | None
    ) -> Iterator[Rejected]:
        over = list(size.judge(files, estimate_lines, self._rules.size))
        yield from over
        yield from surface.judge(files, allowed, self._rules)
        if not over:
            yield from self._findings_of_words(idea, files)
            yield from code.judge(files, allowed, self._rules.code)
            yield from own.judge(idea, files, self._rules)

    def _findings_of_words(self, idea: str, files: tuple[Edited, ...]) -> Iterator[Rejected]:
        yield from (_spoken(found, {"where": "idea"}) for found in words.judge_idea(self._rules.words, idea))
        yield from (_spoken(found, {"where": "path"}) for found in words.judge_idea(self._rules.words, _paths(files)))
        for file in files:
            for found in words.judge_added(self._rules.words, file.added_text):
                yield _spoken(found, {"path": file.path, "line": file.added[found.line - 1].number})
        if not files:
            yield from own.judge(idea, (), self._rules)


def _tampered(rejected: type[Rejected] = Rejected) -> list[Rejected]:
    # Of this answer nothing is looked up when it is given: what it would be looked up in may be what was changed.
    return [rejected("constitution.tampered", "rules or evaluator were changed since the constitution was loaded")]


def _are_exports_whole() -> bool:
    """Whether the package still hands out what it did, and nothing else under these names."""
    held = vars(sys.modules[_PACKAGE])
    return all(held.get(name, value) is value for name, value in _EXPORTS)


def _spoken(found: WordFinding, where: Mapping[str, str | int]) -> Rejected:
    return Rejected(found.rule.id, found.rule.reason, {**where, "found": found.excerpt[:120]})


def _paths(files: tuple[Edited, ...]) -> str:
    return "\n".join(file.path.replace("/", "\n") for file in files)


def _pattern_count(family: rules.CodeFamily) -> int:
    names_known = (family.dotted, family.attributes, family.builtins, family.keywords, family.literals)
    return sum(map(len, names_known)) + sum(len(entry.patterns) for entry in family.patterns)


def _own_files() -> dict[str, bytes]:
    """The package's rule data and source. Without its source the evaluator cannot be named, so nothing is allowed."""
    try:
        found = {
            entry.name: entry.read_bytes()
            for entry in resources.files(_PACKAGE).iterdir()
            if entry.name.endswith((".py", ".toml"))
        }
    except (OSError, ModuleNotFoundError, TypeError) as fault:
        raise ConstitutionError(_PACKAGE, f"cannot read the package's files: {fault}") from fault
    if missing := [name for name in _expected_files() if name not in found]:
        raise ConstitutionError(missing[0], "is missing from the package")
    return found


def _expected_files() -> list[str]:
    sources = [f"{module.__name__.rpartition('.')[2]}.py" for module in _EVALUATOR]
    return [*sources, "__init__.py", *loading.RULE_FILES]


_EVALUATOR: tuple[ModuleType, ...] = (
    calls, change_module, code, diff, disguise, edited, entry, errors, facts, folding, globs, indexing, integrity, lexical, loading, names, own, patterns, prefilter,
    readings, rules, size, structure, surface, syntax, targets, words, sys.modules[__name__],
)  # fmt: skip
_EXPORTS: tuple[tuple[str, object], ...] = (
    *((name, getattr(change_module, name)) for name in ("Allowed", "Change", "FileChange", "Surface")),
    *((name, getattr(diff, name)) for name in ("DiffFile", "DiffSyntaxError", "Hunk", "parse_unified")),
    *((module.__name__.rpartition(".")[2], module) for module in _EVALUATOR),
    ("Constitution", Constitution),
    ("ConstitutionError", ConstitutionError),
    ("RuleInfo", RuleInfo),
)
_EVALUATOR_SEAL = integrity.Seal(_EVALUATOR, apart_from=frozenset({"_EVALUATOR_SEAL"}))
