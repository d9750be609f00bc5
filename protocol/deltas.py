"""Learning deltas, version 1: what a node says it learned (docs/protocol.md §6).

Every number is finite and ranged, every text and list capped. Unknown fields are ignored here, but travel and are scanned.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final, Literal, Self, TypeAlias, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from protocol import limits
from protocol.errors import Code, RemoteProtocolError
from protocol.ids import EntryId, HiveId, NodeId
from protocol.wire import JsonValue, dump_json, parse_object

_T = TypeVar("_T")
# What a field of ours or a list index looks like; a key that a peer made up, which may be a secret, does not.
_FIELD: Final = re.compile(r"[a-z_]{1,24}|[0-9]{1,6}")


def _real_moment(text: str) -> str:
    datetime.fromisoformat(text)  # the pattern admits a 31st of February
    return text


Digest: TypeAlias = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Key: TypeAlias = Annotated[str, Field(pattern=r"^[a-z2-7]{52}$")]
Word: TypeAlias = Annotated[str, Field(min_length=1, max_length=limits.WORD_CHARS)]
Text: TypeAlias = Annotated[str, Field(max_length=limits.TEXT_CHARS)]
Source: TypeAlias = Annotated[str, Field(max_length=limits.EDIT_CHARS)]
Sealed: TypeAlias = Annotated[str, Field(max_length=limits.PROOF_CHARS)]
Path: TypeAlias = Annotated[str, Field(min_length=1, max_length=limits.PATH_CHARS)]
Number: TypeAlias = Annotated[float, Field(ge=-limits.NUMBER_MAX, le=limits.NUMBER_MAX, allow_inf_nan=False)]
Positive: TypeAlias = Annotated[float, Field(ge=0, le=limits.NUMBER_MAX, allow_inf_nan=False)]
Count: TypeAlias = Annotated[int, Field(ge=0, le=1_000_000_000)]
Stamp: TypeAlias = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"), AfterValidator(_real_moment)]
# JSON has no tuples: a list is taken in strict mode too. The first bad item ends it: a fault collected for each of
# 400 000 would cost the receiver hundreds of megabytes.
Items: TypeAlias = Annotated[tuple[_T, ...], Field(strict=False, max_length=limits.LIST_ITEMS, fail_fast=True)]


class ShareLevel(StrEnum):
    """How much a project tells its hive. Comes from the project's own hive.toml, never from a delta."""

    NONE = "none"
    SUMMARIES = "summaries"
    RECIPES = "recipes"

    def allows(self, least: "ShareLevel") -> bool:
        """Whether a delta whose kind needs `least` may leave a project shared at this level."""
        order = list(ShareLevel)
        return self is not ShareLevel.NONE and order.index(least) <= order.index(self)


class _Strict(BaseModel):
    # No coercion: a string in a number's place is refused, not parsed.
    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", allow_inf_nan=False)


class Metric(_Strict):
    """What is measured, and which way is better."""

    name: Word
    direction: Literal["lower", "higher"]


class Moments(_Strict):
    """n samples, their mean and standard deviation, in the metric's own units."""

    n: Count
    mean: Number
    sd: Positive


class Outcomes(_Strict):
    """What became of one operator's ideas."""

    proposed: Count = 0
    crashed: Count = 0
    refused: Count = 0
    rejected: Count = 0
    not_better: Count = 0
    promoted: Count = 0


class Costs(_Strict):
    """What an experiment spent: seconds, model tokens, US dollars."""

    trials: Count = 0
    wall_s: Positive = 0.0
    cpu_s: Positive = 0.0
    tokens: Count = 0
    dollars: Positive = 0.0


class Measured(_Strict):
    """Evidence of one comparison: pairs, relative gain (positive is better), its lower bound, e-value, relative noise.

    e_value is null where the metric is deterministic and no repeats were needed.
    """

    pairs: Count
    gain: Number
    lower: Number
    e_value: Positive | None = None
    noise: Positive = 0.0


class Edit(_Strict):
    """One replacement: `search` occurs exactly once in the file at `path`."""

    path: Path
    search: Source
    replace: Source


class Summary(_Strict):
    """One experiment in numbers."""

    task: Digest
    project: Word
    metric: Metric
    experiment: Word
    baseline: Moments
    champion: Moments
    gain: Number
    operators: Annotated[dict[Word, Outcomes], Field(max_length=32)] = {}
    costs: Costs
    environment: Word


class Recipe(_Strict):
    """One promotion, so that another node with the same task can try it.

    files: SHA-256 of each edited file before the edits. parents: entry ids of the recipes this one builds on, oldest first.
    """

    task: Digest
    project: Word
    metric: Metric
    files: Annotated[dict[Path, Digest], Field(min_length=1, max_length=limits.EDITS)]
    edits: Annotated[tuple[Edit, ...], Field(strict=False, min_length=1, max_length=limits.EDITS, fail_fast=True)]
    idea: Text
    operator: Word
    evidence: Measured
    guards: Annotated[dict[Word, Number], Field(max_length=32)] = {}
    parents: Items[Digest] = ()
    environment: Word


