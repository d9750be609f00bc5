"""Every trap, and texts of 50 MB: says what is slower than linear, and the slowest."""

import random
import resource
import string
import sys
import time

from guardrails.scope import default_engine
from tests.traps.shapes import Trap, every_trap
from tests.traps.timing import SLOWER, growth

CHARS = 32 * 1024
LARGE = 50_000_000
FIRST_SURROGATE = 0xD800


def main() -> int:
    """Exit code 1 where a trap works."""
    scan = default_engine().scan
    slow: list[str] = []
    costs: list[tuple[float, str]] = []
    for number, trap in enumerate(every_trap()):
        scan(trap.text(1000))
        before = time.process_time()
        scan(trap.text(4 * CHARS))
        costs.append(((time.process_time() - before) / (4 * CHARS), trap.name))
        if (grown := growth(scan, trap, CHARS)) > SLOWER:
            slow.append(f"{trap.name}: {grown:.1f} times as long for four times as much")
        if number % 500 == 499:
            print(f"{number + 1} traps, {len(slow)} slow", flush=True)
    print(f"{len(costs)} traps; the slowest, in seconds a MB:")
    for cost, name in sorted(costs, reverse=True)[:25]:
        print(f"  {cost * 1e6:7.2f}  {name}")
    if "--large" in sys.argv:
        large()
    print(*slow, sep="\n")
    return bool(slow)


def large() -> None:
    """Texts of 50 MB: seconds, and the most memory so far."""
    chance = random.Random(50)
    letters = "".join(chance.choices(string.ascii_letters + string.digits + " \n", k=1_000_000))
    data = chance.randbytes(1_000_000)
    scripts = "".join(chr(chance.randrange(ord(" "), FIRST_SURROGATE)) for _ in range(1_000_000))
    traps = (Trap("one letter", "a"), Trap("one figure", "0"), Trap("spaces", " "), Trap("lines", "\n"), Trap("random", letters),
             Trap("keys", "key="), Trap("escapes", "%41"), Trap("base64", "QUJD"),
             Trap("bytes", data.decode("latin-1")), Trap("bytes that are no text", data.decode(errors="replace")),
             Trap("a letter of the east", "\u5bc6"), Trap("all scripts", scripts))  # fmt: skip
    for trap in traps:
        text = trap.text(LARGE)
        before = time.process_time()
        found = len(default_engine().scan(text))
        spent = time.process_time() - before
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(f"  50 MB of {trap.name}: {spent:.1f} s, {found} findings, {peak} MB at most", flush=True)


if __name__ == "__main__":
    sys.exit(main())
