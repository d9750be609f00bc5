"""A text made of the leaves of a tree, and the way back from what is found in it to each leaf."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import Literal, NamedTuple, TypeAlias

from guardrails.scope.fields import FieldType
from guardrails.scope.findings import Finding

Path: TypeAlias = tuple[str, ...]


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

    def leaf_findings(self, findings: Iterable[Finding], *, over: int = 1) -> Iterator[Seen]:
        """The findings by leaf: one that reaches over several is one in each. over: how many it must reach over to count."""
        found = list(findings)
        leaves = self.place() if found else ()
        starts = [leaf.start for leaf in leaves]
        for finding in found:
            first = max(0, bisect_right(starts, finding.start) - 1)
            touched = [one for one in leaves[first : bisect_left(starts, finding.end)] if one.end > finding.start]
            if len(touched) >= over:
                yield from (Seen(leaf, _within(finding, leaf)) for leaf in touched)


class LeafText(NamedTuple):
    """What will be a leaf, before it has a place."""

    text: str
    path: Path
    part: Literal["key", "value"]
    held: FieldType | None
    whole_chars: int | None


@dataclass(slots=True)
class Sheet:
    """A page in the making: its text in parts, and which of those are leaves. Where they stand is counted at the end."""

    parts: list[str] = field(default_factory=list)
    leaves: list[tuple[int, LeafText]] = field(default_factory=list)

    def add_leaf(self, leaf: LeafText) -> LeafText:
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


def _within(finding: Finding, leaf: Leaf) -> Finding:
    if leaf.whole_chars is not None:
        return replace(finding, start=0, end=leaf.whole_chars)
    return replace(
        finding, start=max(finding.start, leaf.start) - leaf.start, end=min(finding.end, leaf.end) - leaf.start
    )
