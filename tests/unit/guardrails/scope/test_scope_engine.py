"""The engine end to end: disguises, places, two rungs, and no input that makes it slow."""

import base64
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from guardrails.scope import Engine, Finding, default_engine
from guardrails.scope.assignments import CLAIMS, AssignmentDetector
from guardrails.scope.catalogue import load_rules
from guardrails.scope.decoders import DECODERS, DEPTH, budget_of, decode
from guardrails.scope.views import GAP, View
from tests.unit.guardrails.scope import planted


def covered(text: str, findings: list[Finding]) -> list[str]:
    return [text[one.start : one.end] for one in findings]


@pytest.mark.parametrize("disguise", planted.DISGUISES, ids=lambda disguise: disguise.__name__)
def test_disguised_token_is_found_where_it_stands(engine: Engine, disguise: Callable[[str], str]) -> None:
    token = disguise(planted.github_token())
    text = f"see {token} for more"
    (found,) = engine.scan(text)
    assert found.kind == "secret"
    assert token.strip('"\\') in text[max(0, found.start - 20) : found.end + 20]
    assert text[: found.start].startswith("see ")
    assert text[found.end :].endswith("for more")


@pytest.mark.parametrize("before", ["", "a\n", "a\nword\n", "keys\n  "])
@pytest.mark.parametrize("after", ["", "\nz", "\nword\nz"])
@pytest.mark.parametrize("continued", ["\n", "\\\n    "])
def test_a_token_over_two_lines_is_found_whatever_words_stand_on_the_lines_around(
    engine: Engine, before: str, after: str, continued: str
) -> None:
    token = planted.github_token()
    text = f"{before}{token[:20]}{continued}{token[20:]}{after}"
    (found,) = engine.scan(text)
    assert text[found.start : found.end].startswith(token[:20])
    assert token[20:] in text[found.start : found.end]


def test_finding_names_the_encodings_from_the_outside_in(engine: Engine) -> None:
    token = planted.github_token()
    (twice,) = engine.scan(planted.twice_in_base64(token))
    (mixed,) = engine.scan(planted.in_url(planted.in_base64(token)))
    assert (twice.decoded_from, mixed.decoded_from) == ("base64>base64", "url>base64")
    assert engine.scan(token)[0].decoded_from is None


def test_offsets_are_characters_of_the_text_as_it_was(engine: Engine) -> None:
    token = planted.with_zero_width(planted.github_token())
    text = f"für Łódź ﬁrst 😀 {token} ende"
    assert covered(text, engine.scan(text)) == [token]


def test_token_nested_as_deep_as_is_read_is_found_and_no_deeper_is_looked(engine: Engine) -> None:
    text = planted.github_token()
    for _ in range(DEPTH):
        text = planted.in_base64(text)
    (found,) = engine.scan(text)
    assert found.decoded_from == ">".join(["base64"] * DEPTH)
    assert all(one.decoded_from is None for one in engine.scan(planted.in_base64(text)))


@pytest.mark.parametrize("escape", ["\\x{:02x}", "\\u{{{:x}}}", "\\U{:08x}", "\\{:03o}"])
def test_token_in_escapes_of_any_language_is_found(engine: Engine, escape: str) -> None:
    text = "".join(escape.format(ord(character)) for character in planted.github_token())
    assert covered(text, engine.scan(text)) == [text]


def test_escapes_that_say_nothing_are_left_alone(engine: Engine) -> None:
    assert engine.scan("a\\/b \\U00ffffff %ff%fe %c3%a4 &nosuch; \\u{ffffff}") == []


def test_token_that_was_encoded_as_utf16_is_found(engine: Engine) -> None:
    text = base64.b64encode(planted.github_token().encode("utf-16-le")).decode()
    assert covered(text, engine.scan(text)) == [text]


def test_token_behind_a_path_in_base64_is_found(engine: Engine) -> None:
    encoded = planted.in_base64("token " + planted.github_token())
    assert engine.scan(f"https://host.org/a/{encoded}")


def test_key_over_several_lines_is_one_finding(engine: Engine) -> None:
    text = "before\n" + planted.pem_key() + "\nafter"
    (found,) = engine.scan(text)
    assert found.rule == "pem.private-key"
    assert text[: found.start] == "before\n"
    assert text[found.end :] == "\nafter"


def test_escaped_key_inside_json_is_found(engine: Engine) -> None:
    text = '{"private_key": "' + planted.pem_key().replace("\n", "\\n") + '"}'
    assert "pem.private-key" in {one.rule for one in engine.scan(text)}


def test_token_after_an_escaped_line_end_begins_a_word(engine: Engine) -> None:
    token = planted.stripe_key()
    assert covered(f'"a\\n{token}"', engine.scan(f'"a\\n{token}"')) == [token]


