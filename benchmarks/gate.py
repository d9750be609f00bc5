"""How often the evidence gate promotes a no-op, and how soon it sees a real gain; benchmarks/evidence.py does the work."""

import random
import statistics
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from benchmarks import evidence
from benchmarks.row import Effort, Figure, Row
from guardrails.evidence import Continue, Decision, Direction, EvidencePolicy, Pair, alpha_for, compare, decide


def measure(effort: Effort) -> Row:
    """Every kind of noise, over experiments of 50 no-op candidates, and over challengers better by two sd of one run."""
    experiments, better = effort.choose(60, 20), effort.choose(150, 60)
    with ProcessPoolExecutor(2) as pool:
        found = list(pool.map(partial(evidence.measure, experiments=experiments, better=better), evidence.KINDS))
    normal = next(one for one in found if one.kind == "normal")
    worst = max(found, key=lambda one: one.false_per_experiment)
    every = sum(one.false_promotions for one in found) / (len(found) * experiments)
    return Row(
        "evidence gate",
        (
            Figure("false promotions per experiment", every, "", 0.05),
            Figure("real gains promoted, normal noise", 100 * normal.promoted, "%", 85, "at least"),
            Figure("pairs until then, median", normal.median_pairs, "pairs", 12, limit=float(_fewest_pairs()),
                   limit_is="the fewest that could ever do"),
            Figure("runs of a candidate, metric that repeats itself", _runs_of_an_exact_candidate(), "runs", 2),
        ),
        (
            f"{experiments} experiments of {evidence.CANDIDATES} no-op candidates and {better} challengers better by two sd, "
            f"for each of {len(found)} kinds of noise, a look after every pair",
            f"worst kind: {worst.kind}, {worst.false_promotions} false promotions in {experiments} experiments; "
            "bare `python benchmarks/evidence.py` runs 1,000 of each",
            "promoted: " + ", ".join(f"{one.kind} {one.promoted:.0%} at {one.median_pairs:.0f} pairs" for one in found),
            f"median over the kinds: {statistics.median(one.median_pairs for one in found):.0f} pairs",
        ),
    )  # fmt: skip


def _runs_of_an_exact_candidate() -> float:
    """How often a better candidate of a deterministic metric is run until it is promoted; one that is not better, once."""
    policy = EvidencePolicy(alpha_for(1), 0.001, deterministic=True, deterministic_pairs=2)
    pairs: list[Pair] = []
    decision: Decision = Continue()
    while isinstance(decision, Continue):
        pairs.append(Pair(champion=1.0, candidate=0.9))
        decision = decide(compare(pairs, Direction.LOWER, 1.0, policy, champion_value=1.0), policy)
    return float(len(pairs))


def _fewest_pairs() -> int:
    """Pairs after which the gate promotes a challenger that is better each time, by much, without any noise."""
    chance = random.Random(0)
    policy = EvidencePolicy(alpha_for(1), 0.001)
    _, pairs = evidence.run_candidate(evidence.normal(chance), chance, 100 * evidence.SIGMA, policy)
    return pairs
