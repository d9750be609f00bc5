"""The catalogue: each rule speaks on its own examples, holds its tongue on its counter-examples, and is well formed."""

from collections.abc import Callable
from dataclasses import replace
from importlib.resources import files

import pytest

from guardrails.scope import Engine
from guardrails.scope.catalogue import Rule, distinct, load_rules, pack, parse_rules, unpack
from guardrails.scope.detectors import Detector, RuleDetector, compile_regex
from guardrails.scope.engine import Labels, detectors_of
from guardrails.scope.normalise import normalise
from guardrails.scope.views import View
from tests.unit.guardrails.scope import planted

RULES = load_rules()
PAGES = {
    page.name: parse_rules(page.read_text(encoding="utf-8"), page.name)
    for page in files("guardrails.scope").joinpath("rules").iterdir()
}
# Each is compiled when it is first sought, in a text that somebody waits for: about a millisecond. A counted repetition
# is written out as often as it counts.
_LONGEST_PROGRAM = 4000
_HEAD = '[[rule]]\nid = "a.b"\nprovider = "a"\nkind = "secret"\nentity = "token"\n'


def alone(rule: Rule) -> Detector:
    # What finds its value away from its label comes after.
    detector, *_ = detectors_of([rule], Labels())
    return detector


@pytest.mark.parametrize("page", PAGES)
def test_rules_find_their_own_examples_on_either_rung(page: str, engine: Engine, fallback: Engine) -> None:
    for rule in PAGES[page]:
        detector = alone(rule)
        assert rule.examples, rule.id
        for example in rule.examples:
            assert list(detector.find(normalise(example))), (rule.id, example)
            assert engine.scan(example), (rule.id, example)
            assert engine.scan(example) == fallback.scan(example), rule.id


@pytest.mark.parametrize("page", PAGES)
def test_rules_are_silent_on_their_counter_examples(page: str) -> None:
    for rule in PAGES[page]:
        detector = alone(rule)
        assert rule.counter_examples, rule.id
        for text in rule.counter_examples:
            assert not list(detector.find(normalise(text))), (rule.id, text)


@pytest.mark.parametrize("page", PAGES)
def test_prefilter_sees_whatever_the_rules_would_find(page: str) -> None:
    for rule in PAGES[page]:
        sign = alone(rule).sign
        for example in rule.examples:
            data = normalise(example).data
            read = data.lower().decode("latin-1")
            assert any(compile_regex(shape).search(data) for shape in sign.shapes), (rule.id, example)
            assert not sign.keywords or any(keyword in read for keyword in sign.keywords), (rule.id, example)
            assert all(compile_regex(one).search(data) for one in (sign.needs, sign.beside)), (rule.id, example)


@pytest.mark.parametrize("page", PAGES)
def test_rules_are_quickly_compiled(page: str) -> None:
    for rule in PAGES[page]:
        assert compile_regex(rule.regex).programsize <= _LONGEST_PROGRAM, rule.id


def test_catalogue_covers_the_field() -> None:
    secrets = {rule.provider for rule in RULES if rule.kind == "secret"}
    personal = {rule.id for rule in RULES if rule.kind == "pii"}
    assert len(secrets) >= 300
    assert len(personal) >= 240
    assert len({rule.provider for rule in RULES if rule.kind == "pii" and len(rule.provider) == 2}) >= 60


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


def test_family_is_a_rule_for_each_of_its_providers() -> None:
    page = (
        '[defaults]\nkind = "secret"\nentity = "token"\n[[family]]\nvalue = "[0-9a-f]{8}"\nexample = ["01ab", "23cd"]\n'
        'validators = ["secret-key"]\n[family.providers]\nacme = ["acme"]\n"bolt.pin" = ["bolt_pin", "bolt_app"]\n'
    )
    acme, bolt = parse_rules(page, "a.toml")
    assert (acme.id, acme.provider, bolt.id, bolt.provider) == ("acme.key", "acme", "bolt.pin", "bolt")
    assert list(RuleDetector(bolt).find(View('boltAppKey: "99ab23cd"')))
    assert not list(RuleDetector(bolt).find(View('acmeKey: "99ab23cd"')))


@pytest.mark.parametrize("key", ["acme_sha", "acme-commit", "ACME_ACCOUNT_ID", "acmeVersion", "acme.public_key"])
def test_key_of_a_provider_that_names_something_else_is_none(key: str) -> None:
    rule = Rule("a.b", "a", "secret", "token", "acme[A-Za-z_.\\-]{0,20}: ([0-9a-f]{8})", ("acme",), ("secret-key",))
    assert not list(RuleDetector(rule).find(View(f"{key}: 99ab23cd")))
    assert list(RuleDetector(rule).find(View("acme_key: 99ab23cd")))


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
