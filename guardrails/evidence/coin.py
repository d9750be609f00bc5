"""A bet on the coin that chose each session's arm: champion against challenger over live sessions, looked at after each.

Before a session begins, a fair coin gives it the champion or the challenger. When it is over, its score is seen first, and
then a part of the wealth is staked on the coin: on "challenger" where the score is above the usual, on "champion" where it is
below. If the arms do the same, the score says nothing of the coin: each bet is fair, the wealth W_n = prod(1 ± stake) is a
nonnegative martingale that starts at 1, and by Ville's inequality P(W_n >= 1/alpha for some n) <= alpha. This holds for any
scores, their drift through the day, and however many sessions run at once; sessions without a score are left out of it, since
what was not scored was not staked on.

How much is staked never decides whether it is valid, only how soon it wins. Sessions are dear, and there is a last one: so
the wealth is held as if it were the price of a claim on 1/alpha at `max_sessions`, as a gambler with so many rounds left does
who wants nothing but to reach the goal (Dubins, Savage, "How to Gamble If You Must", 1965; Kulldorff, "Optimal control of
favorable games with a time limit", SIAM J. Control Optim. 31, 1993). The wealth times alpha is then the chance that luck
alone still wins; its normal quantile and the variance to come give the stake. It reaches what a test with a single look at
the end would, to two points of a hundred, and mostly much sooner: docs/agents.md has the figures.

What was not won by the last session need not be lost. A lot U, uniform in (0, 1] and drawn before the first session, is held
against it there: P(W_T >= U/alpha) <= alpha at any one stopping time T (Ramdas, Manole, "Randomized and exchangeable
improvements of Markov's, Chebyshev's and Chernoff's inequalities", 2023), and T, "the goal or the last session", is one.

What it does not say: where a stake is cut off at the whole wealth, a challenger that changes the *shape* of the scores is
judged by where most of them lie, not by their mean.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from statistics import NormalDist
from typing import Final

from guardrails.evidence.pairs import finite

_NORMAL: Final = NormalDist()
# What scores look like before any was seen, and how many sessions that guess is worth: mean, variance.
_GUESS_WEIGHT: Final = 8
_GUESS_MEAN: Final = 0.75
_GUESS_VARIANCE: Final = 0.15
# This near to the goal the next session that fits is let decide: small stakes would only creep up to it.
_NEAR: Final = 0.97
_RUINED: Final = 1e-12
# Rounding in a product of two hundred factors.
_REACHED: Final = 1.0 - 1e-9


@dataclass(frozen=True, slots=True)
class CoinPolicy:
    """How sure a comparison of arms must be. Raises ValueError for values outside what is written here.

    alpha: the chance that an equal challenger is ever promoted, at most; in (0, 1). A little below 1 in 20, so that a count of a
    thousand contests mostly shows less than that too.
    max_sessions: scored sessions of both arms together after which it ends; >= 2.
    give_up: it ends once luck alone would win it with less than this chance; in [0, alpha).
    """

    alpha: float = 0.048
    max_sessions: int = 200
    give_up: float = 0.0005

    def __post_init__(self) -> None:
        if not 0.0 < self.alpha < 1.0:
            raise ValueError(f"alpha lies between 0 and 1, got {self.alpha}")
        if self.max_sessions < 2:
            raise ValueError(f"two sessions are the fewest that can be compared, got {self.max_sessions}")
        if not 0.0 <= self.give_up < self.alpha:
            raise ValueError(f"give_up lies between 0 and alpha, got {self.give_up}")

    @property
    def threshold(self) -> float:
        """The e-value from which a challenger is promoted."""
        return 1.0 / self.alpha


@dataclass(frozen=True, slots=True)
class Outcome:
    """One scored session. score: 0 to 1, higher is better. Raises ValueError outside of that."""

    is_challenger: bool
    score: float

    def __post_init__(self) -> None:
        if not 0.0 <= finite(self.score, "score") <= 1.0:
            raise ValueError(f"a score lies between 0 and 1, got {self.score}")


@dataclass(frozen=True, slots=True)
class ArmSums:
    """Scored sessions of one arm: how many, the sum of their scores and of the squares."""

    n: int = 0
    sum: float = 0.0
    sum_sq: float = 0.0

    def plus(self, score: float) -> "ArmSums":
        """With one more."""
        return ArmSums(self.n + 1, self.sum + score, self.sum_sq + score * score)

    @property
    def mean(self) -> float | None:
        """None before the first."""
        return self.sum / self.n if self.n else None


class ArmsEnd(StrEnum):
    """How a comparison of arms ended by evidence, or by lack of it."""

    PROMOTED = "promoted"
    HARM = "harm"
    FUTILITY = "futility"
    EXPIRED = "expired"


@dataclass(slots=True)
class Wager:
    """The wealth, session by session, in the order in which they were first scored. Once the goal is reached, nothing is staked.

    lot: drawn uniformly from 0 to 1 before the first session, and told to nobody before the last one; 1 is none at all.
    """

    policy: CoinPolicy
    wealth: float = 1.0
    champion: ArmSums = field(default_factory=ArmSums)
    challenger: ArmSums = field(default_factory=ArmSums)
    lot: float = 1.0
    _squares: float = _GUESS_WEIGHT * _GUESS_VARIANCE

    @property
    def sessions(self) -> int:
        """Scored sessions of both arms."""
        return self.champion.n + self.challenger.n

    @property
    def gain(self) -> float | None:
        """Difference of the arms' means; positive is better. None before both have one."""
        before, after = self.champion.mean, self.challenger.mean
        return None if before is None or after is None else after - before

    @property
    def chance_of_luck(self) -> float:
        """The chance that fair coins alone would still win from here."""
        return min(1.0, self.wealth * self.policy.alpha)

    @property
    def has_reached_the_goal(self) -> bool:
        """Whether it was promoted without a lot."""
        return self.chance_of_luck >= _REACHED

    def add(self, outcome: Outcome) -> None:
        """One more scored session."""
        usual = self._usual()
        stake = self._stake(outcome.score - usual)
        self.wealth *= 1.0 + (stake if outcome.is_challenger else -stake)
        self._squares += (outcome.score - usual) ** 2
        if outcome.is_challenger:
            self.challenger = self.challenger.plus(outcome.score)
        else:
            self.champion = self.champion.plus(outcome.score)

    def end(self) -> ArmsEnd | None:
        """How it ended; None while it goes on."""
        if self.has_reached_the_goal:
            return ArmsEnd.PROMOTED
        if self.chance_of_luck < self.policy.give_up:
            return ArmsEnd.HARM if (self.gain or 0.0) < 0.0 else ArmsEnd.FUTILITY
        if self.sessions < self.policy.max_sessions:
            return None
        # What neither the coins nor the scores speak for is promoted by no lot.
        is_better = self.wealth > 1.0 and (self.gain or 0.0) > 0.0
        return ArmsEnd.PROMOTED if is_better and self.chance_of_luck >= self.lot else ArmsEnd.EXPIRED

    def _usual(self) -> float:
        """What a score was so far, whichever the arm."""
        seen = self.champion.sum + self.challenger.sum
        return (_GUESS_WEIGHT * _GUESS_MEAN + seen) / (_GUESS_WEIGHT + self.sessions)

    def _stake(self, surprise: float) -> float:
        """The share of the wealth that goes on "challenger": -1 to 1, and never more than would reach the goal."""
        luck = self.chance_of_luck
        if not _RUINED < luck < _REACHED:
            return 0.0
        most = min(1.0, 1.0 / luck - 1.0)
        stake = surprise * self._stake_for_one(luck)
        if luck > _NEAR and surprise and abs(stake) < most:
            stake = math.copysign(most, surprise)
        return max(-most, min(most, stake))

    def _stake_for_one(self, luck: float) -> float:
        quantile = _NORMAL.inv_cdf(luck)
        variance = self._squares / (_GUESS_WEIGHT + self.sessions)
        left = max(1, self.policy.max_sessions - self.sessions)
        return _NORMAL.pdf(quantile) / luck / math.sqrt(left * variance)


def weigh(outcomes: Iterable[Outcome], policy: CoinPolicy, lot: float = 1.0) -> Wager:
    """What the sessions so far say. All of them, in the order in which they were first scored, none left out."""
    wager = Wager(policy, lot=lot)
    for outcome in outcomes:
        wager.add(outcome)
    return wager


def has_fallen(scores: Iterable[float], floor: float, alpha: float = 0.05) -> bool:
    """After a promotion: do the scores since then say that their mean is below `floor`, what the arm before it had?

    A bet on each score against "no lower than the floor" with half of the wealth at most; the chance that it is ever won where
    that is true is at most alpha, at every look. Raises ValueError for a score or floor outside 0 to 1.
    """
    if not 0.0 <= finite(floor, "floor") <= 1.0:
        raise ValueError(f"a floor lies between 0 and 1, got {floor}")
    wealth = most = 1.0
    for outcome in (Outcome(is_challenger=True, score=score) for score in scores):
        wealth *= 1.0 + (floor - outcome.score)
        most = max(most, wealth)
    return most >= 1.0 / alpha
