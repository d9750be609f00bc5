"""What a scan says it saw: where, of what kind, how sure. Never the value itself."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

Kind: TypeAlias = Literal["secret", "pii"]

# What is less sure is a guess: a word of free text is well lost to it where something leaves, but who looks through code or a
# changelog wants to hear of it only where they ask.
TOLD_AT: Final = 0.35


@dataclass(frozen=True, slots=True)
class Finding:
    """One secret or personal datum in a text.

    entity: what it is, in a word that may stand in its place: `[email]`.
    rule: stable id of the rule that found it.
    start, end: offsets in characters of the text as it was handed in, before any normalisation or decoding.
    confidence: 0 to 1; decides between redacting and refusing where both are possible.
    decoded_from: the encodings it was found under, outermost first (`base64>hex`), or None where it stood in plain
    sight.
    source: of what is this machine's own (rule `local.…`), where it is known from, in words: `.env of project lz`; never
    the value. For this machine's user alone. None for what rules found.
    """

    kind: Kind
    entity: str
    rule: str
    start: int
    end: int
    confidence: float
    decoded_from: str | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class TreeFinding:
    """A finding in a JSON tree. `finding`'s offsets are those of this one key or value, as text.

    place: RFC 6901 pointer to the value, or to the member whose key it is. Keys in which something was found are
    masked in it.
    """

    place: str
    part: Literal["key", "value"]
    finding: Finding

    def __str__(self) -> str:
        source = f", known from {self.finding.source}" if self.finding.source else ""
        return f"{self.place or '/'} ({self.part}: {self.finding.entity}{source})"


def settle(findings: Iterable[Finding]) -> list[Finding]:
    """One finding for each stretch of text, in order: the surest of those that overlap, over all that they cover
    together.

    A stretch is never narrowed: what a less sure finding saw beyond a surer one's edge goes with it.
    """
    ordered = sorted(findings, key=lambda finding: (finding.start, finding.end))
    return ordered if len(ordered) < 2 else list(_clusters(ordered))


def _clusters(ordered: list[Finding]) -> Iterator[Finding]:
    best: Finding | None = None
    for finding in ordered:
        if best is None:
            best = finding
        elif finding.start < best.end:
            best = _joined(best, finding)
        else:
            yield best
            best = finding
    if best is not None:
        yield best


def _joined(first: Finding, second: Finding) -> Finding:
    surer = max(first, second, key=_sureness)
    end = max(first.end, second.end)
    source = surer.source or first.source or second.source
    # Many a run is seen by several rules alike, or lies within what was found.
    if (surer.start, surer.end, surer.source) == (first.start, end, source):
        return surer
    return replace(surer, start=first.start, end=end, source=source)


def _sureness(finding: Finding) -> tuple[float, bool, bool]:
    # Of two equally sure ones the secret counts: it refuses code, and `user:pass@host.org` is no e-mail address.
    return finding.confidence, finding.kind == "secret", finding.decoded_from is None