class Replication(_Strict):
    """What a local re-measurement said of somebody's recipe."""

    recipe: Digest
    task: Digest
    outcome: Literal["confirmed", "refuted", "inapplicable"]
    evidence: Measured | None = None
    environment: Word


class Arm(_Strict):
    """Sessions of one arm: how many, the sum of their scores and of the squares."""

    n: Count
    sum: Number
    sum_sq: Positive


class ArmEvidence(_Strict):
    """Champion against challenger over live sessions, by the axis that was varied."""

    task: Digest
    variants: Items[Digest]
    axis: Word
    arms: Items[Arm]


class ToolStats(_Strict):
    """How a tool did at a type of task."""

    task_type: Word
    tool: Word
    model: Word
    trials: Count
    successes: Count
    seconds: Moments


class Skill(_Strict):
    """A small tool with its recorded cases."""

    name: Word
    source: Source
    cases: Items[Source]
    evidence: Measured


class Retract(_Strict):
    """The author takes back an entry of its own; what builds on it loses its standing."""

    entry: Digest
    reason: Text


class Equivocation(_Strict):
    """Two envelopes, base64, by one author at one place of its feed: proof that it signed both."""

    first: Sealed
    second: Sealed


Body: TypeAlias = Summary | Recipe | Replication | ArmEvidence | ToolStats | Skill | Retract | Equivocation

KINDS: Final[dict[str, type[Body]]] = {
    "summary": Summary,
    "recipe": Recipe,
    "replication": Replication,
    "arm-evidence": ArmEvidence,
    "tool-stats": ToolStats,
    "skill": Skill,
    "retract": Retract,
    "equivocation": Equivocation,
}
KIND_OF: Final[dict[type[Body], str]] = {body: kind for kind, body in KINDS.items()}


class Header(_Strict):
    """Where an entry stands: whose feed, which place, under which rules (docs/protocol.md §5)."""

    hive: Key
    author: Key
    epoch: Annotated[int, Field(ge=1, le=1_000_000)]
    seq: Annotated[int, Field(ge=1, le=limits.INTEGER_MAX)]
    prev: Digest | None
    issued_at: Stamp
    kind: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
    constitution: Digest


@dataclass(frozen=True, slots=True)
class Delta:
    """One entry's content. `raw` is exactly the bytes that are signed; the rest was read from them.

    body is None for a kind this node does not know: stored and relayed, never interpreted.
    """

    header: Header
    body: Body | None
    raw: bytes

    @classmethod
    def compose(cls, header: Header, body: Body) -> Self:
        """The delta that says `body` at the place `header`."""
        tree = header.model_dump(mode="json") | {"body": body.model_dump(mode="json", exclude_none=True)}
        return cls(header, body, dump_json(tree))

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """The delta that `raw` spells. Raises RemoteProtocolError: bad-json and its kin, bad-schema."""
        return cls.read(raw, parse_object(raw))

    @classmethod
    def read(cls, raw: bytes, tree: Mapping[str, JsonValue]) -> Self:
        """The same, of bytes that were parsed already: `tree` is what they spell. Raises RemoteProtocolError: bad-schema."""
        body = tree.get("body")
        if not isinstance(body, dict):
            raise RemoteProtocolError(Code.BAD_SCHEMA, "a delta has a body, an object")
        try:
            header = Header.model_validate(tree)
            known = KINDS.get(header.kind)
            return cls(header, known.model_validate(body) if known else None, raw)
        except ValidationError as error:
            raise RemoteProtocolError(Code.BAD_SCHEMA, first_fault(error)) from None

    @property
    def kind(self) -> str:
        return self.header.kind

    @property
    def author(self) -> NodeId:
        return NodeId(self.header.author)

    @property
    def hive(self) -> HiveId:
        return HiveId(self.header.hive)

    @property
    def prev(self) -> EntryId | None:
        return EntryId(self.header.prev) if self.header.prev else None

    def payload(self) -> bytes:
        """Exactly the bytes that are signed."""
        return self.raw

    def tree(self) -> JsonValue:
        """Those bytes as JSON."""
        return parse_object(self.raw)

    def with_tree(self, tree: JsonValue) -> Self:
        """The same delta saying `tree` instead. Raises ValueError where that is no delta of the same place and kind."""
        try:
            changed = type(self).parse(dump_json(tree))
        except RemoteProtocolError as error:
            raise ValueError(error.detail) from error
        if changed.header != self.header:
            raise ValueError("the header may not change")
        return changed


def first_fault(error: ValidationError) -> str:
    """Where and how the first check failed: the place and the kind only; a value that was refused is never quoted."""
    first = error.errors(include_input=False, include_url=False)[0]
    place = ".".join(str(part) if _FIELD.fullmatch(str(part)) else "?" for part in first["loc"])
    return f"{place}: {first['type']}"
