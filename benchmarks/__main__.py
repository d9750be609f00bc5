"""`python -m benchmarks [--json FILE] [--quick] [ROW …]`: every budget beside what was measured and what bounds it.

A row that fails prints why and lets the others go on; the exit code is then 1. A missed budget is a figure, not a failure.
"""

import argparse
import json
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import FrameType

from benchmarks.row import Effort, Row
from benchmarks.table import Done, head, lines, machine, tree

# Each is a module of this package with one public function `measure`.
ROWS = {
    "idle": "benchmarks.idle",
    "start": "benchmarks.start",
    "spread": "benchmarks.spread",
    "learn": "benchmarks.learning",
    "hostile": "benchmarks.hostile",
    "backfill": "benchmarks.backfill",
    "loop": "benchmarks.loop",
    "scope": "benchmarks.scope",
    "api": "benchmarks.admin",
    "events": "benchmarks.events",
    "evidence": "benchmarks.gate",
    "agents": "benchmarks.agents",
    "tuning": "benchmarks.tuning",
    "benefit": "benchmarks.benefit",
    "simulate": "benchmarks.planning",
    "demo": "benchmarks.play",
}
# A row that hangs must not take the others with it.
_ROW_LIMIT_S = 600


class RowTimedOut(Exception):
    """A row was still running at its limit."""


def main() -> int:
    """Measure the rows that were asked for. Returns the exit code."""
    options = _options()
    effort = Effort(options.quick)
    facts = machine()
    print(head(facts), end="\n\n", flush=True)
    done: list[Done] = []
    for name in options.rows or ROWS:
        done.append(_attempt(name, effort))
        print(*lines(done[-1]), sep="\n", end="\n\n", flush=True)
    facts |= {"load_average_after": machine()["load_average"]}
    print(f"load average at the end {', '.join(map(str, facts['load_average_after']))}")
    if options.json:
        options.json.write_text(json.dumps(tree(facts, done, effort.is_quick), indent=2) + "\n", encoding="utf-8")
    return 1 if any(one.error for one in done) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the same as JSON")
    parser.add_argument("--quick", action="store_true", help="fewer repeats: under two minutes on a quiet machine")
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"which to measure (all): {', '.join(ROWS)}")
    options = parser.parse_args()
    if unknown := set(options.rows) - set(ROWS):
        parser.error(f"no such row: {', '.join(sorted(unknown))} (choose from {', '.join(ROWS)})")
    return options


def _attempt(name: str, effort: Effort) -> Done:
    began = time.monotonic()
    try:
        with _bounded(_ROW_LIMIT_S):
            measure: Callable[[Effort], Row] = import_module(ROWS[name]).measure
            row = measure(effort)
    except Exception as error:  # noqa: BLE001 - whatever broke one row, the others are still measured
        return Done(name, time.monotonic() - began, None, _words(error))
    return Done(name, time.monotonic() - began, row)


def _words(error: BaseException) -> str:
    """The fault itself, out of whatever groups it was wrapped in."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"


@contextmanager
def _bounded(seconds: float) -> Iterator[None]:
    def over(_number: int, _frame: FrameType | None) -> None:
        raise RowTimedOut(f"not over after {seconds:.0f} s")

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


if __name__ == "__main__":
    sys.exit(main())
