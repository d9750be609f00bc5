"""Simulated sessions of two arms, the real decision after each: who is promoted, who is let go, and how soon."""

import random
import statistics
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from guardrails.evidence.coin import ArmsEnd, CoinPolicy, Outcome, Wager

# Sessions of both arms together, at most; the policy of the product ends a contest before that.
MOST_SESSIONS = 400
SD = 0.25  # ordinary noise of a graded score

Draw = Callable[[random.Random, float], float]


def pass_or_fail(chance: random.Random, mean: float) -> float:
    """Bernoulli: as noisy as a score can be."""
    return float(chance.random() < mean)


def graded(chance: random.Random, mean: float) -> float:
    """A beta distribution with a standard deviation of 0.25."""
    size = mean * (1 - mean) / SD**2 - 1
    return chance.betavariate(mean * size, (1 - mean) * size)


KINDS: dict[str, Draw] = {"pass or fail": pass_or_fail, "graded": graded}


@dataclass(frozen=True)
class Played:
    """What many contests came to. shares: by end. sessions, own: medians, of both arms and of the challenger's alone."""

    shares: dict[ArmsEnd, float]
    sessions: float
    own: float

    def share(self, end: ArmsEnd) -> float:
        return self.shares.get(end, 0.0)


def play(draw: Draw, champion: float, challenger: float, chance: random.Random) -> Wager:
    """One contest, a look after every session."""
    wager = Wager(CoinPolicy(), lot=chance.random())
    for _ in range(MOST_SESSIONS):
        is_challenger = chance.random() < 0.5
        wager.add(Outcome(is_challenger, draw(chance, challenger if is_challenger else champion)))
        if wager.end() is not None:
            break
    return wager


def contests(draw: Draw, champion: float, challenger: float, runs: int, seed: int = 0) -> Played:
    """Many contests between arms of these mean scores."""
    chance = random.Random(f"{draw.__name__} {champion} {challenger} {seed}")
    played = [play(draw, champion, challenger, chance) for _ in range(runs)]
    ends = Counter(end for one in played if (end := one.end()) is not None)
    return Played(
        {end: count / runs for end, count in ends.items()},
        statistics.median(one.sessions for one in played),
        statistics.median(one.challenger.n for one in played),
    )


def one_look(draw: Draw, runs: int, seed: int = 0) -> float:
    """The share of better challengers that a z-test sees which looks once, at the last session, and is as sure as the product."""
    chance, policy = random.Random(f"one look {draw.__name__} {seed}"), CoinPolicy()
    needed = statistics.NormalDist().inv_cdf(1 - policy.alpha)
    return sum(_z(draw, chance, policy.max_sessions) >= needed for _ in range(runs)) / runs


def _z(draw: Draw, chance: random.Random, sessions: int) -> float:
    arms: tuple[list[float], list[float]] = ([], [])
    for _ in range(sessions):
        is_challenger = chance.random() < 0.5
        arms[is_challenger].append(draw(chance, 0.85 if is_challenger else 0.70))
    champion, challenger = arms
    noise = statistics.pstdev([*champion, *challenger]) * (1 / len(champion) + 1 / len(challenger)) ** 0.5
    return (statistics.fmean(challenger) - statistics.fmean(champion)) / noise


equal = partial(contests, champion=0.70, challenger=0.70)
better = partial(contests, champion=0.70, challenger=0.85)
worse = partial(contests, champion=0.70, challenger=0.55)
