"""A JSON tree written down as one text, so that one scan sees every key and value with its neighbours, and the way
back to its leaves.
"""

import base64
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import Final, Literal, NamedTuple, TypeAlias

from guardrails.scope.fields import NUMBER, FieldTree, FieldType, below, field_tree, is_exactly
from guardrails.scope.findings import Finding, TreeFinding
from guardrails.scope.views import GAP
from protocol.envelope import DELTA_TYPE, Envelope, parse_envelope
from protocol.errors import RemoteProtocolError
from protocol.limits import ENVELOPE_BYTES
from protocol.wire import JsonValue, parse_object

Path: TypeAlias = tuple[str, ...]

# Around a key and a value: no text that people write, so that a value's quotes are its own.
_KEY_END: Final = "\x1f: "
_OPEN: Final = "\x02"
_CLOSE: Final = GAP


class Leaf(NamedTuple):
    """One key or value: where it stands in the tree and, as text, in the document.

    held: what its field holds; None for a field that is not listed.
    whole_chars: for what was read out of an envelope, the length of the envelope's own text, which it stands for.
    """

    path: Path
    part: Literal["key", "value"]
    held: FieldType | None
    start: int
    end: int
    whole_chars: int | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """A finding in one leaf. Its offsets are those of the leaf's own text."""

    leaf: Leaf
    finding: Finding


@dataclass(frozen=True, slots=True)
class Page:
    """A text made of leaves, in order, with something between them that is in none.

    place: says where they stand; asked only where something was found, as in most deltas nothing is.
    """

    text: str
    place: Callable[[], Sequence[Leaf]]

    def leaf_findings(self, findings: Iterable[Finding]) -> Iterator[Seen]:
        """The findings by leaf: one that reaches over several is one in each."""
        found = list(findings)
        leaves = self.place() if found else ()
        starts = [leaf.start for leaf in leaves]
        for finding in found:
            for leaf in leaves[max(0, bisect_right(starts, finding.start) - 1) :]:
                if leaf.start >= finding.end:
                    break
                if leaf.end > finding.start:
                    yield Seen(leaf, _within(finding, leaf))


@dataclass(frozen=True, slots=True)
class Document:
    """A tree as text.

    readable: every key and value with its neighbours.
    joined: values that stand in one field of the items of one list, put together: a token may be cut over them.
    exact: values of exactly their field's type, in which only this machine's own secrets are sought.
    """

    readable: Page
    joined: Page
    exact: Page


def write_down(tree: JsonValue, fields: FieldTree) -> Document:
    """The document of a tree whose fields are known as `fields` says."""
    writer = _Writer()
    writer.write((), "", tree, fields)
    joined = _Sheet()
    for group in writer.groups.values():
        for leaf in group if len(group) > 1 else ():
            joined.add_leaf(leaf)
        joined.parts.append(_CLOSE)
    return Document(writer.readable.page(), joined.page(), writer.exact.page())


def tree_findings(seen: Iterable[Seen]) -> list[TreeFinding]:
    """As shown to people: by pointer, in which keys that hold something found are masked."""
    listed = list(seen)
    masks = {one.leaf.path: f"[{one.finding.entity}]" for one in listed if one.leaf.part == "key"}
    return [TreeFinding(_pointer(one.leaf.path, masks), one.leaf.part, one.finding) for one in listed]


def redact(tree: JsonValue, seen: Sequence[Seen]) -> JsonValue:
    """The tree with each finding in a value replaced by its word in brackets: `[email]`, and `[secret]` for every
    secret.
    """
    spans: dict[Path, list[Finding]] = {}
    for one in seen:
        spans.setdefault(one.leaf.path, []).append(one.finding)
    return _redacted((), tree, spans)


def keep(tree: JsonValue, fields: "FieldTree | FieldType | None") -> tuple[JsonValue, tuple[str, ...]]:
    """The listed fields of a tree, and the places under which others were dropped. Their names are not told: they may
    hold anything.
    """
    dropped: list[str] = []
    return _kept((), tree, fields, dropped), tuple(dict.fromkeys(dropped))


class _Text(NamedTuple):
    """What will be a leaf, before it has a place."""

    text: str
    path: Path
    part: Literal["key", "value"]
    held: FieldType | None
    whole_chars: int | None


