"""A/A calibration: what does the unchanged champion measure when it is run again and again?"""

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from guardrails.evidence.allocation import alpha_for
from guardrails.evidence.pairs import finite, median, robust_sd

_LARGEST = sys.float_info.max
_MOST_PAIRS = 1000  # beyond this the honest answer is that the effect drowns in the noise


@dataclass(frozen=True, slots=True)
class Calibration:
    """What repeated runs of one and the same thing look like.

    mean, sd: in the metric's units. noise: robust standard deviation of one run, as a share of the median (absolute
    where that is 0).
    suggested_pairs: about how many a first candidate needs. A guess for people and budgets, never a gate.
    """

    n: int
    mean: float
    sd: float
    noise: float
    deterministic: bool
    suggested_pairs: int


def calibrate(samples: Sequence[float], effect: float | None = None) -> Calibration:
    """Summarise repeated runs of the champion, unchanged.

    effect: the gain one hopes to see; two noise standard deviations unless told. Raises ValueError for fewer than two
    samples (one run says nothing of noise), and for what is not a finite number.
    """
    values = [finite(sample, "sample") for sample in samples]
    if len(values) < 2:
        raise ValueError("calibration takes at least two runs")
    size = max(abs(value) for value in values) or 1.0
    unit = [value / size for value in values]  # within [-1, 1]: squares of 1e308 and of 1e-308 stay numbers
    mean = math.fsum(unit) / len(unit)
    sd = math.sqrt(math.fsum((value - mean) ** 2 for value in unit) / (len(unit) - 1))
    noise = _relative_noise(unit, sd, size)
    hoped = min(2.0 * noise, _LARGEST) if effect is None else effect
    return Calibration(
        n=len(values),
        mean=mean * size,
        sd=min(sd * size, _LARGEST),
        noise=noise,
        deterministic=is_deterministic(values),
        suggested_pairs=pairs_for(noise, hoped),
    )


def is_deterministic(samples: Sequence[float]) -> bool:
    """At least two runs, all with the same finite value."""
    return len(samples) >= 2 and len(set(samples)) == 1 and math.isfinite(samples[0])


def pairs_for(noise: float, gain: float, alpha: float | None = None) -> int:
    """About how many pairs a gain takes to show, at the given relative noise of one run.

    alpha: a first candidate's, unless told. The growth of the wealth per pair is a curve that agrees with simulated
    medians for gains of 1 and 2 standard deviations, to a few pairs.
    Raises ValueError for a noise or gain that is not finite, or an alpha outside (0, 1).
    """
    share = alpha_for(1) if alpha is None else alpha
    if not 0.0 < share < 1.0:
        raise ValueError(f"alpha lies between 0 and 1, got {share}")
    if finite(noise, "noise") == 0.0:
        return 1
    effect = (
        max(0.0, finite(gain, "gain")) / noise / math.sqrt(2.0)
    )  # the difference of two runs is noisier than one run
    growth = math.log(2.0) * -math.expm1(-effect * effect / 2.0)
    needed = math.log(1.0 / share)
    return _MOST_PAIRS if growth * _MOST_PAIRS <= needed else math.ceil(needed / growth)


def _relative_noise(unit: Sequence[float], sd: float, size: float) -> float:
    """Where most runs agree and a few do not, the median absolute deviation is 0; the standard deviation is not."""
    spread = robust_sd(unit) or sd
    middle = abs(median(unit))
    return min(spread / middle if middle else spread * size, _LARGEST)
