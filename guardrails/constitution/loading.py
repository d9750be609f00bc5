"""Read the rule data into frozen rules, strictly: an unknown key, a wrong type or an unsafe pattern is an error. Pure.

Texts come in as strings; `gate` reads them from the package. Every fault is a `ConstitutionError` that names the place.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import fields
from types import MappingProxyType

from guardrails.constitution.entry import Entry, Table
from guardrails.constitution.errors import ConstitutionError
from guardrails.constitution.indexing import index_code, index_words
from guardrails.constitution.rules import (
    CodeFamily,
    CodeRules,
    LanguagePatterns,
    OwnRule,
    PathRule,
    RuleSet,
    SizeLimits,
    WordRule,
    WordRules,
)

RULE_FILES = ("constitution.toml", "code.toml", "words.toml", "lookalikes.toml")


def load_rules(texts: Mapping[str, str], own: Table | None) -> RuleSet:
    """Shipped rules from the texts of `RULE_FILES`, and the user's additions from `[[constitution.rule]]`."""
    tables = {name: _parse(name, texts.get(name)) for name in RULE_FILES}
    general = Entry("constitution.toml", tables["constitution.toml"])
    shadow = general.table("shadow")
    rules = RuleSet(
        size=_size(general.table("size")),
        paths=tuple(_path_rule(entry) for entry in general.tables("path")),
        shadowed_modules=shadow.strings("modules"),
        code=_code_rules(Entry("code.toml", tables["code.toml"])),
        words=_word_rules(
            Entry("words.toml", tables["words.toml"]), Entry("lookalikes.toml", tables["lookalikes.toml"])
        ),
        own=own_rules(own),
    )
    shadow.done()
    general.done()
    return rules


def own_rules(own: Table | None) -> tuple[OwnRule, ...]:
    """The user's rules. They have a name space of their own: nothing here can name, replace or remove a shipped rule."""
    if own is None:
        return ()
    entry = Entry("config.toml: constitution", own)
    rules = tuple(_own_rule(rule) for rule in entry.tables("rule", is_required=False))
    entry.done()
    if len({rule.id for rule in rules}) != len(rules):
        raise ConstitutionError("config.toml: constitution", "two rules have the same id")
    return rules


def _parse(name: str, text: str | None) -> Table:
    if text is None:
        raise ConstitutionError(name, "rule file is missing")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as fault:
        raise ConstitutionError(name, f"rule file is not TOML: {fault}") from fault


def _size(entry: Entry) -> SizeLimits:
    values = {limit.name: entry.number(limit.name) for limit in fields(SizeLimits)}
    entry.done()
    factor = values.pop("estimate_factor")
    return SizeLimits(estimate_factor=factor, **{name: int(value) for name, value in values.items()})


def _path_rule(entry: Entry) -> PathRule:
    rule = PathRule(
        id=entry.rule_id("surface"),
        reason=entry.string("reason"),
        globs=entry.globs("globs"),
        unless_named=entry.flag("unless_named"),
    )
    entry.done()
    return rule


def _code_rules(entry: Entry) -> CodeRules:
    languages = entry.table("languages")
    suffixes = {suffix: language for language in languages.names() for suffix in languages.strings(language)}
    names = entry.table("file_names")
    file_names = {name: names.string(name) for name in names.names()}
    known = {*languages.names(), "any", "python-comment"}
    families = tuple(_code_family(family, known) for family in entry.tables("family"))
    entry.done()
    _refuse_twins(entry.place, families)
    return CodeRules(families, MappingProxyType(suffixes), MappingProxyType(file_names), index_code(families))


def _code_family(entry: Entry, languages: set[str]) -> CodeFamily:
    patterns = entry.table("patterns", is_required=False)
    family = CodeFamily(
        id=entry.rule_id("code"),
        reason=entry.string("reason"),
        dotted=entry.strings("dotted", is_required=False),
        harmless=entry.strings("harmless", is_required=False),
        attributes=entry.strings("attributes", is_required=False),
        builtins=entry.strings("builtins", is_required=False),
        keywords=entry.strings("keywords", is_required=False),
        literals=entry.patterns("literals"),
        constants=entry.strings("constants", is_required=False),
        steering=entry.strings("steering", is_required=False),
        is_exact=entry.flag("exact"),
        familiar_unless=_familiar_unless(entry),
        patterns=tuple(LanguagePatterns(name, patterns.patterns(name)) for name in patterns.names()),
        examples=entry.code_examples("examples"),
        counter_examples=entry.code_examples("counter_examples"),
    )
    entry.done()
    if unknown := {*patterns.names()} - languages:
        raise ConstitutionError(entry.place, f"unknown language {min(unknown)}")
    return family


def _familiar_unless(entry: Entry) -> re.Pattern[str] | None:
    found = entry.patterns("familiar_unless")
    if len(found) > 1:
        raise ConstitutionError(f"{entry.place}: familiar_unless", "expected one pattern at most")
    return found[0] if found else None


def _word_rules(entry: Entry, lookalikes: Entry) -> WordRules:
    rules = tuple(_word_rule(rule) for rule in entry.tables("rule"))
    context = {name: entry.strings(name) for name in ("suffixes", "defences", "negations", "sequels", "evasions")}
    entry.done()
    _refuse_twins(entry.place, rules)
    letters = _letters(lookalikes, "letters")
    alternatives = _letters(lookalikes, "alternatives")
    lookalikes.done()
    return WordRules(rules, index_words(rules, context), MappingProxyType(letters), MappingProxyType(alternatives))


def _word_rule(entry: Entry) -> WordRule:
    rule = WordRule(
        id=entry.rule_id("words"),
        reason=entry.string("reason"),
        groups=entry.groups("groups"),
        window=int(entry.number("window", default=3)),
        is_ordered=entry.flag("ordered"),
        is_shielded=entry.flag("shielded", default=True),
        is_in_code=entry.flag("in_code"),
        unless=entry.strings("unless", is_required=False),
        examples=entry.strings("examples"),
        counter_examples=entry.strings("counter_examples"),
    )
    entry.done()
    return rule


def _letters(entry: Entry, key: str) -> dict[int, str]:
    letters = entry.table(key)
    found: dict[int, str] = {}
    for latin in letters.names():
        for letter in letters.string(latin):
            if found.setdefault(ord(letter), latin) != latin or letter.isascii():
                raise ConstitutionError(entry.place, f"letter U+{ord(letter):04X} cannot be folded to {latin}")
    return found


def _own_rule(entry: Entry) -> OwnRule:
    rule = OwnRule(
        id=entry.rule_id("own"),
        reason=entry.string("reason"),
        idea=entry.patterns("idea", ignore_case=True),
        paths=entry.globs("path", is_required=False),
        added=entry.patterns("added"),
    )
    entry.done()
    if not (rule.idea or rule.paths or rule.added):
        raise ConstitutionError(entry.place, "a rule needs at least one of idea, path, added")
    return rule


def _refuse_twins(place: str, rules: Sequence[CodeFamily] | Sequence[WordRule]) -> None:
    ids = [rule.id for rule in rules]
    if len(set(ids)) != len(ids):
        raise ConstitutionError(place, "two rules have the same id")