@dataclass(slots=True)
class _Sheet:
    """A page in the making: its text in parts, and which of those are leaves. Where they stand is counted at the end."""

    parts: list[str] = field(default_factory=list)
    leaves: list[tuple[int, _Text]] = field(default_factory=list)

    def add_leaf(self, leaf: _Text) -> _Text:
        self.leaves.append((len(self.parts), leaf))
        self.parts.append(leaf.text)
        return leaf

    def page(self) -> Page:
        return Page("".join(self.parts), self._placed)

    def _placed(self) -> list[Leaf]:
        starts = list(accumulate(map(len, self.parts), initial=0))
        return [
            Leaf(one.path, one.part, one.held, starts[at], starts[at + 1], one.whole_chars) for at, one in self.leaves
        ]


@dataclass(slots=True)
class _Writer:
    readable: _Sheet = field(default_factory=_Sheet)
    exact: _Sheet = field(default_factory=_Sheet)
    groups: dict[Path, list[_Text]] = field(default_factory=dict)
    # Inside an envelope: where it stands, and its length.
    envelope: tuple[Path, int] | None = None

    def write(
        self, path: Path, key: str, value: JsonValue, fields: "FieldTree | FieldType | None", group: Path = ()
    ) -> None:
        """key: what the value is called, for context. group: the path with `*` for indices."""
        if isinstance(value, dict):
            ours = fields if isinstance(fields, dict) else {}
            for name, item in value.items():
                if ours.get(name) == "number" and isinstance(item, NUMBER) and name != "*":
                    self.readable.parts.append(
                        "\n"
                    )  # as `_write_member` would, at a tenth of the cost: most of a delta
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
            self._leaf(self.readable, name, (*path, name), "key", None)
            self.readable.parts.append(_KEY_END)
        self.write((*path, name), name, value, held, (*group, name))

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
        if "*" in group:
            self.groups.setdefault(group, []).append(leaf)

    def _leaf(
        self, page: _Sheet, text: str, path: Path, part: Literal["key", "value"], held: FieldType | None
    ) -> _Text:
        if self.envelope is None:
            return page.add_leaf(_Text(text, path, part, held, None))
        return page.add_leaf(_Text(text, self.envelope[0], "value", "envelope", self.envelope[1]))

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


def _within(finding: Finding, leaf: Leaf) -> Finding:
    if leaf.whole_chars is not None:
        return replace(finding, start=0, end=leaf.whole_chars)
    return replace(
        finding, start=max(finding.start, leaf.start) - leaf.start, end=min(finding.end, leaf.end) - leaf.start
    )


def _pointer(path: Path, masks: Mapping[Path, str]) -> str:
    tokens = (masks.get(path[: depth + 1], token) for depth, token in enumerate(path))
    return "".join("/" + token.replace("~", "~0").replace("/", "~1") for token in tokens)


def _redacted(path: Path, tree: JsonValue, spans: Mapping[Path, Sequence[Finding]]) -> JsonValue:
    if isinstance(tree, dict):
        return {name: _redacted((*path, name), value, spans) for name, value in tree.items()}
    if isinstance(tree, list):
        return [_redacted((*path, str(index)), value, spans) for index, value in enumerate(tree)]
    return _blanked(tree, spans[path]) if isinstance(tree, str) and path in spans else tree


def _blanked(text: str, findings: Sequence[Finding]) -> str:
    parts: list[str] = []
    done = 0
    for finding in sorted(findings, key=lambda one: (one.start, -one.end)):
        if finding.end <= done:
            continue
        parts += (
            text[done : max(done, finding.start)],
            f"[{'secret' if finding.kind == 'secret' else finding.entity}]",
        )
        done = finding.end
    return "".join((*parts, text[done:]))


def _kept(path: Path, tree: JsonValue, fields: "FieldTree | FieldType | None", dropped: list[str]) -> JsonValue:
    kept: JsonValue = tree
    if isinstance(tree, dict):
        listed = {name: value for name, value in tree.items() if _is_listed(value, below(fields, name))}
        kept = {name: _kept((*path, name), value, below(fields, name), dropped) for name, value in listed.items()}
    elif isinstance(tree, list):
        items = [item for item in tree if _is_listed(item, below(fields, "*"))]
        kept = [_kept((*path, "*"), item, below(fields, "*"), dropped) for item in items]
    if isinstance(tree, dict | list) and isinstance(kept, dict | list) and len(kept) < len(tree):
        dropped.append(_pointer(path, {}) + "/*")
    return kept


def _is_listed(value: JsonValue, fields: "FieldTree | FieldType | None") -> bool:
    # A branch holds a branch and a field a plain value; a null is nothing, anywhere.
    return fields is not None and (value is None or isinstance(value, dict | list) is isinstance(fields, dict))
