"""What was measured, as Markdown: the table of scanners, then our own rows by stratum, kind and text."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.guard.asking import Answers
from benchmarks.guard.linear import MOST_RATIO, Growth
from benchmarks.guard.scoring import APART, Report, Score

_HEADS = ("scanner", "secrets: recall / precision / F1", "personal data: recall / precision / F1", "clean lines flagged per 1 000", "encoded found", "near misses flagged", "1 KB: median, p99", "bulk, one core", "memory")  # fmt: skip
# Below this a stratum's worst kinds are worth a line.
_WEAK_RECALL = 0.9
_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Measured:
    """One scanner, its scores and what they cost. note: how it was asked."""

    name: str
    report: Report
    answers: Answers
    note: str = ""


@dataclass(frozen=True, slots=True)
class Absent:
    """One scanner without a row, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Flagged:
    """One line of clean text on which something was found. line: masked."""

    stratum: str
    place: str
    kind: str
    rule: str
    line: str


def comparison(rows: Sequence[Measured | Absent]) -> list[str]:
    """The table, and under it how each was asked, or why it has no row."""
    measured = [row for row in rows if isinstance(row, Measured)]
    lines = [*_markdown(_HEADS, map(_cells, measured)), ""]
    lines += [f"- {row.name}: {row.note}." for row in measured if row.note]
    return lines + [f"- {row.name}: not measured: {row.reason}." for row in rows if isinstance(row, Absent)]


def strata(report: Report) -> list[str]:
    """Our own rows: each stratum, those apart marked, and the groups of weak recall."""
    rows = [
        (kind, f"{stratum}{' (apart)' if stratum in APART else ''}", *_figures(score), str(score.labels))
        for (kind, stratum), score in sorted(report.strata.items())
    ]
    weak = sorted(
        (score.recall, group, score) for (_, group), score in report.groups.items() if score.recall < _WEAK_RECALL
    )
    shown = ", ".join(f"{group} {score.found}/{score.labels}" for _, group, score in weak[:_SHOWN])
    rest = f" and {len(weak) - _SHOWN} more" if len(weak) > _SHOWN else ""
    table = _markdown(("kind", "stratum", "recall", "precision", "F1", "labels"), rows)
    return [*table, "", f"Groups below {_WEAK_RECALL}: {shown or 'none'}{rest}."]


def clean_text(lines: Mapping[str, int], flagged: Sequence[Flagged]) -> list[str]:
    """Flagged lines by kind of text, then each, masked, for a person to judge; what recurs, once, with how often."""
    rows = []
    for stratum, count in lines.items():
        places = {
            kind: {one.place for one in flagged if (one.stratum, one.kind) == (stratum, kind)}
            for kind in ("secret", "pii")
        }
        both = len(places["secret"] | places["pii"])
        rows.append(
            (stratum, f"{count:,}", *(str(len(found)) for found in places.values()), f"{1000 * both / count:.2f}")
        )
    table = _markdown(("clean text", "lines", "as a secret", "as personal", "flagged per 1 000"), rows)
    alike: dict[tuple[str, str], list[Flagged]] = {}
    for one in flagged:
        alike.setdefault((one.rule, one.line), []).append(one)
    return [*table, "", *(f"    {len(same)}× {same[0].place}: {rule}: {line}" for (rule, line), same in alike.items())]


def linearity(growths: Iterable[Growth]) -> list[str]:
    """Time at twice the length to time at the length."""
    rows = [
        (one.name, f"{2 * one.characters / 1e6:g} MB", f"{one.twice_s:.2f} s", f"{one.mb_s:.1f} MB/s", f"{one.ratio:.2f}×{'' if one.ratio <= MOST_RATIO else ' NOT LINEAR'}")
        for one in growths
    ]  # fmt: skip
    return _markdown(("text", "length", "time", "speed", "for twice the text"), rows)


def _cells(row: Measured) -> tuple[str, ...]:
    encoded = [
        score for (_, stratum), score in row.report.strata.items() if stratum == "encoded" and score.found + score.false
    ]
    return (
        row.name,
        _triple(row.report.kinds.get("secret")),
        _triple(row.report.kinds.get("pii")),
        f"{row.report.flagged_per_thousand:.1f}",
        _share(encoded),
        f"{row.report.near_misses_flagged} of {row.report.near_misses}",
        f"{row.answers.latency_ms(0.5):.3f}, {row.answers.latency_ms(0.99):.2f} ms",
        f"{row.answers.bulk_mb_s:.1f} MB/s" if row.answers.bulk_mb_s else "–",
        f"{row.answers.rss_mib:.0f} MiB" if row.answers.rss_mib else "–",
    )


def _share(scores: Sequence[Score]) -> str:
    labels = sum(score.labels for score in scores)
    return f"{sum(score.found for score in scores) / labels:.2f}" if labels else "–"


def _triple(score: Score | None) -> str:
    return " / ".join(_figures(score)) if score and score.found else "–"


def _figures(score: Score) -> tuple[str, str, str]:
    return f"{score.recall:.3f}", f"{score.precision:.3f}", f"{score.f1:.3f}"


def _markdown(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(cells)} |" for cells in (heads, ["---"] * len(heads), *rows)]
