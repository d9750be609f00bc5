"""The table that people read, and the same as JSON."""

import math
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.row import Figure, Row

_HEADS = ("what", "measured", "budget", "limit, in the same run", "ratio", "held")


@dataclass(frozen=True, slots=True)
class Done:
    """One row that was tried: what came of it, or why nothing did."""

    name: str
    seconds: float
    row: Row | None
    error: str = ""


def machine() -> dict[str, Any]:
    """Where this runs, and how busy it is: figures of a loaded machine are told as such."""
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load_average": [round(one, 2) for one in os.getloadavg()],
    }


def head(facts: Mapping[str, Any]) -> str:
    """The machine, in two lines."""
    load = ", ".join(f"{one:.2f}" for one in facts["load_average"])
    busy = facts["load_average"][0] > facts["cores"] / 2
    return (
        f"{facts['cores']} cores of {facts['cpu']}, Linux {facts['kernel']}, Python {facts['python']}\n"
        f"load average {load}: {'BUSY, so trust the ratios more than the figures' if busy else 'quiet'}"
    )


def lines(done: Done) -> list[str]:
    """One row with its figures and notes."""
    title = f"{done.name} ({done.seconds:.0f} s)"
    if done.row is None:
        return [title, f"  FAILED: {done.error}"]
    cells = [_HEADS, *map(_cells, done.row.figures)]
    widths = [max(len(cell) for cell in column) for column in zip(*cells, strict=True)]
    table = ["  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in cells]
    return [title, *(line.rstrip() for line in table), *(f"  · {note}" for note in done.row.notes)]


def tree(facts: Mapping[str, Any], done: Sequence[Done], is_quick: bool) -> dict[str, Any]:
    """Everything, for machines. What could not be measured is null."""
    return {"benchmark": "budgets", "quick": is_quick, "machine": dict(facts), "rows": [_row(one) for one in done]}


def _row(done: Done) -> dict[str, Any]:
    figures = [_figure(one) for one in done.row.figures] if done.row else []
    notes = list(done.row.notes) if done.row else []
    error = done.error or None
    return {
        "row": done.name,
        "seconds": round(done.seconds, 1),
        "figures": figures,
        "notes": notes,
        "error": error,
    }


def _figure(figure: Figure) -> dict[str, Any]:
    found = asdict(figure) | {"ratio": figure.ratio, "held": figure.is_held}
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in found.items()
    }


def _cells(figure: Figure) -> tuple[str, ...]:
    sign = "≤" if figure.sense == "at most" else "≥"
    limit = f"{_number(figure.limit)} {figure.unit}: {figure.limit_is}" if figure.limit is not None else "–"
    return (
        figure.what,
        f"{_number(figure.measured)} {figure.unit}".rstrip(),
        f"{sign} {_number(figure.budget)} {figure.unit}".rstrip() if figure.budget is not None else "–",
        limit,
        f"{figure.ratio:.2f}×" if figure.ratio is not None else "–",
        {True: "yes", False: "NO", None: "–"}[figure.is_held],
    )


def _number(value: float | None) -> str:
    if value is None or not math.isfinite(value):
        return "?"
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()
