"""What makes two failures of one kind: the error without what is different each time, then the words of the task."""

import re
from functools import lru_cache
from typing import Final

# What differs from run to run of one fault. In this order: a longer shape holds shorter ones.
_VARIES: Final = (
    (re.compile(r"0x[0-9a-fA-F]+"), "#"),
    (re.compile(r"\b[0-9a-fA-F]{8,}(?:-[0-9a-fA-F]{4,})*\b"), "#"),
    (re.compile(r"(?:[\w.-]*/)+[\w.-]+"), "/"),
    (re.compile(r"'[^'\n]*'|\"[^\"\n]*\""), "'"),
    (re.compile(r"\d+"), "#"),
)
_WORD: Final = re.compile(r"[a-z]{2,}")
# A trace's last line says what went wrong; more than this of it is somebody's data.
_LINE_CHARS: Final = 200
_TRACE_CHARS: Final = 2_000
# A window of events is compared with each new one: 2 MB at most for not reading the same texts again.
_REMEMBERED: Final = 512
# Of all words of two tasks, the share that both have, from which on they are of one kind.
ALIKE: Final = 0.5


def signature(error: str) -> str:
    """What two failures of one kind have in common; empty where nothing is told. At most 200 characters."""
    return _signature(error[-_TRACE_CHARS:])


@lru_cache(_REMEMBERED)
def _signature(error: str) -> str:
    lines = [line.strip() for line in error.splitlines() if line.strip()]
    if not lines:
        return ""
    said = lines[-1][: 4 * _LINE_CHARS]
    for shape, word in _VARIES:
        said = shape.sub(word, said)
    return " ".join(said.split())[:_LINE_CHARS]


def similarity(one: str, other: str) -> float:
    """How alike two tasks are put: the share of their words that both have, 0 to 1."""
    left, right = _words(one), _words(other)
    if not left or not right:
        return 1.0 if one.strip().lower() == other.strip().lower() else 0.0
    return len(left & right) / len(left | right)


@lru_cache(_REMEMBERED)
def _words(task: str) -> frozenset[str]:
    return frozenset(_WORD.findall(task.lower()))
