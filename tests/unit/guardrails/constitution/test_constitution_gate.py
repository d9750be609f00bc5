"""The gate stands for exactly the rules it was loaded with, and says no when it cannot tell."""

import re
import sys
from collections.abc import Iterator
from dataclasses import fields
from types import MappingProxyType

import pytest

from guardrails.constitution import (
    Allowed,
    Change,
    Constitution,
    ConstitutionError,
    FileChange,
    Surface,
    gate,
    integrity,
    words,
)
from guardrails.verdict import Rejected

SURFACE = Surface(("src/**",), ("bench/**",))
CHANGE = Change("Raise A", (FileChange("src/a.py", "A = 1\n", "A = 2\n"),))
TAMPERED = "constitution.tampered"


@pytest.fixture
def fresh() -> Constitution:
    return Constitution.load()


def rule_of(verdict: Allowed | Rejected) -> str | None:
    return verdict.rule if isinstance(verdict, Rejected) else None


def test_an_allowed_change_names_the_digest_it_was_allowed_under(fresh: Constitution) -> None:
    assert fresh.judge(CHANGE, SURFACE) == Allowed(fresh.digest)
    assert re.fullmatch(r"[0-9a-f]{64}", fresh.digest)


def test_loading_twice_gives_the_same_digest(fresh: Constitution) -> None:
    assert Constitution.load() == fresh


def test_the_first_reason_comes_back_as_a_value(fresh: Constitution) -> None:
    verdict = fresh.judge(Change("Steal passwords", CHANGE.files), SURFACE)
    assert rule_of(verdict) == "constitution.words.credential-theft"


def test_the_diff_is_judged_and_not_the_title_alone(fresh: Constitution) -> None:
    files = (FileChange("src/a.py", "A = 1\n", "import socket\n"),)
    assert rule_of(fresh.judge(Change("Raise A", files), SURFACE)) == "constitution.code.network"


def test_one_character_of_any_file_is_another_digest() -> None:
    files = gate._own_files()
    digest = integrity.digest_of_files(files)
    for name, content in files.items():
        changed = files | {name: content[:-1] + bytes([content[-1] ^ 1])}
        assert integrity.digest_of_files(changed) != digest


def test_every_module_and_rule_file_of_the_package_is_in_the_digest_and_under_the_seal() -> None:
    sealed = {module.__name__.rpartition(".")[2] for module in gate._EVALUATOR}
    sources = {name.removesuffix(".py") for name in gate._own_files() if name.endswith(".py")}
    assert sources - {"__init__"} == sealed


def test_neighbouring_files_cannot_trade_bytes_unnoticed() -> None:
    assert integrity.digest_of_files({"a": b"b", "c": b""}) != integrity.digest_of_files({"a": b"", "bc": b""})


def test_a_pattern_with_one_character_changed_is_found_out(fresh: Constitution) -> None:
    family = next(f for f in fresh._rules.code.families if f.literals)
    object.__setattr__(family, "literals", (re.compile(family.literals[0].pattern + "x"), *family.literals[1:]))
    assert rule_of(fresh.judge(CHANGE, SURFACE)) == TAMPERED
    assert fresh.judge_idea("Raise A") != Allowed(fresh.digest)
    assert [r.rule for r in fresh.judge_all(CHANGE, SURFACE)] == [TAMPERED]
    assert [r.rule for r in fresh.judge_diff([], SURFACE)] == [TAMPERED]


def test_a_word_taken_out_of_a_table_is_found_out(fresh: Constitution) -> None:
    index = fresh._rules.words.index
    object.__setattr__(index, "stems", MappingProxyType({k: v for k, v in index.stems.items() if k != "phish"}))
    assert rule_of(fresh.judge(CHANGE, SURFACE)) == TAMPERED


def test_a_raised_limit_is_found_out(fresh: Constitution) -> None:
    object.__setattr__(fresh._rules.size, "files", 10**6)
    assert rule_of(fresh.judge(CHANGE, SURFACE)) == TAMPERED


