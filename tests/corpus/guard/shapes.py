"""Random values by shape: literals, `[a-z]` classes, groups with `|`, `{m}`, `{m,n}`, `?`, and `{name}` for a made piece.

A subset of regular expressions, so that the corpus's data read as such and hold no value that looks real.
"""

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

from tests.corpus.guard.pieces import PIECES

_TOKEN = re.compile(
    r"(?P<piece>\{[A-Za-z]\w*\})|(?P<repeat>\{\d+(?:,\d+)?\}|\?)|\[(?P<chars>(?:\\.|[^\]\\])+)\]"
    r"|(?P<mark>[(|)])|\\(?P<escaped>.)|(?P<literal>.)",
    re.DOTALL,
)

Draw: TypeAlias = Callable[[random.Random], str]


@dataclass(frozen=True, slots=True)
class _Part:
    draw: Draw
    least: int = 1
    most: int = 1

    def __call__(self, chance: random.Random) -> str:
        return "".join(self.draw(chance) for _ in range(chance.randint(self.least, self.most)))


def draw(shape: str, chance: random.Random) -> str:
    """One value of the shape. Raises ValueError for a shape that is not well formed."""
    return _compiled(shape)(chance)


@cache
def _compiled(shape: str) -> Draw:
    tokens = list(_TOKEN.finditer(shape))
    built, end = _choice(tokens, 0)
    if end != len(tokens):
        raise ValueError(f"a bracket too many: {shape}")
    return built


def _choice(tokens: Sequence[re.Match[str]], at: int) -> tuple[Draw, int]:
    branches: list[list[_Part]] = [[]]
    while at < len(tokens) and tokens[at]["mark"] != ")":
        token = tokens[at]
        at += 1
        if token["mark"] == "|":
            branches.append([])
        elif token["mark"] == "(":
            inner, at = _choice(tokens, at)
            branches[-1].append(_Part(inner))
            at += 1
        elif token["repeat"]:
            branches[-1].append(_repeated(branches[-1].pop(), token["repeat"]))
        else:
            branches[-1].append(_Part(_atom(token)))
    return _one_of(branches), at


def _one_of(branches: list[list[_Part]]) -> Draw:
    return lambda chance: "".join(part(chance) for part in chance.choice(branches))


def _repeated(part: _Part, times: str) -> _Part:
    if times == "?":
        return _Part(part.draw, 0, 1)
    least, _, most = times.strip("{}").partition(",")
    return _Part(part.draw, int(least), int(most or least))


def _atom(token: re.Match[str]) -> Draw:
    if token["piece"]:
        return PIECES[token["piece"].strip("{}")]
    if token["chars"]:
        alphabet = _alphabet(token["chars"])
        return lambda chance: chance.choice(alphabet)
    literal = token["escaped"] or token["literal"]
    return lambda _chance: literal


def _alphabet(chars: str) -> str:
    out = ""
    plain = re.findall(r"(\\?.)-(\\?.)|(\\?.)", chars, re.DOTALL)
    for first, last, alone in plain:
        one, other = (alone or first)[-1], (alone or last)[-1]
        out += "".join(map(chr, range(ord(one), ord(other) + 1)))
    return out
