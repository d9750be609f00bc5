"""Whether time stays in proportion to length: each hard text at n and at 2n."""

import json
import random
import string
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from guardrails.scope import Engine
from guardrails.scope.catalogue import Rule

_MB = 1_000_000
# Twice the text takes twice the time; more than this is no measuring error any more.
MOST_RATIO = 3.0
_RULE_SIZE = 2_000
_SLOWEST = 8


@dataclass(frozen=True, slots=True)
class Growth:
    """Processor seconds for n characters, and for twice as many."""

    name: str
    characters: int
    once_s: float
    twice_s: float

    @property
    def ratio(self) -> float:
        """How many times longer twice the text takes."""
        return self.twice_s / max(self.once_s, 1e-9)

    @property
    def mb_s(self) -> float:
        """MB a second at 2n."""
        return 2 * self.characters / _MB / max(self.twice_s, 1e-9)


def growths(engine: Engine, share: float) -> list[Growth]:
    """Every hard text, `share` of its full size."""
    return [_growth(engine, name, make, int(size * share)) for name, (size, make) in _TEXTS.items()]


def rule_growths(engine: Engine, rules: Sequence[Rule], share: float) -> list[Growth]:
    """Each rule's own examples, whole and cut short, one after the other without end: those few that take longest."""
    texts = ((rule.id, f"{rule.examples[0]} {rule.examples[0][: len(rule.examples[0]) * 2 // 3]} ") for rule in rules)
    found = [_growth(engine, name, _repeated(text), int(_RULE_SIZE * share)) for name, text in texts]
    return sorted(found, key=lambda growth: growth.twice_s, reverse=True)[:_SLOWEST]


def _growth(engine: Engine, name: str, make: Callable[[int], str], size: int) -> Growth:
    return Growth(name, size, _seconds(engine, make(size)), _seconds(engine, make(2 * size)))


def _seconds(engine: Engine, text: str) -> float:
    began = time.process_time()
    engine.scan(text)
    return time.process_time() - began


def _random(size: int) -> str:
    return "".join(random.Random(1).choices(string.printable, k=size))


def _repeated(unit: str) -> Callable[[int], str]:
    return lambda size: (unit * (size // len(unit) + 1))[:size]


def _deep(size: int) -> str:
    return json.dumps({"key": "value"})[:-1] + ', "a": ' + "[" * (size // 2) + "]" * (size // 2) + "}"


_TEXTS: dict[str, tuple[int, Callable[[int], str]]] = {
    "one letter": (25 * _MB, _repeated("a")),
    "one digit": (5 * _MB, _repeated("7")),
    "spaces": (5 * _MB, _repeated(" ")),
    "random": (25 * _MB, _random),
    "deep JSON": (5 * _MB, _deep),
    "key=key=": (_MB, _repeated("key=")),
    "password: password:": (_MB, _repeated("password: ")),
    "1:1:": (_MB, _repeated("1:")),
    "a@a@": (_MB, _repeated("a@")),
    "a.a.a.": (_MB, _repeated("a.")),
    "quotes": (_MB, _repeated("\"'")),
    "%25%25": (_MB, _repeated("%25")),
    "base64 of base64": (_MB, _repeated("QUFB")),
    "PEM openings": (_MB, _repeated("-----BEGIN PRIVATE" + " KEY-----\n")),
    "eyJeyJ": (_MB, _repeated("eyJ")),
    "digits and spaces": (_MB, _repeated("4111 ")),
}