def test_rules_put_in_the_place_of_the_loaded_ones_are_found_out(fresh: Constitution) -> None:
    object.__setattr__(fresh, "_rules", Constitution.load()._rules)
    assert rule_of(fresh.judge(CHANGE, SURFACE)) == TAMPERED


def nothing_found(*_: object) -> Iterator[Rejected]:
    return iter(())


@pytest.mark.parametrize(
    ("module", "name", "value"),
    [
        (gate.code, "judge", nothing_found),
        (gate.surface, "_judge_path", nothing_found),
        (words, "_DEFENCE_REACH", 500),
        (words, "_WORD", re.compile("x")),
        (gate, "_MOST_FINDINGS", 0),
        (gate.size, "len", lambda _: 0),
        (gate.change_module.Surface, "out_of_reach", property(lambda _: ())),
        (gate.edited.Edited, "added_text", property(lambda _: "")),
        (gate.loading.Entry, "done", lambda _: None),
    ],
)
def test_a_patched_evaluator_is_found_out_at_use_and_at_loading(
    module: object, name: str, value: object, fresh: Constitution, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, name, value, raising=False)
    assert rule_of(fresh.judge(CHANGE, SURFACE)) == TAMPERED
    with pytest.raises(ConstitutionError, match="changed after it was imported"):
        Constitution.load()


def test_any_name_of_any_module_that_is_changed_is_found_out(fresh: Constitution) -> None:
    missed = []
    for module in gate._EVALUATOR:
        for name, value in list(vars(module).items()):
            if name.startswith("__") or name in {"_tampered", "_EVALUATOR_SEAL"}:
                continue
            setattr(module, name, object())
            try:
                verdict = fresh.judge(CHANGE, SURFACE)
            finally:
                setattr(module, name, value)
            if rule_of(verdict) != TAMPERED:
                missed.append((module.__name__, name))
    assert missed == []
    assert rule_of(fresh.judge(CHANGE, SURFACE)) is None


@pytest.mark.parametrize("name", ["parse_unified", "Constitution", "Surface", "words"])
def test_what_the_package_hands_out_is_under_the_seal(
    name: str, fresh: Constitution, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["guardrails.constitution"], name, nothing_found)
    assert rule_of(fresh.judge(CHANGE, SURFACE)) == TAMPERED


@pytest.mark.parametrize("name", ["_tampered", "_EVALUATOR_SEAL"])
def test_a_gate_whose_seal_is_gone_rejects(name: str, fresh: Constitution, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, name, None)
    assert isinstance(fresh.judge(CHANGE, SURFACE), Rejected)


def test_any_field_of_any_rule_that_is_changed_is_found_out(fresh: Constitution) -> None:
    loaded = fresh._rules
    sealed = [loaded, loaded.size, loaded.code, loaded.code.index, loaded.words, loaded.words.index]
    rules = [*sealed, *loaded.paths, *loaded.code.families, *loaded.words.rules]
    for rule in rules:
        for field in fields(rule):
            value = getattr(rule, field.name)
            object.__setattr__(rule, field.name, [value])
            assert not fresh._is_untouched(), (rule, field.name)
            object.__setattr__(rule, field.name, value)
    assert fresh._is_untouched()


def test_other_code_in_a_function_is_found_out(fresh: Constitution, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate.globs.covers, "__code__", (lambda glob, path: False).__code__)
    assert rule_of(fresh.judge(CHANGE, SURFACE)) == TAMPERED


