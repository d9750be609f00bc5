"""A JSON tree written down as one text, so that one scan sees every key and value with its neighbours, and the way
back to its leaves.
"""

import base64
from dataclasses import dataclass, field
from typing import Final, Literal

from guardrails.scope.fields import NUMBER, FieldTree, FieldType, below, field_tree, is_exactly
from guardrails.scope.pages import LeafText, Page, Path, Sheet
from guardrails.scope.seams import chains
from guardrails.scope.views import GAP
from protocol.envelope import DELTA_TYPE, Envelope, parse_envelope
from protocol.errors import RemoteProtocolError
from protocol.limits import ENVELOPE_BYTES
from protocol.wire import JsonValue, parse_object

# Around a key and a value: no text that people write, so that a value's quotes are its own.
_KEY_END: Final = "\x1f: "
_OPEN: Final = "\x02"
_CLOSE: Final = GAP
# What is nested deeper has no place of its own. A delta's fields end at 16; a call of ours for each level has its limit.
_DEEPEST: Final = 64


@dataclass(frozen=True, slots=True)
class Document:
    """A tree as text.

    readable: every key and value with its neighbours.
    joined: values that stand in one field of the items of one list, and keys or values of one object, put together: a token
    may be cut over them.
    exact: values of exactly their field's type, in which only this machine's own secrets are sought.
    """

    readable: Page
    joined: Page
    exact: Page


def write_down(tree: JsonValue, fields: FieldTree) -> Document:
    """The document of a tree whose fields are known as `fields` says."""
    writer = _Writer()
    writer.write((), "", tree, fields)
    joined = Sheet()
    groups = [group for group in writer.groups.values() if len(group) > 1]
    for group in [*groups, *(chain for members in writer.members.values() for chain in chains(members))]:
        for leaf in group:
            joined.add_leaf(leaf)
        joined.parts.append(_CLOSE)
    return Document(writer.readable.page(), joined.page(), writer.exact.page())


@dataclass(slots=True)
class _Writer:
    readable: Sheet = field(default_factory=Sheet)
    exact: Sheet = field(default_factory=Sheet)
    # What stands in one field of a list's items; and the keys, and the values, of one object.
    groups: dict[Path, list[LeafText]] = field(default_factory=dict)
    members: dict[tuple[str, Path], list[LeafText]] = field(default_factory=dict)
    # Inside an envelope: where it stands, and its length.
    envelope: tuple[Path, int] | None = None

    def write(
        self, path: Path, key: str, value: JsonValue, fields: "FieldTree | FieldType | None", group: Path = ()
    ) -> None:
        """key: what the value is called, for context. group: the path with `*` for indices."""
        if len(path) >= _DEEPEST and isinstance(value, dict | list):
            self._write_deep(path, value)
        elif isinstance(value, dict):
            ours = fields if isinstance(fields, dict) else {}
            for name, item in value.items():
                if ours.get(name) == "number" and isinstance(item, NUMBER) and name != "*":
                    # As `_write_member` would, at a tenth of the cost: most of a delta.
                    self.readable.parts.append("\n")
                else:
                    self._write_member(path, name, item, fields, group)
        elif isinstance(value, list):
            for index, item in enumerate(value):
                self.readable.parts.append(key + _KEY_END)
                self.write((*path, str(index)), key, item, below(fields, "*"), (*group, "*"))
        else:
            self._write_value(path, value, fields if isinstance(fields, str) else None, group)

    def _write_member(
        self, path: Path, name: str, value: JsonValue, fields: "FieldTree | FieldType | None", group: Path
    ) -> None:
        held = below(fields, name)
        is_ours = isinstance(fields, dict) and name in fields and name != "*"
        if is_ours and is_exactly(held, value):
            self._write_exact((*path, name), value, held)  # a name of ours before nothing is no context either
            return
        if is_ours:
            self.readable.parts.append(name + _KEY_END)  # a name of ours is context, and nobody's datum
        else:
            leaf = self._leaf(self.readable, name, (*path, name), "key", None)
            self.members.setdefault(("key", path), []).append(leaf)
            self.readable.parts.append(_KEY_END)
        self.write((*path, name), name, value, held, (*group, name))

    def _write_deep(self, path: Path, value: JsonValue) -> None:
        """Every key and value below, at the place of `path`: a tree as deep as somebody likes is still read."""
        waiting: list[JsonValue | tuple[str]] = [value]
        while waiting:
            one = waiting.pop()
            if isinstance(one, tuple):
                self._leaf(self.readable, one[0], path, "key", None)
                self.readable.parts.append(_KEY_END)
            elif isinstance(one, dict):
                for name, item in reversed(one.items()):
                    waiting += (item, (name,))
            elif isinstance(one, list):
                waiting += reversed(one)
            else:
                self._write_value(path, one, None, ())

    def _write_exact(self, path: Path, value: JsonValue, held: "FieldTree | FieldType | None") -> None:
        if isinstance(value, str) and isinstance(held, str):
            self._leaf(self.exact, value, path, "value", held)
            self.exact.parts.append("\n")
        self.readable.parts.append("\n")

    def _write_value(
        self, path: Path, value: "bool | int | float | str | None", held: FieldType | None, group: Path
    ) -> None:
        if is_exactly(held, value):
            self._write_exact(path, value, held)
        elif not isinstance(value, str):
            self._leaf(self.readable, repr(value), path, "value", held)
            self.readable.parts.append("\n")
        elif held != "envelope" or self.envelope or not self._write_envelope(path, value):
            self._write_text(path, value, held, group)

    def _write_text(self, path: Path, value: str, held: FieldType | None, group: Path) -> None:
        self.readable.parts.append(_OPEN)
        leaf = self._leaf(self.readable, value, path, "value", held)
        self.readable.parts.append(_CLOSE)
        if group[-1:] != ("*",):
            self.members.setdefault(("value", path[:-1]), []).append(leaf)
        if "*" in group:
            self.groups.setdefault(group, []).append(leaf)

    def _leaf(
        self, page: Sheet, text: str, path: Path, part: Literal["key", "value"], held: FieldType | None
    ) -> LeafText:
        if self.envelope is None:
            return page.add_leaf(LeafText(text, path, part, held, None))
        return page.add_leaf(LeafText(text, self.envelope[0], "value", "envelope", self.envelope[1]))

    def _write_envelope(self, path: Path, value: str) -> bool:
        """Write what an envelope carries, field by field as any delta; False where it is none."""
        opened = _opened(value)
        if opened is None:
            return False
        envelope, inner = opened
        self.envelope = (path, len(value))
        self.readable.parts.append("\n")
        for signature in envelope.signatures:
            self._write_value(path, signature.keyid, "node_id", ())
        self.write((), "", inner, field_tree(str(inner.get("kind"))))
        self.envelope = None
        return True


def _opened(value: str) -> "tuple[Envelope, dict[str, JsonValue]] | None":
    try:
        raw = base64.b64decode(value, validate=True)
        envelope = parse_envelope(raw, max_bytes=ENVELOPE_BYTES, payload_type=DELTA_TYPE)
        return envelope, parse_object(envelope.payload)
    except (ValueError, RemoteProtocolError):
        return None
