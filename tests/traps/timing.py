"""How the time that a trap costs grows with its length."""

import time
from collections.abc import Callable

from tests.traps.shapes import Trap

# Linear is 4; the rest is what a cache and a garbage collector add.
SLOWER = 8.0
# A scan so short says nothing of how it grows.
_LEAST_S = 0.02
_TIMES = 4


def growth(scan: Callable[[str], object], trap: Trap, chars: int) -> float:
    """How many times as long four times as much of it takes, of processor time: 4 where it is linear, 16 where it is
    quadratic. The least of a few tries: what else the machine does only adds.
    """
    short, long = trap.text(chars), trap.text(_TIMES * chars)
    least = float("inf")
    for _ in range(3):
        long_s = _spent(scan, long)
        if long_s < _LEAST_S:
            return min(least, float(_TIMES))
        least = min(least, long_s / max(_spent(scan, short), _LEAST_S / _TIMES))
        if least < 1.5 * _TIMES:
            break
    return least


def cost(scan: Callable[[str], object], text: str) -> float:
    """Seconds of processor time that the text takes: the least of a few tries."""
    return min(_spent(scan, text) for _ in range(3))


def _spent(scan: Callable[[str], object], text: str) -> float:
    before = time.process_time()
    scan(text)
    return time.process_time() - before
