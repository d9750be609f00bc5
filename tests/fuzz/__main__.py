"""`python -m tests.fuzz [COUNT [SEED]]`: so many inputs, and how far they came. Exits with 1 where anything but a refusal came out."""

import sys
import time
import warnings
from collections import Counter
from random import Random

from tests.fuzz.targets import TARGETS, ended

_SHARES = sum(target.share for target in TARGETS.values())


def main(count: int = 1_000_000, seed: int = 1) -> int:
    warnings.simplefilter("ignore")  # of serial numbers that a certificate may not have
    total = 0
    for name, target in TARGETS.items():
        began, stages = time.monotonic(), Counter[str]()
        random = Random(f"{seed} {name}")
        for _ in range(-(-count * target.share // _SHARES)):
            raw = target.make(random)
            try:
                stages[ended(target, raw)] += 1
            except Exception as error:  # noqa: BLE001 - what is looked for, of whatever kind
                print(f"{name}: {type(error).__name__}: {error}\n{raw!r}", flush=True)
                return 1
        total += stages.total()
        reached = ", ".join(f"{stage} {number}" for stage, number in stages.most_common())
        print(f"{name}: {stages.total()} in {time.monotonic() - began:.1f} s: {reached}", flush=True)
    print(f"{total} inputs, seed {seed}: nothing came out but what was said, or its refusal by a code")
    return 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
