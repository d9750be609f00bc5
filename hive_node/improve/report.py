"""The report of an experiment: the same content as JSON, Markdown and one self-contained HTML page."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Any, Final

from guardrails.baseline import HOLDOUT_RULE
from guardrails.evidence import Direction
from guardrails.evidence.pairs import relative_gain
from guardrails.verdict import Rejected
from hive_node.domain import Arm, Experiment, IdeaRecord, Promotion, Sample, State
from hive_node.improve.measuring import HOLDOUT_FAILED
from hive_node.improve.message import one_line

_OF_HOLDOUT: Final = frozenset({HOLDOUT_RULE, HOLDOUT_FAILED})


@dataclass(frozen=True, slots=True)
class Material:
    """What a report is made from."""

    experiment: Experiment
    ideas: Sequence[IdeaRecord]
    promotions: Sequence[Promotion]
    baseline_runs: Sequence[tuple[Arm, Sample]]


def report(material: Material) -> dict[str, Any]:
    """The report as JSON: the experiment, the metric's path, every idea with its verdict, operators side by side, costs."""
    experiment = material.experiment
    return {
        **overview(experiment),
        "task": experiment.task,
        "base": experiment.base,
        "champion": experiment.champion,
        "gain": gain(experiment),
        "path": _path(material),
        "ideas": [idea_row(record, experiment) for record in material.ideas],
        "operators": _operators(material.ideas),
        "costs": {
            "trials": experiment.spent.trials,
            "wall_s": round(experiment.spent.wall_s, 3),
            "cpu_s": round(experiment.spent.cpu_s, 3),
            "tokens": experiment.spent.tokens,
            "dollars": experiment.spent.micro_dollars / 1_000_000,
            "holdout_looks": experiment.spent.holdout_looks,
        },
        "protections": _protections(material.baseline_runs),
    }


def overview(experiment: Experiment) -> dict[str, Any]:
    """An experiment in a line, as lists and `experiment show` have it."""
    return {
        "id": experiment.id,
        "project": experiment.project,
        "state": experiment.state.value,
        "operator": experiment.operator,
        "metric": experiment.spec.metric.name,
        "direction": experiment.spec.metric.direction,
        "baseline": experiment.baseline.value if experiment.baseline else None,
        "best": experiment.best,
        "iteration": experiment.iteration,
        "promotions": experiment.promotions,
        "trials": experiment.spent.trials,
        "rejected": {"constitution": experiment.rejected_constitution, "baseline": experiment.rejected_baseline},
        "last_rejection": experiment.last_rejection,
        "branch": experiment.branch,
        "stop_reason": experiment.stop_reason,
        "created_at": experiment.created_at.isoformat(),
    }


def gain(experiment: Experiment) -> float | None:
    """By how much the champion is better than the pinned baseline, relative; positive is better."""
    if experiment.baseline is None or experiment.best is None:
        return None
    before, after = experiment.baseline.value, experiment.best
    return relative_gain(before, after, Direction(experiment.spec.metric.direction), before)


def idea_row(record: IdeaRecord, experiment: Experiment) -> dict[str, Any]:
    """One idea: what it was, what was measured, what became of it and why; the holdout's numbers once no idea can follow."""
    record = record if experiment.is_over else without_holdout(record)
    rejected: Rejected | None = record.verdict.rejected if record.verdict else None
    trial = record.trial
    return {
        "number": record.idea.number,
        "operator": record.idea.operator,
        "idea": one_line(record.idea.words),
        "outcome": record.outcome.value if record.outcome else "open",
        "rule": rejected.rule if rejected else None,
        "reason": rejected.reason if rejected else None,
        "details": dict(rejected.details) if rejected else {},
        "value": trial.candidate_value if trial else None,
        "evidence": trial.evidence.fields() if trial and trial.evidence else None,
        "holdout": trial.holdout if trial else None,
        "recipe": record.idea.recipe,
        "at": record.at,
    }


def without_holdout(record: IdeaRecord) -> IdeaRecord:
    """The record as whoever makes the next idea may see it: that the holdout said no, and not by how much."""
    trial, verdict = record.trial, record.verdict
    if trial is not None:
        trial = replace(trial, holdout=None, failure=_without_details(trial.failure))
    if verdict is not None:
        verdict = replace(verdict, rejected=_without_details(verdict.rejected))
    return replace(record, trial=trial, verdict=verdict)


def _without_details(rejected: Rejected | None) -> Rejected | None:
    return replace(rejected, details={}) if rejected is not None and rejected.rule in _OF_HOLDOUT else rejected


