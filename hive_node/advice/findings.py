"""What needs no language model to be seen: findings over experiments, each a change with its evidence. Pure."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from hive_node.advice import failures, figures
from hive_node.advice.case import Case, Found
from hive_node.advice.proposal import MOST_EVIDENCE, Confidence, Finding

_RULES: Final[Sequence[Callable[[Case], Iterator[Found]]]] = (
    failures.always_late,
    failures.hangs,
    failures.always_fails,
    failures.does_not_parse,
    figures.narrow_range,
    figures.idle_guard,
    figures.flaky_metric,
)


def find(case: Case) -> list[Finding]:
    """Every finding of one experiment."""
    found = [one for rule in _RULES for one in rule(case)]
    explained = {event for one in found for event in one.explains}
    return [one.finding for one in [*found, *failures.rare(case, explained)]]


def recurring(findings: Sequence[tuple[str, Finding]], experiments: int) -> list[Finding]:
    """Of findings in several experiments (topic and finding, oldest experiment first), those of at least two, as one each.

    The change is the newest one's. What recurs is surer than what was seen once. Of one experiment: all of them.
    """
    if experiments == 1:
        return [finding for _, finding in findings]
    by_topic: dict[str, list[Finding]] = {}
    for topic, finding in findings:
        by_topic.setdefault(topic, []).append(finding)
    return [_merged(alike) for alike in by_topic.values() if len(alike) > 1]


def doubted(finding: Finding) -> Finding:
    """A finding of runs that were measured in another way than today's would be."""
    rationale = f"{finding.rationale} What measures was changed since those runs."
    return replace(finding, confidence=Confidence.LOW, rationale=rationale)


def _merged(alike: Sequence[Finding]) -> Finding:
    newest = alike[-1]
    each = max(1, MOST_EVIDENCE // len(alike))
    evidence = [place for finding in reversed(alike) for place in finding.evidence[:each]]
    confidence = Confidence.HIGH if newest.confidence is not Confidence.LOW else Confidence.MEDIUM
    rationale = f"{newest.rationale} Seen in {len(alike)} of the experiments looked at."
    return replace(newest, confidence=confidence, rationale=rationale, evidence=tuple(evidence[:MOST_EVIDENCE]))
