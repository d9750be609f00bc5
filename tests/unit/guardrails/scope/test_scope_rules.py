"""The catalogue: each rule speaks on its own examples, holds its tongue on its counter-examples, and is well formed."""

from collections.abc import Callable
from dataclasses import replace
from importlib.resources import files

import pytest

from guardrails.scope import Engine
from guardrails.scope.catalogue import Rule, distinct, load_rules, pack, parse_rules, unpack
from guardrails.scope.detectors import RuleDetector, compile_regex
from guardrails.scope.views import View
from tests.unit.guardrails.scope import planted

RULES = load_rules()
# Each is compiled when it is first sought, in a text that somebody waits for: about a millisecond. A counted repetition
# is written out as often as it counts.
_LONGEST_PROGRAM = 4000
_HEAD = '[[rule]]\nid = "a.b"\nprovider = "a"\nkind = "secret"\nentity = "token"\n'


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_rule_finds_its_own_examples_on_either_rung(rule: Rule, engine: Engine, fallback: Engine) -> None:
    assert rule.examples
    for example in rule.examples:
        assert [found for found in RuleDetector(rule).find(View(example)) if found.rule == rule.id], example
        assert engine.scan(example), example
        assert engine.scan(example) == fallback.scan(example)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_rule_is_silent_on_its_counter_examples(rule: Rule) -> None:
    assert rule.counter_examples
    for text in rule.counter_examples:
        assert not list(RuleDetector(rule).find(View(text))), text


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_prefilter_sees_whatever_the_rule_would_find(rule: Rule) -> None:
    sign = compile_regex(rule.cheapest_sign())
    keywords = rule.near or rule.keywords
    for example in rule.examples:
        assert sign.search(View(example).data), example
        assert not keywords or any(keyword in example.lower() for keyword in keywords), example


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_rule_is_quickly_compiled(rule: Rule) -> None:
    assert compile_regex(rule.regex).programsize <= _LONGEST_PROGRAM


def test_catalogue_covers_the_field() -> None:
    secrets = {rule.provider for rule in RULES if rule.kind == "secret"}
    personal = {rule.id for rule in RULES if rule.kind == "pii"}
    assert len(secrets) >= 150
    assert len(personal) >= 25


def test_files_of_the_catalogue_hold_no_token_whole(engine: Engine) -> None:
    unmistakable = {rule.id for rule in RULES if rule.joinable}
    for page in files("guardrails.scope").joinpath("rules").iterdir():
        text = page.read_text(encoding="utf-8")
        found = [one for one in engine.scan(text) if one.rule in unmistakable and one.decoded_from is None]
        assert not found, (page.name, [text[one.start : one.end] for one in found])


@pytest.mark.parametrize("lines", [2, 26, 52], ids=["short", "2048 bits", "4096 bits"])
@pytest.mark.parametrize(
    "written", [str, lambda key: key.replace("\n", "\\n"), lambda key: key.replace("\n", "\n+    ")]
)
def test_private_key_of_any_length_is_found_whole(engine: Engine, lines: int, written: Callable[[str], str]) -> None:
    key = written(planted.pem_key(lines=lines))
    (found,) = engine.scan(f"key = {key} and so on")
    assert (found.rule, found.start, found.end) == ("pem.private-key", 6, 6 + len(key))


def test_private_key_that_is_cut_off_takes_no_prose_with_it(engine: Engine) -> None:
    key = planted.pem_key(lines=6)[:300]
    (found,) = engine.scan(f"{key}\n\nAll of this is only about how keys are kept.")
    assert (found.rule, found.start, found.end) == ("pem.private-key", 0, len(key))


def test_packed_rules_are_the_same_but_for_their_examples() -> None:
    assert unpack(pack(RULES)) == tuple(replace(rule, examples=(), counter_examples=()) for rule in RULES)


def test_two_rules_of_one_id_are_refused() -> None:
    (rule,) = parse_rules(_HEAD + 'regex = "a"\nkeywords = ["a"]\n', "a.toml")
    (other,) = parse_rules(_HEAD + 'regex = "b"\nkeywords = ["b"]\n', "b.toml")
    with pytest.raises(ValueError, match=r"a\.b"):
        distinct([rule, other])


@pytest.mark.parametrize(
    "page",
    ["", _HEAD, _HEAD + 'regex = "a"\nkeywords = []\nregexx = "b"\n', _HEAD + 'value = "a"\n'],
    ids=["no rules", "no regex", "unknown field", "value without keys"],
)
def test_rule_that_is_not_well_formed_is_refused(page: str) -> None:
    with pytest.raises(ValueError, match=r"a\.toml"):
        parse_rules(page, "a.toml")


def test_rule_with_an_unknown_validator_is_refused() -> None:
    with pytest.raises(ValueError, match="no validators"):
        RuleDetector(Rule("a.b", "a", "secret", "token", "a", ("a",), validators=("luck",)))


def test_rule_that_needs_backtracking_is_refused() -> None:
    with pytest.raises(ValueError, match="linear-time"):
        list(RuleDetector(Rule("a.b", "a", "secret", "token", r"(a)\1", ("a",))).find(View("aa")))


def test_defaults_of_a_file_stand_where_a_rule_is_silent() -> None:
    page = (
        '[defaults]\nconfidence = 0.4\nkind = "pii"\n'
        + _HEAD
        + 'regex = "a"\nkeywords = ["a"]\nexamples = [["x", "a"]]\n'
    )
    (rule,) = parse_rules(page, "a.toml")
    assert (rule.confidence, rule.kind, rule.examples) == (0.4, "secret", ("xa",))
