"""The report of an experiment for people: Markdown, and one HTML page that loads nothing else."""

from collections.abc import Sequence
from html import escape
from typing import Any, Final

_WIDTH: Final = 800
_HEIGHT: Final = 240
_LEFT: Final = 70
_TOP: Final = 12
# Candidates far off the champion's path are drawn at the edge: the path is what is to be seen.
_HEADROOM: Final = 0.35


def as_markdown(tree: dict[str, Any]) -> str:
    """The report for a person with a terminal or an editor."""
    blocks = [
        f"# Experiment {tree['id']}",
        f"{_metric(tree)}: **{_change(tree)}**, state {_state(tree)}, branch `{tree['branch']}`.",
        "\n".join(f"{line}." for line in _facts(tree)),
        "\n".join(
            ["| # | operator | outcome | value | idea | why |", "|---|---|---|---|---|---|", *map(_line, tree["ideas"])]
        ),
        markdown_table(_OPERATORS, _operators(tree)),
    ]
    if tree["watches"]:
        blocks.append(markdown_table(_WATCHES, _watches(tree)))
    return "\n\n".join(blocks) + "\n"


def as_html(tree: dict[str, Any]) -> str:
    """The report as one page that loads nothing else."""
    ideas = [
        (row["number"], row["operator"], row["outcome"], _number(row["value"]), row["idea"], _why(row))
        for row in tree["ideas"]
    ]
    tables = [
        html_table(
            "Ideas",
            ("#", "operator", "outcome", "value", "idea", "why"),
            ideas,
            [row["outcome"] for row in tree["ideas"]],
        ),
        html_table("Operators side by side", _OPERATORS, _operators(tree)),
        html_table("Measured again after promotion", _WATCHES, _watches(tree)) if tree["watches"] else "",
        html_table("What bounds each run", ("what", "by"), sorted(_limits(tree).items())),
        _receipts(tree["receipts"]),
    ]
    return PAGE.format(
        title=escape(tree["id"]),
        headline=escape(f"{_metric(tree)}: {_change(tree)}"),
        facts="".join(
            f"<p>{escape(line)}." for line in [f"State {_state(tree)}, branch {tree['branch']}", *_facts(tree)]
        ),
        chart=_chart(tree),
        tables="".join(tables),
    )


_OPERATORS: Final = (
    "operator", "proposed", "promoted", "rejected", "best gain", "trials", "seconds", "tokens", "dollars",
)  # fmt: skip
_WATCHES: Final = ("idea", "watch", "looks", "due", "why")
_RECEIPTS: Final = ("idea", "run", "commit", "sandbox", "steps", "measured", "seconds")


def _metric(tree: dict[str, Any]) -> str:
    return f"{tree['metric']} ({tree['direction']} is better)"


def _change(tree: dict[str, Any]) -> str:
    values = f"{_number(tree['baseline'])} → {_number(tree['best'])}"
    if tree["noise"]:
        return f"{_percent(tree['gain'])} by pairs ({values}, measured at different times)"
    return f"{values} ({_percent(tree['gain'])})"


def _state(tree: dict[str, Any]) -> str:
    return f"{tree['state']} ({tree['stop_reason']})" if tree["stop_reason"] else str(tree["state"])


def _facts(tree: dict[str, Any]) -> list[str]:
    costs, rejected = tree["costs"], tree["rejected"]
    reverted = f", {tree['reverted']} taken back" if tree["reverted"] else ""
    money = f", {costs['tokens']} tokens, {costs['dollars']:.6f} dollars" if costs["tokens"] else ""
    looks = f", {_count(costs['holdout_looks'], 'look')} at the holdout" if costs["holdout_looks"] else ""
    noise = "unknown" if tree["noise"] is None else f"{tree['noise']:.2%} from run to run"
    return [
        f"{_count(len(tree['ideas']), 'idea')}, {_count(costs['trials'], 'trial')}, {_count(tree['promotions'], 'promotion')}{reverted}",
        f"Rejected by the constitution {rejected['constitution']}, by the baseline-delta gate {rejected['baseline']}",
        _from_hive(tree),
        f"Cost: {costs['wall_s']:.1f} s of measuring, {costs['cpu_s']:.1f} s of processor{money}{looks}",
        f"Noise of the unchanged project: {noise}",
        f"Measured in: {tree['protections'].get('sandbox', 'nothing yet')}",
    ]


