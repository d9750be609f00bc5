"""A fact found in code, and the difference of two sets of facts: only what the change added counts. Pure."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fact:
    """family: position in `CodeRules.families`. key: two facts of one key are the same fact. found: for a person to read.

    root: the part of the family that is used, such as a module; empty where that cannot be told.
    is_telling: a text in it is new wherever it stands, such as an address.
    """

    family: int
    key: str
    path: str
    line: int
    found: str
    root: str = ""
    is_telling: bool = False


def added_facts(before: Iterable[Fact], after: Iterable[Fact]) -> list[Fact]:
    """The facts that are there more often after than before, over all files: a fact that moved is not a new one."""
    left = Counter((fact.family, fact.key) for fact in before)
    added = []
    for fact in after:
        left[fact.family, fact.key] -= 1
        if left[fact.family, fact.key] < 0:
            added.append(fact)
    return sorted(added, key=lambda fact: (fact.path, fact.line, fact.key))