def test_a_name_that_is_gone_is_found_out(fresh: Constitution, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(gate.folding, "_INVISIBLE")
    assert rule_of(fresh.judge(CHANGE, SURFACE)) == TAMPERED


def test_a_changed_table_of_the_evaluator_is_found_out(fresh: Constitution, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(gate.diff._MARKS, "120000", "file")
    assert rule_of(fresh.judge(CHANGE, SURFACE)) == TAMPERED


def test_after_the_patch_is_gone_the_gate_judges_again(fresh: Constitution) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(words, "_DEFENCE_REACH", 500)
        assert rule_of(fresh.judge(CHANGE, SURFACE)) == TAMPERED
    assert rule_of(fresh.judge(CHANGE, SURFACE)) is None


def test_names_that_python_adds_by_itself_are_no_tampering(
    fresh: Constitution, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(words, "__warningregistry__", {}, raising=False)
    assert rule_of(fresh.judge(CHANGE, SURFACE)) is None


@pytest.mark.parametrize(
    "surface", [Surface(("src/**",), ("/etc/**",)), Surface(("src/**",), ("",)), Surface(("../**",), ())]
)
def test_a_surface_that_cannot_be_understood_rejects(surface: Surface, fresh: Constitution) -> None:
    verdict = fresh.judge(CHANGE, surface)
    assert rule_of(verdict) == "constitution.cannot-run"
    assert isinstance(verdict, Rejected)
    assert verdict.details == {"fault": "ValueError"}


def test_a_change_of_the_wrong_type_rejects(fresh: Constitution) -> None:
    assert rule_of(fresh.judge(None, SURFACE)) == "constitution.cannot-run"  # type: ignore[arg-type]


def test_a_package_without_its_files_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    class Missing:
        @staticmethod
        def files(_: str) -> object:
            raise OSError("gone")

    monkeypatch.setattr(gate, "resources", Missing)
    with pytest.raises(ConstitutionError, match="cannot read"):
        gate._own_files()


def test_a_package_with_a_file_missing_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "_expected_files", lambda: ["words.toml", "unheard.toml"])
    with pytest.raises(ConstitutionError, match=r"unheard\.toml") as caught:
        gate._own_files()
    assert caught.value.code == "constitution.unavailable"


def test_the_digest_does_not_depend_on_the_users_rules() -> None:
    plain = Constitution.load()
    added = Constitution.load({"rule": [{"id": "no-goto", "reason": "we do not", "added": ["goto"]}]})
    assert added.digest == plain.digest
    assert plain.own_digest is None
    assert added.own_digest is not None
    other = Constitution.load({"rule": [{"id": "no-goto", "reason": "we do not", "added": ["gotO"]}]})
    assert other.own_digest not in {added.own_digest, None}


def test_the_users_rules_refuse_more_and_never_less() -> None:
    own = {
        "rule": [
            {"id": "no-rewrite", "reason": "no rewrites", "idea": ["rewrite everything"]},
            {"id": "hands-off", "reason": "not the parser", "path": ["src/parser/**"]},
            {"id": "no-goto", "reason": "no goto", "added": [r"\bgoto\b"]},
        ]
    }
    constitution = Constitution.load(own)
    assert rule_of(constitution.judge(CHANGE, SURFACE)) is None
    assert rule_of(constitution.judge_idea("REWRITE everythіng")) == "constitution.own.no-rewrite"
    assert (
        rule_of(constitution.judge(Change("Rewrite everything", CHANGE.files), SURFACE))
        == "constitution.own.no-rewrite"
    )
    files = (FileChange("src/Parser/a.py", "A = 1\n", "A = 2\n"), FileChange("src/a.c", "", "x: goto x;\n"))
    found = constitution.judge_all(Change("Tidy", files), SURFACE)
    assert {(r.rule, r.details.get("line")) for r in found} == {
        ("constitution.own.hands-off", None),
        ("constitution.own.no-goto", 1),
    }
    assert (
        rule_of(constitution.judge(Change("Steal passwords", CHANGE.files), SURFACE))
        == "constitution.words.credential-theft"
    )


def test_describing_names_every_rule_once() -> None:
    constitution = Constitution.load({"rule": [{"id": "mine", "reason": "because", "idea": ["x y z"]}]})
    described = constitution.describe()
    ids = [rule.id for rule in described]
    assert len(set(ids)) == len(ids)
    assert {
        "constitution.words.phishing",
        "constitution.code.network",
        "constitution.surface.ci",
        "constitution.size.lines",
    } <= set(ids)
    assert [rule.id for rule in described if not rule.is_shipped] == ["constitution.own.mine"]
    assert all(rule.reason for rule in described)


def test_findings_are_bounded() -> None:
    files = (FileChange("src/a.py", "", "import socket\n" + "socket.socket()\n" * 500),)
    assert len(Constitution.load().judge_all(Change("Tidy", files), SURFACE)) == gate._MOST_FINDINGS
