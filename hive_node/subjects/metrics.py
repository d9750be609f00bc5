"""Numbers out of what a run printed. What is not there exactly once, whole and finite, is unknown; never 0."""

import math
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

from guardrails.verdict import Rejected
from hive_node.config.project import MetricSection

# Whole numbers of any usual spelling; `nan`, `inf`, hexadecimal and thousands separators are not among them.
_NUMBER: Final = re.compile(r"[+-]?(?P<digits>\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_NUMBER_CHARS: Final = 64
_LINE: Final = re.compile(r"METRIC[ \t]+(?P<name>[^\s=]+)[ \t]*=(?P<value>.*)", re.ASCII)
_BLANKS: Final = " \t\r"
_PREFIX: Final = "METRIC"


def read_metrics(
    output: bytes, metric: MetricSection, guards: Sequence[str], *, is_clipped: bool
) -> dict[str, float] | Rejected:
    """The primary and guard metrics in a run's standard output, or why there are none. Takes time linear in `output`.

    output: all steps' standard output, in order. is_clipped: part of it was dropped, so that nothing is known to be single.
    """
    if is_clipped:
        return Rejected("trial.output-clipped", "The run printed more than the output limit; its metrics are unknown.")
    text = output.decode("utf-8", "replace")
    found = _lines(text)
    if metric.pattern is not None:
        found[metric.name] = list(islice(_matches(metric.pattern, text), 2))
    values: dict[str, float] = {}
    for name in (metric.name, *guards):
        is_by_pattern = name == metric.name and metric.pattern is not None
        wanted = "what the metric's pattern finds" if is_by_pattern else f"`METRIC {name}=<number>`"
        value = _single(name, found.get(name, []), wanted)
        if isinstance(value, Rejected):
            return value
        values[name] = value
    return values


def _lines(text: str) -> dict[str, list[str]]:
    """What stands on lines of its own. Lines end in a newline alone: a progress bar's `\\r` begins none."""
    found: dict[str, list[str]] = {}
    for line in text.split("\n"):
        if _PREFIX in line and (match := _LINE.fullmatch(line.strip(_BLANKS))):
            found.setdefault(match["name"], []).append(match["value"].strip(_BLANKS))
    return found


def _matches(pattern: str, text: str) -> Iterator[str]:
    # RE2: the pattern is the user's, the text a stranger's; together they must not take for ever.
    import re2

    return (match[1] or "" for match in re2.finditer(f"(?m:{pattern})", text))


def _single(name: str, texts: Sequence[str], wanted: str) -> float | Rejected:
    if not texts:
        return Rejected("trial.no-metric", f"No step printed {wanted}.", {"metric": name})
    if len(texts) > 1:
        return Rejected(
            "trial.repeated-metric",
            f"`{name}` was printed more than once: it is unknown which one holds.",
            {"metric": name},
        )
    return _number(name, texts[0])


def _number(name: str, text: str) -> float | Rejected:
    spelled = _NUMBER.fullmatch(text) if len(text) <= _NUMBER_CHARS else None
    value = float(text) if spelled else math.nan
    # A measurement is never minus zero, and never so small that it would be read as 0: what prints it did not measure that.
    is_zero_by_mistake = spelled and value == 0 and (text.startswith("-") or not set(spelled["digits"]) <= {"0", "."})
    if not math.isfinite(value) or is_zero_by_mistake:
        return Rejected("trial.bad-metric", f"`{name}` is not a finite number: {text[:40]!r}.", {"metric": name})
    return value
