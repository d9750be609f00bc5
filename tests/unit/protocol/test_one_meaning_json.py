"""JSON from a stranger: one meaning per byte sequence, or a refusal with its code."""

import json
import math

import pytest

from protocol.errors import Code, LocalProtocolError, RemoteProtocolError
from protocol.limits import INTEGER_MAX, JSON_CONTAINERS, JSON_DEPTH, JSON_NAMES
from protocol.wire import dump_json, parse_json, parse_object


def refusal(raw: bytes) -> Code:
    with pytest.raises(RemoteProtocolError) as caught:
        parse_json(raw)
    return caught.value.code


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":1,"a":1}',
        b'{"a":1,"\\u0061":2}',
        b'{"a":1,"b":{"c":[{"d":1,"d":2}]}}',
        b'{"":1,"":2}',
        b'{"a":1,"b":2,"a":3}',
    ],
)
def test_second_key_of_one_name_is_refused_at_any_depth_and_in_any_spelling(raw: bytes) -> None:
    assert refusal(raw) is Code.DUPLICATE_KEY


@pytest.mark.parametrize(
    "number",
    ["NaN", "Infinity", "-Infinity", "1e400", "-1e400", "1e999", "1.8e308", "1e" + "9" * 60_000, "9" * 400 + ".0"],
    ids=lambda number: number[:9],
)
@pytest.mark.parametrize("shape", ["%s", "[%s]", '{"a":%s}', '{"a":[0,{"b":%s}]}'])
def test_number_that_float64_cannot_hold_is_refused(number: str, shape: str) -> None:
    assert refusal((shape % number).encode()) is Code.NOT_FINITE


BEYOND = [str(2**53 + 1), str(-(2**53) - 1), "1" * 17, "-" + "1" * 17, str(2**64), "9" * 400, "1" * 60_000]


@pytest.mark.parametrize("digits", BEYOND, ids=lambda digits: f"{digits[:9]}x{len(digits)}")
def test_integer_beyond_2_to_the_53_is_refused_however_long(digits: str) -> None:
    assert refusal(b'{"n":%b}' % digits.encode()) is Code.NOT_FINITE


@pytest.mark.parametrize("integer", [0, -1, INTEGER_MAX, -INTEGER_MAX])
def test_integer_up_to_2_to_the_53_is_itself(integer: int) -> None:
    assert parse_json(str(integer).encode()) == integer


def test_float_keeps_its_value_and_underflow_is_zero() -> None:
    assert parse_json(b"[1e-3,-0.0,1e-400,1.7976931348623157e308]") == [1e-3, -0.0, 0.0, 1.7976931348623157e308]
    assert math.copysign(1, float(str(parse_json(b"-0.0")))) == -1


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
@pytest.mark.parametrize("depth", [JSON_DEPTH + 1, 100, 10_000])
def test_nesting_deeper_than_16_is_refused_and_costs_no_stack(opening: bytes, depth: int) -> None:
    closing = b"]" if opening == b"[" else b"}"

    assert refusal(opening * depth + b"1" + closing * depth) is Code.TOO_DEEP


def test_empty_containers_count_towards_the_depth() -> None:
    deepest = b"[" * JSON_DEPTH + b"]" * JSON_DEPTH

    assert parse_json(deepest)
    assert refusal(b"[" + deepest + b"]") is Code.TOO_DEEP
    assert refusal(b'{"a":[' + deepest[1:-1] + b"]}") is Code.TOO_DEEP


def test_sixteen_levels_are_taken_however_wide() -> None:
    deepest = b"[" * JSON_DEPTH + b"1" + b"]" * JSON_DEPTH

    assert json.loads(deepest) == parse_json(deepest)
    assert parse_json(b"[" + b"[],{}," * 5_000 + b"0]")


@pytest.mark.parametrize("depth", [10_000, 60_000])
def test_thousands_of_brackets_that_never_close_are_refused(depth: int) -> None:
    assert refusal(b"[" * depth) in {Code.TOO_DEEP, Code.BAD_JSON, Code.TOO_LARGE}


@pytest.mark.parametrize(
    "raw",
    [
        b'"\\ud800"',
        b'"\\udfff"',
        b'"\\udc00\\ud800"',
        b'"ok \\uD83D"',
        b'{"\\ud800":1}',
        b'{"a":["b",{"c":"\\udbff"}]}',
        b'["\\ud800\\u0041"]',
    ],
)
def test_lone_surrogate_is_refused_in_keys_and_values_at_any_depth(raw: bytes) -> None:
    assert refusal(raw) is Code.BAD_JSON


def test_pair_of_surrogates_is_the_character_it_spells() -> None:
    assert parse_json(b'["\\ud83d\\udc1d","\\u0041",1,{"\\u00e4":null}]') == ["\U0001f41d", "A", 1, {"ä": None}]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b" ",
        b"{",
        b"nul",
        b"{}{}",
        b"{} x",
        b"[1,]",
        b'{"a":1,}',
        b"{'a':1}",
        b"01",
        b"+1",
        b".5",
        b"0x10",
        b'"\n"',
        b'"\x00"',
        b"\x00",
        b"\xff",
        b'"\xed\xa0\x80"',  # a surrogate in UTF-8's clothes
        b'"\xc0\xaf"',  # an overlong slash
        b"\xef\xbb\xbf{}",  # a byte order mark
        "{}".encode("utf-16"),
    ],
)
def test_what_is_not_json_in_utf8_is_refused(raw: bytes) -> None:
    assert refusal(raw) is Code.BAD_JSON


@pytest.mark.parametrize("raw", [b"[]", b"null", b"1", b'"a"', b"true"])
def test_value_that_is_no_object_is_refused_where_an_object_belongs(raw: bytes) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        parse_object(raw)

    assert caught.value.code is Code.BAD_JSON


def test_refusal_never_quotes_what_was_refused() -> None:
    for raw in (b'{"hunter2":1,"hunter2":2}', b'["hunter2", NaN]', b'"hunter2', b'"hunter2\\ud800"'):
        with pytest.raises(RemoteProtocolError) as caught:
            parse_json(raw)
        assert "hunter2" not in str(caught.value)


def test_written_json_is_compact_sorted_and_reads_back() -> None:
    tree = {"b": [1, 2.5, None, True], "a": {"ü": "\U0001f41d"}}

    assert dump_json(tree) == '{"a":{"ü":"\U0001f41d"},"b":[1,2.5,null,true]}'.encode()
    assert parse_object(dump_json(tree)) == tree


def test_our_own_nonsense_is_our_fault_not_a_peers() -> None:
    circle: list[object] = []
    circle.append(circle)

    for value in (math.nan, math.inf, {1, 2}, b"bytes", "\ud800", {"a": 1, 2: 3}, circle):
        with pytest.raises(LocalProtocolError) as caught:
            dump_json(value)
        assert caught.value.code is Code.BAD_JSON


@pytest.mark.parametrize(
    "raw",
    [
        b"[" + b"[]," * JSON_CONTAINERS + b"[]]",
        b"[" + b'{"a":[]},' * (JSON_CONTAINERS // 2) + b"{}]",
        b"{" + b",".join(b'"%d":0' % number for number in range(JSON_NAMES + 1)) + b"}",
    ],
)
def test_more_containers_or_names_than_anybody_needs_are_refused(raw: bytes) -> None:
    assert refusal(raw) is Code.TOO_LARGE


def test_brackets_in_a_text_are_text() -> None:
    text = '{["\\' * JSON_CONTAINERS
    assert parse_json(dump_json([text])) == [text]
