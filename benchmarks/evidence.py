"""How often does the gate promote a no-op, and how soon does it see a real gain? Simulated machines, the real gate.

Run `python benchmarks/evidence.py`: 1 000 experiments of 50 no-op candidates under each kind of noise, with a look
after every pair, and 1 000 challengers that are better by two standard deviations of a single run. Prints a table,
then the same as JSON.
Budgets: at most 0.05 false promotions per experiment; at least 85 % promoted, at a median of at most 12 pairs.
"""

import argparse
import json
import math
import random
import statistics
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from guardrails.evidence import Continue, Decision, Direction, EvidencePolicy, Pair, Promote, alpha_for, compare, decide

SIGMA = 0.1  # noise of one run, as a share of the champion's value of 1: what a busy developer's machine shows
CANDIDATES = 50

Noise = Iterator[float]  # what each next run adds to the truth, in units of SIGMA


def normal(chance: random.Random) -> Noise:
    while True:
        yield chance.gauss(0.0, 1.0)


def student_2(chance: random.Random) -> Noise:
    """Two degrees of freedom: the variance is infinite."""
    while True:
        yield chance.gauss(0.0, 1.0) / math.sqrt(chance.expovariate(1.0))


def cauchy(chance: random.Random) -> Noise:
    """Not even a mean."""
    while True:
        yield math.tan(math.pi * (chance.random() - 0.5))


def random_walk(chance: random.Random) -> Noise:
    level = 0.0
    while True:
        level += chance.gauss(0.0, 0.3)
        yield level + chance.gauss(0.0, 1.0)


def linear_drift(chance: random.Random) -> Noise:
    """A machine that gets slower, run by run, by a fifth of its noise. Who always ran first would win."""
    level = 0.0
    while True:
        level += 0.2
        yield level + chance.gauss(0.0, 1.0)


def bursts(chance: random.Random) -> Noise:
    """Something else runs now and then, for about five runs, and slows all of them by much."""
    is_busy = False
    while True:
        is_busy = chance.random() < (0.8 if is_busy else 0.05)
        yield chance.gauss(0.0, 1.0) + (5.0 * chance.random() + 5.0 if is_busy else 0.0)


def cold_start(chance: random.Random) -> Noise:
    """The first run of each two warms the caches for the second."""
    while True:
        yield chance.gauss(2.0, 1.0)
        yield chance.gauss(0.0, 1.0)


KINDS: dict[str, Callable[[random.Random], Noise]] = {
    "normal": normal,
    "student-2": student_2,
    "cauchy": cauchy,
    "random-walk": random_walk,
    "linear-drift": linear_drift,
    "bursts": bursts,
    "cold-start": cold_start,
}


@dataclass(frozen=True)
class Row:
    """What one kind of noise did to the gate."""

    kind: str
    experiments: int
    false_promotions: int
    false_per_experiment: float
    no_op_pairs: float
    better: int
    promoted: float
    median_pairs: float
    p90_pairs: float


def measure_pair(noise: Noise, chance: random.Random, gain: float) -> Pair:
    """One run of each, in an order drawn for this pair. Lower is better."""
    first, second = 1.0 + SIGMA * next(noise), 1.0 + SIGMA * next(noise)
    champion, candidate = (first, second) if chance.random() < 0.5 else (second, first)
    return Pair(champion=champion, candidate=candidate - gain)


def run_candidate(noise: Noise, chance: random.Random, gain: float, policy: EvidencePolicy) -> tuple[Decision, int]:
    """Measure pair by pair, look after each, and stop when the gate says so."""
    pairs: list[Pair] = []
    decision: Decision = Continue()
    while isinstance(decision, Continue):
        pairs.append(measure_pair(noise, chance, gain))
        decision = decide(compare(pairs, Direction.LOWER, 1.0, policy), policy)
    return decision, len(pairs)


def no_op_experiment(kind: str, seed: int) -> tuple[int, int]:
    """False promotions and pairs among 50 candidates that change nothing. min_effect 0 is the hardest case."""
    chance = random.Random(f"{kind}/no-op/{seed}")
    noise = KINDS[kind](chance)
    outcomes = [
        run_candidate(noise, chance, 0.0, EvidencePolicy(alpha_for(index), 0.0)) for index in range(1, CANDIDATES + 1)
    ]
    return sum(isinstance(decision, Promote) for decision, _ in outcomes), sum(pairs for _, pairs in outcomes)


def better_candidate(kind: str, seed: int, sigmas: float = 2.0) -> int | None:
    """Pairs until a first candidate that is better by so many sd of one run was promoted; None if it was not."""
    chance = random.Random(f"{kind}/better/{seed}")
    policy = EvidencePolicy(alpha_for(1), 0.001)
    decision, pairs = run_candidate(KINDS[kind](chance), chance, sigmas * SIGMA, policy)
    return pairs if isinstance(decision, Promote) else None


def measure(kind: str, experiments: int, better: int) -> Row:
    """Both questions, for one kind of noise."""
    no_ops = [no_op_experiment(kind, seed) for seed in range(experiments)]
    seen = [pairs for seed in range(better) if (pairs := better_candidate(kind, seed)) is not None]
    false_promotions = sum(count for count, _ in no_ops)
    return Row(
        kind=kind,
        experiments=experiments,
        false_promotions=false_promotions,
        false_per_experiment=false_promotions / experiments,
        no_op_pairs=sum(pairs for _, pairs in no_ops) / (experiments * CANDIDATES),
        better=better,
        promoted=len(seen) / better,
        median_pairs=statistics.median(seen or [math.nan]),
        p90_pairs=statistics.quantiles(seen, n=10)[-1] if len(seen) > 1 else math.nan,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--experiments", type=int, default=1000)
    parser.add_argument("--better", type=int, default=1000)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    with ProcessPoolExecutor(options.jobs) as pool:
        rows = list(pool.map(partial(measure, experiments=options.experiments, better=options.better), KINDS))
    print(f"{'noise':<14}{'false/exp':>10}{'(count)':>9}{'pairs/no-op':>13}{'promoted':>10}{'median':>8}{'p90':>6}")
    for row in rows:
        print(
            f"{row.kind:<14}{row.false_per_experiment:>10.4f}{row.false_promotions:>9}{row.no_op_pairs:>13.1f}"
            f"{row.promoted:>10.1%}{row.median_pairs:>8.0f}{row.p90_pairs:>6.0f}"
        )
    print(json.dumps({"benchmark": "evidence", "candidates": CANDIDATES, "rows": [asdict(row) for row in rows]}))


if __name__ == "__main__":
    main()
