"""Evasions, each a test of its own: whatever a text hides a secret or a person in, it is found and nothing of it stays."""

import base64
import json
import random
from collections.abc import Callable

import pytest

from guardrails.scope import Engine, Finding
from tests.unit.guardrails.scope import planted
from tests.unit.guardrails.scope.disguises import (
    ENCODINGS,
    LETTERS,
    LINES,
    LITERALS,
    Disguise,
    base64_of,
    hex_of,
    thirds,
)

PASSWORD = "tUlip7" + "_x9Qz-Wren4"
EMAIL = "anna.kowalska" + "@kowalska-werke.de"
IBAN = "DE02" + "1203" + "0000" + "0000" + "202051"
# What is hidden, as code would hold it: `{}` stands for the disguise.
HIDDEN: dict[str, tuple[str, str, str]] = {
    "provider's token": (planted.github_token(3), "value = {} ;", "secret"),
    "webhook": (planted.webhook(3), "value = {} ;", "secret"),
    "assigned password": (PASSWORD, "db_password = {}", "secret"),
    "e-mail": (EMAIL, "value = {} ;", "pii"),
    "IBAN": (IBAN, "value = {} ;", "pii"),
}
# A header or a JSON document between a key and its value takes the value away from the key.
_WITH_A_TEXT_OF_THEIR_OWN = {name for name in ENCODINGS if " in lines" in name or "soft" in name} | {
    "JSON in JSON",
    "quoted-printable",
}
_LONGER_THAN_A_PASSWORD = {"backslash", "backslash and indent"}


def pairs(family: dict[str, Disguise], not_of_passwords: set[str]) -> list[tuple[str, str]]:
    """What is hidden, and in which disguise of a family."""
    return [
        (what, name)
        for name in family
        for what in HIDDEN
        if (what != "assigned password") or name not in not_of_passwords
    ]


def without(text: str, findings: list[Finding]) -> str:
    """What is left when what was found is taken out."""
    for one in reversed(findings):
        text = text[: one.start] + "[*]" + text[one.end :]
    return text


def written(what: str, form: Disguise, family: dict[str, Disguise]) -> tuple[str, str]:
    value, place, _ = HIDDEN[what]
    hidden = form(value)
    is_quoted = what != "assigned password" or family is LITERALS or hidden[0] in "[S<"
    return hidden, place.format(hidden if is_quoted else f'"{hidden}"')


@pytest.mark.parametrize(("what", "name"), pairs(ENCODINGS, _WITH_A_TEXT_OF_THEIR_OWN))
def test_encoded(engine: Engine, what: str, name: str) -> None:
    hidden, text = written(what, ENCODINGS[name], ENCODINGS)
    found = engine.scan(text)
    assert {one.kind for one in found} == {HIDDEN[what][2]}
    assert hidden not in without(text, found)


@pytest.mark.parametrize(("what", "name"), pairs(LETTERS, set()))
def test_in_other_letters(engine: Engine, what: str, name: str) -> None:
    hidden, text = written(what, LETTERS[name], LETTERS)
    found = engine.scan(text)
    assert {one.kind for one in found} == {HIDDEN[what][2]}
    assert all(part not in without(text, found) for part in thirds(hidden))


@pytest.mark.parametrize(("what", "name"), pairs(LITERALS, _LONGER_THAN_A_PASSWORD))
def test_in_pieces_of_a_literal(engine: Engine, what: str, name: str) -> None:
    _hidden, text = written(what, LITERALS[name], LITERALS)
    found = engine.scan(text)
    assert {one.kind for one in found} == {HIDDEN[what][2]}
    assert all(part not in without(text, found) for part in thirds(HIDDEN[what][0]))


@pytest.mark.parametrize("name", LINES)
@pytest.mark.parametrize("make", planted.TOKENS, ids=lambda make: make.__name__)
def test_over_two_lines(engine: Engine, name: str, make: Callable[[int], str]) -> None:
    token = make(4)
    text = LINES[name](token)
    found = engine.scan(text)
    assert {one.kind for one in found} == {"secret"}
    assert token[:22] not in without(text, found)
    assert token[22:] not in without(text, found)


