"""The constitution's rules as values. They are read from the rule data by `loading`, and frozen for the life of the node."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

PREFIX = "constitution"


@dataclass(frozen=True, slots=True)
class SizeLimits:
    """How much one change may be. Every text is bounded by these before any pattern sees it."""

    idea_chars: int
    files: int
    changed_lines: int
    added_bytes: int
    file_bytes: int
    line_chars: int
    path_chars: int
    estimate_factor: float
    estimate_slack_lines: int


@dataclass(frozen=True, slots=True)
class PathRule:
    """Paths that are closed, whatever the surface says; `unless_named` opens one that `editable` names in full."""

    id: str
    reason: str
    globs: tuple[str, ...]
    unless_named: bool


@dataclass(frozen=True, slots=True)
class LanguagePatterns:
    language: str
    patterns: tuple[re.Pattern[str], ...]


@dataclass(frozen=True, slots=True)
class CodeExample:
    language: str
    text: str


@dataclass(frozen=True, slots=True)
class CodeFamily:
    """One family of facts in code: names for the Python syntax tree, patterns for every other language.

    dotted: modules and names in them; the longest entry that covers a name decides.
    harmless: exceptions to `dotted`, such as an error class of a network library.
    attributes: names that count on whatever object they are read from.
    keywords: `name=literal` in a call.
    literals: patterns over string constants.
    constants: modules whose names in capitals are mere numbers, such as `socket.AF_INET`.
    steering: keywords that bound a call and do not change what it does, such as a time-out.
    is_exact: two calls are the same fact only if their arguments are the same, numbers, names and steering aside.
    familiar_unless: a file that has facts of this family may have more of the same module, unless their texts match this.
    """

    id: str
    reason: str
    dotted: tuple[str, ...]
    harmless: tuple[str, ...]
    attributes: tuple[str, ...]
    builtins: tuple[str, ...]
    keywords: tuple[str, ...]
    literals: tuple[re.Pattern[str], ...]
    constants: tuple[str, ...]
    steering: tuple[str, ...]
    is_exact: bool
    familiar_unless: re.Pattern[str] | None
    patterns: tuple[LanguagePatterns, ...]
    examples: tuple[CodeExample, ...]
    counter_examples: tuple[CodeExample, ...]


@dataclass(frozen=True, slots=True)
class LanguagePattern:
    """needs: texts of which each match holds one; empty where that cannot be told."""

    family: int
    pattern: re.Pattern[str]
    needs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CodeIndex:
    """The same families, turned round for looking up. A family's id is its position in `CodeRules.families`."""

    dotted: Mapping[str, int]
    constants: frozenset[str]
    attributes: Mapping[str, int]
    builtins: Mapping[str, int]
    keywords: Mapping[str, int]
    literals: tuple[tuple[int, re.Pattern[str]], ...]
    by_language: Mapping[str, tuple[LanguagePattern, ...]]
    numbers: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class CodeRules:
    families: tuple[CodeFamily, ...]
    suffixes: Mapping[str, str]
    file_names: Mapping[str, str]
    index: CodeIndex

    def number(self, name: str) -> int:
        """The position of a family by the last part of its id."""
        return self.index.numbers[name]


@dataclass(frozen=True, slots=True)
class WordRule:
    """Groups of terms that mean harm when one of each stands near the others.

    window: how many words may lie between two groups.
    is_ordered: the groups must follow one another as written.
    is_shielded: talk of preventing or detecting the same is let through.
    is_in_code: judged over added lines of files too, not over the idea alone.
    unless: terms whose presence near the match shows another meaning.
    """

    id: str
    reason: str
    groups: tuple[tuple[str, ...], ...]
    window: int
    is_ordered: bool
    is_shielded: bool
    is_in_code: bool
    unless: tuple[str, ...]
    examples: tuple[str, ...]
    counter_examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WordIndex:
    """Words and terms by number. A term is a run of words; a rule's group is a set of terms."""

    exact: Mapping[str, int]
    stems: Mapping[str, int]
    suffixes: frozenset[str]
    terms: tuple[tuple[int, ...], ...]
    terms_by_first_word: Mapping[int, tuple[int, ...]]
    groups: tuple[tuple[frozenset[int], ...], ...]
    unless: tuple[frozenset[int], ...]
    defences: frozenset[int]
    negations: frozenset[int]
    sequels: frozenset[int]
    evasions: frozenset[int]


@dataclass(frozen=True, slots=True)
class WordRules:
    rules: tuple[WordRule, ...]
    index: WordIndex
    lookalikes: Mapping[int, str]
    alternatives: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class OwnRule:
    """A rule the user added. It can refuse what the shipped ones let through, never the other way round."""

    id: str
    reason: str
    idea: tuple[re.Pattern[str], ...]
    paths: tuple[str, ...]
    added: tuple[re.Pattern[str], ...]


@dataclass(frozen=True, slots=True)
class RuleSet:
    size: SizeLimits
    paths: tuple[PathRule, ...]
    shadowed_modules: tuple[str, ...]
    code: CodeRules
    words: WordRules
    own: tuple[OwnRule, ...]


@dataclass(frozen=True, slots=True)
class RuleInfo:
    """One rule, as `constitution show` prints it."""

    id: str
    reason: str
    is_shipped: bool
    patterns: int
    examples: tuple[str, ...]
