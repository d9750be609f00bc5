"""This machine's own names and secrets: found in any spelling, and never shown."""

import base64
import copy
import pickle
import random
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardrails.scope import Engine, Fact, LocalFacts
from guardrails.scope.normalise import normalise
from guardrails.scope.views import View
from guardrails.scope.words import words

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
    assert one._secrets.keys().isdisjoint(other._secrets.keys())
    assert one._veil != other._veil


def test_nothing_that_is_kept_of_a_secret_spells_it() -> None:
    facts = LocalFacts.build([], ["sunshine-and-rain", "tulip7"], KEY)
    assert facts._automaton is not None
    kept = repr(list(facts._automaton.items())) + repr(facts._secrets)
    assert not [part for part in ("sunshine", "and-rain", "tulip7", "tulip") if part in kept]


@pytest.mark.parametrize("spelling", ["tulip7", "TULIP7", "Tulip7", "tULIP7"])
@pytest.mark.parametrize(
    "around", ["{}", "it is {}.", "postgres://app:{}@db/x", "'{}'", 'k["{}"]', "PW={}\n", "a{{{}}}", "x-{}-y"]
)
def test_weak_password_is_found_in_any_case_and_place(spelling: str, around: str) -> None:
    facts = LocalFacts.build([], ["tulip7"], KEY)
    text = around.format(spelling)
    assert [(one.confidence, text[one.start : one.end]) for one in facts.find(View(text))] == [(1.0, spelling)]


@pytest.mark.parametrize(("text", "confidence"), [("tulips", 1.0), ("Tulips", 0.5), ("monkey", 0.5), ("Monkey", 0.5)])
def test_what_may_be_a_word_of_the_language_refuses_no_code(text: str, confidence: float) -> None:
    facts = LocalFacts.build([], ["tulips", "monkey"], KEY)
    assert [one.confidence for one in facts.find(View(text))] == [confidence]


@pytest.mark.parametrize("value", ["production", "postgres", "Postgres", "minioadmin", "8080", "us-east-1", "HS256"])
def test_what_everybody_sets_is_nobodys_secret(value: str) -> None:
    assert found(LocalFacts.build([], [value], KEY), f"in {value}") == []


@pytest.mark.parametrize(
    "text",
    [
        "/home/akowalska/lz",
        "/HOME/AKOWALSKA",
        "\\home\\akowalska",
        "\\\\home\\\\akowalska",
        "//wsl/home/akowalska/x",
        "projects/-home-akowalska-lz",
        "\\/home\\/akowalska",
    ],
)
def test_home_is_found_with_other_slashes_and_in_other_case(local: LocalFacts, text: str) -> None:
    assert "path" in {entity for entity, _ in found(local, text)}


@pytest.mark.parametrize("text", ["home akowalskas", "athome/akowalskadog", "/homes/akowalskas", "at home, max"])
def test_words_of_a_path_alone_are_no_path(text: str) -> None:
    facts = LocalFacts.build([("home", "/home/akowalska"), ("home", "/home/max")], [], KEY)
    assert found(facts, text) == []


@pytest.mark.parametrize("text", ["Anna\nKowalska", "anna+kowalska", "Anna  Kowalska", "ANNA_KOWALSKA@"])
def test_name_over_a_line_end_or_in_a_query_is_found(local: LocalFacts, text: str) -> None:
    assert [entity for entity, _ in found(local, text)] == ["name"]


def test_name_in_parts_far_apart_is_none(local: LocalFacts) -> None:
    assert found(local, "anna" + " " * 1000 + "kowalska") == []


def test_name_that_is_a_word_refuses_no_code_but_where_a_name_stands() -> None:
    facts = LocalFacts.build([("host", "matrix")], [], KEY)
    assert [one.confidence for one in facts.find(View("a Matrix of ssh://matrix and me@matrix"))] == [0.5, 0.95, 0.95]


@pytest.mark.parametrize("around", ["{}", "user:{}", "a:{}", "xy{}z", "{}:{}"])
def test_short_secret_in_short_base64_is_found(around: str) -> None:
    facts = LocalFacts.build([], ["tulip7", "p~?>ss"], KEY)
    for value in ("tulip7", "p~?>ss"):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            hidden = encode(around.replace("{}", value).encode()).decode()
            assert {entity for entity, _ in found(facts, f"Basic {hidden}")} == {"secret"}, hidden
    assert found(facts, "Basic " + base64.b64encode(b"user:roses7").decode()) == []


def test_each_finding_says_where_its_value_is_known_from() -> None:
    facts = LocalFacts.of(
        [
            Fact("secret", "tulip7", ".env of project lz"),
            Fact("secret", "TULIP7", "environment"),
            Fact("git_name", "Anna Kowalska", "git author of lz"),
        ],
        KEY,
    )
    told = [(one.rule, one.source) for one in facts.find(View("tulip7 by anna.kowalska"))]
    assert told == [("local.secret", ".env of project lz"), ("local.git-name", "git author of lz")]
    assert "tulip" not in repr(Fact("secret", "tulip7", "environment")).lower()


def test_source_is_told_through_encodings_and_overlaps(engine: Engine) -> None:
    facts = LocalFacts.of([Fact("secret", "sunshine-and-rain", ".netrc")], KEY)
    hidden = base64.b64encode(b"it is sunshine-and-rain").decode()
    assert [one.source for one in engine.scan(f"{hidden} and password=sunshine-and-rain", (facts,))] == [".netrc"] * 2


@settings(max_examples=60)
@given(
    secrets=st.lists(st.text(st.characters(codec="utf-8"), min_size=6, max_size=20), max_size=5),
    before=st.text(max_size=10),
    after=st.text(max_size=10),
)
def test_whatever_a_secret_is_made_of_it_is_found_between_spaces(secrets: list[str], before: str, after: str) -> None:
    facts = LocalFacts.build([], secrets, KEY)
    for secret in secrets:
        value = normalise(secret.strip()).text
        text = f"{before} {value} {after}"
        spans = [(one.start, one.end) for one in facts.find_secrets(View(text))]
        is_kept = len(value) >= 6 and len(set(value)) > 2 and value.lower() not in words("common-values")
        assert ((len(before) + 1, len(before) + 1 + len(value)) in spans) == is_kept


def test_ten_thousand_secrets_cost_as_much_as_ten() -> None:
    """Counted, not timed: how many places of a text are looked at twice."""
    chance = random.Random(5)
    values = ["".join(chance.choices(string.ascii_letters + string.digits, k=24)) for _ in range(10_000)]
    text = " ".join(sorted(words("ordinary-words")) * 20)
    facts = LocalFacts.build([], values, KEY)
    assert len(list(facts._anchors(text))) < len(text) // 100
    assert found(facts, f"{text} {values[77]}") == [("secret", values[77])]


@pytest.mark.parametrize("key", [b"", b"short", b"x" * 65])
def test_key_of_the_wrong_length_is_refused(key: bytes) -> None:
    with pytest.raises(ValueError, match="16 to 64"):
        LocalFacts.build([], [], key)