KEYS: dict[str, Disguise] = {
    "as it is": str,
    "Windows lines": lambda key: key.replace("\n", "\r\n"),
    "JSON": lambda key: json.dumps({"type": "service_account", "key": key}),
    "JSON in JSON": lambda key: json.dumps(json.dumps({"key": key})),
    "JSON list of lines": lambda key: json.dumps(key.split("\n"), indent=2),
    "YAML block": lambda key: "key: |\n  " + key.replace("\n", "\n  ") + "\nnext: 1",
    "Python literals": lambda key: (
        "(\n    " + "\n    ".join(json.dumps(line + "\n") for line in key.split("\n")) + "\n)"
    ),
    "JavaScript literals": lambda key: " +\n  ".join(json.dumps(line + "\n") for line in key.split("\n")),
    "comment": lambda key: "# " + key.replace("\n", "\n# "),
    "quoted mail": lambda key: "> " + key.replace("\n", "\n> "),
    "diff": lambda key: "+" + key.replace("\n", "\n+"),
    "in one line": lambda key: key.replace("\n", " "),
    "URL": lambda key: key.replace("\n", "%0A").replace("+", "%2B").replace("/", "%2F").replace(" ", "%20"),
    "HTML": lambda key: key.replace("\n", "&#10;"),
    "base64": base64_of,
    "base64 in lines": lambda key: base64.encodebytes(key.encode()).decode(),
    "base64 twice": lambda key: base64_of(base64_of(key)),
    "hex": hex_of,
    "base64 in JSON in base64": lambda key: base64_of(json.dumps({"data": {"tls.key": base64_of(key)}})),
}


@pytest.mark.parametrize("name", KEYS)
def test_private_key(engine: Engine, name: str) -> None:
    key = planted.pem_key(7)
    text = f"before it\n{KEYS[name](key)}\nafter it"
    found = engine.scan(text)
    assert {one.kind for one in found} == {"secret"}
    assert not [line for line in key.split("\n")[1:-1] if line in without(text, found)]


def test_key_in_escapes_is_still_the_key_of_its_value(engine: Engine) -> None:
    for key in ("pass%77ord", "p&#97;ssword", "p\\u0061ssword", "p\u0430ssw\u043erd", "pass\u200bword"):
        assert engine.scan(f'{key}="{PASSWORD}"'), key


def test_escape_beside_a_finding_does_not_widen_it(engine: Engine) -> None:
    token = planted.github_token(5)
    text = f"?q=caf%C3%A9%20x&key={token[:9]}%{ord(token[9]):02X}{token[10:]}&page=%31"
    (found,) = engine.scan(text)
    assert (text[found.start :][:9], text[: found.end][-9:]) == (token[:9], token[-9:])
    assert found.decoded_from == "url"


def test_plain_text_beside_an_escape_is_found_once_and_as_plain(engine: Engine) -> None:
    text = f"mail=someone%20else&to={EMAIL}&x=%20%20"
    (found,) = engine.scan(text)
    assert (text[found.start : found.end], found.decoded_from) == (EMAIL, None)


@pytest.mark.parametrize("head", ["value = ", "const data = Buffer.from(", 'x: "', "icon=data:image/png;base64,"])
def test_data_in_base64_is_none(engine: Engine, head: str) -> None:
    chance = random.Random(11)
    for size in (30, 300, 3_000):
        assert [
            one for one in engine.scan(head + base64.b64encode(chance.randbytes(size)).decode()) if one.decoded_from
        ] == []


@pytest.mark.parametrize(
    "text",
    [
        "printf('%02x%02x%5d%%')",
        "margin:0&nbsp;auto&mdash;&copy; 2024",
        "width=40 height=20 depth=3",
        "colors: [255, 128, 64, 32, 16, 8, 120, 99, 65, 66, 67, 68, 69, 70]",
        ", ".join(str(one) for one in range(32, 127)),
        "names = ['alpha', 'beta', 'gamma'].join(', ')",
        "print('usage: ' + name + ' [options]' + '\\n')",
        'x = "it\'s" \'fine\' "so"',
        "00000000: 8950 4e47 0d0a 1a0a 0000 000d 4948 4452  .PNG........IHDR",
        '{"mappings": "AAAA,SAASA,IAAI,CAACC,CAAC,EAAEC,CAAC;AACF,QAAQ"}',
        "long_function_name_of_a_module\n    another_long_name_of_it\n",
        "# a_heading_that_is_one_word\n# another_word_of_sixteen\n",
        "sha256:" + planted.letters(64, 12, planted.HEX),
        "AB CD EF 01 23 45 67 89 AB CD EF 01 23 45 67 89 AB CD EF",
    ],
    ids=lambda text: text[:24],
)
def test_what_only_looks_encoded_is_clean(engine: Engine, text: str) -> None:
    assert engine.scan(text) == []
