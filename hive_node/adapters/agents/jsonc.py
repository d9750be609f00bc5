"""JSON with comments and trailing commas, as people write it: read with the places of its parts, edited without touching the rest."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

_BLANK: Final = re.compile(r"(?:\s+|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_SCALAR: Final = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"|-?[0-9][0-9.eE+-]*|true|false|null')
# Settings are a few levels deep; a file that is deeper was made to hurt.
_MOST_DEPTH: Final = 64


class NotJson(ValueError):
    """The text cannot be read. position: where."""

    def __init__(self, position: int) -> None:
        super().__init__(f"not JSON at character {position}")
        self.position = position


@dataclass(slots=True)
class Node:
    """A value and where it stands. start, end: of its text; begin: of its key where it has one. items: of an array or object."""

    start: int
    end: int
    value: Any
    begin: int
    items: "list[Node]" = field(default_factory=list)
    keys: list[str] = field(default_factory=list)

    def at(self, key: str) -> "Node | None":
        """The member of that name; the last one where there are several, as readers take it."""
        found = [item for name, item in zip(self.keys, self.items, strict=False) if name == key]
        return found[-1] if found else None

    @property
    def is_object(self) -> bool:
        return isinstance(self.value, dict)

    @property
    def is_array(self) -> bool:
        return isinstance(self.value, list)


def read(text: str) -> Node:
    """The root value. Raises NotJson."""
    position = _after_blank(text, 1 if text.startswith("\ufeff") else 0)
    node = _value(text, position, 0)
    if _after_blank(text, node.end) != len(text):
        raise NotJson(node.end)
    return node


def insert_first(text: str, container: Node, member: str, depth: int) -> str:
    """`member` as the first of the container's, on lines of its own; `cut` undoes it. depth: how deep the container stands."""
    eol = "\r\n" if "\r\n" in text else "\n"
    indented = member.replace("\n", eol + "  " * (depth + 1))
    closes = "," if container.items else eol + "  " * depth
    at = container.start + 1
    return f"{text[:at]}{eol}{'  ' * (depth + 1)}{indented}{closes}{text[at:]}"


def cut(text: str, item: Node, depth: int) -> str:
    """The text without that item, and without the comma that went with it. depth: how deep its container stands."""
    start = item.begin
    while text[start - 1].isspace():
        start -= 1
    comma = _after_blank(text, item.end)
    if text[comma] == ",":
        return text[:start] + text[item.end : comma] + text[comma + 1 :]
    if text[start - 1] == ",":
        return text[: start - 1] + text[item.end :]
    return text[:start] + re.sub(rf"\A\r?\n(?:  ){{{depth}}}", "", text[item.end :], count=1)


def _value(text: str, at: int, depth: int) -> Node:
    if depth > _MOST_DEPTH:
        raise NotJson(at)
    opened = text[at : at + 1]
    if opened and opened in "{[":
        return _container(text, at, depth)
    found = _SCALAR.match(text, at)
    if found is None:
        raise NotJson(at)
    try:
        return Node(at, found.end(), json.loads(found[0]), at)
    except ValueError as error:
        raise NotJson(at) from error


def _container(text: str, at: int, depth: int) -> Node:
    is_object = text[at] == "{"
    node = Node(at, at, {} if is_object else [], at)
    for key, item in _members(text, at, depth, is_object=is_object):
        node.items.append(item)
        if is_object:
            node.keys.append(key)
            node.value[key] = item.value
        else:
            node.value.append(item.value)
    node.end = _after_blank(text, _after_comma(text, node.items[-1].end if node.items else at + 1)) + 1
    return node


def _members(text: str, at: int, depth: int, *, is_object: bool) -> Iterator[tuple[str, Node]]:
    closing = "}" if is_object else "]"
    at = _after_blank(text, at + 1)
    while text[at : at + 1] != closing:
        begin, key = at, ""
        if is_object:
            name = _value(text, at, depth + 1)
            at = _after_blank(text, name.end)
            if not isinstance(name.value, str) or text[at : at + 1] != ":":
                raise NotJson(at)
            key, at = name.value, _after_blank(text, at + 1)
        item = _value(text, at, depth + 1)
        item.begin = begin
        yield key, item
        at = _after_blank(text, item.end)
        if text[at : at + 1] == ",":
            at = _after_blank(text, at + 1)
        elif text[at : at + 1] != closing:
            raise NotJson(at)


def _after_comma(text: str, at: int) -> int:
    after = _after_blank(text, at)
    return after + 1 if text[after : after + 1] == "," else at


def _after_blank(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    return found.end() if found else at
