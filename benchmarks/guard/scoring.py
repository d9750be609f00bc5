"""Findings beside labels: what was found, what was said wrongly, and how many clean lines were flagged.

A label is found where a finding of its kind overlaps it. A finding is false where it overlaps no label of its kind.
A clean line is flagged where any finding touches it. Near misses are counted apart: they are neither.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from tests.corpus.guard import Label, Record

# Reported as rows of their own, and in no row of a whole kind.
APART = frozenset({"bare", "free-text", "encoded"})


class Spanned(Protocol):
    """What a scanner said: `secret` or `pii`, and where."""

    @property
    def kind(self) -> str: ...
    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...


Findings: TypeAlias = Mapping[str, Sequence[Spanned]]


@dataclass(slots=True)
class Score:
    """One row: labels, those found, findings that hit, findings that did not."""

    labels: int = 0
    found: int = 0
    true: int = 0
    false: int = 0

    @property
    def recall(self) -> float:
        """Of the labels, those found; 0 of none."""
        return self.found / self.labels if self.labels else 0.0

    @property
    def precision(self) -> float:
        """Of the findings, those that touch a label; 1 where nothing was said."""
        said = self.true + self.false
        return self.true / said if said else 1.0

    @property
    def f1(self) -> float:
        """The harmonic mean of both."""
        both = self.recall + self.precision
        return 2 * self.recall * self.precision / both if both else 0.0


@dataclass(slots=True)
class Report:
    """Rows by kind, by (kind, stratum) and by (kind, group); clean lines and near misses."""

    kinds: dict[str, Score] = field(default_factory=dict)
    strata: dict[tuple[str, str], Score] = field(default_factory=dict)
    groups: dict[tuple[str, str], Score] = field(default_factory=dict)
    clean_lines: int = 0
    clean_flagged: int = 0
    near_misses: int = 0
    near_misses_flagged: int = 0

    @property
    def flagged_per_thousand(self) -> float:
        """Clean lines with a finding."""
        return 1000 * self.clean_flagged / self.clean_lines if self.clean_lines else 0.0


def judge(records: Iterable[Record], findings: Findings) -> Report:
    """The scores of one scanner. findings: by record id; what is missing found nothing. False findings in clean texts count
    against the kind's precision.
    """
    report = Report()
    for record in records:
        said = findings.get(record.id, ())
        if record.kind == "near-miss":
            report.near_misses += 1
            report.near_misses_flagged += bool(said)
        elif record.kind == "clean":
            _judge_clean(record, said, report)
        else:
            _judge_labelled(record, said, report)
    return report


def flagged_lines(text: str, said: Sequence[Spanned]) -> set[int]:
    """Numbers, from 0, of the lines on which a finding begins."""
    return {text.count("\n", 0, finding.start) for finding in said}


def _judge_clean(record: Record, said: Sequence[Spanned], report: Report) -> None:
    report.clean_lines += max(1, len(record.text.splitlines()))
    report.clean_flagged += len(flagged_lines(record.text, said))
    for finding in said:
        report.kinds.setdefault(finding.kind, Score()).false += 1


def _judge_labelled(record: Record, said: Sequence[Spanned], report: Report) -> None:
    rows = [
        report.strata.setdefault((record.kind, record.stratum), Score()),
        report.groups.setdefault((record.kind, record.group), Score()),
    ]
    if record.stratum not in APART:
        rows.append(report.kinds.setdefault(record.kind, Score()))
    hits = sum(any(_overlap(finding, label) for label in record.labels) for finding in said)
    found = sum(any(_overlap(finding, label) for finding in said) for label in record.labels)
    own = sum(finding.kind == record.kind for finding in said)
    for row in rows:
        row.labels += len(record.labels)
        row.found += found
        row.true += hits
        row.false += own - hits
    for finding in said:
        # No record of one kind holds anything of the other.
        if finding.kind != record.kind and record.stratum not in APART:
            report.kinds.setdefault(finding.kind, Score()).false += 1


def _overlap(finding: Spanned, label: Label) -> bool:
    return finding.kind == label.kind and finding.start < label.end and label.start < finding.end