def _from_hive(tree: dict[str, Any]) -> str:
    hive, trials = tree["hive"], tree["costs"]["trials"]
    last = (
        f"the last gain came with trial {hive['trials_to_best']} of {trials}"
        if hive["trials_to_best"]
        else "nothing was gained"
    )
    if not hive["tried"]:
        return f"From the hive: no recipe was tried; {last}"
    brought = f", {_percent(hive['gain'])} of {_percent(tree['gain'])}" if hive["promoted"] else ""
    return f"From the hive: {_count(hive['tried'], 'recipe')} tried, {hive['promoted']} promoted{brought}; {last}"


def _operators(tree: dict[str, Any]) -> list[tuple[object, ...]]:
    return [
        (name, one["proposed"], one["promoted"], one["rejected"], _percent(one["best_gain"]), one["trials"],
         f"{one['wall_s']:.1f}", one["tokens"], f"{one['dollars']:.4f}")
        for name, one in tree["operators"].items()
    ]  # fmt: skip


def _watches(tree: dict[str, Any]) -> list[tuple[object, ...]]:
    return [(one["idea"], one["state"], one["looks"], one["due_at"], _why_watched(one)) for one in tree["watches"]]


def _why_watched(row: dict[str, Any]) -> str:
    """What a fallen recipe made of it, and why it was taken back, as far as there is either."""
    parts = []
    if row["cause"]:
        outcome = "it is measured again now" if row["is_called"] else "it was measured again at once"
        holds = "" if row["is_called"] or row["reason"] else " and holds here"
        parts.append(f"The recipe that it came from was {row['cause']}: {outcome}{holds}.")
    return " ".join([*parts, *([row["reason"]] if row["reason"] else [])])


def _limits(tree: dict[str, Any]) -> dict[str, str]:
    return dict(tree["protections"].get("limits") or {})


def _line(row: dict[str, Any]) -> str:
    cells = (row["number"], row["operator"], row["outcome"], _number(row["value"]), row["idea"], _why(row))
    return "| " + " | ".join(_cell(str(cell)) for cell in cells) + " |"


def _why(row: dict[str, Any]) -> str:
    parts = [f"{row['rule']}: {row['reason']}"] if row["rule"] else []
    if evidence := row["evidence"]:
        lower = f", at least {_percent(evidence['lower'])}" if evidence["lower"] is not None and not row["rule"] else ""
        noise = "exact" if evidence["deterministic"] else f"noise {evidence['noise']:.2%}"
        parts.append(f"{_percent(evidence['gain'])}{lower} from {_count(evidence['pairs'], 'pair')}, {noise}")
    return " ".join(parts)


def markdown_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    return "\n".join([*lines, *("| " + " | ".join(_cell(str(cell)) for cell in row) + " |" for row in rows)])


def html_table(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], classes: Sequence[str] | None = None
) -> str:
    head = "".join(f"<th>{escape(column)}" for column in columns)
    names = classes or [""] * len(rows)
    body = "".join(
        f'<tr class="{escape(name)}">' + "".join(f"<td>{escape(str(cell))}" for cell in row)
        for row, name in zip(rows, names, strict=True)
    )
    return f"<h2>{escape(title)}</h2><table><thead><tr>{head}<tbody>{body}</table>"


def _receipts(receipts: Sequence[dict[str, Any]]) -> str:
    """Every run behind the baseline and the promotions, folded away."""
    rows = [
        (one["idea"], one["arm"], str(one.get("commit", ""))[:12], one.get("sandbox", ""), _steps(one),
         ", ".join(f"{name} {_number(value)}" for name, value in one["metrics"].items()), f"{one['wall_s']:.3f}")
        for one in receipts
    ]  # fmt: skip
    table = html_table("Receipts", _RECEIPTS, rows)
    return f"<details><summary>Receipts of {_count(len(rows), 'run')}</summary>{table}</details>" if rows else ""


