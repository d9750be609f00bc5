"""Providers whose tokens have no shape of their own: one family for each shape that many share, and the names in keys
that tell whose a value is.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

# A name in a key is surer than any key, and less sure than a shape that nobody else has.
_CONFIDENCE: Final = 0.85


def family_rows(family: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """One rule, as a row of a file, for each provider of a family.

    The family's `providers` is a table from a provider, or a rule's id where it has several, to the names by which keys
    call it; `value` is the shape and `example` a value of it in parts. Raises KeyError for a family without one of these.
    """
    shape, parts, example = family["value"], family["example"], "".join(family["example"])
    for name, keys in family["providers"].items():
        key = keys[0].upper()
        yield {
            "id": name if "." in name else f"{name}.key",
            "provider": name.partition(".")[0],
            "keys": keys,
            "value": shape,
            "validators": family["validators"],
            "confidence": _CONFIDENCE,
            "joinable": False,
            "examples": _examples(key, parts),
            "counter_examples": _counter_examples(key, example),
        }


def _examples(key: str, parts: Sequence[str]) -> list[Sequence[str]]:
    camel = key.title().replace("_", "")
    return [(f'{key}_TOKEN="', *parts, '"'), (f'"{camel[:1].lower()}{camel[1:]}ApiKey": "', *parts, '"')]


def _counter_examples(key: str, example: str) -> list[Sequence[str]]:
    lower = key.lower()
    return [
        (f"{lower} is a provider, and {example[:8]} is no token of it",),
        (f"{key}_TOKEN=${{{key}_TOKEN}}",),
        (f'{lower}_sha = "{example}"',),
    ]
