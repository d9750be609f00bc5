"""A real node under the suite's own attacks (tests/hostile): what its honest members wait, and how much it grows.

The stories are the same ones that CI runs, one after the other; here the figures are held to the budget, on a machine that does
nothing else.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

from benchmarks.row import Effort, Figure, Row

_ROOT = Path(__file__).resolve().parents[1]
_TESTIMONY = re.compile(
    r"p99 (?P<quiet>[\d.]+) ms quiet, (?P<attacked>[\d.]+) ms attacked; memory (?P<grown>[+-]\d+) KiB, at most (?P<peak>[+-]\d+) KiB"
)
_KIB_PER_MIB = 1024


class StoriesFailed(Exception):
    """An attack came through: its figures would mean nothing."""


def measure(effort: Effort) -> Row:
    command = [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", "tests/hostile"]
    quiet_s = effort.choose(10, 3)
    surroundings = os.environ | {"HOSTILE_QUIET_S": str(quiet_s)}
    done = subprocess.run(command, cwd=_ROOT, env=surroundings, capture_output=True, text=True, check=False)
    found = _TESTIMONY.search(done.stdout)
    if done.returncode or not found:
        raise StoriesFailed(done.stdout[-2000:])
    quiet, attacked, grown, peak = (float(found[name]) for name in ("quiet", "attacked", "grown", "peak"))
    figures = (
        Figure("an honest member's p99 under attack", attacked, "ms", 3 * quiet, "at most", quiet, "its p99 before"),
        Figure("memory grown over all attacks", grown / _KIB_PER_MIB, "MiB", 16),
        Figure("memory grown at its peak", peak / _KIB_PER_MIB, "MiB"),
    )
    return Row("hostile", figures, ("four honest members ask for /node in turn, 33 times a second, all the while",))
