"""JSON as this protocol reads it: one meaning per byte sequence, or a RemoteProtocolError."""

import json
import math
import re
from collections.abc import Iterator
from typing import Any, Final, NoReturn, TypeAlias

from protocol.errors import Code, LocalProtocolError, RemoteProtocolError
from protocol.limits import INTEGER_MAX, JSON_CONTAINERS, JSON_DEPTH, JSON_NAMES

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"

_TEXT: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)


def parse_json(raw: bytes) -> JsonValue:
    """The one value that `raw` spells.

    Refused, each with its code: bad UTF-8, a second key of one name, NaN, infinities and numbers that overflow to them,
    integers beyond 2**53, nesting deeper than 16, more containers or names than anybody needs, lone surrogates, anything that
    is not JSON.
    """
    if _is_crowded(raw):
        raise RemoteProtocolError(Code.TOO_LARGE, f"at most {JSON_CONTAINERS} objects and lists")
    try:
        value: JsonValue = _DECODER.decode(raw.decode("utf-8"))
    except RecursionError:
        raise RemoteProtocolError(Code.TOO_DEEP, f"nested deeper than {JSON_DEPTH}") from None
    except (UnicodeDecodeError, json.JSONDecodeError):
        raise RemoteProtocolError(Code.BAD_JSON, "not JSON in UTF-8") from None
    # Both walks are skipped where a count of bytes already shows that they cannot find anything.
    if _opening(raw) > JSON_DEPTH and _is_deeper(value, JSON_DEPTH):
        raise RemoteProtocolError(Code.TOO_DEEP, f"nested deeper than {JSON_DEPTH}")
    if b"\\u" in raw and any(_has_surrogate(text) for text in _strings(value)):
        raise RemoteProtocolError(Code.BAD_JSON, "a lone surrogate is not text")
    return value


def parse_object(raw: bytes) -> dict[str, JsonValue]:
    """As `parse_json`, for what must be an object."""
    value = parse_json(raw)
    if not isinstance(value, dict):
        raise RemoteProtocolError(Code.BAD_JSON, "expected a JSON object")
    return value


def dump_json(value: Any) -> bytes:
    """Compact UTF-8 JSON with sorted keys. Raises LocalProtocolError for what JSON cannot say."""
    try:
        return _ENCODER.encode(value).encode("utf-8")
    except (TypeError, ValueError, RecursionError) as error:
        raise LocalProtocolError(Code.BAD_JSON, f"cannot be written as JSON: {type(error).__name__}") from error


def _object(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    if len(pairs) > JSON_NAMES:
        raise RemoteProtocolError(Code.TOO_LARGE, f"an object has at most {JSON_NAMES} names")
    result = dict(pairs)
    if len(result) != len(pairs):
        raise RemoteProtocolError(Code.DUPLICATE_KEY, "an object names a key twice")
    return result


def _constant(_name: str) -> NoReturn:
    raise RemoteProtocolError(Code.NOT_FINITE, "NaN and Infinity are not numbers here")


def _float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise RemoteProtocolError(Code.NOT_FINITE, "a number beyond float64")
    return number


def _int(text: str) -> int:
    # 17 characters hold every integer up to 2**53 with its sign; longer ones are not worth converting.
    if len(text) > 17 or not -INTEGER_MAX <= (number := int(text)) <= INTEGER_MAX:
        raise RemoteProtocolError(Code.NOT_FINITE, "an integer beyond 2**53")
    return number


# Made once: they cost as much as reading a small object.
_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_constant=_constant, parse_float=_float, parse_int=_int
)
_ENCODER: Final = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False, sort_keys=True)


def _is_crowded(raw: bytes) -> bool:
    """Whether more containers begin than may. Looked at before anything is made of them, and closely only where need be."""
    if _opening(raw) <= JSON_CONTAINERS:
        return False
    return _opening(_TEXT.sub(b"", raw)) > JSON_CONTAINERS


def _opening(raw: bytes) -> int:
    return raw.count(b"{") + raw.count(b"[")


def _is_deeper(value: JsonValue, depth: int) -> bool:
    level: list[JsonValue] = [value]
    for _ in range(depth):
        level = [child for parent in level for child in _children(parent) if isinstance(child, dict | list)]
        if not level:
            return False
    return True


def _children(value: JsonValue) -> list[JsonValue]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _strings(value: JsonValue) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value
    for child in _children(value):
        yield from _strings(child)


def _has_surrogate(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)
