"""What may leave, as data: for each kind of delta its least share level, and for each field that may be in it what
the field holds.

What is not listed is not sent. A field that holds a digest, an id, a number or a moment, and holds exactly that, says
nothing personal: statistics must pass. Everything else is read.
"""

import re
from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

from protocol.deltas import ShareLevel
from protocol.wire import JsonValue

FieldType: TypeAlias = Literal["digest", "node_id", "number", "moment", "word", "text", "code", "path", "envelope"]
# One level of a tree of fields: by key, or `*` for every item of a list and every other key of an object.
FieldTree: TypeAlias = "dict[str, FieldType | FieldTree]"

_HEADER: Final[Mapping[str, FieldType]] = {
    "/hive": "node_id",
    "/author": "node_id",
    "/epoch": "number",
    "/seq": "number",
    "/prev": "digest",
    "/issued_at": "moment",
    "/kind": "word",
    "/constitution": "digest",
}


def _under(place: str, fields: Mapping[str, FieldType]) -> dict[str, FieldType]:
    return {place + name: held for name, held in fields.items()}


def _numbers(place: str, *names: str) -> dict[str, FieldType]:
    return {f"{place}/{name}": "number" for name in names}


_MOMENTS: Final = ("n", "mean", "sd")
_OUTCOMES: Final = ("proposed", "crashed", "refused", "rejected", "not_better", "promoted")
_COSTS: Final = ("trials", "wall_s", "cpu_s", "tokens", "dollars")
_EVIDENCE: Final = ("pairs", "gain", "lower", "e_value", "noise")
_METRIC: Final[Mapping[str, FieldType]] = {"/body/metric/name": "word", "/body/metric/direction": "word"}

# JSON pointers (RFC 6901), `*` standing for any key or index.
FIELDS: Final[Mapping[str, Mapping[str, FieldType]]] = {
    "summary": {
        **_HEADER,
        **_METRIC,
        **_under(
            "/body",
            {"/task": "digest", "/project": "word", "/experiment": "word", "/gain": "number", "/environment": "word"},
        ),
        **_numbers("/body/baseline", *_MOMENTS),
        **_numbers("/body/champion", *_MOMENTS),
        **_numbers("/body/operators/*", *_OUTCOMES),
        **_numbers("/body/costs", *_COSTS),
    },
    "recipe": {
        **_HEADER,
        **_METRIC,
        **_under(
            "/body", {"/task": "digest", "/project": "word", "/files/*": "digest", "/idea": "text", "/operator": "word"}
        ),
        **_under("/body/edits/*", {"/path": "path", "/search": "code", "/replace": "code"}),
        **_numbers("/body/evidence", *_EVIDENCE),
        **_under("/body", {"/guards/*": "number", "/parents/*": "digest", "/environment": "word"}),
    },
    "replication": {
        **_HEADER,
        **_under("/body", {"/recipe": "digest", "/task": "digest", "/outcome": "word", "/environment": "word"}),
        **_numbers("/body/evidence", *_EVIDENCE),
    },
    "arm-evidence": {
        **_HEADER,
        **_under("/body", {"/task": "digest", "/variants/*": "digest", "/axis": "word"}),
        **_numbers("/body/arms/*", "n", "sum", "sum_sq"),
    },
    "tool-stats": {
        **_HEADER,
        **_under(
            "/body",
            {"/task_type": "word", "/tool": "word", "/model": "word", "/trials": "number", "/successes": "number"},
        ),
        **_numbers("/body/seconds", *_MOMENTS),
    },
    "skill": {
        **_HEADER,
        **_under("/body", {"/name": "word", "/source": "code", "/cases/*": "code"}),
        **_numbers("/body/evidence", *_EVIDENCE),
    },
    "retract": {**_HEADER, "/body/entry": "digest", "/body/reason": "text"},
    "equivocation": {**_HEADER, "/body/first": "envelope", "/body/second": "envelope"},
}

# The least level at which a project lets a delta of the kind go. A retraction or a proof of misconduct tells nothing
# new of the project.
LEAST_LEVEL: Final[Mapping[str, ShareLevel]] = {
    "summary": ShareLevel.SUMMARIES,
    "recipe": ShareLevel.RECIPES,
    "replication": ShareLevel.SUMMARIES,
    "arm-evidence": ShareLevel.SUMMARIES,
    "tool-stats": ShareLevel.SUMMARIES,
    "skill": ShareLevel.RECIPES,
    "retract": ShareLevel.SUMMARIES,
    "equivocation": ShareLevel.SUMMARIES,
}

# Made once: it is asked of most of what a delta holds.
NUMBER: Final = (int, float)
_SHAPES: Final[Mapping[str, re.Pattern[str]]] = {
    "digest": re.compile(r"[0-9a-f]{64}"),
    "node_id": re.compile(r"[a-z2-7]{52}"),
    "moment": re.compile(
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:Z|[+-][0-9]{2}:[0-9]{2})"
    ),
}


def is_exactly(held: "FieldTree | FieldType | None", value: JsonValue) -> bool:
    """Whether `value` is of a type that cannot hold a personal datum, and of exactly that shape."""
    if value is None or isinstance(value, bool):
        return True
    if held == "number":
        return isinstance(value, NUMBER)
    shape = _SHAPES.get(held) if isinstance(held, str) else None
    return shape is not None and isinstance(value, str) and shape.fullmatch(value) is not None


def field_tree(kind: str) -> FieldTree:
    """The fields of a kind of delta, level by level; the header alone for a kind that is not known here."""
    return _TREES.get(kind, _HEADER_TREE)


def below(tree: "FieldTree | FieldType | None", key: str) -> "FieldTree | FieldType | None":
    """What stands one level down under `key`; None where nothing is listed there."""
    return tree.get(key, tree.get("*")) if isinstance(tree, dict) else None


def _grow(fields: Mapping[str, FieldType]) -> FieldTree:
    root: dict[str, FieldType | FieldTree] = {}
    for pointer, held in fields.items():
        *branches, leaf = pointer.split("/")[1:]
        level = root
        for branch in branches:
            below = level.setdefault(branch, {})
            assert isinstance(below, dict)  # noqa: S101  a field is a leaf or a branch: the table above is ours
            level = below
        level[leaf] = held
    return root


_HEADER_TREE: Final[FieldTree] = _grow(_HEADER)
_TREES: Final[Mapping[str, FieldTree]] = {kind: _grow(fields) for kind, fields in FIELDS.items()}
