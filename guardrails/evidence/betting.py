"""A bet on each pair against "the challenger gains no more than the margin"; the wealth won is the evidence.

Why it is valid at any look, under any noise. The order inside each pair is drawn at random. If challenger and champion
do the same work, swapping their names changes nothing, so given all earlier pairs the gain of a pair is symmetric
around zero: whatever the noise, its drift, its bursts and its tails (no mean need exist). A true gain of at most the
margin only shifts that distribution to the left. The payoff g is odd, increasing, and bounded by 1; its scale comes
from earlier pairs alone. So E[g | past] <= 0, and the wealth W_n = prod(1 + stake * g_i) is a nonnegative
supermartingale that starts at 1, and so is any fixed mixture over stakes. By Ville's inequality P(W_n >= 1/alpha for
some n) <= alpha. Strict alternation (A B A B) is not enough: under a drift it favours one side, and the proof is gone.

Sources: Ramdas, Grünwald, Vovk, Shafer, "Game-theoretic statistics and safe anytime-valid inference", Statistical
Science 38(4), 2023 (arXiv 2210.01948); Waudby-Smith, Ramdas, "Estimating means of bounded random variables by
betting", JRSS B 86(1), 2024 (arXiv 2010.09686), for bets scaled by the past and the inversion into a bound; Vovk,
Wang, "Nonparametric e-tests of symmetry" (arXiv 2208.08925), for symmetry as the null.

What it does not say: a challenger that changes the *shape* of the noise is judged by where most of its gains lie, not
by its mean.
"""

import math
from collections.abc import Sequence

from guardrails.evidence.pairs import robust_sd

# Half of the wealth is staked carefully, half boldly, for good: the careful half wins on small gains, the bold half on
# large ones. A stake of 1 would be ruined by a single lost pair. In simulation two stakes saw gains of 1 and 2 standard
# deviations as soon as four or five stakes did.
STAKES = (0.5, 0.9)

LARGEST_E_VALUE = 1e300  # an e-value that is reported as less than it is stays an e-value
LOWER_BOUND_ALPHA = 0.05  # bounds are 95 % bounds, whatever share of the error a candidate was given

_SATURATED = 20.0  # tanh(20) is 1.0 in a double
_BISECTIONS = 30


def scales(gains: Sequence[float]) -> list[float]:
    """For each gain the noise seen *before* it. Predictable, as the proof needs: no gain has a say in its own scale."""
    return [robust_sd(gains[:index]) if index else 0.0 for index in range(len(gains))]


def payoffs(gains: Sequence[float], scale: Sequence[float], margin: float) -> list[float]:
    """What one unit staked on "better by more than the margin" wins at each pair: -1 to 1. A tie loses to a margin."""
    return [_payoff(gain - margin, noise) for gain, noise in zip(gains, scale, strict=True)]


def e_value(wins: Sequence[float]) -> float:
    """The wealth after these payoffs, from 1."""
    return _exp(_log_mean([_log_wealth(wins, stake) for stake in STAKES]))


def reachable(wins: Sequence[float], pairs_left: int, optimism: float) -> float:
    """The e-value that the pairs left could still reach, seen by an optimist.

    He takes their mean payoff to be the observed one plus `optimism` standard errors. An upper bound on the expected
    growth (Jensen), and with infinite optimism on any growth. Used only to give up early:
    giving up never adds a false promotion.
    """
    hoped = _hoped_payoff(wins, optimism)
    return _exp(_log_mean([_log_wealth(wins, stake) + pairs_left * math.log1p(stake * hoped) for stake in STAKES]))


def lower_bound(gains: Sequence[float], scale: Sequence[float]) -> float | None:
    """A 95 % lower confidence bound on the gain, valid at every look. None: no bound yet.

    The same bets, inverted: it is a margin that they refute. Their wealth falls as the margin grows, so that
    bisection finds it.
    """
    low, high = _below_all(gains, scale), max(gains)
    if not _is_refuted(low, gains, scale):
        return None
    for _ in range(_BISECTIONS):
        middle = low / 2 + high / 2
        low, high = (middle, high) if _is_refuted(middle, gains, scale) else (low, middle)
    return low


def _payoff(excess: float, noise: float) -> float:
    if noise == 0.0:  # nothing known of the noise yet, or none was seen: bet on the sign
        return math.copysign(1.0, excess) if excess else 0.0
    return math.tanh(excess / noise)


def _log_wealth(wins: Sequence[float], stake: float) -> float:
    return math.fsum(math.log1p(stake * win) for win in wins)


def _log_mean(logs: Sequence[float]) -> float:
    top = max(logs)
    return top + math.log(math.fsum(math.exp(value - top) for value in logs) / len(logs))


def _exp(log_value: float) -> float:
    return math.exp(log_value) if log_value < math.log(LARGEST_E_VALUE) else LARGEST_E_VALUE


def _hoped_payoff(wins: Sequence[float], optimism: float) -> float:
    mean = math.fsum(wins) / len(wins)
    # One full payoff is imagined beside the real ones: a tie or two do not prove that nothing will ever move.
    mean_square = (1.0 + math.fsum(win * win for win in wins)) / (1 + len(wins))
    return min(1.0, mean + optimism * math.sqrt(mean_square / len(wins)))


def _is_refuted(margin: float, gains: Sequence[float], scale: Sequence[float]) -> bool:
    return e_value(payoffs(gains, scale, margin)) >= 1.0 / LOWER_BOUND_ALPHA


def _below_all(gains: Sequence[float], scale: Sequence[float]) -> float:
    """A margin so low that each pair wins in full."""
    return math.nextafter(min(gains) - _SATURATED * max(scale), -math.inf)
