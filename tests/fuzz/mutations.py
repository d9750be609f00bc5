"""What becomes of an honest message in hostile hands: bytes cut, doubled and put in, parts of its JSON replaced. Seeded."""

import copy
import json
from random import Random
from typing import Any, Final

_TOKENS: Final = [
    *(
        b'"',
        b"{",
        b"}",
        b"[",
        b"]",
        b":",
        b",",
        b"\\",
        b"\n",
        b"\r\n",
        b"\x00",
        b"\xff",
        b"\xef\xbb\xbf",
        b"\xed\xa0\x80",
    ),
    *(b"NaN", b"-Infinity", b"1e400", b"-0", b"0.0", b"1E-999", b"9007199254740993", b"9" * 40, b"null", b"true"),
    *(b"\\u0000", b"\\ud800", b"\\uD83D\\uDE00", b"[" * 20, b'{"a":' * 20, b'"seq":1,', b"====", b"-", b"_", b" " * 50),
]
_VALUES: Final[list[Any]] = [
    *(None, True, False, 0, -1, 1, 2**53, 2**53 + 1, -(2**70), 0.5, 1e15, 1e16, 1e300, float("nan"), float("inf")),
    *("", "a", "\x00", "\ud800", "\u202e", "a" * 129, "A" * 64, "0" * 64, "a" * 52, "2027-02-29T00:00:00Z"),
    *([], {}, [[]], {"": 0}, [0] * 300, {"a": {"b": {"c": []}}}, [None, True], ["a", 1, "0" * 64], [1, 1, "0" * 64]),
]


def mutated(raw: bytes, random: Random) -> bytes:
    """`raw` after one to four changes of its bytes."""
    for _ in range(random.randint(1, 4)):
        start = random.randint(0, len(raw))
        end = min(len(raw), start + random.choice((0, 0, 1, 1, 2, 8, 40)))
        match random.randrange(5):
            case 0:
                piece = random.choice(_TOKENS)
            case 1:
                piece = random.randbytes(random.randint(0, 3))
            case 2:
                piece = raw[start:end] * 2
            case 3 if start < len(raw):
                piece, end = bytes([raw[start] ^ 1 << random.randrange(8)]), start + 1
            case _:
                piece = b""
        raw = raw[:start] + piece + raw[end:]
    return raw


def rewritten(tree: Any, random: Random) -> bytes:
    """JSON of `tree` after one or two changes of its parts; NaN, lone surrogates and names given twice included."""
    changed = copy.deepcopy(tree)
    for _ in range(random.choice((1, 1, 2))):
        changed = _changed(changed, random)
    raw = json.dumps(changed, ensure_ascii=random.random() < 0.5).encode("utf-8", "surrogatepass")
    if random.random() < 0.05 and raw.startswith(b"{") and len(raw) > 2:
        raw = b"{" + raw[1:-1] + b"," + raw[1:]  # every name twice
    return raw


def _changed(tree: Any, random: Random) -> Any:
    if not isinstance(tree, dict | list) or not tree or random.random() < 0.05:
        return copy.deepcopy(random.choice(_VALUES))
    place = random.choice(list(tree)) if isinstance(tree, dict) else random.randrange(len(tree))
    match random.randrange(8):
        case 0:
            del tree[place]
        case 1 if isinstance(tree, dict):
            tree[random.choice(("", "a", "seq", place + "s", "__proto__"))] = copy.deepcopy(tree[place])
        case 1 | 2:
            tree[place] = random.choice(([tree[place]], {"a": tree[place]}, str(tree[place])))
        case 3 if isinstance(tree[place], int | float) and not isinstance(tree[place], bool):
            tree[place] = tree[place] * random.choice((-1, 2, 1e6, 1e300)) + random.choice((0, 1, 0.5))
        case 4 if isinstance(tree[place], str):
            tree[place] = mutated(tree[place].encode("utf-8", "surrogatepass"), random).decode("utf-8", "replace")
        case 5:
            tree[place] = copy.deepcopy(random.choice(_VALUES))
        case _:
            tree[place] = _changed(tree[place], random)
    return tree
