"""What the corpus consists of: a text, and where in it the sensitive values are."""

from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

LabelKind: TypeAlias = Literal["secret", "pii"]
RecordKind: TypeAlias = Literal["secret", "pii", "clean", "near-miss"]

# How a template's value is marked until the text is whole. No text of the corpus holds them otherwise.
OPEN = "\ue000"
CLOSE = "\ue001"


@dataclass(frozen=True, slots=True)
class Label:
    """One sensitive value: offsets in characters of the text."""

    kind: LabelKind
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Record:
    """One text. group: the provider, or the kind of identifier. Clean texts and near misses have no label."""

    id: str
    text: str
    kind: RecordKind
    stratum: str
    group: str
    labels: tuple[Label, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """One line of NDJSON."""
        return asdict(self)


def mark(value: str) -> str:
    """The value, with its borders marked."""
    return f"{OPEN}{value}{CLOSE}"


def record(number: int, kind: RecordKind, stratum: str, group: str, marked: str) -> Record:
    """The record of a text whose values are marked. Raises ValueError where labels and kind do not agree."""
    text, spans = _unmarked(marked)
    is_sensitive = kind in {"secret", "pii"}
    if is_sensitive is not bool(spans):
        raise ValueError(f"{group}: a {kind} record with {len(spans)} labels")
    labels = tuple(Label("pii" if kind == "pii" else "secret", *span) for span in spans)
    return Record(f"{kind}-{stratum}-{group}-{number:05d}", text, kind, stratum, group, labels)


def _unmarked(marked: str) -> tuple[str, list[tuple[int, int]]]:
    first, *rest = marked.split(OPEN)
    text, spans = first, []
    for piece in rest:
        value, _, after = piece.partition(CLOSE)
        spans.append((len(text), len(text) + len(value)))
        text += value + after
    return text, spans
