"""This machine's own names and secrets: found in any spelling, and never shown."""

import copy
import pickle

import pytest

from guardrails.scope import LocalFacts
from guardrails.scope.views import View

KEY = b"k" * 32


def found(facts: LocalFacts, text: str) -> list[tuple[str, str]]:
    return [(one.entity, text[one.start : one.end]) for one in facts.find(View(text))]


@pytest.mark.parametrize(
    "spelling", ["Anna Kowalska", "anna.kowalska", "ANNA-KOWALSKA", "annaKowalska", "anna_kowalska", "annakowalska"]
)
def test_name_is_found_in_any_case_and_with_any_separator(local: LocalFacts, spelling: str) -> None:
    assert ("name", spelling) in found(local, f"by {spelling}, 2024")


def test_address_that_goes_on_is_another_address(local: LocalFacts) -> None:
    assert found(local, "192.168.178.230 and banna@kowalska.pl") == []


@pytest.mark.parametrize("text", ["joannakowalskaja", "an.nakowal.ska", "anna, kowalska", "an nakowalska"])
def test_letters_of_a_name_inside_other_words_are_no_name(local: LocalFacts, text: str) -> None:
    assert found(local, text) == []


def test_each_kind_of_name_has_its_own_word(local: LocalFacts) -> None:
    text = "akowalska on THINKPAD-ANNA (192.168.178.23), /home/akowalska, anna@kowalska.pl, git.kowalska-werke.de"
    assert sorted(found(local, text)) == [
        ("email", "anna@kowalska.pl"),
        ("host", "THINKPAD-ANNA"),
        ("host", "git.kowalska-werke.de"),
        ("ip", "192.168.178.23"),
        ("name", "akowalska"),
        ("name", "akowalska"),
        ("path", "/home/akowalska"),
    ]


def test_names_that_many_machines_have_tell_nothing() -> None:
    facts = LocalFacts.build(
        [("user", "root"), ("host", "localhost"), ("remote_host", "github.com"), ("user", "ab")], [], KEY
    )
    assert repr(facts) == "LocalFacts(names=0, secrets=0)"
    assert found(facts, "root@localhost github.com ab") == []


def test_short_name_counts_only_where_a_name_stands() -> None:
    facts = LocalFacts.build([("user", "max"), ("user", "bo-li-x")], [], KEY)
    assert found(facts, "the max of it") == []
    assert found(facts, "/home/max/x max@host ~max") == [("name", "max")] * 3
    assert found(facts, "bo-li-x") == [("name", "bo-li-x")]


def test_name_in_a_script_of_its_own_is_found() -> None:
    facts = LocalFacts.build([("git_name", "İpek Yılmaz"), ("git_name", "山田太郎君子")], [], KEY)
    assert len(found(facts, "von ipek.yılmaz und 山田太郎君子")) == 2


def test_weak_password_of_this_machine_is_found_though_no_pattern_could(local: LocalFacts) -> None:
    assert found(local, "the word tulips is it") == [("secret", "tulips")]
    assert found(local, "xsunshine-and-rainx") == [("secret", "sunshine-and-rain")]


def test_short_secret_inside_a_word_is_chance(local: LocalFacts) -> None:
    assert found(local, "tulipsgarten etulips tulip") == []


def test_values_too_short_or_too_common_are_no_secrets() -> None:
    facts = LocalFacts.build([], ["abc12", "production", "aaaaaaaa", "  ", "password"], KEY)
    assert repr(facts) == "LocalFacts(names=0, secrets=0)"
    assert found(facts, "abc12 production aaaaaaaa password") == []


def test_secret_at_the_very_end_and_cut_off(local: LocalFacts) -> None:
    assert found(local, "tulips") == [("secret", "tulips")]
    assert found(local, "tul") == []


def test_no_value_is_shown_compared_or_stored(local: LocalFacts) -> None:
    assert repr(local) == "LocalFacts(names=7, secrets=3)"
    assert "owalska" not in f"{local} {local!r}"
    with pytest.raises(TypeError, match="never stored"):
        pickle.dumps(local)
    with pytest.raises(TypeError, match="never stored"):
        copy.copy(local)


def test_same_values_under_another_key_share_no_hash() -> None:
    one, other = (LocalFacts.build([], ["sunshine-and-rain"], key) for key in (b"a" * 32, b"b" * 32))
    assert one._hashes.isdisjoint(other._hashes)


@pytest.mark.parametrize("key", [b"", b"short", b"x" * 65])
def test_key_of_the_wrong_length_is_refused(key: bytes) -> None:
    with pytest.raises(ValueError, match="16 to 64"):
        LocalFacts.build([], [], key)
