"""Turn rules round for looking up: words and terms by number, names of code by family. Pure."""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from guardrails.constitution.errors import ConstitutionError
from guardrails.constitution.prefilter import needed_texts
from guardrails.constitution.rules import CodeFamily, CodeIndex, LanguagePattern, WordIndex, WordRule

HARMLESS = -1
_TERM = re.compile(r"[a-z0-9]+~?(?: [a-z0-9]+~?){0,4}")


def index_code(families: tuple[CodeFamily, ...]) -> CodeIndex:
    dotted = _by_family(families, "dotted") | {name: HARMLESS for family in families for name in family.harmless}
    return CodeIndex(
        dotted=MappingProxyType(dotted),
        constants=frozenset(name for family in families for name in family.constants),
        attributes=MappingProxyType(_by_family(families, "attributes")),
        builtins=MappingProxyType(_by_family(families, "builtins")),
        keywords=MappingProxyType(_by_family(families, "keywords")),
        literals=tuple((number, _either(family.literals)) for number, family in enumerate(families) if family.literals),
        by_language=MappingProxyType(_by_language(families)),
        numbers=MappingProxyType({family.id.rpartition(".")[2]: number for number, family in enumerate(families)}),
    )


def index_words(rules: tuple[WordRule, ...], context: Mapping[str, tuple[str, ...]]) -> WordIndex:
    numbering = _Numbering()
    groups = tuple(tuple(numbering.terms(group) for group in rule.groups) for rule in rules)
    unless = tuple(numbering.terms(rule.unless) for rule in rules)
    context_terms = {name: numbering.terms(context[name]) for name in ("defences", "negations", "sequels", "evasions")}
    terms = tuple(numbering.by_term)
    return WordIndex(
        exact=MappingProxyType({word: number for word, number in numbering.by_word.items() if "~" not in word}),
        stems=MappingProxyType({word[:-1]: number for word, number in numbering.by_word.items() if "~" in word}),
        suffixes=frozenset(context["suffixes"]),
        terms=terms,
        terms_by_first_word=MappingProxyType(_by_first_word(terms)),
        groups=groups,
        unless=unless,
        **context_terms,
    )


class _Numbering:
    """Gives each word and each term a number, in the order they come."""

    def __init__(self) -> None:
        self.by_word: dict[str, int] = {}
        self.by_term: dict[tuple[int, ...], int] = {}

    def terms(self, terms: Iterable[str]) -> frozenset[int]:
        return frozenset(self._term(term) for term in terms)

    def _term(self, term: str) -> int:
        if _TERM.fullmatch(term) is None or any(len(word) < 4 for word in term.split() if word.endswith("~")):
            raise ConstitutionError("words.toml", f"not a term of plain words, stems of three letters and more: {term}")
        words = tuple(self.by_word.setdefault(word, len(self.by_word)) for word in term.split())
        return self.by_term.setdefault(words, len(self.by_term))


def _by_first_word(terms: tuple[tuple[int, ...], ...]) -> dict[int, tuple[int, ...]]:
    found: dict[int, tuple[int, ...]] = {}
    for number, term in enumerate(terms):
        found[term[0]] = (*found.get(term[0], ()), number)
    return found


def _by_family(families: tuple[CodeFamily, ...], key: str) -> dict[str, int]:
    return {name: number for number, family in enumerate(families) for name in getattr(family, key)}


def _by_language(families: tuple[CodeFamily, ...]) -> dict[str, tuple[LanguagePattern, ...]]:
    found: dict[str, tuple[LanguagePattern, ...]] = {}
    for number, family in enumerate(families):
        for entry in family.patterns:
            added = (LanguagePattern(number, one, tuple(sorted(needed_texts(one.pattern)))) for one in entry.patterns)
            found[entry.language] = (*found.get(entry.language, ()), *added)
    return found


def _either(patterns: tuple[re.Pattern[str], ...]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern.pattern})" for pattern in patterns), re.MULTILINE)
