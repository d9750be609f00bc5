"""Rule data that are not sound stop the node from starting, and say where."""

import copy
import tomllib
from typing import Any

import pytest

from guardrails.constitution import Constitution, ConstitutionError, gate
from guardrails.constitution.loading import RULE_FILES, load_rules
from guardrails.constitution.patterns import compile_pattern, is_nesting_quantifiers
from guardrails.constitution.prefilter import needed_texts

TEXTS = {name: gate._own_files()[name].decode() for name in RULE_FILES}


def test_a_missing_rule_file_is_an_error() -> None:
    for name in RULE_FILES:
        with pytest.raises(ConstitutionError, match=name):
            load_rules({other: text for other, text in TEXTS.items() if other != name}, None)


def test_no_rules_at_all_is_an_error() -> None:
    with pytest.raises(ConstitutionError, match="at least one entry"):
        load_rules(TEXTS | {"words.toml": "rule = []\n"}, None)


@pytest.mark.parametrize(
    ("name", "old", "new", "problem"),
    [
        ("words.toml", "suffixes = [", "suffixes = ", "is not TOML"),
        ("words.toml", "suffixes = [", "sufixes = [", "suffixes: is missing"),
        ("code.toml", "familiar_unless = ['''(?i)", "familiar_unless = ['''a''', '''(?i)", "one pattern at most"),
        ("words.toml", 'id = "phishing"', 'id = "phishing"\nweight = 1', "unknown key weight"),
        ("words.toml", 'id = "phishing"', 'id = "Phishing"', "lower-case"),
        ("words.toml", 'id = "phishing"', 'id = "malware"', "same id"),
        ("words.toml", '"phish~"', '"phish~!"', "not a term"),
        ("words.toml", '"phish~"', '"ph~"', "not a term"),
        ("words.toml", "in_code = true", 'in_code = "yes"', "expected true or false"),
        ("words.toml", "window = 4", "window = 0", "positive number"),
        ("words.toml", "window = 4", "window = true", "positive number"),
        ("words.toml", "groups = [[", "groups = [[], [", "none of them empty"),
        ("words.toml", "groups = [[", "groups = [7, [", "expected a list"),
        ("code.toml", 'id = "process"', 'id = "network"', "same id"),
        ("code.toml", "shell=True", 'shell=True", 7, "', "expected text"),
        ("code.toml", "[family.patterns]\npython", "[family.patterns]\nklingon", "unknown language"),
        ("code.toml", "examples = [\n", 'examples = [\n  ["python"],\n', "pairs of language and text"),
        ("code.toml", "'''\\bMETRIC(?:[ \\t]|$)'''", "'''(METRIC+)+'''", "repeats a group"),
        ("constitution.toml", "files = 20", 'files = "20"', "positive number"),
        ("constitution.toml", "files = 20", "files = 20\nfoo = 1", "unknown key foo"),
        ("constitution.toml", '"**/hive.toml"', '"../hive.toml"', "relative globs"),
        ("constitution.toml", "[shadow]", "[shadow]\nx = 1", "unknown key x"),
        (
            "constitution.toml",
            "[size]",
            "[[path]]\n[sizes]",
            "path 1: id: is missing|expected a table|size: is missing",
        ),
        ("lookalikes.toml", '\nb = "', '\nb = "а', "cannot be folded"),
        ("lookalikes.toml", '\nb = "', '\nb = "b', "cannot be folded"),
    ],
)
def test_an_unsound_rule_names_its_place(name: str, old: str, new: str, problem: str) -> None:
    assert old in TEXTS[name]
    with pytest.raises(ConstitutionError, match=problem) as caught:
        load_rules(TEXTS | {name: TEXTS[name].replace(old, new, 1)}, None)
    assert caught.value.place
    assert caught.value.code == "constitution.unavailable"


RULE: dict[str, Any] = {"id": "mine", "reason": "because", "idea": ["x y"]}


