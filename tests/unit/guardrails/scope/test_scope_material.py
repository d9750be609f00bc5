"""Secrets that structure and words give away: phrases, prefixes, seeds; and keys that everybody copies from a manual."""

import base64
import binascii
import hashlib
import random
from collections.abc import Callable
from importlib.resources import files

import pytest

from guardrails.scope import Engine
from guardrails.scope.candidates import Candidate
from guardrails.scope.key_material import VALIDATORS
from guardrails.scope.placeholders import is_dummy
from guardrails.scope.prefixes import is_public_token
from tests.unit.guardrails.scope import planted

_WORDS = files("guardrails.scope").joinpath("recovery_words.txt").read_text(encoding="ascii").split()
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def phrase(count: int, seed: int = 1) -> list[str]:
    return random.Random(seed).sample(_WORDS, count)


@pytest.mark.parametrize("count", [12, 15, 18, 21, 24])
@pytest.mark.parametrize("between", [" ", "\n", '", "', ", "])
def test_recovery_phrase_without_a_label_is_found_whole(engine: Engine, count: int, between: str) -> None:
    words = between.join(phrase(count))
    found = [one for one in engine.scan(f"This is IT: {words} - OK") if one.rule == "wallet.phrase"]
    assert [(one.start, one.end) for one in found] == [(12, 12 + len(words))]


@pytest.mark.parametrize("write", [str.title, str.upper, lambda said: said.replace(" ", "-")])
def test_recovery_phrase_in_another_spelling_is_found(engine: Engine, write: Callable[[str], str]) -> None:
    assert any(one.rule == "wallet.phrase" for one in engine.scan(write(" ".join(phrase(12)))))


def test_numbered_recovery_phrase_is_found(engine: Engine) -> None:
    listed = "\n".join(f"{number}. {word}" for number, word in enumerate(phrase(12), 1))
    assert any(one.rule == "wallet.phrase" for one in engine.scan(listed))


@pytest.mark.parametrize(
    "text",
    [
        " ".join(_WORDS),
        " ".join(_WORDS[100:112]),
        " ".join(["abandon"] * 11 + ["about"]),
        "when you have read this page then ask your team what they think about that plan before you begin",
        " ".join(phrase(11)),
    ],
    ids=["the list", "a part of the list", "a test's phrase", "prose", "too few"],
)
def test_words_of_the_list_alone_are_no_phrase(engine: Engine, text: str) -> None:
    assert not engine.scan(text)


def test_token_of_an_unknown_provider_is_found_by_what_its_prefix_says(engine: Engine) -> None:
    for token in ("zephyr_sk_live_" + planted.letters(28, 3), "krato-pat-" + planted.letters(40, 4, planted.HEX)):
        (found,) = engine.scan(f"the one to use is {token} for now")
        assert (found.start, found.end) == (18, 18 + len(token))


def test_region_after_a_token_belongs_to_it(engine: Engine) -> None:
    token = "hook_sk_" + planted.letters(32, 8) + ".eu"
    (found,) = engine.scan(f"set it to {token}, then start")
    assert (found.start, found.end) == (10, 10 + len(token))


@pytest.mark.parametrize("shown", ["sk-or-v1-df6ab2...", "eyJhbGciOi\u2026", "b627af3f***"])
def test_head_of_a_token_is_nothing_to_hide(engine: Engine, shown: str) -> None:
    assert not engine.scan(f'ROUTER_API_KEY = "{shown}"')


def test_webhook_is_found_with_its_scheme(engine: Engine) -> None:
    address = planted.webhook()
    (found,) = engine.scan(f"post it to {address} now")
    assert (found.start, found.end) == (11, 11 + len(address))


@pytest.mark.parametrize("prefix", ["pk_live_", "cus_", "price_", "user_", "req_", "sha256-", "phc_"])
def test_what_a_prefix_says_to_be_public_or_an_id_is_no_secret(engine: Engine, prefix: str) -> None:
    assert not engine.scan(f"x = open_page({prefix}{planted.letters(26, 5)})")


def test_prefix_of_a_public_token_is_told_from_its_random_part() -> None:
    assert is_public_token("pk_live_" + planted.letters(24, 1))
    assert not is_public_token("sk_live_" + planted.letters(24, 1))
    assert not is_public_token(planted.letters(24, 1))


def test_word_of_a_placeholder_inside_a_random_token_does_not_save_it(engine: Engine) -> None:
    body = planted.letters(15, 6) + "foobar" + planted.letters(15, 7)
    assert engine.scan("use " + "ghp" + "_" + body)
    assert is_dummy("ghp" + "_" + "foobar" * 6)


@pytest.mark.parametrize(
    "parts",
    [
        ("sk_test", "_4eC39HqLyj", "WDarjtT1zdp7dc"),
        ("Eby8vdM02xNOcqFl", "qUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UV", "ErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="),
        ("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2",
         "MjM5MDIyfQ.", "SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c"),
    ],
    ids=["payment", "storage emulator", "token"],
)  # fmt: skip
def test_key_that_a_manual_shows_is_none(engine: Engine, parts: tuple[str, ...]) -> None:
    assert not engine.scan(f"key: {''.join(parts)}")


def wif(seed: int, *, spoilt: bool = False) -> str:
    raw = b"\x80" + random.Random(seed).randbytes(32) + b"\x01"
    raw += hashlib.sha256(hashlib.sha256(raw).digest()).digest()[:4]
    number, text = int.from_bytes(raw, "big") + spoilt, ""
    while number:
        number, digit = divmod(number, 58)
        text = _BASE58[digit] + text
    return text


def stellar(seed: int, *, spoilt: bool = False) -> str:
    raw = bytes([18 << 3]) + random.Random(seed).randbytes(32)
    return base64.b32encode(raw + ((binascii.crc_hqx(raw, 0) + spoilt) & 0xFFFF).to_bytes(2, "little")).decode()


@pytest.mark.parametrize(("name", "make"), [("wif", wif), ("stellar-seed", stellar)])
def test_seed_of_a_chain_is_told_by_its_checksum(name: str, make: object) -> None:
    assert callable(make)
    for seed in range(8):
        real, spoilt = make(seed), make(seed, spoilt=True)
        assert VALIDATORS[name](Candidate(real, 0, len(real), 0.9)) == 0.9
        assert VALIDATORS[name](Candidate(spoilt, 0, len(spoilt), 0.9)) == 0.0


def test_der_that_says_another_length_than_it_has_is_no_key() -> None:
    body = b"\x30\x82\x01\x00" + random.Random(1).randbytes(256)
    for raw, expected in ((body, 0.9), (body[:100], 0.9), (body + b"more", 0.0), (b"\x31" + body[1:], 0.0)):
        text = base64.b64encode(raw).decode()
        assert VALIDATORS["der-key"](Candidate(text, 0, len(text), 0.9)) == expected
