"""Where the numeric operator may look: constants of the editable files, and the range of each."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from hive_node.config.project import TuneHint
from hive_node.domain import Files
from hive_node.operators.constants import Value, find_constants
from hive_node.ports import Fault

# Without a hint a number is sought within a factor of itself; beyond that a person should say what is sensible.
_FACTOR: Final = 4
# Beyond this a float no longer counts by ones, and the numeric search with it.
_LARGEST_INT: Final = 2**53
_SHOWN: Final = 12


@dataclass(frozen=True, slots=True)
class Place:
    """A constant of one file."""

    path: str
    name: str

    @property
    def key(self) -> str:
        """As [tune] spells it: `path:NAME`."""
        return f"{self.path}:{self.name}"


Space: TypeAlias = Mapping[Place, tuple[Value, TuneHint]]
"""Each constant with its present value and where to look."""


def search_space(files: Files, hints: Mapping[str, TuneHint]) -> Space:
    """What may be tuned: the constants that [tune] names, or, where it names none, every number in capitals or by default."""
    space: dict[Place, tuple[Value, TuneHint]] = {}
    named = {key.rpartition(":")[0] for key in hints}
    for place, value in _constants({path: text for path, text in files.items() if not hints or path in named}).items():
        hint = hints.get(place.key) if hints else _guess(place.name, value)
        if hint is not None:
            space[place] = (value, hint)
    return space


def widened(space: Space, start: Space) -> Space:
    """`space` with each guessed range as wide as the one around the value that the experiment began with, too.

    A guess moves with the champion; what was measured before must stay within it.
    """
    return {
        place: (value, _hull(hint, start[place][1]) if place in start else hint)
        for place, (value, hint) in space.items()
    }


def check_hints(files: Files, hints: Mapping[str, TuneHint]) -> None:
    """Raises Fault(project.no-such-constant) for a hint that names none of `files`' constants, or one that it cannot fit."""
    named = {path: files[path] for key in hints if (path := key.rpartition(":")[0]) in files}
    found = {place.key: value for place, value in _constants(named).items()}
    for key, hint in hints.items():
        if key not in found:
            raise Fault(
                "project.no-such-constant", f'hive.toml: [tune] "{key}" {_what_is_there(key, files, list(found))}'
            )
        if not hint.choices and isinstance(found[key], bool | str):
            raise Fault(
                "project.no-such-constant", f'hive.toml: [tune] "{key}" is {found[key]!r}, no number: give it `choices`'
            )


def _constants(files: Files) -> dict[Place, Value]:
    return {
        Place(path, constant.name): constant.value
        for path, text in sorted(files.items())
        if path.endswith(".py")
        for constant in find_constants(text)
    }


def _what_is_there(key: str, files: Files, found: list[str]) -> str:
    path, _, name = key.rpartition(":")
    if path not in files:
        return f"names no editable text file {path or key!r}: write it as `path:NAME`"
    others = [other.rpartition(":")[2] for other in found if other.startswith(f"{path}:")]
    shown = ", ".join(others[:_SHOWN]) or "none that is bound once to a literal"
    return f"names no constant {name!r} of {path}; it has: {shown}"


def _hull(one: TuneHint, other: TuneHint) -> TuneHint:
    if one == other or one.low is None or one.high is None or other.low is None or other.high is None:
        return one
    return TuneHint(low=min(one.low, other.low), high=max(one.high, other.high), log=one.log and other.log)


def _guess(name: str, value: Value) -> TuneHint | None:
    last = name.rsplit(".", 1)[-1]
    # Another seed is no improvement (guardrails/seeds.py).
    if isinstance(value, bool | str) or "seed" in last.lower() or not (last.isupper() or last.endswith(")")):
        return None
    if last.endswith(")") and value in {-1, 1}:  # an index, a step, "no limit": a word spelled as a number
        return None
    if isinstance(value, float):
        low, high = sorted((value / _FACTOR, value * _FACTOR))
        is_range = low < high and math.isfinite(high - low) and 0.0 not in {low, high}
        return TuneHint(low=low, high=high, log=value > 0) if is_range else None
    if value == 0 or abs(value) * _FACTOR > _LARGEST_INT:
        return None
    low, high = sorted((int(value / _FACTOR), value * _FACTOR))
    return TuneHint(low=max(low, 1) if value > 0 else low, high=max(high, low + 1), log=value > 0)
