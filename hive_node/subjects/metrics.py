"""Numbers out of what a run printed. What is not there exactly once, whole and finite, is unknown; never 0.

A candidate may write to the same stream before the evaluator does. Two lines of one metric contradict each other; so do a
line and a mention of it: a candidate's line, then text without a newline, glues the evaluator's own line into nothing.
"""

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
_MENTION: Final = r"METRIC[ \t]+{}(?![\w.:/-])"
_PREFIX: Final = "METRIC"


def read_metrics(
    output: bytes, metric: MetricSection, guards: Sequence[str], *, is_clipped: bool
) -> dict[str, float] | Rejected:
    """The primary and guard metrics in a run's standard output, or why there are none. Takes time linear in `output`.

    output: all steps' standard output, in order. is_clipped: part of it was dropped, so that nothing is known to be single.
    """
    if is_clipped:
        return Rejected("trial.output-clipped", "The run printed more than the output limit; its metrics are unknown.")
    text = _text(output)
    if text is None:
        return Rejected("trial.not-text", "The output holds NUL, or is not UTF-8: a metric may stand in it unseen.")
    found = _lines(text)
    values: dict[str, float] = {}
    for name in (metric.name, *guards):
        pattern = metric.pattern if name == metric.name else None
        texts = found.get(name, []) if pattern is None else list(islice(_matches(pattern, text), 2))
        value = _single(
            name, texts, f"`METRIC {name}=<number>`" if pattern is None else "what the metric's pattern finds"
        )
        if isinstance(value, Rejected):
            return value
        if _mentions(name, pattern, text) > 1:
            return _repeated(name)
        values[name] = value
    return values


def _text(output: bytes) -> str | None:
    # A candidate in the evaluator's process may set another encoding: `METRIC` in UTF-16 is not found again.
    try:
        return None if b"\0" in output else output.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _mentions(name: str, pattern: str | None, text: str) -> int:
    """How often the metric stands anywhere, also within a line; up to 2."""
    if pattern is None:
        return sum(1 for _ in islice(re.finditer(_MENTION.format(re.escape(name)), text, re.ASCII), 2))
    return len(list(islice(_matches(pattern.removeprefix("^"), text), 2)))


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
        return _repeated(name)
    return _number(name, texts[0])


def _repeated(name: str) -> Rejected:
    return Rejected(
        "trial.repeated-metric",
        f"`{name}` stands in the output more than once: it is unknown which one holds.",
        {"metric": name},
    )


def _number(name: str, text: str) -> float | Rejected:
    spelled = _NUMBER.fullmatch(text) if len(text) <= _NUMBER_CHARS else None
    value = float(text) if spelled else math.nan
    # A measurement is never minus zero, and never so small that it would be read as 0: what prints it did not measure that.
    is_zero_by_mistake = spelled and value == 0 and (text.startswith("-") or not set(spelled["digits"]) <= {"0", "."})
    if not math.isfinite(value) or is_zero_by_mistake:
        return Rejected("trial.bad-metric", f"`{name}` is not a finite number: {text[:40]!r}.", {"metric": name})
    return value
