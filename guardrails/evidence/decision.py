"""From pairs to evidence, and from evidence to: promote, measure one more pair, or stop. Looking costs nothing."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from guardrails.evidence import betting
from guardrails.evidence.pairs import Direction, Pair, finite, median, relative_gain, robust_sd


@dataclass(frozen=True, slots=True)
class EvidencePolicy:
    """How sure one candidate's comparison must be. Raises ValueError for values outside what is written here.

    alpha: this candidate's share of the experiment's error, in (0, 1); see `alpha_for`.
    min_effect: smallest gain worth keeping, as a share of the pinned baseline (in the metric's units where that is 0);
    >= 0.
    max_pairs: measurements stop here; >= 1.
    futility: standard errors of optimism about the pairs still to come before giving up; >= 0; inf gives up only the
    impossible.
    harm_alpha: how easily a challenger that looks worse is let go, in (0, 1). It costs chances, never false promotions.
    deterministic: A/A calibration found equal values. `compare` still looks for itself.
    deterministic_pairs: equal pairs that a promotion needs where nothing varies; >= 1.
    """

    alpha: float
    min_effect: float
    max_pairs: int = 40
    futility: float = 2.0
    harm_alpha: float = 0.05
    deterministic: bool = False
    deterministic_pairs: int = 1

    def __post_init__(self) -> None:
        if not (0.0 < self.alpha < 1.0 and 0.0 < self.harm_alpha < 1.0):
            raise ValueError(f"alpha and harm_alpha lie between 0 and 1, got {self.alpha} and {self.harm_alpha}")
        if not 0.0 <= self.min_effect < math.inf:
            raise ValueError(f"min_effect is a finite gain of at least 0, got {self.min_effect}")
        if not self.futility >= 0.0:
            raise ValueError(f"futility is a number of standard errors of at least 0, got {self.futility}")
        if self.max_pairs < 1 or self.deterministic_pairs < 1:
            raise ValueError(f"at least one pair is needed, got {self.max_pairs} and {self.deterministic_pairs}")

    @property
    def threshold(self) -> float:
        """The e-value from which a candidate is promoted."""
        return 1.0 / self.alpha

    def is_worth(self, gain: float) -> bool:
        """A gain of 0 is not worth keeping, even with a `min_effect` of 0."""
        return gain >= self.min_effect and gain > 0.0


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the pairs so far say. Gains are shares of the pinned baseline; positive is better.

    gain: median of the gains of the pairs. noise: their robust standard deviation.
    e_value: against "gains no more than min_effect"; harm_e_value: against "loses no more than min_effect". None where
    nothing varies.
    reachable: the e-value that an optimist expects at `max_pairs`. None where nothing varies.
    lower: 95 % lower confidence bound on the gain, valid at every look; None until there is one. At any promotion it
    is >= min_effect up to rounding (for alpha <= 0.05), being the same bets inverted.
    deterministic: the champion repeated its value, the challenger never contradicted itself: the gain is exact.
    """

    pairs: int
    gain: float
    noise: float
    lower: float | None
    e_value: float | None
    harm_e_value: float | None
    reachable: float | None
    deterministic: bool

    def fields(self) -> dict[str, float | int | bool | None]:
        """Plain numbers for a report, a receipt or a delta. None of them is NaN or infinite."""
        return {
            "pairs": self.pairs,
            "gain": self.gain,
            "noise": self.noise,
            "lower": self.lower,
            "e_value": self.e_value,
            "harm_e_value": self.harm_e_value,
            "deterministic": self.deterministic,
        }


class StopFor(StrEnum):
    """Why a comparison ended without a promotion."""

    FUTILITY = "futility"
    HARM = "harm"
    MAX_PAIRS = "max-pairs"
    NOT_BETTER = "not-better"


@dataclass(frozen=True, slots=True)
class Promote:
    """Better by evidence."""

    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Continue:
    """Measure one more pair."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Measure no more: there will be no promotion."""

    reason: StopFor


Decision = Promote | Continue | Stop


def compare(
    pairs: Sequence[Pair],
    direction: Direction,
    scale: float,
    policy: EvidencePolicy,
    *,
    champion_value: float | None = None,
) -> Evidence:
    """What the pairs say of the challenger. Pairs stand in the order they were measured in; all of them, none left out.

    scale: the pinned baseline's mean, in the metric's units; its size makes gains relative. 0: gains are absolute.
    champion_value: what the champion measured before these pairs (at calibration, or at its own promotion). For a
    deterministic metric it lets a single pair suffice; without it the champion must be seen twice. A champion that
    contradicts it is noisy.
    Raises ValueError for no pairs, or a scale or champion_value that is not finite.
    """
    if not pairs:
        raise ValueError("no pairs: nothing was compared")
    baseline = finite(scale, "scale")
    gains = [relative_gain(pair.champion, pair.candidate, direction, baseline) for pair in pairs]
    if policy.deterministic and _has_repeated(pairs, champion_value):
        return _exact(gains)
    return _noisy(gains, policy)


def decide(evidence: Evidence, policy: EvidencePolicy) -> Decision:
    """Promote, measure one more pair, or stop. Ask after every pair, with the policy that the evidence was made with.

    A challenger without a gain above `min_effect` is promoted, at any of the looks, with a chance of at most alpha.
    """
    if evidence.e_value is None or evidence.harm_e_value is None or evidence.reachable is None:
        return _decide_exact(evidence, policy)
    if evidence.e_value >= policy.threshold and policy.is_worth(evidence.gain):
        return Promote(evidence)
    if evidence.harm_e_value >= 1.0 / policy.harm_alpha:
        return Stop(StopFor.HARM)
    if evidence.pairs >= policy.max_pairs:
        return Stop(StopFor.MAX_PAIRS)
    if evidence.reachable < policy.threshold:
        return Stop(StopFor.FUTILITY)
    return Continue()


def _decide_exact(evidence: Evidence, policy: EvidencePolicy) -> Decision:
    if policy.is_worth(-evidence.gain):
        return Stop(StopFor.HARM)
    if not policy.is_worth(evidence.gain):
        return Stop(StopFor.NOT_BETTER)
    return Promote(evidence) if evidence.pairs >= policy.deterministic_pairs else Continue()


def _has_repeated(pairs: Sequence[Pair], champion_value: float | None) -> bool:
    known = [] if champion_value is None else [finite(champion_value, "champion_value")]
    seen = known + [pair.champion for pair in pairs]
    return len(seen) > 1 and len(set(seen)) == 1 and len({pair.candidate for pair in pairs}) == 1


def _exact(gains: Sequence[float]) -> Evidence:
    gain = gains[0]
    return Evidence(
        pairs=len(gains),
        gain=gain,
        noise=0.0,
        lower=gain,
        e_value=None,
        harm_e_value=None,
        reachable=None,
        deterministic=True,
    )


def _noisy(gains: Sequence[float], policy: EvidencePolicy) -> Evidence:
    scale = betting.scales(gains)
    wins = betting.payoffs(gains, scale, policy.min_effect)
    losses = betting.payoffs([-gain for gain in gains], scale, policy.min_effect)
    return Evidence(
        pairs=len(gains),
        gain=median(gains),
        noise=robust_sd(gains),
        lower=betting.lower_bound(gains, scale),
        e_value=betting.e_value(wins),
        harm_e_value=betting.e_value(losses),
        reachable=betting.reachable(wins, max(0, policy.max_pairs - len(gains)), policy.futility),
        deterministic=False,
    )
