"""What a tree keeps: the listed fields, and of its texts what nothing was found in."""

from collections.abc import Iterable, Mapping, Sequence

from guardrails.scope.fields import FieldTree, FieldType, below
from guardrails.scope.findings import Finding, TreeFinding
from guardrails.scope.pages import Path, Seen
from protocol.wire import JsonValue


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


def blanked(text: str, findings: Sequence[Finding]) -> str:
    """The text with each finding's word in brackets in its place: `[email]`, and `[secret]` for every secret."""
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


def keep(tree: JsonValue, fields: "FieldTree | FieldType | None") -> tuple[JsonValue, tuple[str, ...]]:
    """The listed fields of a tree, and the places under which others were dropped. Their names are not told: they may
    hold anything.
    """
    dropped: list[str] = []
    return _kept((), tree, fields, dropped), tuple(dict.fromkeys(dropped))


def _pointer(path: Path, masks: Mapping[Path, str]) -> str:
    tokens = (masks.get(path[: depth + 1], token) for depth, token in enumerate(path))
    return "".join("/" + token.replace("~", "~0").replace("/", "~1") for token in tokens)


def _redacted(path: Path, tree: JsonValue, spans: Mapping[Path, Sequence[Finding]]) -> JsonValue:
    if isinstance(tree, dict):
        return {name: _redacted((*path, name), value, spans) for name, value in tree.items()}
    if isinstance(tree, list):
        return [_redacted((*path, str(index)), value, spans) for index, value in enumerate(tree)]
    return blanked(tree, spans[path]) if isinstance(tree, str) and path in spans else tree


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