def test_wrong_checksum_costs_sureness_and_not_the_finding(engine: Engine) -> None:
    right, wrong = planted.github_token(), "ghp" + "_" + planted.letters(36, 5)
    (sure,), (doubtful,) = engine.scan(right), engine.scan(wrong)
    assert sure.confidence > doubtful.confidence > 0.6


def test_random_token_alone_is_found_and_a_digest_is_not(engine: Engine) -> None:
    token = planted.letters(40, 3)
    assert covered(f"use {token} now", engine.scan(f"use {token} now")) == [token]
    for text in (
        "commit " + planted.letters(40, 4, planted.HEX),
        "sha512-" + planted.letters(86, 5) + "==",
        "integrity " + planted.letters(64, 6),
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + planted.letters(43, 7),
        "-----BEGIN CERTIFICATE-----\n" + planted.letters(64, 8) + "\n-----END CERTIFICATE-----",
        "getConfigurationManagerForTheWholeSystem2",
        "data:image/png;base64," + planted.letters(300, 9),
        planted.letters(52, 10, "abcdefghijklmnopqrstuvwxyz234567"),
    ):
        assert engine.scan(text) == [], text


def test_random_block_after_a_private_mark_is_no_public_block(engine: Engine) -> None:
    text = "-----BEGIN MY PRIVATE THING-----\n" + planted.letters(64, 8)
    assert engine.scan(text)


def test_plain_and_decoded_sight_of_one_token_is_one_finding(engine: Engine) -> None:
    token = planted.github_token()
    text = f'"{token}" + " and" + " more"'
    assert covered(text, engine.scan(text)) == [token]


def test_two_rungs_find_the_same(engine: Engine, fallback: Engine) -> None:
    assert (engine.backend, fallback.backend) == ("hyperscan", "aho-corasick")
    text = "\n".join(example for rule in load_rules() for example in rule.examples)
    assert engine.scan(text) == fallback.scan(text) != []


def test_default_engine_is_built_once() -> None:
    assert default_engine() is default_engine()


def test_asking_for_a_rung_gives_that_rung() -> None:
    assert Engine(load_rules()[:3], "hyperscan").backend == "hyperscan"


def test_machine_without_hyperscan_stands_on_the_other_rung_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hyperscan", None)
    assert Engine(load_rules()[:3]).backend == "aho-corasick"
    with pytest.raises(ImportError):
        Engine(load_rules()[:3], "hyperscan")


class CountingPattern:
    """A compiled pattern that counts how often it matches."""

    def __init__(self, pattern: Any) -> None:
        self._pattern = pattern
        self.matched = 0

    def match(self, data: bytes, position: int, last: int) -> Any:
        found = self._pattern.match(data, position, last)
        self.matched += found is not None
        return found


def test_fifty_thousand_keys_do_not_claim_one_run_of_text_each() -> None:
    detector = AssignmentDetector()
    counting = CountingPattern(detector._head)
    detector._head = counting
    text = "key=" * 50_000
    assert list(detector.find(View(text))) == []
    assert counting.matched <= CLAIMS * (len(text) / 512 + 2)


@pytest.mark.parametrize(
    "unit",
    ["%41&#65;\\x41" + "a" * 300 + " ", "QUJD" * 8 + " ", "%25" * 8, "&amp;" * 4, "\\u005c" * 5, '"ab" + ', "4142 "],
)
def test_decoding_never_makes_more_than_its_budget(unit: str) -> None:
    text = (unit * 3_000)[:300_000]
    view: View | None = View(text)
    left = budget_of(text)
    for _ in range(DEPTH):
        if view is None:
            break
        view, _stopped = decode(view, DECODERS, left)
        left -= sum(len(piece.text) for piece in view.pieces if piece.text != GAP) if view else 0
    assert left >= 0


def test_text_that_hides_more_than_the_budget_is_itself_a_finding(engine: Engine) -> None:
    text = "a plain line of words, and another one\n" * 5_000
    for _ in range(DEPTH):
        text = planted.in_base64(text)
    assert "decoders.over-budget" in {one.rule for one in engine.scan(text)}


@pytest.mark.parametrize(
    "text",
    [
        "key=" * 5_000,
        "1:" * 10_000,
        "a@" * 10_000,
        "-----BEGIN PRIVATE KEY-----" * 700,
        '"' * 20_000,
        "\u200b\u0430" * 5_000,
        "%",
        "\\",
        "\ud800",
    ],
    ids=lambda text: repr(text[:8]),
)
def test_hostile_text_ends_in_no_finding(engine: Engine, text: str) -> None:
    assert engine.scan(text) == []


def test_scans_in_several_threads_do_not_disturb_one_another(engine: Engine) -> None:
    texts = [f"token {planted.github_token(seed)} {'x ' * 2000}" for seed in range(40)]
    with ThreadPoolExecutor(4) as pool:
        assert all(len(found) == 1 for found in pool.map(engine.scan, texts))
