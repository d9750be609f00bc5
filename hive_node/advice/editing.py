"""A change in the text of a hive.toml: every comment and every line that it does not touch stays as it is."""

import copy
import difflib
import io
import re
import tomllib
from dataclasses import dataclass
from typing import Any, Final

from hive_node.advice.changes import AddStep, Change, Tree, Unfit, carry_out
from hive_node.config.project import FILE, ProjectSpec, parse_project_spec
from hive_node.config.toml import ConfigError

_STEP_HEADER: Final = re.compile(r"^\s*\[\[\s*step\s*\]\]")


@dataclass(frozen=True, slots=True)
class Edited:
    """A hive.toml with a change made in it. before, after: as parsed. diff: unified, as `git apply` and `patch` take it."""

    text: str
    diff: str
    before: Tree
    after: Tree
    spec: ProjectSpec


def edited(text: str, change: Change) -> Edited:
    """`text` with the change. Raises Unfit where it has no place there, changes nothing, or what comes out does not parse."""
    before = _spec_tree(text)
    after = copy.deepcopy(before)
    carry_out(change, after)
    if after == before:
        raise Unfit("hive.toml says so already")
    is_dos = text.count("\r\n") == text.count("\n") > 0
    new = _rewritten(text.replace("\r\n", "\n") if is_dos else text, change, after)
    new = new.replace("\n", "\r\n") if is_dos else new
    return Edited(new, _unified(text, new), before, after, _spec(new))


def _spec_tree(text: str) -> Tree:
    _spec(text)  # what is no spec has no place for any change
    return _parsed(text)


def _spec(text: str) -> ProjectSpec:
    try:
        return parse_project_spec(text)
    except ConfigError as error:
        raise Unfit(f"hive.toml would not hold: {error.problem}") from error


def _parsed(text: str) -> Tree:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Unfit(f"hive.toml cannot be read: {error}") from error


def _rewritten(text: str, change: Change, wanted: Tree) -> str:
    """The new text; whichever way it was made, it parses to exactly what was wanted."""
    if isinstance(change, AddStep) and (block := _with_block(text, change, wanted)) is not None:
        return block
    new = _round_trip(text, change)
    if _parsed(new) != wanted:
        raise Unfit("hive.toml is written in a way that cannot be changed in place: make this change by hand")
    return new


def _with_block(text: str, change: AddStep, wanted: Tree) -> str | None:
    """The step as lines ahead of the header that it goes before, and of the remarks above that. None where no such line fits."""
    place = [step.get("name") for step in wanted["step"]].index(change.name)
    lines = _lines(text)
    headers = [number for number, line in enumerate(lines) if _STEP_HEADER.match(line)]
    if place >= len(headers):
        return None
    first = headers[place]
    while first > 0 and lines[first - 1].lstrip().startswith("#"):
        first -= 1
    table = ["[[step]]\n", *(f"{key} = {_literal(value)}\n" for key, value in wanted["step"][place].items())]
    new = "".join([*lines[:first], *table, *lines[first:]])
    try:
        return new if tomllib.loads(new) == wanted else None
    except tomllib.TOMLDecodeError:
        return None


def _round_trip(text: str, change: Change) -> str:
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        document: Any = tomlkit.parse(text)
        carry_out(change, document, _inline if isinstance(document.get("step"), tomlkit.items.Array) else dict)
        return str(document.as_string())
    except (TOMLKitError, ValueError, TypeError) as error:
        raise Unfit(
            "hive.toml is written in a way that cannot be changed in place: make this change by hand"
        ) from error


def _literal(value: object) -> str:
    import tomlkit

    return str(tomlkit.item(value).as_string())


def _inline(fields: Tree) -> Tree:
    import tomlkit

    pairs = ", ".join(f"{key} = {_literal(value)}" for key, value in fields.items())
    made: Tree = tomlkit.parse(f"it = {{ {pairs} }}")["it"]
    return made


def _unified(before: str, after: str) -> str:
    lines = difflib.unified_diff(_lines(before), _lines(after), f"a/{FILE}", f"b/{FILE}")
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def _lines(text: str) -> list[str]:
    """As git counts them: other signs that end a line for Python stand within one."""
    return list(io.StringIO(text, newline="\n"))