@pytest.mark.parametrize(
    "own",
    [
        {"rule": [RULE | {"id": "../network"}]},
        {"rule": [RULE, RULE]},
        {"rule": [RULE | {"idea": ["(a+)+"]}]},
        {"rule": [RULE | {"idea": ["("]}]},
        {"rule": [RULE | {"idea": ["x*"]}]},
        {"rule": [RULE | {"idea": ["a" * 3000]}]},
        {"rule": [RULE | {"idea": "x"}]},
        {"rule": [RULE | {"path": ["/etc/**"]}]},
        {"rule": [RULE | {"enabled": False}]},
        {"rule": [{"id": "mine", "reason": "because"}]},
        {"rule": [{"id": "mine", "idea": ["x"]}]},
        {"rule": ["x"]},
        {"rule": 7},
        {"disable": ["constitution.code.network"]},
        {"rule": [RULE], "remove": ["network"]},
    ],
)
def test_a_users_rule_that_is_unsound_or_would_remove_one_is_an_error(own: dict[str, Any]) -> None:
    with pytest.raises(ConstitutionError, match=r"config\.toml: constitution"):
        Constitution.load(own)


def test_no_users_rules_at_all_is_fine() -> None:
    assert Constitution.load({}).own_digest is None
    assert Constitution.load({"rule": []}).own_digest is None


def test_loading_leaves_the_users_table_as_it_was() -> None:
    own = {"rule": [copy.deepcopy(RULE)]}
    Constitution.load(own)
    assert own == {"rule": [RULE]}


@pytest.mark.parametrize("pattern", ["(a+)+", "(a*)*b", "(?:a|b+){2,}", "((a+)b)*", "(a{1,9}){10}", "(?:[x)]+y)*"])
def test_nested_quantifiers_are_seen(pattern: str) -> None:
    assert is_nesting_quantifiers(pattern)


@pytest.mark.parametrize(
    "pattern", ["a+b+", "(ab)+", "(a+)?", "(?:a+b){3}", r"\(a+\)+", "[(a+)]+", "[]+)]+a", "[^]a]+", r"[\]+]+", "a)b"]
)
def test_plain_quantifiers_are_let_be(pattern: str) -> None:
    assert not is_nesting_quantifiers(pattern)


@pytest.mark.parametrize(
    ("pattern", "needed"),
    [
        ("abc", {"abc"}),
        (r"\bnet/http\b", {"net/http"}),
        ("(?:fetch|query)x", {"fetch", "query"}),
        (r"foo\.(?:bar|qux)", {"foo."}),
        ("colou?r", {"colo"}),
        ("ab{0,3}c", {"a"}),
        (r"(?<!x)abc(?=def)", {"abc"}),
        ("abc|", set()),
        (r"[abc]\w+", set()),
        ("(?:abc)?x", {"x"}),
        ("abc)", set()),
        ("ab+cd", {"ab"}),
    ],
)
def test_a_search_is_spared_only_where_a_needed_text_is_missing(pattern: str, needed: set[str]) -> None:
    assert set(needed_texts(pattern)) == needed


def test_no_shipped_pattern_loses_a_match_to_the_prefilter() -> None:
    rules = Constitution.load()._rules.code
    texts = [one.text for family in rules.families for one in (*family.examples, *family.counter_examples)]
    for patterns in rules.index.by_language.values():
        for rule in patterns:
            for text in texts:
                for match in rule.pattern.finditer(text):
                    assert not rule.needs or any(needed in match.group() for needed in rule.needs)


def test_every_example_names_a_known_language_and_every_shipped_pattern_compiles_alone() -> None:
    data = tomllib.loads(TEXTS["code.toml"])
    known = set(data["languages"])
    for family in data["family"]:
        assert {language for language, _ in family["examples"]} <= known
        for patterns in family.get("patterns", {}).values():
            for pattern in patterns:
                compile_pattern(pattern)
