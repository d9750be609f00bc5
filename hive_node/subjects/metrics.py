"""Numbers out of what a run printed. What is not there exactly once, whole and finite, is unknown; never 0."""

import math
import re
from collections.abc import Sequence
from typing import Final

from guardrails.verdict import Rejected
from hive_node.config.project import MetricSection

# Whole numbers of any usual spelling; `nan`, `inf`, hexadecimal and thousands separators are not among them.
_NUMBER: Final = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_LINE: Final = re.compile(r"METRIC[ \t]+(?P<name>[^\s=]+)[ \t]*=(?P<value>.*)", re.ASCII)


def read_metrics(
    output: bytes, metric: MetricSection, guards: Sequence[str], *, is_clipped: bool
) -> dict[str, float] | Rejected:
    """The primary and guard metrics in a run's standard output, or why there are none.

    output: all steps' standard output, in order. is_clipped: part of it was dropped, so that nothing is known to be single.
    """
    if is_clipped:
        return Rejected("trial.output-clipped", "The run printed more than the output limit; its metrics are unknown.")
    text = output.decode("utf-8", "replace")
    found = _lines(text)
    if metric.pattern is not None:
        found[metric.name] = [match[1] or "" for match in re.finditer(metric.pattern, text, re.MULTILINE)]
    values: dict[str, float] = {}
    for name in (metric.name, *guards):
        value = _single(name, found.get(name, []))
        if isinstance(value, Rejected):
            return value
        values[name] = value
    return values


def _lines(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        if match := _LINE.fullmatch(line.strip()):
            found.setdefault(match["name"], []).append(match["value"].strip())
    return found


def _single(name: str, texts: Sequence[str]) -> float | Rejected:
    if not texts:
        return Rejected("trial.no-metric", f"No step printed `METRIC {name}=<number>`.", {"metric": name})
    if len(texts) > 1:
        return Rejected(
            "trial.repeated-metric",
            f"`{name}` was printed {len(texts)} times: it is unknown which one holds.",
            {"metric": name},
        )
    return _number(name, texts[0])


def _number(name: str, text: str) -> float | Rejected:
    value = float(text) if _NUMBER.fullmatch(text) and len(text) <= 64 else math.nan
    # A measurement is never minus zero: what prints it computed something else than it says.
    if not math.isfinite(value) or (value == 0 and text.startswith("-")):
        return Rejected("trial.bad-metric", f"`{name}` is not a finite number: {text[:40]!r}.", {"metric": name})
    return value
