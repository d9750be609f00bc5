"""The report of a coding agent for people: Markdown, and one HTML page that loads nothing else."""

import math
from collections.abc import Sequence
from html import escape
from typing import Any, Final

from hive_node.improve.rendering import PAGE, html_table, markdown_table

_WIDTH: Final = 800
_HEIGHT: Final = 160
_EDGE: Final = 8
# From the e-value at which a challenger is given up to beyond the one that promotes, on a logarithmic scale.
_LEAST: Final = 0.01
_MOST: Final = 40.0
_CONTESTS: Final = ("#", "axis", "idea", "champion", "challenger", "e-value", "state", "why")
_REIGNS: Final = ("champion", "since", "why")
_LINEAGE: Final = ("variant", "parent", "axis", "idea")


def as_markdown(tree: dict[str, Any]) -> str:
    """The report for a person with a terminal or an editor."""
    blocks = [
        f"# Agent {tree['id']}",
        f"{_headline(tree)} {tree['next']}",
        markdown_table(_CONTESTS, _contests(tree)),
        markdown_table(_REIGNS, _reigns(tree)),
    ]
    return "\n\n".join(blocks) + "\n"


def as_html(tree: dict[str, Any]) -> str:
    """The report as one page that loads nothing else."""
    states = [one["state"] for one in tree["contests"]]
    tables = [
        html_table("Contests", _CONTESTS, _contests(tree), states),
        html_table("Champions", _REIGNS, _reigns(tree)),
        html_table("Every variant", _LINEAGE, _lineage(tree)),
    ]
    return PAGE.format(
        title=escape(tree["id"]),
        headline=escape(_headline(tree)),
        facts=f"<p>{escape(tree['next'])}",
        chart=_chart(tree["contests"][-1]) if tree["contests"] else "",
        tables="".join(tables),
    )


def _headline(tree: dict[str, Any]) -> str:
    return f"Champion {_short(tree['champion']['digest'])}: {tree['champion']['idea']}."


def _contests(tree: dict[str, Any]) -> list[tuple[object, ...]]:
    return [
        (
            one["number"],
            one["operator"],
            one["idea"],
            _arm(one["arms"]["champion"]),
            _arm(one["arms"]["challenger"]),
            f"{one['e_value']:.3g} of {one['threshold']:.3g}",
            one["state"],
            one["reason"] or "",
        )
        for one in tree["contests"]
    ]


def _reigns(tree: dict[str, Any]) -> list[tuple[object, ...]]:
    return [(_short(one["digest"]), one["since"][:16], one["reason"]) for one in tree["reigns"]]


def _lineage(tree: dict[str, Any]) -> list[tuple[object, ...]]:
    return [(_short(one["digest"]), _short(one["parent"]), one["operator"], one["idea"]) for one in tree["variants"]]


def _chart(contest: dict[str, Any]) -> str:
    """The last contest's e-value after each session, with the line that promotes."""
    path: Sequence[float] = [1.0, *contest["path"]]
    points = " ".join(f"{_x(number, len(path)):.1f},{_y(value):.1f}" for number, value in enumerate(path))
    line = _y(contest["threshold"])
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img"><title>Evidence of contest {contest["number"]} by session</title>'
        f'<rect class="band" x="0" y="0" width="{_WIDTH}" height="{line:.1f}"/><polyline points="{points}"/>'
        f'<text x="{_EDGE}" y="{max(12.0, line - 4):.1f}">promoted from {contest["threshold"]:.1f} on</text></svg>'
    )


def _x(number: int, count: int) -> float:
    return _EDGE + (_WIDTH - 2 * _EDGE) * number / max(1, count - 1)


def _y(value: float) -> float:
    share = math.log(min(max(value, _LEAST), _MOST) / _LEAST) / math.log(_MOST / _LEAST)
    return _HEIGHT - share * (_HEIGHT - _EDGE)


def _arm(arm: dict[str, Any]) -> str:
    mean = "–" if arm["mean"] is None else f"{arm['mean']:.3f}"
    return f"{mean} ({arm['n']}, {arm['missing']} missing)"


def _short(digest: str | None) -> str:
    return digest[:12] if digest else "–"