def as_markdown(tree: dict[str, Any]) -> str:
    """The report for a person with a terminal or an editor."""
    lines = [
        f"# Experiment {tree['id']}",
        "",
        f"{tree['metric']} ({tree['direction']} is better): **{_number(tree['baseline'])} → {_number(tree['best'])}**"
        f" ({_percent(tree['gain'])}), state {tree['state']}"
        + (f" ({tree['stop_reason']})" if tree["stop_reason"] else "")
        + f", branch `{tree['branch']}`.",
        "",
        f"{tree['trials']} trials, {tree['promotions']} promotions; rejected by the constitution"
        f" {tree['rejected']['constitution']}, by the baseline-delta gate {tree['rejected']['baseline']}.",
        f"Measured in: {tree['protections']['sandbox']}.",
        "",
        "| # | operator | outcome | value | idea | why |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row['number']} | {row['operator']} | {row['outcome']} | {_number(row['value'])} | {_cell(row['idea'])} | {_cell(_why(row))} |"
        for row in tree["ideas"]
    ]
    lines += ["", "| operator | proposed | promoted | rejected |", "|---|---|---|---|"]
    lines += [
        f"| {name} | {counts['proposed']} | {counts['promoted']} | {counts['rejected']} |"
        for name, counts in tree["operators"].items()
    ]
    return "\n".join(lines) + "\n"


def as_html(tree: dict[str, Any]) -> str:
    """The report as one page that loads nothing else."""
    rows = "".join(
        f"<tr class={escape(row['outcome'])}><td>{row['number']}<td>{escape(row['operator'])}<td>{escape(row['outcome'])}"
        f"<td>{_number(row['value'])}<td>{escape(row['idea'])}<td>{escape(_why(row))}"
        for row in tree["ideas"]
    )
    return _PAGE.format(
        title=escape(tree["id"]),
        headline=escape(
            f"{tree['metric']}: {_number(tree['baseline'])} → {_number(tree['best'])} ({_percent(tree['gain'])})"
        ),
        facts=escape(
            f"{tree['state']}, {tree['trials']} trials, {tree['promotions']} promotions, branch {tree['branch']}, "
            f"measured in {tree['protections']['sandbox']}"
        ),
        chart=_chart(tree["path"]),
        rows=rows,
    )


def _path(material: Material) -> list[dict[str, Any]]:
    experiment = material.experiment
    if experiment.baseline is None:
        return []
    steps: list[dict[str, Any]] = [{"idea": 0, "value": experiment.baseline.value, "commit": experiment.base}]
    return steps + [
        {"idea": one.idea.number, "value": one.after, "commit": one.commit, "operator": one.idea.operator}
        for one in material.promotions
    ]


def _operators(ideas: Sequence[IdeaRecord]) -> dict[str, dict[str, int]]:
    table: dict[str, dict[str, int]] = {}
    for record in ideas:
        counts = table.setdefault(record.idea.operator, {"proposed": 0, "promoted": 0, "rejected": 0})
        counts["proposed"] += 1
        if record.outcome in {State.PROMOTED, State.REJECTED}:
            counts[record.outcome.value] += 1
    return table


def _protections(runs: Sequence[tuple[Arm, Sample]]) -> dict[str, Any]:
    receipt = runs[0][1].receipt if runs else {}
    return {"sandbox": receipt.get("sandbox", "nothing yet"), "limits": receipt.get("limits", {})}


def _why(row: dict[str, Any]) -> str:
    if row["rule"]:
        return f"{row['rule']}: {row['reason']}"
    evidence = row["evidence"] or {}
    return f"{_percent(evidence.get('gain'))} from {evidence.get('pairs', 0)} pairs" if evidence else ""


def _chart(path: Sequence[dict[str, Any]]) -> str:
    """The metric's path as an inline SVG staircase."""
    if len(path) < 2:
        return ""
    values = [float(step["value"]) for step in path]
    low, high = min(values), max(values)
    scale = (high - low) or 1.0
    points = [(40 + 720 * i / (len(values) - 1), 20 + 160 * (high - value) / scale) for i, value in enumerate(values)]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4"/>' for x, y in points)
    return (
        '<svg viewBox="0 0 800 200" role="img" aria-label="metric by promotion">'
        f'<polyline points="{line}"/>{dots}<text x="0" y="24">{_number(high)}</text><text x="0" y="184">{_number(low)}</text></svg>'
    )


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.8g}"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:+.2%}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


_PAGE: Final = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }}
body {{ max-width: 70rem; margin: 2rem auto; padding: 0 1rem }}
table {{ border-collapse: collapse; width: 100% }} td, th {{ text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #8884; vertical-align: top }}
tr.promoted td {{ font-weight: 600 }} tr.rejected td {{ opacity: .75 }}
svg {{ width: 100%; max-height: 16rem }} polyline {{ fill: none; stroke: currentColor; stroke-width: 2 }} text {{ font-size: 12px; fill: currentColor }}
</style>
<h1>{title}</h1><p><strong>{headline}</strong><p>{facts}{chart}
<table><thead><tr><th>#<th>operator<th>outcome<th>value<th>idea<th>why<tbody>{rows}</table>
</html>
"""