def _steps(receipt: dict[str, Any]) -> str:
    return "; ".join(
        f"{step['name']}: {' '.join(step['argv'])} ({step['ending']} {step['exit_code']})" for step in receipt["steps"]
    )


def _chart(tree: dict[str, Any]) -> str:
    """The champion's value idea by idea as a staircase within its noise band, and every candidate as a dot."""
    path = [(step["idea"], float(step["value"])) for step in tree["path"]]
    if not path:
        return ""
    frame = _Frame(path, tree["noise"] or 0.0, [row["number"] for row in tree["ideas"]])
    dots = "".join(
        f'<circle class="{escape(row["outcome"])}" cx="{frame.x(row["number"]):.1f}" cy="{frame.y(row["value"]):.1f}" r="3">'
        f"<title>{row['number']}: {_number(row['value'])}</title></circle>"
        for row in tree["ideas"]
        if row["value"] is not None
    )
    high, low = _number(frame.high), _number(frame.low)
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="the metric, idea by idea, with its noise band">'
        f'<polygon class="band" points="{frame.band()}"/><polyline points="{frame.steps()}"/>{dots}'
        f'<text x="0" y="{_TOP + 8}">{high}</text><text x="0" y="{_HEIGHT - 20}">{low}</text>'
        f'<text x="{_LEFT}" y="{_HEIGHT - 2}">idea 0</text><text x="{_WIDTH}" y="{_HEIGHT - 2}" text-anchor="end">{frame.last}</text></svg>'
    )


class _Frame:
    """Where values and ideas lie in the drawing. path: (idea, value) from each promotion on."""

    def __init__(self, path: Sequence[tuple[int, float]], noise: float, ideas: Sequence[int]) -> None:
        self.path = path
        self.noise = noise
        self.last = max([1, *ideas])
        edges = [value * (1 + sign * noise) for _, value in path for sign in (-1, 1)]
        room = _HEADROOM * ((max(edges) - min(edges)) or abs(edges[0]) or 1.0)
        self.low, self.high = min(edges) - room, max(edges) + room

    def x(self, idea: int) -> float:
        return _LEFT + (_WIDTH - _LEFT - 8) * idea / self.last

    def y(self, value: float) -> float:
        share = (self.high - min(max(value, self.low), self.high)) / (self.high - self.low)
        return _TOP + (_HEIGHT - _TOP - 28) * share

    def steps(self, factor: float = 1.0) -> str:
        """The staircase, left to right."""
        return " ".join(f"{x:.1f},{y:.1f}" for x, y in self._corners(factor))

    def band(self) -> str:
        """One noise deviation above the staircase, and back one below it."""
        points = [*self._corners(1 + self.noise), *reversed(self._corners(1 - self.noise))]
        return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)

    def _corners(self, factor: float) -> list[tuple[float, float]]:
        corners: list[tuple[float, float]] = []
        for (idea, value), until in zip(self.path, [*(idea for idea, _ in self.path[1:]), self.last], strict=True):
            y = self.y(value * factor)
            corners += [(self.x(idea), y), (self.x(until), y)]
        return corners


def _count(of: int, noun: str) -> str:
    return f"{of} {noun}{'' if of == 1 else 's'}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.8g}"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:+.2%}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


PAGE: Final = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }}
body {{ max-width: 70rem; margin: 2rem auto; padding: 0 1rem }}
p {{ margin: .2rem 0 }} h2 {{ font-size: 1.1rem; margin: 1.6rem 0 .4rem }}
table {{ border-collapse: collapse; width: 100%; display: block; overflow-x: auto }}
td, th {{ text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #8884; vertical-align: top }}
tr.promoted td {{ font-weight: 600 }} tr.rejected td {{ opacity: .75 }}
svg {{ width: 100%; margin-top: 1rem }} text {{ font-size: 12px; fill: currentColor }}
polyline {{ fill: none; stroke: currentColor; stroke-width: 2 }} .band {{ fill: #4a90d933 }}
circle {{ fill: #8888 }} circle.promoted {{ fill: #2a9d4a }} circle.rejected {{ fill: #c0504d88 }}
</style>
<h1>{title}</h1><p><strong>{headline}</strong>{facts}{chart}{tables}
</html>
"""
